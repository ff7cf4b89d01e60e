"""How far a job is: parts from listings, rows from counts that are read once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from skysort.bulk.counts import Attempt, Counts, Rows
from skysort.bulk.keys import BulkKeys
from skysort.bulk.progress import read_progress
from skysort.errors import InfrastructureError
from skysort.limits import BULK_COUNTS_READ, BULK_PARTS
from tests.fakes.model_store import MemoryModelStore

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = BulkKeys("shared", "star-20261128-084500-1a2b3c")


def counts(part: int, *, failed: int = 0) -> bytes:
    attempt = Attempt.GIVEN_UP if failed else Attempt.PART
    rows = [Rows(out=0 if failed else 90, rejected=0 if failed else 10, failed=failed)]
    requests = {"get": 4, "put": 2}
    return Counts(part, rows, {"STAR": 90}, "star 1", attempt, ms=20, memory_mb=1_000, requests=requests).to_json()


def store_of(done: range) -> MemoryModelStore:
    store = MemoryModelStore()
    for part in done:
        store.objects[KEYS.done(part)] = counts(part)
    return store


def asked(store: MemoryModelStore) -> Counter[str]:
    """What a call asks the store for from here on."""
    operations: Counter[str] = Counter()

    def note(operation: str, _key: str) -> None:
        operations[operation] += 1

    store.before = note
    return operations


def test_before_the_first_part_nothing_is_counted() -> None:
    progress = read_progress(MemoryModelStore(), KEYS)
    assert (len(progress.done), progress.rows, progress.latest) == (0, Rows(), "")


def test_a_call_reads_so_many_counts_and_the_next_goes_on() -> None:
    # Given
    store = store_of(range(BULK_COUNTS_READ + 50))
    # When
    first, second, third = (read_progress(store, KEYS) for _ in range(3))
    # Then
    assert [len(each.done) for each in (first, second, third)] == [BULK_COUNTS_READ + 50] * 3
    assert first.rows == Rows(out=90 * BULK_COUNTS_READ, rejected=10 * BULK_COUNTS_READ)
    assert second.rows == third.rows == Rows(out=90 * (BULK_COUNTS_READ + 50), rejected=10 * (BULK_COUNTS_READ + 50))
    assert third.sums.spent.reads == 4 * (BULK_COUNTS_READ + 50)


def test_a_call_about_ten_thousand_parts_is_a_listing_and_its_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a job of which all has been counted
    store = store_of(range(BULK_PARTS))
    monkeypatch.setattr("skysort.bulk.progress.BULK_COUNTS_READ", BULK_PARTS)
    read_progress(store, KEYS)
    # When it is asked for again
    operations = asked(store)
    progress = read_progress(store, KEYS)
    # Then no counts are read
    assert operations == {"get": 1, "list": 2}
    assert progress.rows.read == 100 * BULK_PARTS
    assert len(store.objects[KEYS.progress]) < 1_000


def test_parts_that_were_given_up_count_until_they_are_done() -> None:
    # Given
    store = store_of(range(2))
    store.objects[KEYS.failed(1)] = counts(1, failed=100)
    store.objects[KEYS.failed(2)] = counts(2, failed=100)
    # When
    before = read_progress(store, KEYS)
    store.objects[KEYS.done(2)] = counts(2)
    after = read_progress(store, KEYS)
    # Then
    assert (before.failed, before.rows) == (frozenset({2}), Rows(out=180, rejected=20, failed=100))
    assert (after.failed, after.rows) == (frozenset(), Rows(out=270, rejected=30))


def test_calls_that_count_at_once_count_each_part_once() -> None:
    # Given a call that is overtaken by another
    store = store_of(range(3))
    rest: list[Callable[[], object]] = [lambda: read_progress(store, KEYS)]

    def overtake(operation: str, key: str) -> None:
        if operation == "put" and key == KEYS.progress and rest:
            rest.pop()()

    store.before = overtake
    # When
    first, second = read_progress(store, KEYS), read_progress(store, KEYS)
    # Then
    assert first.rows == second.rows == Rows(out=270, rejected=30)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"counted": 3}', b'{"counted": [], "rows": {}, "classes": {}}'])
def test_damaged_sums_are_a_fault_of_the_service(body: bytes) -> None:
    store = store_of(range(1))
    store.objects[KEYS.progress] = body
    with pytest.raises(InfrastructureError, match="is damaged"):
        read_progress(store, KEYS)
