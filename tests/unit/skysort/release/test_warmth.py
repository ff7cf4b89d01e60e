"""Sandboxes that are kept warm stay as many through a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from skysort.release.warmth import Warmth
from tests.fakes.release import FakeDeployment, classified
from tests.unit.skysort.release.test_hook import NEW, asked, hook_of

if TYPE_CHECKING:
    from pathlib import Path

LIVE = ("skysort-star-prod", "live")
KEPT = {"Deployed": LIVE[0], "Alias": LIVE[1]}


def of(aws: FakeDeployment) -> Warmth:
    return Warmth(aws.provisioned, aws.provision)


def test_a_deployment_at_night_leaves_as_many_sandboxes_as_it_found(folder: Path) -> None:
    # Given ten by night, where the stage says two
    aws = FakeDeployment({NEW: classified("GALAXY", 0.99)}, warm={LIVE: 10})
    hook = hook_of(folder, aws)
    # When the new version is proven, CloudFormation moves the alias, and asks to keep what the proof found
    hook.answer(asked(Provisioned="2", **KEPT))
    found = aws.responses["https://answer.example"]["Data"]
    aws.warm[LIVE] = 2
    hook.answer(asked("keep", **KEPT, **found))
    # Then there are ten again
    assert found == {"Provisioned": "10"}
    assert aws.warm == {LIVE: 10}


@pytest.mark.parametrize(("warm", "found"), [({}, "2"), ({LIVE: 1}, "2"), ({LIVE: 50}, "50")])
def test_there_are_never_fewer_than_the_stage_says(warm: dict[tuple[str, str], int], found: str) -> None:
    assert of(FakeDeployment(warm=warm)).data({"Provisioned": "2", **KEPT}) == {"Provisioned": found}


@pytest.mark.parametrize("now", [{}, {LIVE: 10}, {LIVE: 12}])
def test_what_has_grown_meanwhile_or_is_not_kept_warm_is_left_alone(now: dict[tuple[str, str], int]) -> None:
    aws = FakeDeployment(warm=dict(now))
    of(aws).keep({"Provisioned": "10", **KEPT})
    assert aws.warm == now


def test_no_deployment_fails_for_a_number_of_sandboxes(folder: Path) -> None:
    aws = FakeDeployment({NEW: classified("GALAXY", 0.99)}, warm={LIVE: 10}, allowed=False)
    hook = hook_of(folder, aws)
    assert hook.answer(asked(Provisioned="2", **KEPT))["proven"]
    assert aws.responses["https://answer.example"]["Data"] == {"Provisioned": "2"}
    assert hook.answer(asked("keep", Provisioned="10", **KEPT))["proven"]


@pytest.mark.parametrize("request_type", ["Create", "Delete"])
def test_there_is_nothing_to_restore_for_a_first_version_or_a_deleted_stack(folder: Path, request_type: str) -> None:
    aws = FakeDeployment(warm={LIVE: 2})
    event: dict[str, Any] = asked("keep", request_type, Provisioned="10", **KEPT)
    assert hook_of(folder, aws).answer(event)["proven"]
    assert aws.warm == {LIVE: 2}


def test_a_rollback_is_told_the_number_too(folder: Path) -> None:
    """CloudFormation reads the attribute after every update; without it, the rollback would fail."""
    event = asked(Provisioned="2", **KEPT)
    event["OldResourceProperties"]["Version"] = NEW.replace(":8", ":9")
    aws = FakeDeployment(warm={LIVE: 10})
    hook_of(folder, aws).answer(event)
    assert aws.responses["https://answer.example"]["Data"] == {"Provisioned": "10"}
