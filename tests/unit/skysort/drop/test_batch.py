"""Messages fail one by one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from skysort.drop.batch import process_batch
from skysort.errors import InfrastructureError
from tests.factories import FakeContext
from tests.fakes.events import FakeMessages, message, sqs_event

if TYPE_CHECKING:
    from skysort.drop.worker import DropWorker
    from tests.fakes.object_store import MemoryStore
    from tests.unit.skysort.drop.conftest import Shouter


pytestmark = pytest.mark.usefixtures("own_metrics")


def failed_messages(worker: DropWorker, *bodies: str) -> list[str]:
    answer: Any = process_batch(sqs_event(bodies), FakeContext(), worker, FakeMessages(), handler="-")  # type: ignore[arg-type]
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def fail_for(store: MemoryStore, name: str) -> None:
    def before(operation: str, key: str) -> None:
        if operation == "read" and key.endswith(name):
            raise InfrastructureError("S3 is away")

    store.before = before


def test_a_batch_of_good_refused_and_test_messages_passes_whole(store: MemoryStore, worker: DropWorker) -> None:
    good = store.upload("incoming/star/b/good.csv", b"hello")
    bad = store.upload("incoming/star/b/bad.csv", b"hello!")
    test = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})

    assert failed_messages(worker, message(good), message(bad), test) == []
    assert set(store.listing()) == {"star/b/good.csv", "star/b/good.csv.json", "star/b/bad.csv.error.json"}


def test_only_the_message_that_met_a_fault_comes_again(store: MemoryStore, worker: DropWorker) -> None:
    first, second = (store.upload(f"incoming/star/b/{n}.csv", b"hello") for n in "12")
    fail_for(store, "1.csv")
    assert failed_messages(worker, message(first), message(second)) == ["message-0"]


def test_a_batch_that_fails_whole_names_every_message(store: MemoryStore, worker: DropWorker) -> None:
    upload = store.upload("incoming/star/b/1.csv", b"hello")
    fail_for(store, "1.csv")
    assert failed_messages(worker, message(upload), "rubbish") == ["message-0", "message-1"]


def test_a_message_with_a_failed_upload_fails_and_the_others_are_done_once(
    store: MemoryStore, worker: DropWorker, shouter: Shouter
) -> None:
    # Given one message that tells of three uploads, the second of which meets a fault
    uploads = [store.upload(f"incoming/star/b/{n}.csv", b"hello") for n in "123"]
    fail_for(store, "2.csv")
    assert failed_messages(worker, message(*uploads)) == ["message-0"]

    # When it is delivered again
    store.before = lambda _operation, _key: None
    assert failed_messages(worker, message(*uploads)) == []

    # Then each file has its result, and the first and third were classified once
    assert len([key for key in store.listing() if key.endswith(".json")]) == 3
    assert shouter.files == 4
