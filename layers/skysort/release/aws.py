"""The release hook's ways to AWS: Lambda, CloudWatch, CodeDeploy, and CloudFormation's answer box."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from skysort.release.proof import NotProvenError

if TYPE_CHECKING:
    from collections.abc import Mapping

# A cold start and the longest answer; without retries that would invoke twice what is only slow.
_WAIT: Final = Config(connect_timeout=5, read_timeout=60, retries={"max_attempts": 3, "mode": "standard"})
_ANSWER_S: Final = 20


class Deployment:
    """Clients of the account and region that the hook runs in."""

    def __init__(self) -> None:
        self._lambda = boto3.client("lambda", config=_WAIT)
        self._cloudwatch = boto3.client("cloudwatch", config=_WAIT)
        self._codedeploy = boto3.client("codedeploy", config=_WAIT)

    def invoke(self, version: str, event: Mapping[str, Any]) -> Any:
        """Invoke a version by its ARN and wait; raises NotProvenError when the function fails."""
        reply = self._lambda.invoke(FunctionName=version, Payload=json.dumps(event).encode())
        returned = json.loads(reply["Payload"].read())
        if "FunctionError" in reply:
            raise NotProvenError(f"{version} failed: {json.dumps(returned)[:500]}")
        return returned

    def raised(self, alarm: str) -> bool:
        """Whether an alarm is raised."""
        found = self._cloudwatch.describe_alarms(AlarmNames=[alarm], StateValue="ALARM")
        return bool(found["MetricAlarms"])

    def report(self, deployment: str, execution: str, succeeded: bool) -> None:
        """Tell CodeDeploy whether the deployment may go on."""
        self._codedeploy.put_lifecycle_event_hook_execution_status(
            deploymentId=deployment,
            lifecycleEventHookExecutionId=execution,
            status="Succeeded" if succeeded else "Failed",
        )


def respond(url: str, answer: Mapping[str, Any]) -> None:
    """Put an answer where CloudFormation waits for it: a presigned URL, signed for no content type."""
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own URL
        url, data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_S):  # noqa: S310
        pass
