"""One outcome per dropped file, whatever happens on the way."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest

from skysort.drop.ledger import Outcome
from skysort.drop.worker import DropWorker
from skysort.errors import ConfigurationError, InfrastructureError
from tests.fakes.object_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysort.drop.event import Upload
    from tests.unit.skysort.drop.conftest import Shouter

KEY = "incoming/star/b/a.csv"
TABLE, REJECTED, SUMMARY, ERROR = (f"star/b/a.csv{suffix}" for suffix in ("", ".rejected.csv", ".json", ".error.json"))
GOOD, QUESTION, BAD = b"hello", b"hello?", b"hello!"


def expected(body: bytes) -> list[str]:
    """The records that a file of this content has."""
    return {GOOD: [TABLE, SUMMARY], QUESTION: [TABLE, SUMMARY, REJECTED], BAD: [ERROR]}[body]


def source_of(store: MemoryStore) -> str:
    """The version that the one outcome names."""
    (outcome,) = [body for key, body in store.listing().items() if key in {SUMMARY, ERROR}]
    return str(json.loads(outcome)["source"]["version_id"])


def assert_outcome(store: MemoryStore, upload: Upload, body: bytes) -> None:
    assert sorted(store.listing()) == sorted(expected(body))
    assert source_of(store) == upload.version_id
    if TABLE in store.listing():
        assert store.listing()[TABLE] == body.upper()
    assert not store.unfinished


def test_a_result_names_model_source_and_outputs(store: MemoryStore, worker: DropWorker) -> None:
    # Given
    upload = store.upload(KEY, QUESTION)

    # When
    outcome, report = worker.process(upload)

    # Then
    assert outcome is Outcome.CLASSIFIED
    assert report.counts == {"Rows": 1}
    summary = json.loads(store.listing()[SUMMARY])
    assert summary["model"] == {"name": "star", "version": "1.0.0"}
    assert summary["source"]["key"] == KEY
    assert summary["source"]["etag"] == upload.etag
    assert [output["key"] for output in summary["outputs"]] == [TABLE, REJECTED]
    assert summary["rows"] == 1


def test_the_summary_is_written_last(store: MemoryStore, worker: DropWorker) -> None:
    worker.process(store.upload(KEY, QUESTION))
    assert store.writes == [TABLE, REJECTED, SUMMARY]


def test_a_file_that_can_never_succeed_gets_a_problem_document(store: MemoryStore, worker: DropWorker) -> None:
    outcome, _ = worker.process(store.upload(KEY, BAD))
    assert outcome is Outcome.REFUSED
    problem = json.loads(store.listing()[ERROR])
    assert problem["type"] == "urn:skysort:problem:malformed-input"
    assert problem["detail"] == "no shouting, please"
    assert problem["model"]["version"] == "1.0.0"
    assert store.objects["results", ERROR].content_type == "application/problem+json"


@pytest.mark.parametrize("body", [GOOD, QUESTION, BAD])
def test_a_duplicate_changes_nothing(store: MemoryStore, worker: DropWorker, shouter: Shouter, body: bytes) -> None:
    # Given
    upload = store.upload(KEY, body)
    worker.process(upload)
    before = dict(store.objects)

    # When
    outcome, _ = worker.process(upload)

    # Then
    assert outcome is Outcome.DUPLICATE
    assert store.objects == before
    assert shouter.files == 1


def test_an_upload_told_of_twice_without_sequencers_is_one_upload(store: MemoryStore, worker: DropWorker) -> None:
    # Given a store that tells of an upload in parts twice, as moto does
    upload = replace(store.upload(KEY, GOOD, versioned=False), sequencer="")
    worker.process(upload)

    # When / Then
    assert worker.process(replace(upload, time="2026-01-01T00:00:00.004Z"))[0] is Outcome.DUPLICATE


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("first", [GOOD, QUESTION, BAD])
@pytest.mark.parametrize("second", [GOOD, QUESTION, BAD])
def test_a_newer_upload_supersedes(
    store: MemoryStore, worker: DropWorker, first: bytes, second: bytes, *, versioned: bool
) -> None:
    worker.process(store.upload(KEY, first, versioned=versioned))
    newer = store.upload(KEY, second, versioned=versioned)
    assert worker.process(newer)[0] is not Outcome.SUPERSEDED
    if versioned:
        assert_outcome(store, newer, second)
    assert sorted(store.listing()) == sorted(expected(second))


@pytest.mark.parametrize("first", [GOOD, QUESTION, BAD])
@pytest.mark.parametrize("second", [GOOD, QUESTION, BAD])
def test_an_older_event_after_a_newer_one_changes_nothing(
    store: MemoryStore, worker: DropWorker, first: bytes, second: bytes
) -> None:
    older, newer = store.upload(KEY, first), store.upload(KEY, second)
    worker.process(newer)
    assert worker.process(older)[0] is Outcome.SUPERSEDED
    assert_outcome(store, newer, second)


def test_a_file_replaced_before_its_turn_is_left_to_its_successor(store: MemoryStore, worker: DropWorker) -> None:
    # Given a bucket without versions
    older = store.upload(KEY, GOOD, versioned=False)
    newer = store.upload(KEY, QUESTION, versioned=False)

    # When / Then
    assert worker.process(older)[0] is Outcome.SUPERSEDED
    assert not store.listing()
    assert worker.process(newer)[0] is Outcome.CLASSIFIED


@pytest.mark.parametrize("versioned", [True, False])
def test_a_file_deleted_before_its_turn_gets_a_record_that_says_so(
    store: MemoryStore, worker: DropWorker, *, versioned: bool
) -> None:
    upload = store.upload(KEY, GOOD, versioned=versioned)
    store.remove(KEY)
    assert worker.process(upload)[0] is Outcome.REFUSED
    assert "deleted" in json.loads(store.listing()[ERROR])["detail"]


def test_an_empty_file_is_refused(store: MemoryStore, worker: DropWorker) -> None:
    worker.process(store.upload(KEY, b""))
    assert json.loads(store.listing()[ERROR])["type"].endswith("empty-input")


def test_a_key_of_another_layout_is_refused(store: MemoryStore, worker: DropWorker) -> None:
    worker.process(store.upload("incoming/star/a.csv", GOOD))
    assert list(store.listing()) == ["star/a.csv.error.json"]


def test_another_models_file_is_kept_for_the_dead_letter_queue(store: MemoryStore, worker: DropWorker) -> None:
    with pytest.raises(ConfigurationError, match="came to the star model"):
        worker.process(store.upload("incoming/galaxy/b/a.jpg", GOOD))
    assert not store.listing()


def test_a_large_result_goes_in_parts(store: MemoryStore, worker: DropWorker) -> None:
    body = b"a" * (20 * 1024 * 1024)
    worker.process(store.upload(KEY, body))
    assert store.listing()[TABLE] == body.upper()
    assert store.objects["results", TABLE].etag.endswith("-3")


class Fault:
    """Fails, or does something else, at the n-th operation on the store."""

    def __init__(self, at: int, action: Callable[[], None]) -> None:
        self.at = at
        self.action = action
        self.steps = 0

    def __call__(self, _operation: str, _key: str) -> None:
        self.steps += 1
        if self.steps == self.at:
            self.action()


def killed() -> None:
    raise KeyboardInterrupt


def failed() -> None:
    raise InfrastructureError("S3 is away")


@pytest.mark.parametrize("action", [killed, failed])
@pytest.mark.parametrize("first", [None, GOOD, QUESTION, BAD])
@pytest.mark.parametrize("second", [GOOD, QUESTION, BAD])
def test_a_fault_at_any_point_is_made_good_by_the_next_delivery(
    shouter: Shouter, first: bytes | None, second: bytes, action: Callable[[], None]
) -> None:
    for step in count(1):
        # Given a file, perhaps with the outcome of an earlier upload
        store = MemoryStore()
        worker = DropWorker(store, "results", shouter)
        if first is not None:
            worker.process(store.upload(KEY, first))
        upload = store.upload(KEY, second)

        # When the work stops at this step, and the message is delivered again
        fault = Fault(step, action)
        store.before = fault
        with contextlib.suppress(KeyboardInterrupt, InfrastructureError):
            worker.process(upload)
        store.before = lambda _operation, _key: None
        worker.process(upload)

        # Then
        assert_outcome(store, upload, second)
        if fault.steps < step:
            break


@pytest.mark.parametrize("older_first", [True, False])
@pytest.mark.parametrize("first", [GOOD, QUESTION, BAD])
@pytest.mark.parametrize("second", [GOOD, QUESTION, BAD])
def test_two_deliveries_at_once_leave_the_newer_outcome(
    shouter: Shouter, first: bytes, second: bytes, *, older_first: bool
) -> None:
    for step in count(1):
        # Given two uploads under one name
        store = MemoryStore()
        worker = DropWorker(store, "results", shouter)
        older, newer = store.upload(KEY, first), store.upload(KEY, second)
        slow, quick = (older, newer) if older_first else (newer, older)

        # When one is worked on from beginning to end while the other is at this step
        fault = Fault(step, partial(deliver, worker, quick))
        store.before = fault
        try:
            worker.process(slow)
        except InfrastructureError:
            worker.process(slow)

        # Then
        if fault.steps < step:
            break
        assert_outcome(store, newer, second)


def test_a_file_deleted_while_one_of_two_deliveries_has_begun_has_one_outcome(shouter: Shouter) -> None:
    for step in count(1):
        store = MemoryStore()
        worker = DropWorker(store, "results", shouter)
        upload = store.upload(KEY, GOOD)

        fault = Fault(step, partial(delete_and_deliver, store, worker, upload))
        store.before = fault
        try:
            worker.process(upload)
        except InfrastructureError:
            worker.process(upload)
        if fault.steps < step:
            break
        assert sorted(store.listing()) in ([ERROR], [TABLE, SUMMARY])


@pytest.mark.parametrize("body", [GOOD, QUESTION, BAD])
def test_the_same_message_delivered_twice_at_once(shouter: Shouter, body: bytes) -> None:
    for step in count(1):
        store = MemoryStore()
        worker = DropWorker(store, "results", shouter)
        upload = store.upload(KEY, body)
        fault = Fault(step, partial(deliver, worker, upload))
        store.before = fault
        try:
            worker.process(upload)
        except InfrastructureError:
            worker.process(upload)
        assert_outcome(store, upload, body)
        if fault.steps < step:
            break


def delete_and_deliver(store: MemoryStore, worker: DropWorker, upload: Upload) -> None:
    store.remove(KEY)
    worker.process(upload)


def deliver(worker: DropWorker, upload: Upload) -> None:
    worker.process(upload)
