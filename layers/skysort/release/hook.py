"""The release hook: what CloudFormation and CodeDeploy ask, and what they are told.

CloudFormation asks twice: before an alias moves to a new version (prove) and after (watch). CodeDeploy asks before it
gives the first requests to one, and watches the alarms itself. Whatever happens here, the one who asks is answered:
without an answer a deployment would hang for an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skysort.observability import logger
from skysort.release.verifier import VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort.release.verifier import VersionVerifier, Watcher

# CloudFormation takes a reason of at most 4 kB with its answer.
_REASON_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class ReleaseHook:
    """Answers CloudFormation and CodeDeploy.

    respond: sends an answer to the URL that CloudFormation gave. report: tells CodeDeploy whether a deployment may go
    on (deployment id, hook execution id, succeeded). versions: by function, what CodeDeploy is about to give requests
    to; its own message does not say.
    """

    verifier: VersionVerifier
    watcher: Watcher
    respond: Callable[[str, Mapping[str, Any]], None]
    report: Callable[[str, str, bool], None]
    versions: Mapping[str, str]

    def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Serve one event of either."""
        if execution := event.get("LifecycleEventHookExecutionId"):
            reason = self._reason(self._prove_all)
            self.report(event["DeploymentId"], execution, not reason)
        else:
            reason = self._reason(lambda: self._serve(event))
            self.respond(event["ResponseURL"], _response(event, reason))
        return {"proven": not reason, "reason": reason}

    def _reason(self, act: Callable[[], object]) -> str:
        try:
            act()
        except VerificationError as error:
            logger.error("the version is not proven", extra={"reason": error.detail})
            return error.detail[:_REASON_CHARACTERS]
        except Exception as error:  # whatever it is, the deployment must be told
            logger.exception("the release hook failed")
            return f"the release hook failed: {error!r}"[:_REASON_CHARACTERS]
        return ""

    def _prove_all(self) -> None:
        for function, version in self.versions.items():
            self.verifier.verify(function, version)

    def _serve(self, event: Mapping[str, Any]) -> None:
        asked = event["ResourceProperties"]
        if event["RequestType"] == "Delete" or _goes_back(event):
            return
        if asked["Do"] == "prove":
            count = self.verifier.verify(asked["Function"], asked["Version"])
            logger.info("version proven", extra={"version": asked["Version"], "samples": count})
        elif event["RequestType"] == "Update":  # before the first version there is nothing to go back to
            self.watcher.watch(asked["Alarm"], float(asked["Minutes"]))


def _goes_back(event: Mapping[str, Any]) -> bool:
    """Whether CloudFormation is rolling back to an earlier version, which was proven in its time."""
    # Refusing that would leave the stack in UPDATE_ROLLBACK_FAILED. Version numbers only grow.
    before = event.get("OldResourceProperties", {}).get("Version", "")
    return _number(before) > _number(event["ResourceProperties"].get("Version", ""))


def _number(version: str) -> int:
    number = version.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def _response(event: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The answer of a custom resource ("Custom resource response objects", AWS CloudFormation)."""
    asked = event["ResourceProperties"]
    return {
        "Status": "FAILED" if reason else "SUCCESS",
        "Reason": reason or "proven",
        # The same for every version, so that no update replaces the resource.
        "PhysicalResourceId": event.get("PhysicalResourceId") or f"{asked.get('Function')}-{asked.get('Do')}",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
