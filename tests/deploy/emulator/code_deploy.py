"""CodeDeploy's part of a function's update: its hook is asked before an alias moves, and may refuse.

moto keeps applications and deployments, and shifts nothing. Here an alias moves at once after the hook has agreed: no
canary traffic flows, no alarm is watched.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from moto.cloudformation import parsing
from moto.codedeploy.responses import CodeDeployResponse
from moto.core.responses import ActionResult

from tests.deploy.emulator.refusals.errors import RefusedError
from tests.deploy.emulator.resources import client

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

_SHIFT: Final = "CodeDeployLambdaAliasUpdate"
# What hooks have answered, by the id of their execution.
_ANSWERS: Final[dict[str, str]] = {}


def answer_hooks(patch: pytest.MonkeyPatch) -> None:
    """Have moto's CodeDeploy take the answers of hooks, and delete applications with their groups."""

    def put_lifecycle_event_hook_execution_status(self: CodeDeployResponse) -> ActionResult:
        execution = self._get_param("lifecycleEventHookExecutionId")
        _ANSWERS[execution] = self._get_param("status")
        return ActionResult({"lifecycleEventHookExecutionId": execution})

    def delete_application(self: CodeDeployResponse) -> ActionResult:
        backend, name = self.codedeploy_backend, self._get_param("applicationName")
        backend.applications.pop(name, None)
        backend.deployment_groups.pop(name, None)
        return ActionResult({})

    for call in (put_lifecycle_event_hook_execution_status, delete_application):
        patch.setattr(CodeDeployResponse, call.__name__, call, raising=False)


def before_shift(
    entry: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], region: str, resources: Any
) -> None:
    """Ask the hook of an alias that CodeDeploy moves; raises RefusedError where it does not agree."""
    policy = entry.get("UpdatePolicy", {}).get(_SHIFT)
    if policy is None or before["FunctionVersion"] == after["FunctionVersion"]:
        return
    hook = parsing.clean_json(policy.get("BeforeAllowTrafficHook"), resources)
    if hook is None:
        return
    deployment, execution = f"d-{uuid.uuid4().hex[:9].upper()}", str(uuid.uuid4())
    event = {"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution}
    client("lambda", region).invoke(FunctionName=hook, Payload=json.dumps(event))
    if _ANSWERS.pop(execution, None) != "Succeeded":
        raise RefusedError(
            f"CodeDeploy deployment {deployment} failed: the lifecycle event hook BeforeAllowTraffic failed"
        )
