"""How far a job is: its finished parts, and their counts added up a few hundred at a time.

A call lists the parts' documents, reads those that no call has read before, and keeps the sums, so that a job of ten
thousand parts costs a call no more than one of a hundred.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from skysort.bulk.cost import Spent
from skysort.bulk.counts import Attempt, Counts, Rows
from skysort.bulk.keys import part_of
from skysort.errors import InfrastructureError, NotFoundError
from skysort.limits import BULK_COUNTS_READ
from skysort.parallel import in_order
from skysort.registry.store import JSON, ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from skysort.bulk.keys import BulkKeys
    from skysort.registry.store import ModelStore

# Concurrent requests to the store.
_PARALLEL: Final = 16
# States that a part passes beyond its first, by how it came to its counts.
_FURTHER_STATES: Final = {Attempt.PART: 0, Attempt.SPLIT: 1, Attempt.GIVEN_UP: 2}


@dataclass(slots=True)
class Sums:
    """The counts of some parts together."""

    rows: Rows = field(default_factory=Rows)
    classes: Counter[str] = field(default_factory=Counter)
    spent: Spent = field(default_factory=Spent)

    def add(self, counts: Counts) -> None:
        """Add a part."""
        part = counts.rows
        self.rows.out += part.out
        self.rows.rejected += part.rejected
        self.rows.failed += part.failed
        self.classes.update(counts.classes)
        self.spent.add(counts.ms, counts.memory_mb, counts.requests, retried=_FURTHER_STATES[counts.attempt])


@dataclass(slots=True)
class Progress:
    """How far a job is.

    done, failed: the numbers of parts with results, and of those given up that have none. counted: those of them whose
    counts are in the sums. latest: when the last part ended, as listings say it; empty before the first.
    """

    done: frozenset[int] = frozenset()
    failed: frozenset[int] = frozenset()
    counted: set[int] = field(default_factory=set)
    sums: Sums = field(default_factory=Sums)
    given_up: Sums = field(default_factory=Sums)
    latest: str = ""
    ended: dict[int, str] = field(default_factory=dict)

    @property
    def rows(self) -> Rows:
        """Of all counted parts."""
        done, failed = self.sums.rows, self.given_up.rows
        return Rows(done.out + failed.out, done.rejected + failed.rejected, done.failed + failed.failed)


def read_progress(store: ModelStore, keys: BulkKeys) -> Progress:
    """How far a job is, as far as BULK_COUNTS_READ further documents tell."""
    progress, etag = _remembered(store, keys)
    progress.ended = ended = _listed(store, keys.done_prefix)
    given_up = _listed(store, keys.failed_prefix)
    progress.done = frozenset(ended)
    progress.failed = frozenset(given_up) - progress.done
    progress.latest = max([*ended.values(), *given_up.values()], default="")
    fresh = sorted(progress.done - progress.counted)[:BULK_COUNTS_READ]
    for counts in read_counts(store, map(keys.done, fresh)):
        progress.sums.add(counts)
        progress.counted.add(counts.part)
    # Few parts fail, and each of them may still succeed: they are added up anew.
    for counts in read_counts(store, map(keys.failed, sorted(progress.failed)[: BULK_COUNTS_READ - len(fresh)])):
        progress.given_up.add(counts)
    if fresh:
        with suppress(ConflictError):  # another call has counted as well
            store.put(keys.progress, _document(progress), content_type=JSON, replaces=etag)
    return progress


def read_counts(store: ModelStore, keys: Iterable[str]) -> Iterable[Counts]:
    """The counts with these keys, many requests at a time, in order; those that are gone are left out."""

    def read(key: str) -> Counts | None:
        try:
            return Counts.read(store.get(key).body)
        except NotFoundError:
            return None

    found = in_order(read, keys, workers=_PARALLEL, weigh=lambda _key: 0, max_bytes=0)
    return (counts for counts in found if counts is not None)


def _listed(store: ModelStore, prefix: str) -> dict[int, str]:
    """The parts with a document below a prefix, and when it was written."""
    found = ((part_of(item.key), item.modified) for item in store.list(prefix))
    return {part: modified for part, modified in found if part is not None}


def _remembered(store: ModelStore, keys: BulkKeys) -> tuple[Progress, str | None]:
    try:
        stored = store.get(keys.progress)
    except NotFoundError:
        return Progress(), None
    try:
        document = json.loads(stored.body)
        sums = Sums(Rows.of(document["rows"]), Counter(document["classes"]), Spent.of(document["spent"]))
        return Progress(counted=_numbers(document["counted"]), sums=sums), stored.etag
    except (ValueError, KeyError, TypeError) as error:
        raise InfrastructureError(f"{keys.progress} is damaged: {error!r}") from error


def _document(progress: Progress) -> bytes:
    sums = progress.sums
    document: dict[str, Any] = {
        "counted": _ranges(sorted(progress.counted)),
        "rows": sums.rows.document(),
        "classes": sums.classes,
        "spent": sums.spent.document(),
    }
    return json.dumps(document).encode()


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as ranges with both their ends: a job's parts end almost in their order."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def _numbers(ranges: Iterable[Sequence[int]]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}
