"""AWS as the release hook sees it: versions that answer, an alarm that may be raised, and the hook's responses."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def classified(label: str, probability: float, version: str = "1.0.0", status: int = 200) -> dict[str, Any]:
    """The answer of a star function with one result."""
    body = {
        "model": {"name": "star", "version": version},
        "results": [{"id": "0", "predictions": [{"label": label, "class_id": 0, "probability": probability}]}],
    }
    return {"statusCode": status, "body": json.dumps(body)}


@dataclass
class FakeDeployment:
    """answers: by version, what it returns, or the exception that it raises.

    raised_at_s: when the alarm is raised, quiet_at_s: when it is no longer. now_s: the clock, which sleeping moves.
    warm: provisioned sandboxes by function and alias; allowed: to ask for them. reported: calls to CodeDeploy;
    responses: to CloudFormation.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    raised_at_s: float | None = None
    quiet_at_s: float = float("inf")
    warm: dict[tuple[str, str], int] = field(default_factory=dict)
    allowed: bool = True
    now_s: float = 0.0
    invoked: list[str] = field(default_factory=list)
    reported: list[tuple[str, str, bool]] = field(default_factory=list)
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)

    def invoke(self, version: str, event: Mapping[str, Any], deadline: float) -> Any:
        """Answer as the version does."""
        assert event
        assert deadline > self.now_s
        self.invoked.append(version)
        answer = self.answers[version]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def raised(self, alarm: str) -> bool:
        """Whether it is time."""
        assert alarm
        return self.raised_at_s is not None and self.raised_at_s <= self.now_s < self.quiet_at_s

    def provisioned(self, function: str, alias: str) -> int | None:
        """As many as it has."""
        self._require_permission()
        return self.warm.get((function, alias))

    def provision(self, function: str, alias: str, count: int) -> None:
        """Have as many."""
        self._require_permission()
        self.warm[function, alias] = count

    def _require_permission(self) -> None:
        if not self.allowed:
            raise PermissionError("AccessDeniedException")

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    def report(self, deployment: str, execution: str, succeeded: bool) -> None:
        """Note what CodeDeploy is told."""
        self.reported.append((deployment, execution, succeeded))

    def respond(self, url: str, answer: Mapping[str, Any]) -> None:
        """Note what CloudFormation is told."""
        self.responses[url] = dict(answer)
