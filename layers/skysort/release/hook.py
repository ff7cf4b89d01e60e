"""The release hook: answers CloudFormation and CodeDeploy.

CloudFormation calls it before an alias moves to a new version (prove) and after: to restore the number of sandboxes
that were kept warm (keep), and to watch its alarm (watch). CodeDeploy calls it before it shifts the first traffic to
one, and watches the alarms itself. Every call is answered, whatever happens: otherwise a deployment would hang for an
hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skysort.observability import logger
from skysort.release.verifier import PROOF_S, VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort.release.verifier import VersionVerifier, Watcher
    from skysort.release.warmth import Warmth

# CloudFormation allows a response of 4 kB.
_REASON_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class ReleaseHook:
    """Answers CloudFormation and CodeDeploy.

    respond: sends a response to CloudFormation's URL. report: tells CodeDeploy whether a deployment may continue
    (deployment id, hook execution id, succeeded). versions: the new versions by function, which CodeDeploy's own event
    does not name. clock: seconds.
    """

    verifier: VersionVerifier
    watcher: Watcher
    warmth: Warmth
    respond: Callable[[str, Mapping[str, Any]], None]
    report: Callable[[str, str, bool], None]
    versions: Mapping[str, str]
    clock: Callable[[], float]

    def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Handle one CloudFormation or CodeDeploy event, or a request of `make rollback`, which has no ResponseURL."""
        if execution := event.get("LifecycleEventHookExecutionId"):
            reason = self._reason(self._verify_all)
            self.report(event["DeploymentId"], execution, not reason)
        else:
            reason = self._reason(lambda: self._serve(event))
            if url := event.get("ResponseURL"):
                self.respond(url, _response(event, reason, {} if reason else self._data(event)))
        return {"proven": not reason, "reason": reason}

    def _reason(self, action: Callable[[], object]) -> str:
        try:
            action()
        except VerificationError as error:
            logger.error("the version failed verification", extra={"reason": error.detail})
            return error.detail[:_REASON_CHARACTERS]
        except Exception as error:  # the deployment must get an answer in any case
            logger.exception("the release hook failed")
            return f"the release hook failed: {error!r}"[:_REASON_CHARACTERS]
        return ""

    def _verify_all(self) -> None:
        deadline = self.clock() + PROOF_S
        for function, version in self.versions.items():
            self.verifier.verify(function, version, deadline)

    def _serve(self, event: Mapping[str, Any]) -> None:
        properties = event["ResourceProperties"]
        if event["RequestType"] == "Delete" or _is_rollback(event):
            return
        if properties["Do"] == "prove":
            count = self.verifier.verify(properties["Function"], properties["Version"], self.clock() + PROOF_S)
            logger.info("version verified", extra={"version": properties["Version"], "samples": count})
        elif event["RequestType"] == "Update":  # the first version has nothing to roll back to, nor to keep
            if properties["Do"] == "keep":
                self.warmth.keep(properties)
            else:
                self.watcher.watch(properties["Alarm"], float(properties["Minutes"]))

    def _data(self, event: Mapping[str, Any]) -> dict[str, str]:
        """The attributes of the custom resource."""
        properties = event["ResourceProperties"]
        warm = properties["Do"] == "prove" and "Alias" in properties and event["RequestType"] != "Delete"
        return self.warmth.data(properties) if warm else {}


def _is_rollback(event: Mapping[str, Any]) -> bool:
    """Whether CloudFormation is rolling back to an earlier version, which was verified before."""
    # A failure would leave the stack in UPDATE_ROLLBACK_FAILED. Version numbers only grow.
    before = event.get("OldResourceProperties", {}).get("Version", "")
    return _number(before) > _number(event["ResourceProperties"].get("Version", ""))


def _number(version: str) -> int:
    number = version.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def _response(event: Mapping[str, Any], reason: str, data: Mapping[str, str]) -> dict[str, Any]:
    """The response of a custom resource ("Custom resource response objects", AWS CloudFormation)."""
    properties = event["ResourceProperties"]
    return {
        "Status": "FAILED" if reason else "SUCCESS",
        "Reason": reason or "verified",
        # The same for every version, so that no update replaces the resource.
        "PhysicalResourceId": event.get("PhysicalResourceId") or f"{properties.get('Function')}-{properties.get('Do')}",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        **({"Data": data} if data else {}),
    }
