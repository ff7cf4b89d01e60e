"""A rollback moves what the last deployment moved, once it is proven, and keeps what is warm."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.commands import CommandError, rollback
from infra.commands.session import Session
from infra.stages.deployments import prod
from skysort.release.aws import Deployment
from tests.fakes.aws_session import faked, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOOK = "skysort-release-hook-prod"


class FakeLambda:
    """Functions with versions, published at hours from noon; the last is live.

    unproven: versions that a version of the hook does not prove, by hook and ARN. moving: how often the number of
    provisioned sandboxes is refused after an alias moved.
    """

    def __init__(self, published: dict[str, list[int]], warm: dict[str, int] | None = None, moving: int = 0) -> None:
        self.published = {f"skysort-{name}-prod": hours for name, hours in published.items()}
        self.live = {name: len(hours) for name, hours in self.published.items()}
        self.warm = {f"skysort-{name}-prod": count for name, count in (warm or {}).items()}
        self.unproven: set[tuple[str, str]] = set()
        self.asked: list[tuple[str, str]] = []
        self.moves: list[str] = []
        self._moving = moving

    def get_paginator(self, _: str) -> FakeLambda:
        return self

    def paginate(self, FunctionName: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - as boto3 spells it
        if FunctionName not in self.published:
            raise refusal("ResourceNotFoundException", "ListVersionsByFunction")
        for number, hour in enumerate(self.published[FunctionName], 1):
            moment = (NOON + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
            yield {"Versions": [{"Version": str(number), "LastModified": moment}]}
        yield {"Versions": [{"Version": "$LATEST", "LastModified": "2026-11-28T23:00:00.000+0000"}]}

    def get_alias(self, FunctionName: str, Name: str) -> dict[str, str]:  # noqa: N803
        assert Name == "live"
        return {"FunctionVersion": str(self.live[FunctionName])}

    def get_function(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        return {"Configuration": {"FunctionArn": f"arn:{FunctionName}"}}

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        wanted = json.loads(Payload)["ResourceProperties"]
        assert wanted["Do"] == "prove"
        self.asked.append((FunctionName, wanted["Version"]))
        proven = (FunctionName, wanted["Version"]) not in self.unproven
        answer = {"proven": proven, "reason": "" if proven else "another model"}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def get_provisioned_concurrency_config(self, FunctionName: str, Qualifier: str) -> dict[str, int]:  # noqa: N803
        assert Qualifier == "live"
        if FunctionName not in self.warm:
            raise refusal("ProvisionedConcurrencyConfigNotFoundException", "GetProvisionedConcurrencyConfig")
        return {"RequestedProvisionedConcurrentExecutions": self.warm[FunctionName]}

    def update_alias(self, FunctionName: str, FunctionVersion: str, **more: Any) -> None:  # noqa: N803
        assert more == {"Name": "live", "RoutingConfig": {"AdditionalVersionWeights": {}}}
        self.moves.append(f"{FunctionName}:{FunctionVersion}")
        self.live[FunctionName] = int(FunctionVersion)
        if FunctionName in self.warm:
            self.warm[FunctionName] = 2

    def put_provisioned_concurrency_config(self, FunctionName: str, **wanted: Any) -> None:  # noqa: N803
        if self._moving:
            self._moving -= 1
            raise refusal("ResourceConflictException", "PutProvisionedConcurrencyConfig")
        self.warm[FunctionName] = wanted["ProvisionedConcurrentExecutions"]


class FakeStack:
    """CloudFormation with the service, whose last update began at noon."""

    def __init__(self, status: str = "UPDATE_COMPLETE") -> None:
        self._status = status

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self._status == "":
            raise refusal("ValidationError", "DescribeStacks", f"Stack with id {StackName} does not exist")
        stack = {"StackStatus": self._status, "CreationTime": NOON - timedelta(days=9), "LastUpdatedTime": NOON}
        return {"Stacks": [stack]}


# The last deployment gave star and control new versions, the one before it image.
RELEASES = {
    "star": [-50, -20, 1],
    "control": [-50, 1],
    "image": [-50, -20],
    "galaxy": [-50],
    "release-hook": [-50, -20, 1],
}


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> FakeLambda:
    """Prod after some releases, of which the last was bad."""
    fake = FakeLambda(RELEASES, warm={"star": 10})
    clients = {"lambda": fake, "cloudformation": FakeStack(), "cloudwatch": None, "codedeploy": None}
    monkeypatch.setattr(Session, "open", lambda *_: faked(**clients))
    return fake


def run(*arguments: str) -> int:
    return rollback.main(["--stage", "prod", *arguments])


def test_what_the_last_deployment_moved_goes_back_and_nothing_else(
    functions: FakeLambda, capsys: pytest.CaptureFixture[str]
) -> None:
    # When
    assert run() == 0
    # Then
    assert functions.moves == ["skysort-star-prod:2", "skysort-control-prod:1"]
    told = capsys.readouterr().out
    assert "star: 3 -> 2, of 2026-11-27 16:00 UTC, 10 kept warm\ncontrol: 2 -> 1, of 2026-11-26 10:00 UTC\n" in told
    # And what CodeDeploy will say of an alias that is not where the stack has it
    assert "make rollback STAGE=prod ARGS='--only control --to 2'" in told


def test_a_second_rollback_changes_nothing(functions: FakeLambda) -> None:
    run()
    functions.moves.clear()
    with pytest.raises(CommandError, match=r"began at 2026-11-28 12:00 UTC\. .*--only star"):
        run()
    assert functions.moves == []


def test_each_version_is_proven_by_the_hook_of_its_time(functions: FakeLambda) -> None:
    run()
    assert functions.asked[0] == (f"{HOOK}:3", "arn:skysort-star-prod:2")
    # Of the same hour as the version that followed, it may know the later model only: then the one before is asked
    functions.live["skysort-star-prod"] = 3
    functions.asked.clear()
    functions.unproven = {(f"{HOOK}:3", "arn:skysort-star-prod:2")}
    assert run("--only", "star") == 0
    assert functions.asked == [(f"{HOOK}:3", "arn:skysort-star-prod:2"), (f"{HOOK}:2", "arn:skysort-star-prod:2")]


def test_where_one_version_is_not_proven_no_alias_moves(functions: FakeLambda) -> None:
    functions.unproven = {(f"{HOOK}:{number}", "arn:skysort-control-prod:1") for number in (1, 2, 3)}
    with pytest.raises(CommandError, match=r"no alias was moved, .*\n  control 1: another model"):
        run()
    assert functions.moves == []


def test_what_is_warm_stays_warm_though_lambda_is_still_moving_it() -> None:
    # Given a night's ten sandboxes, which the move sets back to two, and a Lambda that is busy with it for a while
    functions: Any = FakeLambda({"star": [-1, 1], "release-hook": [-1]}, warm={"star": 10}, moving=2)
    session = faked(**{"lambda": functions, "cloudformation": FakeStack(), "cloudwatch": None, "codedeploy": None})
    (move,) = rollback.plan(session, prod(), functions)
    waited: list[float] = []
    # When
    assert rollback.move_alias(functions, Deployment(waited.append, session=session.boto), move) == 10
    # Then
    assert functions.warm == {"skysort-star-prod": 10}
    assert len(waited) == 2


def test_one_function_goes_back_further_or_forward_again(functions: FakeLambda) -> None:
    run("--only", "image")
    run("--only", "star", "--to", "1")
    run("--only", "star", "--to", "3")
    assert functions.moves == ["skysort-image-prod:1", "skysort-star-prod:1", "skysort-star-prod:3"]


def test_a_dry_run_only_says_what_would_move(functions: FakeLambda, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dry-run") == 0
    assert capsys.readouterr().out.splitlines() == [
        "star: 3 -> 2, of 2026-11-27 16:00 UTC",
        "control: 2 -> 1, of 2026-11-26 10:00 UTC",
    ]
    assert functions.moves == []
    assert functions.asked == []


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--to", "2"], "name the one that --to is about, e.g. --only star"),
        (["--only", "star", "--to", "9"], "star has no version 9; there are 1, 2, 3"),
        (["--only", "moon"], "unknown function 'moon'; choose from"),
        (["--only", "galaxy"], "nothing to go back to: no other version of galaxy before"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("", "stage prod is not deployed in account"),
        ("UPDATE_IN_PROGRESS", "aws cloudformation cancel-update-stack --stack-name skysort-service-prod"),
    ],
)
def test_a_stage_that_is_not_there_or_is_being_deployed_is_left_alone(
    status: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = {"lambda": FakeLambda(RELEASES), "cloudformation": FakeStack(status)}
    monkeypatch.setattr(Session, "open", lambda *_: faked(**clients))
    with pytest.raises(CommandError, match=sentence):
        run()
