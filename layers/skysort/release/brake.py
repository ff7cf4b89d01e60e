"""Stopping a stage: its stop policy attached to the roles that sign, and that read the queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort.settings import BrakeSettings

_RAISED: Final = "ALARM"


class Brake:
    """attach: attaches a policy, by its ARN, to a role, by its name; attaching it twice changes nothing."""

    def __init__(self, attach: Callable[[str, str], object], settings: BrakeSettings) -> None:
        self._attach = attach
        self._policy = settings.policy
        self._roles = settings.roles

    def answer(self, event: Mapping[str, Any]) -> list[str]:
        """Stop every role if the alarm of the event is raised; returns the stopped ones, or raises the first error."""
        # As CloudWatch invokes a function for an alarm ("Using Amazon CloudWatch alarms with Lambda").
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
