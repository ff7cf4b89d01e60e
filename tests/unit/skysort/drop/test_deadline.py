"""Files that do not fit into an invocation: returned for another one, or refused where they had all of one."""

from __future__ import annotations

import io
import json
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import Table
from pyarrow import parquet as pq

from skysort.drop import files
from skysort.drop.batch import process_batch
from skysort.drop.deadline import Deadline, OutOfTimeError
from skysort.drop.worker import DropWorker
from skysort.errors import LimitExceededError
from skysort.limits import DROP_FILE_S
from skysort.star.model import StarModel
from skysort.star.tables.classifier import TableClassifier
from tests.factories import FakeContext, star_artefact
from tests.fakes.clock import FakeClock
from tests.fakes.events import FakeMessages, message, sqs_event
from tests.fakes.object_store import MemoryStore
from tests.fakes.tables import columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skysort.drop.event import Upload

INVOCATION_S = 900


pytestmark = pytest.mark.usefixtures("own_metrics")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def slow(store: MemoryStore, clock: FakeClock, name: str, seconds: float) -> None:
    """Let every read of a file take so long."""

    def before(operation: str, key: str) -> None:
        if operation == "read" and name in key:
            clock.advance(seconds)

    store.before = before


def returned(
    worker: DropWorker, clock: FakeClock, uploads: Sequence[Upload], receives: Sequence[int] = ()
) -> list[str]:
    event = sqs_event([message(upload) for upload in uploads], receives)
    context: Any = FakeContext(INVOCATION_S * 1000)
    answer: Any = process_batch(event, context, worker, FakeMessages(), handler="-", clock=clock)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_files_that_were_not_begun_in_time_come_again_and_those_that_were_done_do_not(
    store: MemoryStore, worker: DropWorker, clock: FakeClock
) -> None:
    # Given three files of 450 s each, of which an invocation of 900 s has time for one and a half
    uploads = [store.upload(f"incoming/star/b/{n}.csv", b"hello") for n in "123"]
    slow(store, clock, ".csv", 450)

    # When / Then the first is done, the others are to come again, and nothing of theirs was written
    assert returned(worker, clock, uploads) == ["message-1", "message-2"]
    assert set(store.listing()) == {"star/b/1.csv", "star/b/1.csv.json"}

    # When / Then one more is done by each delivery, without a record that says otherwise
    assert returned(worker, clock, uploads) == ["message-2"]
    assert returned(worker, clock, uploads) == []
    assert set(store.listing()) == {f"star/b/{n}.csv{suffix}" for n in "123" for suffix in ("", ".json")}


def test_a_file_that_is_too_slow_for_a_whole_invocation_is_refused(
    store: MemoryStore, worker: DropWorker, clock: FakeClock
) -> None:
    # Given a file that takes longer than one may, and a quick one behind it
    uploads = [store.upload(f"incoming/star/b/{n}.csv", b"hello") for n in ("slow", "quick")]
    slow(store, clock, "slow", DROP_FILE_S)

    # When / Then it has its error record after one delivery, and the quick one its result
    assert returned(worker, clock, uploads) == []
    assert set(store.listing()) == {"star/b/slow.csv.error.json", "star/b/quick.csv", "star/b/quick.csv.json"}
    problem = json.loads(store.listing()["star/b/slow.csv.error.json"])
    assert problem["type"] == "urn:skysort:problem:limit-exceeded"
    assert f"{DROP_FILE_S:,} s" in problem["detail"]
    assert "split" in problem["detail"]


def test_a_slow_file_whose_turn_came_late_is_tried_again_before_it_is_refused(
    store: MemoryStore, worker: DropWorker, clock: FakeClock
) -> None:
    # Given a slow file whose turn comes after 300 s
    upload = store.upload("incoming/star/b/slow.csv", b"hello")
    deadline = Deadline(INVOCATION_S, clock)
    clock.advance(300)
    slow(store, clock, "slow", INVOCATION_S - 300)

    # When / Then it comes again, without a record
    with pytest.raises(OutOfTimeError):
        worker.process(upload, deadline)
    assert not store.listing()

    # When / Then it is refused when it had an invocation for itself
    slow(store, clock, "slow", DROP_FILE_S)
    assert returned(worker, clock, [upload]) == []
    assert set(store.listing()) == {"star/b/slow.csv.error.json"}


