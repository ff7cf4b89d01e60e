"""What moto does otherwise than AWS, where a deployment would notice; corrected in this process.

The corrections reach into moto's own classes, as it has no hooks for them: they hold for the moto that
requirements.txt locks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import ImageConfig, LambdaBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from tests.deploy.emulator.catalogue import TYPES
from tests.deploy.emulator.code_deploy import answer_hooks
from tests.deploy.emulator.custom import CustomResource
from tests.deploy.emulator.formation.stacks import operate
from tests.deploy.emulator.provisioned import provision
from tests.deploy.emulator.refusals import refuse
from tests.deploy.emulator.resources import register

if TYPE_CHECKING:
    import pytest
    from moto.core.responses import ActionResult

    from tests.deploy.emulator.account import Account


def correct_moto(patch: pytest.MonkeyPatch, account: Account) -> None:
    """Change moto's CloudFormation, Lambda, CodeDeploy and S3 for an account, as long as the patch lasts."""
    register(patch, TYPES, CustomResource)
    operate(patch, account)
    refuse(patch, account)
    answer_hooks(patch)
    provision(patch, account)
    _read_no_conditions_as_always(patch)
    _log_before_the_policy(patch)
    _configure_whole_functions(patch)
    _find_alarms_in_a_state(patch)


def _read_no_conditions_as_always(patch: pytest.MonkeyPatch) -> None:
    """AWS denies what is not sent by TLS; moto reads no conditions, and would deny everything to everybody."""

    def permission(self: FakeBucket, action: str, resource: str) -> PermissionResult:
        statements = json.loads(self.policy)["Statement"] if self.policy else []
        unconditional = [statement for statement in statements if "Condition" not in statement]
        if not unconditional:
            return PermissionResult.NEUTRAL
        return IAMPolicy({"Version": "2012-10-17", "Statement": unconditional}).is_action_permitted(action, resource)

    patch.setattr(FakeBucket, "get_permission", permission)


def _log_before_the_policy(patch: pytest.MonkeyPatch) -> None:
    """AWS takes a bucket's log settings before the policy that lets the logs in, which names that bucket; moto not."""
    patch.setattr(FakeBucket, "_log_permissions_enabled_policy", staticmethod(lambda **_: True))


def _configure_whole_functions(patch: pytest.MonkeyPatch) -> None:
    """AWS changes every setting that an update names; moto leaves some as they were."""
    update = LambdaBackend.update_function_configuration

    def update_whole(self: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        function = self.get_function(function_name, qualifier)
        if "EphemeralStorage" in body:
            function.ephemeral_storage = body["EphemeralStorage"]["Size"]
        if "ImageConfig" in body:
            function.image_config = ImageConfig(body["ImageConfig"])
        if "TracingConfig" in body:
            function.tracing_config = body["TracingConfig"]
        return update(self, function_name, qualifier, body)

    patch.setattr(LambdaBackend, "update_function_configuration", update_whole)


def _find_alarms_in_a_state(patch: pytest.MonkeyPatch) -> None:
    """AWS finds alarms by name and state; moto, where both are given, by name alone."""
    alarms = CloudWatchResponse.describe_alarms

    def describe(self: CloudWatchResponse) -> ActionResult:
        answer, state = alarms(self), self._get_param("StateValue")
        found: Any = answer.result
        if state:
            found["MetricAlarms"] = [alarm for alarm in found["MetricAlarms"] if alarm.state_value == state]
        return answer

    patch.setattr(CloudWatchResponse, "describe_alarms", describe)
