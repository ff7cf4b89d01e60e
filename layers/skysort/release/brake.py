"""Stopping a stage by attaching its stop policy to the roles that sign and that read the queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort.settings import BrakeSettings

_RAISED: Final = "ALARM"


class Brake:
    """Stops a stage. attach: attaches a policy (ARN) to a role (name); idempotent."""

    def __init__(self, attach: Callable[[str, str], object], settings: BrakeSettings) -> None:
        self._attach = attach
        self._policy = settings.policy
        self._roles = settings.roles

    def answer(self, event: Mapping[str, Any]) -> list[str]:
        """Stop every role if the event's alarm is raised; returns the stopped roles, or raises the first error."""
        # CloudWatch's event for an alarm action ("Using Amazon CloudWatch alarms with Lambda").
        state = (event.get("alarmData") or {}).get("state") or {}
        if state.get("value") != _RAISED:
            return []
        stopped: list[str] = []
        failures: list[Exception] = []
        for role in self._roles:
            try:
                self._attach(role, self._policy)
            except Exception as error:
                failures.append(error)
            else:
                stopped.append(role)
        if failures:
            raise failures[0]
        return stopped
