"""Dead letters go back to their queue: by SQS's own task in AWS, one by one on the local stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from moto import mock_aws

from infra.commands import redrive
from infra.commands.redrive import RedriveError
from infra.stages.deployments import dev
from skysort.models import MODELS
from tests.fakes.aws_session import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient

STAGE = dev()
STAR = STAGE.drop_queues[0]
KEY = "incoming/star/night 1/a+b.csv"
NOTIFICATION = json.dumps({"Records": [{"s3": {"object": {"key": "incoming/star/night+1/a%2Bb.csv"}}}]})


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[SQSClient]:
    """An SQS with the star model's two queues, and three dead letters."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = boto3.client("sqs", region_name=REGION)
        client.create_queue(QueueName=STAR.queue)
        dead = client.create_queue(QueueName=STAR.dead_letter_queue)["QueueUrl"]
        for _ in range(3):
            client.send_message(QueueUrl=dead, MessageBody=NOTIFICATION)
        yield client


def depths(sqs: SQSClient) -> tuple[int, int]:
    """Dead letters, and messages in the queue."""
    dead, queue = (redrive.url(sqs, STAGE, name) for name in (STAR.dead_letter_queue, STAR.queue))
    return redrive.depth(sqs, dead), redrive.depth(sqs, queue)


class FakeTasks:
    """SQS with move tasks: each look at the task shows the next of some states; the last stays."""

    def __init__(self, *states: dict[str, Any], waiting: int = 5) -> None:
        self.states = list(states)
        self.waiting = waiting
        self.started: list[dict[str, Any]] = []

    def get_queue_url(self, QueueName: str) -> dict[str, str]:  # noqa: N803 - as boto3 spells it
        return {"QueueUrl": f"https://{QueueName}"}

    def get_queue_attributes(self, QueueUrl: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"Attributes": {"QueueArn": f"arn:{QueueUrl[8:]}", "ApproximateNumberOfMessages": str(self.waiting)}}

    def list_message_move_tasks(self, **_: Any) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"Results": [state]} if state else {}

    def start_message_move_task(self, **wanted: Any) -> None:
        self.started.append(wanted)


def task(status: str, moved: int = 0, **more: Any) -> dict[str, Any]:
    counts = {"ApproximateNumberOfMessagesMoved": moved, "ApproximateNumberOfMessagesToMove": 5}
    return {"Status": status, **counts, **more}


def run(fake: FakeTasks, per_second: int | None = None) -> int:
    sqs: Any = fake
    return redrive.redrive(STAGE, STAR, sqs, per_second, pause_s=0)


def test_sqs_moves_the_messages_and_is_watched_until_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    # Given no task yet, and one that moves five messages
    fake = FakeTasks({}, task("RUNNING", 2), task("COMPLETED", 5))
    # When they are sent back, at most fifty a second
    assert run(fake, per_second=50) == 5
    # Then one task was started, from the dead letters to the queue that they came from
    source, destination = f"arn:{STAR.dead_letter_queue}", f"arn:{STAR.queue}"
    assert fake.started == [{"SourceArn": source, "DestinationArn": destination, "MaxNumberOfMessagesPerSecond": 50}]
    assert "5 sent back" in capsys.readouterr().out


def test_a_task_that_runs_already_is_joined() -> None:
    fake = FakeTasks(task("RUNNING", 1), task("RUNNING", 3), task("COMPLETED", 5))
    assert run(fake) == 5
    assert fake.started == []


def test_a_task_that_is_over_does_not_stand_in_the_way_of_the_next() -> None:
    fake = FakeTasks(task("COMPLETED", 9), task("COMPLETED", 5))
    assert run(fake) == 5
    assert len(fake.started) == 1


def test_a_task_that_fails_says_why() -> None:
    with pytest.raises(RedriveError, match="failed: no permission"):
        run(FakeTasks({}, task("FAILED", 1, FailureReason="no permission")))


def test_without_dead_letters_nothing_is_started(capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeTasks({}, waiting=0)
    assert run(fake) == 0
    assert fake.started == []
    assert "nothing to send back" in capsys.readouterr().out


def test_one_by_one_every_message_arrives_unchanged(sqs: SQSClient) -> None:
    dead, queue = (redrive.url(sqs, STAGE, name) for name in (STAR.dead_letter_queue, STAR.queue))
    assert [*redrive.move_each(sqs, dead, queue)][-1] == (3, 3)
    assert depths(sqs) == (0, 3)
    bodies = redrive.receive(sqs, redrive.url(sqs, STAGE, STAR.queue), visible_again_s=0)
    assert {message["Body"] for message in bodies} == {NOTIFICATION}


def test_to_look_names_the_files_and_changes_nothing(sqs: SQSClient, capsys: pytest.CaptureFixture[str]) -> None:
    redrive.list_dead_letters(STAGE, STAR, sqs)
    assert capsys.readouterr().out.count(f"  {KEY}\n") == 3
    assert depths(sqs) == (3, 0)


def test_a_dead_letter_that_is_no_notification_is_shown_as_it_is() -> None:
    assert redrive.keys_in("hello") == ["'hello' (not an S3 notification)"]
    assert redrive.keys_in('{"Records": [1]}') == ["'{\"Records\": [1]}' (not an S3 notification)"]


@pytest.mark.usefixtures("sqs")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["moon"], f"choose from {', '.join(MODELS)}, custom, all"),
        (["star", "--per-second", "501"], "must be from 1 to 500"),
        (["image"], "is stage dev deployed to this region?"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert redrive.main(arguments) == 1
    assert says in capsys.readouterr().err


def test_without_credentials_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(redrive, "client", lambda *_: Unasked())
    assert redrive.main(["star"]) == 1
    assert "SQS cannot be reached: Unable to locate credentials" in capsys.readouterr().err


class Unasked:
    """A client without credentials."""

    class exceptions:  # noqa: N801 - as boto3 spells it
        QueueDoesNotExist = KeyError

    def get_queue_url(self, **_: Any) -> None:
        raise NoCredentialsError
