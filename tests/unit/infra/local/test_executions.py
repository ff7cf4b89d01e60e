"""Executions of the local stack: what starts one, how many run at once, and how a function's failure is named."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from infra.local.executions import EXECUTIONS, PooledFunctions, bulk_jobs, object_reader, trainings
from infra.local.pool import CrashedError, Reply, ThrottledError, TimedOutError
from infra.local.process import StartFailedError
from infra.local.state_machine import StateError
from skysort.errors import NotFoundError
from tests.fakes.bulk_functions import BUCKET, PARTS_KEY, BulkFunctions
from tests.fakes.bulk_functions import KEY as BULK_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.event_source import Message, SqsQueue
    from infra.local.pool import Pool
    from infra.local.state_machine import Objects

Outcome = Reply | Exception


def request(number: int, kind: str = "pictures") -> str:
    return f"trainings/shared/{kind}-20261128-084500-{number:06x}/request.json"


def message(key: str) -> Message:
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "models"}, "object": {"key": key}}}
    return {"MessageId": key, "ReceiptHandle": key, "Body": json.dumps({"Records": [record]})}


@dataclass
class FakePool:
    """A function that answers with what `answer` says."""

    answer: Callable[[Any], Outcome]
    maximum: int = 2
    events: list[Any] = field(default_factory=list)
    running: int = 0
    most: int = 0

    async def _run(self, event: Any) -> Reply:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.001)
        self.running -= 1
        outcome = self.answer(event)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def submit(self, request_id: str, event: bytes) -> asyncio.Future[Reply]:
        assert len(request_id) == 36
        self.events.append(json.loads(event))
        return asyncio.ensure_future(self._run(self.events[-1]))


@dataclass
class FakeQueue:
    """Hands out its messages one by one, then none."""

    messages: list[Message]
    deleted: list[str] = field(default_factory=list)
    faults: int = 0

    def receive(self, count: int, wait_s: int) -> list[Message]:
        assert (count, wait_s > 0) == (1, True)
        if self.faults:
            self.faults -= 1
            raise OSError("connection refused")
        return [self.messages.pop(0)] if self.messages else []

    def delete(self, messages: list[Message]) -> None:
        self.deleted += [each["MessageId"] for each in messages]


def succeed(event: Any) -> Reply:
    return Reply(json.dumps({"shards": [0, 1]} if event["step"] == "read" else {}).encode())


def run(queue: FakeQueue, pools: dict[str, FakePool], objects: Objects | None = None) -> list[str]:
    """Run until every message is deleted; the lines of the log. With objects bulk jobs, else trainings."""
    lines: list[str] = []
    expected = len(queue.messages)
    given = cast("SqsQueue", queue), cast("dict[str, Pool]", pools)

    async def until_done() -> None:
        executions = (
            bulk_jobs(*given, {"star-bulk": 2}, objects, lines.append) if objects else trainings(*given, lines.append)
        )
        running = asyncio.create_task(executions.run())
        async with asyncio.timeout(10):
            while len(queue.deleted) < expected:  # noqa: ASYNC110 - the queue is deleted from in a thread
                await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(until_done())
    return lines


def pools(answer: Callable[[Any], Outcome] = succeed) -> dict[str, FakePool]:
    return {"custom-train": FakePool(answer), "star-train": FakePool(answer)}


def test_a_request_runs_the_steps_of_its_kind_and_logs_every_state() -> None:
    # Given a request of each kind
    queue, functions = FakeQueue([message(request(1)), message(request(2, "star"))]), pools()
    # When
    lines = run(queue, functions)
    # Then
    steps = [event["step"] for event in functions["custom-train"].events]
    assert steps == ["read", "features", "features", "fit", "evaluate", "publish"]
    assert {event["key"] for event in functions["star-train"].events} == {request(2, "star")}
    assert [line.split(" ", 1)[1] for line in lines if "pictures" in line] == [
        f"pictures-20261128-084500-000001 {line}"
        for line in (
            "entered Kind",
            "entered ReadPictures",
            "entered PictureFeatures",
            "entered ShardFeatures",
            "entered ShardFeatures",
            "entered FitPictures",
            "entered EvaluatePictures",
            "entered PublishPictures",
            "entered Done",
            "succeeded",
        )
    ]


def test_some_executions_run_at_once_and_calls_wait_for_a_sandbox() -> None:
    # Given more requests than may run, and a pool that counts its calls
    queue = FakeQueue([message(request(number)) for number in range(3 * EXECUTIONS)])
    functions = pools()
    # When
    run(queue, functions)
    # Then no call was more than its sandboxes
    assert functions["custom-train"].most == functions["custom-train"].maximum
    assert len(queue.deleted) == 3 * EXECUTIONS


def test_a_refused_training_is_recorded_once_and_its_message_deleted() -> None:
    # Given
    def refuse(event: Any) -> Reply:
        document = {"errorType": "TrainingRefused", "errorMessage": "one class only"}
        return Reply(json.dumps(document).encode(), failed=True) if event["step"] == "read" else succeed(event)

    queue, functions = FakeQueue([message(request(1))]), pools(refuse)
    # When
    lines = run(queue, functions)
    # Then the failure reaches the step that writes it down, as Lambda reports it
    failure = functions["custom-train"].events[-1]
    assert failure["step"] == "fail"
    assert failure["error"]["Error"] == "TrainingRefused"
    assert json.loads(failure["error"]["Cause"])["errorMessage"] == "one class only"
    assert lines[-1].endswith("succeeded")


def test_a_failed_execution_is_logged_and_the_next_one_starts() -> None:
    # Given a key of no kind, and a message that is no notification
    strange: Message = {"MessageId": "x", "ReceiptHandle": "x", "Body": json.dumps({"Event": "s3:TestEvent"})}
    queue, functions = (
        FakeQueue([strange, message("trainings/shared/poem-1/request.json"), message(request(1))]),
        pools(),
    )
    # When
    lines = run(queue, functions)
    # Then
    assert any("poem-1 failed: UnknownKind" in line for line in lines)
    assert lines[-1].endswith("succeeded")


def test_a_queue_that_cannot_be_polled_is_polled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.executions.POLL_AGAIN_S", 0)
    queue = FakeQueue([message(request(1))], faults=2)
    assert run(queue, pools())[-1].endswith("succeeded")


def test_a_jobs_parts_run_in_its_familys_sandboxes_and_its_other_steps_in_bulks() -> None:
    # Given a job of nine parts
    job = BulkFunctions(parts=9)

    async def objects(bucket: str, key: str) -> bytes:
        assert (bucket, key) == (BUCKET, PARTS_KEY)
        return job.parts_json()

    def answer(event: Any) -> Reply:
        return Reply(json.dumps(job.call("", event)).encode())

    functions = {"bulk": FakePool(answer), "star-bulk": FakePool(answer)}
    # When
    lines = run(FakeQueue([message(BULK_KEY)]), functions, objects)
    # Then
    assert [event["step"] for event in functions["bulk"].events] == ["plan", "price", "finish"]
    assert [event["step"] for event in functions["star-bulk"].events] == ["probe", *["part"] * 9]
    assert functions["star-bulk"].most == 2
    assert lines[-1].endswith(" star-20261128-084500-1a2b3c succeeded")


def test_a_job_whose_parts_cannot_be_read_is_ended() -> None:
    # Given an S3 that has lost them
    job = BulkFunctions()

    def read(bucket: str, key: str) -> bytes:
        raise NotFoundError(f"{bucket} has no {key}")

    functions = {name: FakePool(lambda event: Reply(json.dumps(job.call("", event)).encode())) for name in NAMES}
    # When
    lines = run(FakeQueue([message(BULK_KEY)]), functions, object_reader(read))
    # Then
    error = {"Error": "States.ItemReaderFailed", "Cause": f"{BUCKET} has no {PARTS_KEY}"}
    assert functions["bulk"].events[-1]["error"] == error
    assert "failed: BulkFailed" in lines[-1]


NAMES = ("bulk", "star-bulk")


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (CrashedError("ended"), "Runtime.ExitError"),
        (TimedOutError("too slow"), "Sandbox.Timedout"),
        (ThrottledError("busy"), "Lambda.TooManyRequestsException"),
        (StartFailedError("no import"), "Lambda.Unknown"),
        (Reply(b'{"errorType": "ValueError", "errorMessage": "odd"}', failed=True), "ValueError"),
    ],
)
def test_failures_have_the_names_that_step_functions_gives_them(outcome: Outcome, error: str) -> None:
    async def invoke() -> None:
        functions = PooledFunctions(cast("dict[str, Pool]", {"f": FakePool(lambda _: outcome)}))
        await functions.invoke("f", {})

    with pytest.raises(StateError) as failure:
        asyncio.run(invoke())
    assert failure.value.error == error
    assert json.loads(failure.value.cause)["errorMessage"]
