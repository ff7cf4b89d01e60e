"""Whatever happens to stores and workers, every row of a job is in its results exactly once."""

from __future__ import annotations

import io
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from skysort.bulk.counts import Counts
from skysort.bulk.part import Parts, PartSteps
from skysort.bulk.star_models import StarEngines
from skysort.bulk.tables.needs import Needs
from skysort.bulk.tables.split import split_table
from tests.fakes.bulk import KEYS, LinesEngine, LinesEngines, event, lines_slices, planned
from tests.fakes.bulk_faults import Fault, World, drawn
from tests.fakes.tables import HEADER, ROW, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from skysort.bulk.manifest import PartItem

SOURCE = "incoming/star/b/lines.txt"
WORKERS = 5
RESUMPTIONS = 5
# Operations of a part that nothing happens to: whether it is done, or cancelled, slices, source, results, counts.
A_PART = 6


class Course:
    """A job of lines, two a part, and what happens to it."""

    def __init__(self, world: World, parts: int) -> None:
        self.world = world
        body = b"".join(b"line %d\n" % number for number in range(2 * parts))
        world.sources.objects[SOURCE] = body
        # Workers' libraries differ, and so do the bytes that they write for the same rows.
        self.engines = [LinesEngine(spelled=spelled) for spelled in (str.lower, str.upper, str.title)]
        self._workers = count()
        self.items = planned(world.store, [[each] for each in lines_slices(world.sources, SOURCE, body, 2)])
        self.steps().run(event("probe"))
        self.engines[0].runs.clear()

    def steps(self) -> PartSteps:
        engine = self.engines[next(self._workers) % len(self.engines)]
        return PartSteps(Parts(self.world.store, self.world.sources, LinesEngines(engine)), handler="")

    @property
    def runs(self) -> int:
        """Slices that were classified."""
        return sum(sum(engine.runs.values()) for engine in self.engines)

    def open(self) -> list[PartItem]:
        """The parts that a resumption does: those without counts, and those whose object is of another attempt.

        Of the latter the last step of a job removes the counts.
        """
        store = self.world.store
        for item in self.items:
            if KEYS.done(item.part) in store.objects:
                data = Counts.read(store.objects[KEYS.done(item.part)]).data
                if data is None or [each.etag for each in store.list(data.key)] != [data.etag]:
                    del store.objects[KEYS.done(item.part)]
        return [item for item in self.items if KEYS.done(item.part) not in store.objects]

    def resume(self) -> None:
        """Resume the job, as often as it takes."""
        for _ in range(RESUMPTIONS):
            if not self.open():
                return
            self.run()

    def run(self, duplicates: int = 0) -> None:
        self.world.run(self.open(), self.steps, WORKERS, duplicates)


def rows_of(world: World, parts: int) -> Counter[tuple[str, int, int]]:
    """The places of all rows in the objects that counts name; counts and objects agree, and nothing else is there."""
    found: Counter[tuple[str, int, int]] = Counter()
    named = set()
    for part in range(parts):
        counts = Counts.read(world.store.objects[KEYS.done(part)])
        assert counts.data is not None
        assert [item.etag for item in world.store.list(counts.data.key)] == [counts.data.etag]
        named.add(counts.data.key)
        table = parquet.read_table(io.BytesIO(world.store.objects[counts.data.key]))
        assert len(table) == counts.rows.out == counts.rows.read
        places = zip(table["source"].to_pylist(), table["slice"].to_pylist(), table["row"].to_pylist(), strict=True)
        found.update(places)
    assert {key for key in world.store.objects if key.startswith(KEYS.data_prefix)} == named
    return found


def expected(parts: int) -> dict[tuple[str, int, int], int]:
    return {(SOURCE, part, row): 1 for part in range(parts) for row in (1, 2)}


def test_two_hundred_faults_over_a_thousand_parts_lose_no_row_and_repeat_none() -> None:
    # Given a job of 1,000 parts, and 200 faults of all kinds among what its workers do
    world = World(seed=13, faults=drawn(13, 200, 1_000 * A_PART))
    course = Course(world, 1_000)

    # When five workers do it, some messages come twice, and what was given up is resumed
    course.run(duplicates=20)
    assert sum(world.happened.values()) == 200
    assert set(world.happened) == set(Fault)
    course.resume()

    # Then
    assert rows_of(world, 1_000) == expected(1_000)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 30))
def test_any_course_of_events_ends_with_every_row_once(seed: int, faults: int, duplicates: int) -> None:
    world = World(seed, drawn(seed, faults, 30 * A_PART))
    course = Course(world, 30)

    course.run(duplicates)
    course.resume()

    assert rows_of(world, 30) == expected(30)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40 * A_PART))
def test_a_resumption_repeats_at_most_one_part_a_worker(seed: int, stops: int) -> None:
    # Given a job whose workers are all killed at once, anywhere
    world = World(seed, {}, stops=stops)
    course = Course(world, 40)
    course.run()

    # When it is resumed
    world._stops = None
    course.run()

    # Then every part that was done stays as it is
    assert rows_of(world, 40) == expected(40)
    assert course.runs - 40 <= WORKERS


@pytest.mark.parametrize("fault", list(Fault))
def test_each_fault_at_each_operation_of_a_part(fault: Fault) -> None:
    for place in range(1, A_PART + 1):
        world = World(seed=place, faults={place: fault})
        course = Course(world, 3)

        course.run()
        course.resume()

        assert world.happened == {fault: 1}
        assert rows_of(world, 3) == expected(3)


def tables(world: World, star_folder: Path) -> tuple[Sequence[PartItem], Callable[[], PartSteps], int]:
    """A job of a CSV with the real engine: its parts, steps and rows."""
    source = "incoming/star/b/stars.csv"
    world.sources.objects[source] = "\n".join([HEADER, *[ROW] * 3_000, ""]).encode()
    slices = split_table(world.sources, world.sources.stat(source), Needs(), target=10_000)
    items = planned(world.store, [[each] for each in slices])

    def steps() -> PartSteps:
        return PartSteps(Parts(world.store, world.sources, StarEngines(load(star_folder), 512)), handler="")

    steps().run(event("probe"))
    return items, steps, 3_000


def test_tables_of_stars_lose_no_row_either(star_folder: Path) -> None:
    world = World(seed=7, faults=drawn(7, 24, 120))
    items, steps, rows = tables(world, star_folder)
    assert len(items) > 10

    world.run(items, steps, WORKERS, duplicates=5)
    world.run([item for item in items if KEYS.done(item.part) not in world.store.objects], steps, WORKERS)

    found = rows_of(world, len(items))
    assert len(found) == rows
    assert set(found.values()) == {1}
