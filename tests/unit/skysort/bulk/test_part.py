"""Parts of bulk jobs: done once, committed by their counts, whatever came before."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from pyarrow import csv, parquet

from skysort.bulk import commit
from skysort.bulk.counts import Attempt, Counts, StoredData
from skysort.bulk.part import BulkCancelled, BulkRefused, Parts, PartSteps
from skysort.drop.deadline import ENDLESS, Deadline, OutOfTimeError
from skysort.errors import InfrastructureError
from skysort.registry.store import ConflictError
from tests.fakes.bulk import (
    KEYS,
    LinesEngine,
    LinesEngines,
    MemoryJobStore,
    MemorySources,
    event,
    lines_slices,
    planned,
)

if TYPE_CHECKING:
    from collections.abc import Callable


SOURCE = "incoming/star/b/lines.txt"
BODY = b"".join(b"line %d\n" % number for number in range(40)) + b"rejected\n" * 2


class Killed(BaseException):
    """The process ends here."""


def killed() -> None:
    raise Killed


class Job:
    """A job of parts with ten lines each."""

    def __init__(self, body: bytes = BODY, engine: LinesEngine | None = None, **request: object) -> None:
        self.store, self.sources = MemoryJobStore(), MemorySources()
        self.sources.objects[SOURCE] = body
        self.engine = engine or LinesEngine()
        self.items = planned(self.store, [[each] for each in lines_slices(self.sources, SOURCE, body, 10)], **request)
        self.steps = PartSteps(Parts(self.store, self.sources, LinesEngines(self.engine)), handler="")

    def probed(self) -> Job:
        self.steps.run(event("probe"))
        self.engine.runs.clear()
        return self

    def part(self, number: int = 0) -> dict[str, object]:
        return self.steps.run(event("part", self.items[number]))

    def counts(self, number: int = 0) -> Counts:
        return Counts.read(self.store.objects[KEYS.done(number)])

    def rows(self, number: int = 0) -> list[int]:
        rows: list[int] = parquet.read_table(io.BytesIO(self.store.objects[KEYS.data(number, "parquet")]))[
            "row"
        ].to_pylist()
        return rows


@pytest.fixture
def job() -> Job:
    return Job().probed()


def test_the_first_step_measures_a_sample_and_fixes_model_and_columns() -> None:
    job = Job()

    assert job.steps.run(event("probe")) == {}

    probe = json.loads(job.store.objects[KEYS.probe])
    assert probe["model"] == {"name": "star", "version": "1.0.0"}
    assert probe["labels"] == ["GALAXY", "STAR"]
    assert probe["schema"][:3] == [["source", "string"], ["slice", "int"], ["row", "bigint"]]
    assert probe["rows"] == 42
    assert probe["bytes_in_per_row"] is None
    assert probe["memory_mb"] == 512


def test_a_probe_is_made_once() -> None:
    job = Job().probed()
    before = job.store.objects[KEYS.probe]

    job.steps.run(event("probe"))

    assert job.store.objects[KEYS.probe] == before
    assert not job.engine.runs


def test_a_row_that_ends_the_probe_is_left_out_by_the_next_attempt() -> None:
    # Given a row at the beginning that ends the process
    job = Job(engine=LinesEngine({b"line 0": killed}))
    with pytest.raises(Killed):
        job.steps.run(event("probe"))

    # When the step is repeated
    job.steps.run(event("probe"))

    # Then it has measured other rows
    assert 0 < json.loads(job.store.objects[KEYS.probe])["rows"] < 42


@pytest.mark.parametrize("attempts", [1, 3, 9])
def test_later_attempts_leave_more_out_and_end_anyhow(attempts: int) -> None:
    job = Job()
    for number in range(attempts):
        job.store.put(f"{KEYS.prefix}probing/{number}.json", b"{}")

    job.steps.run(event("probe"))

    assert 0 <= json.loads(job.store.objects[KEYS.probe])["rows"] <= 42 * (4 - min(3, attempts)) // 4 + 5


def test_a_job_without_a_usable_source_is_refused() -> None:
    job = Job(b"")

    with pytest.raises(BulkRefused, match="no rows and no pictures"):
        job.steps.run(event("probe"))

    status = json.loads(job.store.objects[KEYS.status])
    assert status["phase"] == "failed"
    assert "no rows" in status["problem"]["detail"]


def test_a_part_writes_its_rows_its_rejects_and_its_counts_last(job: Job) -> None:
    job.store.writes.clear()

    assert job.part(4) == {}

    assert job.store.writes == [KEYS.rejected(4), KEYS.done(4)]
    counts = job.counts(4)
    assert counts.rows.document() == {"in": 2, "out": 0, "rejected": 2, "failed": 0}
    assert counts.data is None
    assert job.store.objects[KEYS.rejected(4)].decode().splitlines()[1:] == [
        f"{SOURCE},4,1,,no_line,it says so",
        f"{SOURCE},4,2,,no_line,it says so",
    ]


def test_the_counts_name_the_object_its_model_and_the_requests(job: Job) -> None:
    job.part(1)

    counts = job.counts(1)
    assert counts.data is not None
    assert counts.data.key == KEYS.data(1, "parquet")
    assert counts.data.bytes == len(job.store.objects[KEYS.data(1, "parquet")])
    assert counts.data.etag == next(item.etag for item in job.store.list(counts.data.key))
    assert (counts.model, counts.attempt, counts.memory_mb) == ("star 1.0.0", Attempt.PART, 512)
    assert counts.requests == {"get": 4, "put": 2}
    assert sum(counts.classes.values()) == 10
    assert job.rows(1) == list(range(1, 11))


def test_a_job_can_have_csv(job: Job) -> None:
    job = Job(output="csv").probed()

    job.part()

    table = csv.read_csv(io.BytesIO(job.store.objects[KEYS.data(0, "csv")]))
    assert table["id"].to_pylist() == [f"line {number}" for number in range(10)]


def test_a_part_that_is_done_is_left_alone(job: Job) -> None:
    job.part()
    job.store.writes.clear()

    job.part()

    assert not job.store.writes
    assert job.engine.runs == {f"{SOURCE} 0": 1}


def test_a_killed_attempt_left_its_object_and_the_next_one_replaces_it(job: Job) -> None:
    job.store.put(KEYS.data(0, "parquet"), b"half of it")

    job.part()

    assert job.rows() == list(range(1, 11))
    assert job.counts().data is not None


def test_the_same_object_may_be_there_already(job: Job) -> None:
    job.part()
    del job.store.objects[KEYS.done(0)]
    before = job.store.objects[KEYS.data(0, "parquet")]

    job.part()

    assert job.store.objects[KEYS.data(0, "parquet")] == before
    assert job.counts().rows.out == 10


def at_first(store: MemoryJobStore, operation: str, key: str, act: Callable[[], object]) -> None:
    """Do something before the first operation on a key."""
    before = store.before

    def look(name: str, of: str) -> None:
        before(name, of)
        if (name, of) == (operation, key):
            store.before = before
            act()

    store.before = look


def test_another_attempt_that_was_first_wins(job: Job) -> None:
    other = PartSteps(Parts(job.store, job.sources, LinesEngines()), handler="")
    at_first(job.store, "put", KEYS.data(0, "parquet"), lambda: other.run(event("part", job.items[0])))

    job.part()

    assert job.store.writes.count(KEYS.done(0)) == 1
    assert job.store.writes.count(KEYS.data(0, "parquet")) == 1


def test_counts_are_always_of_the_object_that_is_there(job: Job) -> None:
    # Given an attempt with other bytes that commits between this one's object and its counts
    def others() -> None:
        data, done = KEYS.data(0, "parquet"), KEYS.done(0)
        mine = job.store.objects[data]
        etag = next(item.etag for item in job.store.list(data))
        job.store.put(data, b"other bytes", replaces=etag)
        job.store.put(done, job_counts_of(job, data))
        # and this one's object, which came late, is there again
        job.store.put(data, mine, replaces=next(item.etag for item in job.store.list(data)))

    at_first(job.store, "put", KEYS.done(0), others)

    job.part()

    data = job.counts().data
    assert data is not None
    assert data.etag == next(item.etag for item in job.store.list(data.key))


def job_counts_of(job: Job, key: str) -> bytes:
    counts = Counts(0, [], {}, "star 1.0.0")
    counts.data = StoredData(key, next(item.etag for item in job.store.list(key)), 11)
    return counts.to_json()


def test_an_object_that_others_keep_changing_is_tried_later(job: Job) -> None:
    def changes(operation: str, key: str) -> None:
        if operation == "put" and "/data/" in key:
            raise ConflictError("changed")

    job.store.before = changes

    with pytest.raises(InfrastructureError, match="by others"):
        job.part()
    assert KEYS.done(0) not in job.store.objects


def test_a_cancelled_run_does_no_more_parts(job: Job) -> None:
    job.store.put(KEYS.cancel(1), b"{}")

    with pytest.raises(BulkCancelled, match="was cancelled"):
        job.part()

    assert not job.engine.runs


def test_a_part_at_work_notices_that_it_was_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    acts: dict[bytes, Callable[[], object]] = {}
    job = Job(engine=LinesEngine(acts)).probed()
    acts[b"line 3"] = lambda: job.store.put(KEYS.cancel(1), b"{}")
    monkeypatch.setattr(commit, "CANCEL_S", 0.0)

    with pytest.raises(BulkCancelled):
        job.part()

    assert KEYS.done(0) not in job.store.objects


def test_a_source_that_changed_fails_the_job(job: Job) -> None:
    job.sources.objects[SOURCE] = BODY + b"another line\n"

    with pytest.raises(BulkRefused, match="changed while it was read; start a new job"):
        job.part()

    assert json.loads(job.store.objects[KEYS.status])["phase"] == "failed"
    assert KEYS.data(0, "parquet") not in job.store.objects


def test_a_function_with_another_version_of_the_model_refuses_the_job(job: Job) -> None:
    newer = PartSteps(Parts(job.store, job.sources, LinesEngines(LinesEngine(version="1.0.1"))), handler="")

    with pytest.raises(BulkRefused, match="was replaced by"):
        newer.run(event("part", job.items[0]))


def test_a_part_stops_in_time(job: Job) -> None:
    with pytest.raises(OutOfTimeError):
        job.steps.run(event("part", job.items[0]), Deadline(0))

    assert not [key for key in job.store.objects if "/data/" in key]


def test_a_store_that_fails_leaves_the_part_to_the_next_attempt(job: Job) -> None:
    def fails(operation: str, key: str) -> None:
        if operation == "put" and key == KEYS.done(0):
            raise InfrastructureError("S3 is away")

    job.store.before = fails
    with pytest.raises(InfrastructureError, match="away"):
        job.part()
    job.store.before = lambda _operation, _key: None

    job.part()

    assert job.counts().rows.out == 10


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"model": {}}', b"\xff"])
def test_a_damaged_probe_is_a_fault_of_the_store(job: Job, body: bytes) -> None:
    job.store.objects[KEYS.probe] = body
    steps = PartSteps(Parts(job.store, job.sources, LinesEngines()), handler="")

    with pytest.raises(InfrastructureError, match="damaged"):
        steps.run(event("part", job.items[0]))


def test_a_new_version_of_the_function_says_that_it_is_ready(job: Job) -> None:
    assert job.steps.run({"step": "ready"}, ENDLESS) == {"ready": True}


def test_another_step_is_refused(job: Job) -> None:
    with pytest.raises(BulkRefused, match="no step 'other'"):
        job.steps.run(event("other", job.items[0]))
