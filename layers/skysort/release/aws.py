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
# Everything that is reserved for the function, or left to the account, is in use ("Invoke", AWS Lambda: errors).
_THROTTLED: Final = "TooManyRequestsException"
# While Lambda moves an alias to the sandboxes of its new version, it has weights, and takes no other number of them.
_MOVING: Final = frozenset({"InvalidParameterValueException", "ResourceConflictException"})
_NOT_PROVISIONED: Final = frozenset({"ProvisionedConcurrencyConfigNotFoundException", "ResourceNotFoundException"})
_ATTEMPTS: Final = 13
_PAUSE_S: Final = 5.0


class Deployment:
    """AWS clients for the hook's account and region, or a session's. sleep: waits for seconds. clock: seconds."""

    def __init__(
        self,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        session: boto3.Session | None = None,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        client = (session or boto3).client
        self._lambda = client("lambda", config=_WAIT)
        self._cloudwatch = client("cloudwatch", config=_WAIT)
        self._codedeploy = client("codedeploy", config=_WAIT)

    def invoke(self, version: str, event: Mapping[str, Any], deadline: float) -> Any:
        """Invoke a version by its ARN and wait; raises VerificationError if it fails, or is throttled until then."""
        payload = json.dumps(event).encode()
        while True:
            try:
                reply = self._retried(lambda: self._lambda.invoke(FunctionName=version, Payload=payload), _TRANSIENT)
                break
            except ClientError as error:
                if _code(error) != _THROTTLED:
                    raise
                if self._clock() + _PAUSE_S > deadline:
                    raise VerificationError(
                        f"{version} could not be proven: all sandboxes reserved for its function, or all of the "
                        "account's, were busy as long as the proof may take. Deploy when fewer are, or reserve more"
                    ) from error
            self._sleep(_PAUSE_S)
        returned = json.loads(reply["Payload"].read())
        if reply.get("FunctionError"):
            raise VerificationError(f"{version} failed: {json.dumps(returned)[:500]}")
        return returned

    def raised(self, alarm: str) -> bool:
        """Whether an alarm is in the ALARM state."""
        response = self._retried(
            lambda: self._cloudwatch.describe_alarms(AlarmNames=[alarm], StateValue="ALARM"), _TRANSIENT
        )
        return bool(response["MetricAlarms"])

    def provisioned(self, function: str, alias: str) -> int | None:
        """The number of provisioned sandboxes that an alias is to have; None if there are none, or no alias."""
        try:
            reply = self._retried(
                lambda: self._lambda.get_provisioned_concurrency_config(FunctionName=function, Qualifier=alias),
                _TRANSIENT,
            )
        except ClientError as error:
            if _code(error) in _NOT_PROVISIONED:
                return None
            raise
        return reply["RequestedProvisionedConcurrentExecutions"]

    def provision(self, function: str, alias: str, count: int) -> None:
        """Have an alias get this number of provisioned sandboxes."""
        self._retried(
            lambda: self._lambda.put_provisioned_concurrency_config(
                FunctionName=function, Qualifier=alias, ProvisionedConcurrentExecutions=count
            ),
            _TRANSIENT | _MOVING,
        )

    def _retried(self, call: Callable[[], T], transient: frozenset[str]) -> T:
        """Call, and retry transient errors for a minute."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return call()
            except ClientError as error:
                if _code(error) not in transient:
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


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def respond(url: str, answer: Mapping[str, Any]) -> None:
    """Send a response to CloudFormation's presigned URL, which is signed without a content type."""
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own URL
        url, data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_S):  # noqa: S310
        pass
