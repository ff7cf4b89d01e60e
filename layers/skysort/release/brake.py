"""Stopping a stage: its stop policy attached to the roles that sign, and that read the queues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STOP_POLICY: Final = "SKYSORT_STOP_POLICY"
STOP_ROLES: Final = "SKYSORT_STOP_ROLES"
_RAISED: Final = "ALARM"


class Brake:
    """attach: attaches a policy, by its ARN, to a role, by its name; attaching it twice changes nothing."""

    def __init__(self, attach: Callable[[str, str], object], policy: str, roles: tuple[str, ...]) -> None:
        self._attach = attach
        self._policy = policy
        self._roles = roles

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], attach: Callable[[str, str], object]) -> Brake:
        """Read SKYSORT_STOP_POLICY and SKYSORT_STOP_ROLES, a JSON list of names; raises ConfigurationError."""
        try:
            roles = json.loads(environment.get(STOP_ROLES, ""))
        except ValueError:
            roles = None
        policy = environment.get(STOP_POLICY, "")
        if not policy or not isinstance(roles, list) or not roles or not all(isinstance(role, str) for role in roles):
            raise ConfigurationError(
                f"{STOP_POLICY} must be a policy's ARN, and {STOP_ROLES} a JSON list of role names"
            )
        return cls(attach, policy, tuple(roles))

    def answer(self, event: Mapping[str, Any]) -> list[str]:
        """Stop where the event tells of an alarm that was raised; the roles that were stopped.

        event: as CloudWatch invokes a function for an alarm ("Using Amazon CloudWatch alarms with Lambda").
        One role that cannot be stopped leaves none of the others; its error is raised in the end.
        """
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
