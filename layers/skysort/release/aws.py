"""The release hook's calls to AWS: Lambda, CloudWatch, CodeDeploy, and CloudFormation's response URL."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Final, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from skysort.release.verifier import VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

# Timeouts for a cold start and the longest answer.
_WAIT: Final = Config(connect_timeout=5, read_timeout=60, retries={"max_attempts": 3, "mode": "standard"})
_ANSWER_S: Final = 20
# Errors that pass within a deployment's first minute: IAM propagates the hook's new permissions with a delay, and a
# version that was just published may not be ready.
_TRANSIENT: Final = frozenset({"AccessDenied", "AccessDeniedException", "ResourceConflictException"})
_ATTEMPTS: Final = 13
_PAUSE_S: Final = 5.0


class Deployment:
    """AWS clients for the hook's account and region. sleep: waits for seconds."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._lambda = boto3.client("lambda", config=_WAIT)
        self._cloudwatch = boto3.client("cloudwatch", config=_WAIT)
        self._codedeploy = boto3.client("codedeploy", config=_WAIT)

    def invoke(self, version: str, event: Mapping[str, Any]) -> Any:
        """Invoke a version by its ARN and wait; raises VerificationError if the function fails."""
        payload = json.dumps(event).encode()
        reply = self._retried(lambda: self._lambda.invoke(FunctionName=version, Payload=payload))
        returned = json.loads(reply["Payload"].read())
        if reply.get("FunctionError"):
            raise VerificationError(f"{version} failed: {json.dumps(returned)[:500]}")
        return returned

    def raised(self, alarm: str) -> bool:
        """Whether an alarm is in the ALARM state."""
        response = self._retried(lambda: self._cloudwatch.describe_alarms(AlarmNames=[alarm], StateValue="ALARM"))
        return bool(response["MetricAlarms"])

    def _retried(self, call: Callable[[], T]) -> T:
        """Call, and retry transient errors for a minute."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return call()
            except ClientError as error:
                if error.response["Error"]["Code"] not in _TRANSIENT:
                    raise
                self._sleep(_PAUSE_S)
        return call()

    def report(self, deployment: str, execution: str, succeeded: bool) -> None:
        """Tell CodeDeploy whether the deployment may continue."""
        self._codedeploy.put_lifecycle_event_hook_execution_status(
            deploymentId=deployment,
            lifecycleEventHookExecutionId=execution,
            status="Succeeded" if succeeded else "Failed",
        )


def respond(url: str, answer: Mapping[str, Any]) -> None:
    """Send a response to CloudFormation's presigned URL, which is signed without a content type."""
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own URL
        url, data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_S):  # noqa: S310
        pass
