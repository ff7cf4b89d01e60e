"""`make redrive STAGE=prod MODEL=star`: move a model's dead letters back to its queue, once the fault is fixed.

A dead letter is the notification of a dropped file that failed repeatedly for reasons other than its content. In AWS,
SQS itself moves the messages (StartMessageMoveTask); the task continues if this command is interrupted, and running the
command again follows it. The local stack's SQS has no such task: there the command moves the messages itself.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.commands import CommandError, described
from infra.commands.session import Session, add_options, options_of, stage_of
from infra.stages.deployments import local
from infra.stages.functions import StageError
from infra.stages.stage import LocalStage
from skysort.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ListMessageMoveTasksResultEntryTypeDef, MessageTypeDef

    from infra.commands.session import Options
    from infra.stages.queues import DropQueue
    from infra.stages.stage import AwsStage

POLL_S: Final = 2.0
SHOWN: Final = 10  # maximum of a ReceiveMessage
# Limit of SQS ("StartMessageMoveTask", MaxNumberOfMessagesPerSecond).
PER_SECOND: Final = 500


class RedriveError(CommandError):
    """A redrive failed; the message gives the cause and a remedy."""


def move_task(
    sqs: SQSClient, dead: str, queue: str, per_second: int | None, pause_s: float = POLL_S
) -> Iterator[tuple[int, int]]:
    """Have SQS move messages between queues, by a new task or one already running.

    Yields
    ------
    tuple of int
        The number of messages moved and the total, until all are moved.

    Raises
    ------
    RedriveError
        If the task fails or is cancelled.
    """
    source = arn(sqs, dead)

    def latest() -> ListMessageMoveTasksResultEntryTypeDef:
        tasks = sqs.list_message_move_tasks(SourceArn=source, MaxResults=1).get("Results", [])
        return tasks[0] if tasks else {}

    if latest().get("Status") != "RUNNING":
        rate = {} if per_second is None else {"MaxNumberOfMessagesPerSecond": per_second}
        sqs.start_message_move_task(SourceArn=source, DestinationArn=arn(sqs, queue), **rate)
    while True:
        task = latest()
        moved = task.get("ApproximateNumberOfMessagesMoved", 0)
        yield moved, task.get("ApproximateNumberOfMessagesToMove", 0) or moved
        status = task.get("Status")
        if status == "COMPLETED":
            return
        if status in {"FAILED", "CANCELLED"}:
            raise RedriveError(f"SQS task {status.lower()}: {task.get('FailureReason', 'no reason given')}")
        time.sleep(pause_s)


def move_each(sqs: SQSClient, dead: str, queue: str) -> Iterator[tuple[int, int]]:
    """Move the messages that are in the queue now, each sent before it is deleted; yields as move_task."""
    moved, total = 0, depth(sqs, dead)
    while moved < total and (messages := receive(sqs, dead, visible_again_s=60)):
        for message in messages:
            sqs.send_message(QueueUrl=queue, MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
        yield moved, max(moved, total)
    yield moved, moved


def redrive(
    stage: AwsStage | LocalStage,
    settings: DropQueue,
    sqs: SQSClient,
    per_second: int | None = None,
    pause_s: float = POLL_S,
) -> int:
    """Move a model's dead letters back and print the progress; returns the number of messages moved."""
    dead, queue = url(sqs, stage, settings.dead_letter_queue), url(sqs, stage, settings.queue)
    waiting = depth(sqs, dead)
    if not waiting:
        report(f"{settings.dead_letter_queue} is empty: nothing to send back")
        return 0
    local = isinstance(stage, LocalStage)
    moved = 0
    for moved, total in move_each(sqs, dead, queue) if local else move_task(sqs, dead, queue, per_second, pause_s):
        report(f"{settings.queue}: {moved:,} of about {max(total, waiting):,} sent back", transient=True)
    report(f"{settings.queue}: {moved:,} sent back")
    return moved


def list_dead_letters(stage: AwsStage | LocalStage, settings: DropQueue, sqs: SQSClient) -> None:
    """Print the keys of up to ten dropped files with dead letters, without moving them."""
    dead = url(sqs, stage, settings.dead_letter_queue)
    report(f"{settings.dead_letter_queue}: about {depth(sqs, dead):,} dead letters")
    for message in receive(sqs, dead, visible_again_s=0):
        for key in keys_in(message["Body"]):
            report(f"  {key}")


