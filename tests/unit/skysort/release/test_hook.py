"""The release hook: what is proven, what is refused, and that whoever asks is always answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from skysort.model_card import ModelRegistry
from skysort.release.hook import ReleaseHook
from skysort.release.verifier import VerificationError, VersionVerifier, Watcher
from skysort.release.warmth import Warmth
from tests.fakes.release import FakeDeployment, classified

if TYPE_CHECKING:
    from pathlib import Path

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:skysort-star-prod"
OLD, NEW = f"{FUNCTION}:7", f"{FUNCTION}:8"


def hook_of(folder: Path, aws: FakeDeployment, **versions: str) -> ReleaseHook:
    return ReleaseHook(
        verifier=VersionVerifier(aws.invoke, folder / "reference", ModelRegistry(folder)),
        watcher=Watcher(aws.raised, lambda: aws.now_s, aws.sleep),
        warmth=Warmth(aws.provisioned, aws.provision),
        respond=aws.respond,
        report=aws.report,
        versions=versions,
        clock=lambda: aws.now_s,
    )


def asked(do: str = "prove", request: str = "Update", **properties: str) -> dict[str, Any]:
    """What CloudFormation sends: version 8 is to take over from 7."""
    return {
        "RequestType": request,
        "ResponseURL": "https://answer.example",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "StarProof",
        "ResourceProperties": {"Do": do, "Function": "star", "Version": NEW, **properties},
        "OldResourceProperties": {"Do": do, "Function": "star", "Version": OLD},
    }


def test_a_version_that_answers_as_it_must_is_proven(folder: Path) -> None:
    # Given a new version of the same model, on a processor with other last digits
    aws = FakeDeployment({NEW: classified("GALAXY", 0.9899)})
    # When CloudFormation asks
    answer = hook_of(folder, aws).answer(asked())
    # Then it is told to go on
    assert answer == {"proven": True, "reason": ""}
    assert aws.responses["https://answer.example"] == {
        "Status": "SUCCESS",
        "Reason": "verified",
        "PhysicalResourceId": "star-prove",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "StarProof",
    }


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (classified("QSO", 0.99), "QSO with 0.99, not GALAXY with 0.99"),
        (classified("GALAXY", 0.9), "GALAXY with 0.9, not GALAXY with 0.99"),
        (classified("GALAXY", 0.99, version="2.0.0"), "answered by star 2.0.0, not star 1.0.0"),
        (classified("GALAXY", 0.99, status=503), "answered 503, not 200"),
        ({"statusCode": 200, "body": "not JSON"}, "its answer cannot be read"),
        ({"statusCode": 200, "body": '{"model": {"name": "star", "version": "1.0.0"}, "results": []}'}, "0 results"),
        ("nothing", "answered None, not 200"),
        (VerificationError("the function crashed"), "the function crashed"),
        (TimeoutError("no answer"), "the release hook failed: TimeoutError"),
    ],
)
def test_any_other_version_is_refused_with_the_reason(folder: Path, returned: Any, reason: str) -> None:
    aws = FakeDeployment({NEW: returned})
    hook_of(folder, aws).answer(asked())
    response = aws.responses["https://answer.example"]
    assert response["Status"] == "FAILED"
    assert reason in response["Reason"]


def test_a_sample_of_another_model_than_the_card_is_refused(folder: Path) -> None:
    (folder / "star" / "model" / "card.json").write_text('{"name": "star", "version": "1.1.0", "labels": []}')
    aws = FakeDeployment({NEW: classified("GALAXY", 0.99)})
    answer = hook_of(folder, aws).answer(asked())
    assert "the sample expects star 1.0.0, the card has 1.1.0; run make references" in answer["reason"]


def test_a_function_without_samples_is_refused(folder: Path) -> None:
    answer = hook_of(folder, FakeDeployment()).answer(asked(Function="galaxy"))
    assert "no reference samples for galaxy" in answer["reason"]


def test_samples_that_cannot_be_read_fail_the_deployment_and_are_answered(folder: Path) -> None:
    (folder / "reference" / "star.json").write_text("[{}]")
    answer = hook_of(folder, FakeDeployment()).answer(asked())
    assert "star.json cannot be read: KeyError('name')" in answer["reason"]


def test_a_drop_function_is_proven_by_its_whole_answer(folder: Path) -> None:
    sample = {"name": "s3:TestEvent", "event": {"Records": []}, "answer": {"batchItemFailures": []}}
    (folder / "reference" / "star-drop.json").write_text(json.dumps([sample]))
    aws = FakeDeployment({OLD: {"batchItemFailures": []}, NEW: {"batchItemFailures": [{"itemIdentifier": "1"}]}})
    hook = hook_of(folder, aws)
    assert hook.answer(asked(request="Create", Function="star-drop", Version=OLD))["proven"]
    assert "returned" in hook.answer(asked(Function="star-drop"))["reason"]


def test_rolling_back_is_never_refused(folder: Path) -> None:
    """A refusal would leave the stack in UPDATE_ROLLBACK_FAILED, and somebody at it by hand."""
    # Given that CloudFormation goes back from 9 to 8, which now cannot be invoked
    event = asked()
    event["OldResourceProperties"]["Version"] = f"{FUNCTION}:9"
    aws = FakeDeployment({NEW: TimeoutError()})
    # Then it may, and nothing was asked
    assert hook_of(folder, aws).answer(event)["proven"]
    assert aws.invoked == []


def test_deleting_the_stack_is_never_refused(folder: Path) -> None:
    event = asked(request="Delete") | {"PhysicalResourceId": "star-prove"}
    aws = FakeDeployment()
    assert hook_of(folder, aws).answer(event)["proven"]
    assert aws.responses["https://answer.example"]["PhysicalResourceId"] == "star-prove"


def test_a_quiet_alarm_is_watched_to_the_end(folder: Path) -> None:
    aws = FakeDeployment(raised_at_s=301)
    assert hook_of(folder, aws).answer(asked("watch", Alarm="star-release", Minutes="5"))["proven"]
    assert aws.now_s == 300


def test_a_raised_alarm_turns_the_deployment_back_at_once(folder: Path) -> None:
    aws = FakeDeployment(raised_at_s=40)
    answer = hook_of(folder, aws).answer(asked("watch", Alarm="star-release", Minutes="5"))
    assert answer["reason"] == "the alarm star-release was raised after the new version took over"
    assert aws.now_s < 60


def test_what_replaces_a_failing_version_has_time_to_show_that_it_works(folder: Path) -> None:
    # Given an alarm that the old version raised, and that is quiet three minutes after the new one took over
    aws = FakeDeployment(raised_at_s=-600, quiet_at_s=180)
    # Then the repair stays
    assert hook_of(folder, aws).answer(asked("watch", Alarm="star-release", Minutes="5"))["proven"]
    assert aws.now_s == 300


def test_what_replaces_a_failing_version_and_fails_too_is_turned_back(folder: Path) -> None:
    aws = FakeDeployment(raised_at_s=-600)
    assert not hook_of(folder, aws).answer(asked("watch", Alarm="star-release", Minutes="5"))["proven"]
    assert aws.now_s == 240


def test_a_watch_that_is_shorter_than_that_turns_back_at_its_end(folder: Path) -> None:
    aws = FakeDeployment(raised_at_s=-600)
    assert not hook_of(folder, aws).answer(asked("watch", Alarm="star-release", Minutes="1"))["proven"]
    assert aws.now_s == 60


def test_the_first_version_is_not_watched(folder: Path) -> None:
    aws = FakeDeployment(raised_at_s=0)
    assert hook_of(folder, aws).answer(asked("watch", "Create", Alarm="star-release", Minutes="5"))["proven"]


@pytest.mark.parametrize(("label", "succeeded"), [("GALAXY", True), ("QSO", False)])
def test_codedeploy_is_told_of_what_it_is_about_to_shift(folder: Path, label: str, succeeded: bool) -> None:
    aws = FakeDeployment({NEW: classified(label, 0.99)})
    event = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}
    assert hook_of(folder, aws, star=NEW).answer(event)["proven"] is succeeded
    assert aws.reported == [("d-1", "e-1", succeeded)]
    assert aws.invoked == [NEW]


def test_an_operator_may_ask_for_the_same_proof(folder: Path) -> None:
    """As `make rollback` does: no CloudFormation waits for the answer."""
    aws = FakeDeployment({NEW: classified("GALAXY", 0.99), OLD: classified("QSO", 0.99)})
    hook = hook_of(folder, aws)
    event = {"RequestType": "Update", "ResourceProperties": {"Do": "prove", "Function": "star", "Version": NEW}}
    assert hook.answer(event) == {"proven": True, "reason": ""}
    event["ResourceProperties"] = {"Do": "prove", "Function": "star", "Version": OLD}
    assert "QSO with 0.99" in hook.answer(event)["reason"]
    assert aws.responses == {}
