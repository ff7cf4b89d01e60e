"""The flood brake: every role that signs or polls is stopped when an alarm is raised, and only then."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skysort.errors import ConfigurationError
from skysort.release.brake import Brake
from skysort.settings import BrakeSettings

POLICY = "arn:aws:iam::123456789012:policy/skysort-stop-prod"
SETTINGS = {"SKYSORT_STOP_POLICY": POLICY, "SKYSORT_STOP_ROLES": '["control", "star-drop", "image-drop"]'}


class FakeIam:
    """Roles with what is attached to them. refuses: the role of which attaching fails."""

    def __init__(self, refuses: str = "") -> None:
        self.attached: list[tuple[str, str]] = []
        self._refuses = refuses

    def attach(self, role: str, policy: str) -> None:
        if role == self._refuses:
            raise PermissionError(role)
        self.attached.append((role, policy))


def alarm(state: str) -> dict[str, Any]:
    """What CloudWatch invokes a function with."""
    return {
        "source": "aws.cloudwatch",
        "alarmData": {"alarmName": "skysort-prod-uploads-flood", "state": {"value": state}},
    }


def test_a_raised_alarm_stops_every_role() -> None:
    iam = FakeIam()
    assert Brake(iam.attach, BrakeSettings.from_environment(SETTINGS)).answer(alarm("ALARM")) == [
        "control",
        "star-drop",
        "image-drop",
    ]
    assert iam.attached == [(role, POLICY) for role in ("control", "star-drop", "image-drop")]


@pytest.mark.parametrize("event", [alarm("OK"), alarm("INSUFFICIENT_DATA"), {}, {"alarmData": None}])
def test_nothing_else_stops_anything(event: dict[str, Any]) -> None:
    iam = FakeIam()
    assert Brake(iam.attach, BrakeSettings.from_environment(SETTINGS)).answer(event) == []
    assert iam.attached == []


def test_one_role_that_cannot_be_stopped_leaves_none_of_the_others() -> None:
    iam = FakeIam(refuses="control")
    with pytest.raises(PermissionError, match="control"):
        Brake(iam.attach, BrakeSettings.from_environment(SETTINGS)).answer(alarm("ALARM"))
    assert [role for role, _ in iam.attached] == ["star-drop", "image-drop"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"SKYSORT_STOP_POLICY": ""},
        {"SKYSORT_STOP_ROLES": ""},
        {"SKYSORT_STOP_ROLES": "[]"},
        {"SKYSORT_STOP_ROLES": json.dumps([1])},
        {"SKYSORT_STOP_ROLES": json.dumps("control")},
    ],
)
def test_a_brake_that_would_stop_nothing_does_not_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="SKYSORT_STOP_POLICY must be the ARN of a policy"):
        BrakeSettings.from_environment({**SETTINGS, **wrong})
