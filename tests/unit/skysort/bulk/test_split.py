"""Rows that end the process that classifies them cost themselves, and no others."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from skysort.bulk import split
from skysort.bulk.counts import Attempt, Counts
from skysort.bulk.engine import END
from skysort.bulk.manifest import Slice
from skysort.bulk.part import BulkRefused
from skysort.bulk.split import Search
from skysort.drop.deadline import Deadline
from skysort.errors import InfrastructureError
from tests.fakes import poisoned_bulk
from tests.fakes.bulk import KEYS, LinesEngine, event, lines_slices, planned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skysort.bulk.part import PartSteps

SOURCE = "incoming/star/b/lines.txt"


class Job:
    """A job of one part, whose slices have three lines each, in a folder that its children share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = LinesEngine()  # of this process, which no line ends

    def of(self, *lines: str) -> PartSteps:
        body = "".join(f"{line}\n" for line in lines).encode()
        path = self.folder / "drop" / SOURCE
        path.parent.mkdir(parents=True)
        path.write_bytes(body)
        self.steps = poisoned_bulk.steps_of(self.folder, self.engine)
        parts = self.steps.parts
        (self.item,) = planned(parts.store, [lines_slices(parts.sources, SOURCE, body, 3)])  # type: ignore[arg-type]
        self.steps.run(event("probe"))
        return self.steps

    def split(self, seconds: float = 60.0) -> Counts:
        self.steps.run(event("split", self.item), Deadline(seconds))
        return Counts.read((self.folder / "results" / KEYS.done(0)).read_bytes())

    def ids(self) -> list[str]:
        ids: list[str] = parquet.read_table(
            io.BytesIO((self.folder / "results" / KEYS.data(0, "parquet")).read_bytes())
        )["id"].to_pylist()
        return ids


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv(poisoned_bulk.FOLDER, str(tmp_path))
    return Job(tmp_path)


def test_two_rows_that_end_their_process_are_failed_and_the_others_classified(job: Job) -> None:
    # Given a part in which a row crashes its process, and another takes all memory
    job.of("breaks", "b", "allocates")

    # When it is split
    counts = job.split()

    # Then
    assert counts.attempt is Attempt.SPLIT
    assert counts.rows.document() == {"in": 3, "out": 1, "rejected": 0, "failed": 2}
    assert [(each.slice, each.row) for each in counts.failures] == [(0, 1), (0, 3)]
    assert "it ends the process that classifies it (SIGSEGV)" in counts.failures[0].reason
    assert job.ids() == ["b"]


def test_a_row_that_computes_for_ever_is_found_by_its_time(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "_LEAST_S", 1.5)
    job.of("hangs")

    counts = job.split()

    assert counts.rows.document() == {"in": 1, "out": 0, "rejected": 0, "failed": 1}
    assert "not done after 2 s" in counts.failures[0].reason


def test_a_mistake_in_the_code_is_found_like_any_other_end(job: Job) -> None:
    job.of("mistake")

    counts = job.split()

    assert counts.rows.failed == 1
    assert "a mistake in the code" in counts.failures[0].reason


def test_a_slice_that_cannot_even_be_read_is_failed_as_a_whole(job: Job) -> None:
    job.of("a", "b", "c", "unreadable", "e")

    counts = job.split()

    assert counts.rows.document() == {"in": 5, "out": 3, "rejected": 0, "failed": 2}
    assert [(each.slice, each.row, each.rows) for each in counts.failures] == [(1, None, 2)]
    assert job.ids() == ["a", "b", "c"]


def test_a_part_that_ends_no_process_is_done_as_it_is(job: Job) -> None:
    job.of("a", "b", "rejected")

    counts = job.split()

    assert counts.rows.document() == {"in": 3, "out": 2, "rejected": 1, "failed": 0}


def test_rows_that_there_is_no_time_to_search_are_failed_together(job: Job) -> None:
    job.of("a", "b", "c", "exits")

    counts = job.split(seconds=16.0)

    assert counts.rows.out + counts.rows.failed == 4
    assert counts.rows.failed > 1
    assert "no time to find out which of them" in counts.failures[0].reason


def test_a_store_that_fails_in_a_child_is_no_fault_of_the_rows(job: Job) -> None:
    job.of("a", "away")

    with pytest.raises(InfrastructureError, match="S3 is away"):
        job.split()


def test_a_source_that_changed_fails_the_job_in_a_child_too(job: Job) -> None:
    job.of("a", "b")
    (job.folder / "drop" / SOURCE).write_text("others\n")

    with pytest.raises(BulkRefused, match="changed while it was read"):
        job.split()


def test_a_part_that_was_done_meanwhile_starts_no_child(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.of("a", "exits")
    job.steps.run(event("part", job.item))
    monkeypatch.setattr(split, "run_child", lambda *_: pytest.fail("a child was started"))

    assert job.split().attempt is Attempt.PART


def slices(count: int) -> list[Slice]:
    return [Slice("a", "e", 1, "lines", 0, 1, 1, slice=number) for number in range(count)]


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=6).flatmap(
        lambda rows: st.tuples(
            st.just(rows),
            st.sets(
                st.sampled_from([(place, row) for place, of in enumerate(rows) for row in range(1, of + 1)] or [(9, 9)])
            ),
        )
    )
)
def test_exactly_the_guilty_rows_are_found(case: tuple[list[int], set[tuple[int, int]]]) -> None:
    rows, guilty = case

    def ends(places: Sequence[int], only: tuple[int, int] | None) -> bool:
        first, last = only or (1, END)
        return any(place in places and first <= row < last for place, row in guilty)

    found = Search(slices(len(rows)), ends, lambda place: rows[place], lambda: True).skip()

    left_out = [(place, row) for place, of in found.items() for first, last in of for row in range(first, last)]
    assert sorted(left_out) == sorted(each for each in guilty if each[0] < len(rows))


@given(st.integers(1, 500), st.integers(0, 40), st.integers(0, 499))
def test_whatever_the_time_the_guilty_row_is_left_out(rows: int, tries: int, row: int) -> None:
    guilty = row % rows + 1
    left = iter(range(tries))

    found = Search(
        slices(1),
        lambda _places, only: only is None or only[0] <= guilty < only[1],
        lambda _place: rows,
        lambda: next(left, None) is not None,
    ).skip()

    ranges = found[0]
    assert any(first <= guilty < last for first, last in ranges)
    assert len(ranges) == 1


def test_rows_that_end_a_process_only_together_are_left_out_together() -> None:
    found = Search(slices(1), lambda _places, only: only in {None, (1, 5)}, lambda _place: 4, lambda: True).skip()

    assert found == {0: [(1, 5)]}