def keys_in(body: str) -> list[str]:
    """The keys of an S3 notification; for any other body, its beginning."""
    try:
        return [unquote_plus(record["s3"]["object"]["key"]) for record in json.loads(body)["Records"]]
    except (ValueError, KeyError, TypeError):
        return [f"{body[:200]!r} (not an S3 notification)"]


def receive(sqs: SQSClient, queue: str, visible_again_s: int) -> list[MessageTypeDef]:
    """Receive up to ten messages, hidden from other consumers for visible_again_s seconds."""
    answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=SHOWN, VisibilityTimeout=visible_again_s)
    return answer.get("Messages", [])


def url(sqs: SQSClient, stage: AwsStage | LocalStage, name: str) -> str:
    """The URL of a queue; RedriveError if it does not exist."""
    try:
        return sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        raise RedriveError(f"queue {name} not found; is stage {stage.name} deployed to this region?") from None


def arn(sqs: SQSClient, queue: str) -> str:
    """The ARN of a queue by its URL."""
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def depth(sqs: SQSClient, queue: str) -> int:
    """The approximate number of messages in a queue."""
    answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def report(line: str, *, transient: bool = False) -> None:
    """Print a line; a transient line is overwritten by the next, and shown on terminals only."""
    if not transient:
        sys.stdout.write(("\r" if sys.stdout.isatty() else "") + line + "\n")
    elif sys.stdout.isatty():
        sys.stdout.write("\r" + line)
        sys.stdout.flush()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="make redrive", description=__doc__, allow_abbrev=False)
    command.add_argument("model", help=f"{', '.join(MODELS)}; all for every model")
    add_options(command, "dev")
    command.add_argument("--look", action="store_true", help="only list some of the files, without moving them")
    command.add_argument("--per-second", type=int, metavar="N", help=f"maximum messages per second, 1 to {PER_SECOND}")
    command.add_argument("--endpoint", help="an SQS endpoint other than AWS's, e.g. the local stack's S3 address")
    return command


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit status."""
    parsed = parser().parse_args(arguments)
    try:
        return _run(parsed, options_of(parsed))
    except (CommandError, StageError) as error:
        return fail(str(error))
    except (BotoCoreError, ClientError) as error:
        return fail(f"SQS cannot be reached: {described(error)}")


def _run(parsed: argparse.Namespace, options: Options) -> int:
    stage = local() if options.stage == "local" else stage_of(options)
    queues = {queue.model.name: queue for queue in stage.drop_queues}
    if parsed.model not in {*queues, "all"}:
        return fail(f"unknown model {parsed.model!r}; choose from {', '.join(queues)}, all (MODEL=star)")
    if parsed.per_second is not None and not 1 <= parsed.per_second <= PER_SECOND:
        return fail(f"--per-second must be from 1 to {PER_SECOND} (got {parsed.per_second})")
    sqs = client(stage, options, parsed.endpoint)
    for model, settings in queues.items():
        if parsed.model in {model, "all"}:
            if parsed.look:
                list_dead_letters(stage, settings, sqs)
            else:
                redrive(stage, settings, sqs, parsed.per_second)
    return 0


def client(stage: AwsStage | LocalStage, options: Options, endpoint: str | None) -> SQSClient:
    """An SQS client: of the local stack for the local stage, otherwise of the stage's account and region."""
    if not isinstance(stage, LocalStage):
        return Session.open(stage, options).boto.client("sqs", endpoint_url=endpoint)
    # The local stack accepts any credentials, but boto3 requires some.
    return boto3.client(
        "sqs",
        region_name=stage.region,
        endpoint_url=endpoint or f"http://127.0.0.1:{os.environ.get('SKYSORT_S3_PORT', '9000')}",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - no secret
    )


def fail(message: str) -> int:
    """Print an error message; returns the exit status."""
    sys.stderr.write(f"redrive: {message}\n")
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; in AWS the task continues: run the command again to follow it\n")
        sys.exit(130)
