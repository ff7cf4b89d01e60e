"""When messages come again: at once if there was no time for them, after a growing delay if they failed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from skysort.drop.batch import process_batch
from skysort.drop.visibility import MARGIN_S, SqsMessages, retry_s
from skysort.errors import InfrastructureError
from skysort.limits import DROP_RETRY_S
from tests.factories import FakeContext
from tests.fakes.clock import FakeClock
from tests.fakes.events import FakeMessages, message, sqs_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.drop.worker import DropWorker
    from tests.fakes.object_store import MemoryStore

INVOCATION_S = 900

pytestmark = pytest.mark.usefixtures("own_metrics")


def delivered(
    worker: DropWorker, bodies: Sequence[str], receives: Sequence[int] = (), clock: FakeClock | None = None
) -> list[dict[str, int]]:
    """What the queue is asked while a batch is processed: seconds by message."""
    messages = FakeMessages()
    context: Any = FakeContext(INVOCATION_S * 1000)
    process_batch(sqs_event(bodies, receives), context, worker, messages, handler="-", clock=clock or FakeClock())
    return messages.asked


def away(store: MemoryStore) -> None:
    def before(operation: str, _key: str) -> None:
        if operation == "read":
            raise InfrastructureError("S3 is away")

    store.before = before


def test_a_batch_stays_away_for_as_long_as_its_invocation_can_last(store: MemoryStore, worker: DropWorker) -> None:
    # When a batch begins, then its messages come again soon after its invocation ended without a word
    good = store.upload("incoming/star/b/good.csv", b"hello")
    held, again = delivered(worker, [message(good)])
    assert held == {"message-0": INVOCATION_S + MARGIN_S}
    assert again == {}


@pytest.mark.parametrize(("receives", "seconds"), [(1, 1), (2, 2)])
def test_what_failed_comes_again_after_a_delay_that_grows(
    receives: int, seconds: int, store: MemoryStore, worker: DropWorker
) -> None:
    upload = store.upload("incoming/star/b/1.csv", b"hello")
    away(store)
    _, again = delivered(worker, [message(upload), "rubbish"], [receives, receives])
    assert again == {"message-0": seconds, "message-1": seconds}


def test_what_there_was_no_time_for_comes_again_at_once(store: MemoryStore, worker: DropWorker) -> None:
    # Given two files, the first of which takes the whole invocation
    uploads = [store.upload(f"incoming/star/b/{n}.csv", b"hello") for n in "12"]
    clock = FakeClock()

    def before(operation: str, _key: str) -> None:
        if operation == "read":
            clock.advance(INVOCATION_S)

    store.before = before
    _, again = delivered(worker, [message(upload) for upload in uploads], [2, 2], clock)
    # Then the other one is not kept waiting, however often it has come
    assert again["message-1"] == 0


def test_a_message_that_no_queue_knows_is_not_asked_for(worker: DropWorker) -> None:
    # A deployment's proof sends the test event of S3 to the function itself.
    assert delivered(worker, ['{"Service": "Amazon S3", "Event": "s3:TestEvent"}']) == [{}, {}]


@given(st.integers(1, 10_000))
def test_the_delay_grows_up_to_a_limit(receives: int) -> None:
    assert 1 <= retry_s(receives) <= retry_s(receives + 1) <= DROP_RETRY_S
    assert retry_s(receives) in {2 ** (receives - 1), DROP_RETRY_S}


class FakeSqs:
    """Answers every change of visibility alike, and keeps what it was asked."""

    meta = SimpleNamespace(endpoint_url="https://sqs.eu-central-1.amazonaws.com")

    def __init__(self, outcome: dict[str, Any] | Exception) -> None:
        self.outcome = outcome
        self.asked: list[dict[str, Any]] = []

    def change_message_visibility_batch(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def show(outcome: dict[str, Any] | Exception, seconds: dict[str, int], count: int = 3) -> FakeSqs:
    sqs = FakeSqs(outcome)
    client: Any = sqs
    SqsMessages(client).show_in(seconds, sqs_event(["{}"] * count)["Records"])
    return sqs


def test_only_what_is_named_is_changed_in_the_queue_that_the_event_is_from() -> None:
    sqs = show({}, {"message-0": 5, "message-2": 0})
    assert sqs.asked == [
        {
            "QueueUrl": "https://sqs.eu-central-1.amazonaws.com/000000000000/star",
            "Entries": [
                {"Id": "0", "ReceiptHandle": "handle-0", "VisibilityTimeout": 5},
                {"Id": "1", "ReceiptHandle": "handle-2", "VisibilityTimeout": 0},
            ],
        }
    ]


def test_a_large_batch_is_changed_ten_at_a_time() -> None:
    sqs = show({}, {f"message-{number}": 1 for number in range(23)}, 23)
    assert [len(asked["Entries"]) for asked in sqs.asked] == [10, 10, 3]


def test_nothing_is_asked_about_nothing() -> None:
    assert show({}, {}).asked == []


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ({"Failed": [{"Id": "0", "Code": "MessageNotInflight", "SenderFault": True}]}, "MessageNotInflight"),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "ChangeMessageVisibilityBatch"), "AccessDenied"),
        (EndpointConnectionError(endpoint_url="https://sqs"), "https://sqs"),
    ],
    ids=["one message", "no permission", "no network"],
)
def test_a_queue_that_does_not_answer_costs_a_delay_and_no_file(
    outcome: dict[str, Any] | Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    # Then the messages come again when the queue's own timeout ends, and the log says so
    show(outcome, {"message-0": 1})
    (record,) = caplog.records
    assert "delivered again when the queue's timeout ends" in record.message
    assert told in str(vars(record)["faults"])