def test_what_has_come_most_often_goes_first(store: MemoryStore, worker: DropWorker, clock: FakeClock) -> None:
    uploads = [store.upload(f"incoming/star/b/{n}.csv", b"hello") for n in "123"]
    slow(store, clock, ".csv", INVOCATION_S / 2)
    assert returned(worker, clock, uploads, receives=(1, 2, 1)) == ["message-0", "message-2"]


def test_a_tenth_of_an_invocation_is_kept_for_putting_things_away(clock: FakeClock) -> None:
    deadline = Deadline.of(FakeContext(INVOCATION_S * 1000), clock)  # type: ignore[arg-type]
    assert deadline.left() == pytest.approx(0.9 * INVOCATION_S)


def test_time_counts_from_a_files_turn_at_a_lock(clock: FakeClock) -> None:
    # Given a file that has waited for another one
    time = Deadline(10 * DROP_FILE_S, clock).begin()
    clock.advance(DROP_FILE_S)
    with pytest.raises(LimitExceededError):
        time.check()

    # When / Then its time begins anew, once
    with time.turn(Lock()):
        time.check()
        clock.advance(DROP_FILE_S)
        with pytest.raises(LimitExceededError):
            time.check()


def test_a_turn_that_does_not_come_in_time_means_another_delivery(clock: FakeClock) -> None:
    lock = Lock()
    with lock, pytest.raises(OutOfTimeError), Deadline(0, clock).begin().turn(lock):
        pytest.fail("two have the same lock")


@pytest.fixture(scope="module")
def star_model(tmp_path_factory: pytest.TempPathFactory) -> StarModel:
    folder: Path = star_artefact(tmp_path_factory.mktemp("star") / "model")
    return StarModel.load(folder)


def tables() -> dict[str, bytes]:
    made = columns(30)
    fits, parquet, votable, csv = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    Table(made).write(fits, format="fits")
    Table(made).write(votable, format="votable")
    pq.write_table(pa.table(made), parquet)
    np.savetxt(csv, np.column_stack(list(made.values())), delimiter=",", header=",".join(made), comments="")
    return {name: file.getvalue() for name, file in [("fits", fits), ("pq", parquet), ("vot", votable), ("csv", csv)]}


class TicksWhenRead(FakeClock):
    """Time passes whenever somebody looks, so that the limit is met at every place that looks in turn."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step = step
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        self.now += self.step
        return self.now


@pytest.mark.parametrize("form", tables())
@pytest.mark.parametrize(("seconds", "refused"), [(10 * DROP_FILE_S, True), (DROP_FILE_S / 2, False)])
def test_tables_of_every_format_stop_at_the_limit_wherever_they_are(
    form: str, seconds: float, *, refused: bool, star_model: StarModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "RANGE_BYTES", 1_000)
    body = tables()[form]
    # Given how often a table's work looks at the clock
    counting = TicksWhenRead(0)
    store = MemoryStore()
    worker = DropWorker(store, "results", TableClassifier(star_model))
    worker.process(store.upload("incoming/star/b/t", body), Deadline(1e9, counting))
    assert counting.looks > len(body) // 1_000

    for looks in range(4, counting.looks - 2):
        # When the time is over at one look after another
        store = MemoryStore()
        worker = DropWorker(store, "results", TableClassifier(star_model))
        deadline = Deadline(seconds, TicksWhenRead(DROP_FILE_S / (looks - 2)))
        upload = store.upload("incoming/star/b/t", body)
        # Then the file is refused, or comes again, and never blamed for what is not its fault
        if refused:
            worker.process(upload, deadline)
            (record,) = store.listing().values()
            assert json.loads(record)["type"].endswith("limit-exceeded")
        else:
            with pytest.raises(OutOfTimeError):
                worker.process(upload, deadline)
            assert not store.listing()
        assert not store.unfinished


@pytest.mark.parametrize(
    ("seconds", "error"),
    [(DROP_FILE_S / 2, OutOfTimeError), (DROP_FILE_S, LimitExceededError), (2 * DROP_FILE_S, LimitExceededError)],
)
def test_what_ended_first_decides_however_late_it_is_noticed(
    clock: FakeClock, seconds: float, error: type[Exception]
) -> None:
    # Given a file begun at the start of an invocation
    file_deadline = Deadline(seconds, clock).begin()
    # When the next check comes long after both have ended
    clock.advance(10 * DROP_FILE_S)
    # Then it says what ended first
    with pytest.raises(error):
        file_deadline.check()
