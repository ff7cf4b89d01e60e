"""The event source mapping: batches, partial failures, deletion and retry, against a queue in memory."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.event_source import (
    THROTTLED_AGAIN_S,
    EventSource,
    InvalidBatchResponseError,
    Message,
    collect,
    event,
    failed_ids,
)
from infra.local.pool import CrashedError, Reply, ThrottledError, TimedOutError
from infra.local.process import StartFailedError
from infra.stages.deployments import local
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.local.event_source import SqsQueue
    from infra.local.pool import Pool

SETTINGS = local(2).drop_queues[0]
ARN = "arn:aws:sqs:us-east-1:123456789012:a-queue"


def message(name: str, **more: Any) -> Message:
    return {"MessageId": name, "ReceiptHandle": f"handle-{name}", "Body": "{}", "MD5OfBody": "md5", **more}


@dataclass
class FakeQueue:
    """Hands out prepared answers; time passes with every call."""

    answers: list[list[Message]] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)
    now: float = 0.0

    def receive(self, count: int, wait_s: int) -> list[Message]:
        self.asked.append((count, wait_s))
        self.now += 1.0
        return self.answers.pop(0) if self.answers else []

    def delete(self, messages: Sequence[Message]) -> None:
        self.deleted += [one["MessageId"] for one in messages]

    def retry(self, messages: Sequence[Message]) -> None:
        self.retried += [one["MessageId"] for one in messages]

    def clock(self) -> float:
        return self.now


@dataclass
class FakeFunction:
    """Answers every event alike; before that it is throttled so often."""

    outcome: Reply | Exception
    events: list[Any] = field(default_factory=list)
    throttled: int = 0

    def submit(self, request_id: str, event: bytes) -> asyncio.Future[Reply]:
        assert len(request_id) == 36
        self.events.append(json.loads(event))
        if self.throttled >= len(self.events):
            raise ThrottledError("all sandboxes are busy")
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if isinstance(self.outcome, Reply):
            future.set_result(self.outcome)
        else:
            future.set_exception(self.outcome)
        return future


def process(
    outcome: Reply | Exception, names: Sequence[str] = ("a", "b", "c"), throttled: int = 0
) -> tuple[FakeQueue, FakeFunction]:
    queue, function, clock = FakeQueue(), FakeFunction(outcome, throttled=throttled), FakeClock()

    async def pause(seconds: float) -> None:
        clock.advance(seconds)

    source = EventSource(
        cast("SqsQueue", queue), cast("Pool", function), SETTINGS, "us-east-1", clock=clock, pause=pause
    )
    asyncio.run(source.process([message(name) for name in names]))
    return queue, function


def answer(*failed: str) -> Reply:
    return Reply(json.dumps({"batchItemFailures": [{"itemIdentifier": name} for name in failed]}).encode())


def test_success_deletes_the_batch() -> None:
    queue, function = process(answer())
    assert (queue.deleted, queue.retried) == (["a", "b", "c"], [])
    assert [record["messageId"] for record in function.events[0]["Records"]] == ["a", "b", "c"]


def test_a_partial_failure_keeps_only_what_failed() -> None:
    queue, _ = process(answer("b"))
    assert (queue.deleted, queue.retried) == (["a", "c"], ["b"])


@pytest.mark.parametrize(
    "outcome",
    [
        Reply(b'{"errorType": "ValueError"}', failed=True),
        Reply(b'{"batchItemFailures": [{"itemIdentifier": "stranger"}]}'),
        CrashedError("killed"),
        TimedOutError("too slow"),
        StartFailedError("no artefact"),
    ],
    ids=["raised", "unknown id", "crashed", "timed out", "not started"],
)
def test_a_failed_invocation_fails_the_whole_batch(outcome: Reply | Exception) -> None:
    queue, _ = process(outcome)
    assert (queue.deleted, queue.retried) == ([], ["a", "b", "c"])


def test_no_more_batches_are_in_work_than_the_maximum_concurrency() -> None:
    # Given a queue that is never empty, and invocations that end when they are told to
    running: list[asyncio.Future[Reply]] = []
    begun = asyncio.Semaphore(0)

    class Pending:
        def submit(self, _request_id: str, _event: bytes) -> asyncio.Future[Reply]:
            running.append(asyncio.get_running_loop().create_future())
            begun.release()
            return running[-1]

    queue = FakeQueue([[message(str(number))] for number in range(20)])
    settings = dataclasses.replace(SETTINGS, maximum_concurrency=2)
    source = EventSource(cast("SqsQueue", queue), cast("Pool", Pending()), settings, "us-east-1")

    async def scenario() -> None:
        polling = asyncio.create_task(source.run())
        for _ in range(2):
            await begun.acquire()
        # When two are in work, then no third message is even received
        assert len(queue.asked) == len(running) == 2
        # When one ends, then the next begins
        running[0].set_result(answer())
        await begun.acquire()
        assert (len(queue.deleted), len(running)) == (1, 3)
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)

    asyncio.run(scenario())


def test_a_throttled_batch_is_held_and_tried_again() -> None:
    # Lambda holds it, so that it does not count as another delivery
    queue, function = process(answer(), ["a"], throttled=100)
    assert (queue.deleted, queue.retried) == (["a"], [])
    assert len(function.events) == 101


def test_a_batch_is_held_no_longer_than_it_is_invisible() -> None:
    queue, function = process(answer(), ["a"], throttled=10**9)
    assert (queue.deleted, queue.retried) == ([], ["a"])
    assert len(function.events) == SETTINGS.visibility_timeout_s / THROTTLED_AGAIN_S


@pytest.mark.parametrize("payload", ["null", "{}", '{"batchItemFailures": null}', '{"batchItemFailures": []}'])
def test_nothing_reported_is_success(payload: str) -> None:
    assert failed_ids(payload.encode(), ["a"]) == set()


@pytest.mark.parametrize(
    "payload",
    [
        '"ok"',
        "[]",
        '{"batchItemFailures": "a"}',
        '{"batchItemFailures": ["a"]}',
        '{"batchItemFailures": [{"itemIdentifier": ""}]}',
        '{"batchItemFailures": [{"itemIdentifier": null}]}',
        '{"batchItemFailures": [{"id": "a"}]}',
        '{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "stranger"}]}',
    ],
)
def test_a_report_that_cannot_be_trusted_is_refused(payload: str) -> None:
    with pytest.raises(InvalidBatchResponseError):
        failed_ids(payload.encode(), ["a"])


@given(st.sets(st.uuids(), min_size=1, max_size=10), st.data())
def test_every_message_is_deleted_or_retried_exactly_once(ids: set[object], data: st.DataObject) -> None:
    names = sorted(map(str, ids))
    failed = data.draw(st.sets(st.sampled_from(names)))
    queue, _ = process(answer(*failed), names)
    assert sorted(queue.deleted + queue.retried) == names
    assert set(queue.retried) == failed


def test_records_are_spelled_as_lambda_does() -> None:
    attributes = {
        "text": {"DataType": "String", "StringValue": "v"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    received = message("a", Attributes={"ApproximateReceiveCount": "2"}, MessageAttributes=attributes)
    assert event([received], ARN, "us-east-1")["Records"] == [
        {
            "messageId": "a",
            "receiptHandle": "handle-a",
            "body": "{}",
            "attributes": {"ApproximateReceiveCount": "2"},
            "messageAttributes": {
                "text": {"stringValue": "v", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
                "bytes": {"binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
            },
            "md5OfBody": "md5",
            "eventSource": "aws:sqs",
            "eventSourceARN": ARN,
            "awsRegion": "us-east-1",
        }
    ]


def test_without_a_window_a_batch_is_one_receive() -> None:
    queue = FakeQueue([[message("a")], [message("b")]])
    assert [one["MessageId"] for one in collect(cast("SqsQueue", queue), 10, 0, queue.clock)] == ["a"]
    assert queue.asked == [(10, 10)]


def test_a_window_gathers_until_the_batch_is_full() -> None:
    # Given a batch of 12 and messages that come one after the other
    queue = FakeQueue([[message(f"{i}-{j}") for j in range(5)] for i in range(4)])
    # When it is collected within 30 s
    messages = collect(cast("SqsQueue", queue), 12, 30, queue.clock)
    # Then it is never asked for more than is missing, nor for more than SQS gives
    assert [count for count, _ in queue.asked] == [10, 7, 2]
    assert len(messages) >= 12


def test_a_window_ends_with_what_came() -> None:
    queue = FakeQueue([[message("a")], [message("b")]])
    messages = collect(cast("SqsQueue", queue), 100, 3, queue.clock)
    assert [one["MessageId"] for one in messages] == ["a", "b"]
    assert len(queue.asked) == 4


def test_an_empty_queue_starts_no_window() -> None:
    queue = FakeQueue()
    assert collect(cast("SqsQueue", queue), 10, 5, queue.clock) == []
    assert len(queue.asked) == 1
