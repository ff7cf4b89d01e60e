"""The plan of a job: its source objects split into slices, and these grouped into parts; refused files have a reason.

Everything is a stream: neither the objects of a source nor their slices are ever in memory together. Nobody knows how
many there will be, so parts grow: once half of the allowed number is used they become twice as large, once half of the
rest is used twice as large again.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from skysort.bulk.listed import Refused, objects
from skysort.bulk.manifest import SliceWriter
from skysort.bulk.store import SourceChangedError
from skysort.errors import EmptyInputError, InputError, LimitExceededError, NotFoundError
from skysort.limits import (
    BULK_PART_BYTES,
    BULK_PART_BYTES_MIN,
    BULK_PART_PICTURE_BYTES,
    BULK_PART_PICTURES,
    BULK_PARTS,
    BULK_PICTURES,
    BULK_REFUSALS_LISTED,
    BULK_ROWS,
    BULK_TABLES,
    MIB,
)
from skysort.models import ROWS, input_of
from skysort.registry.names import spelled
from skysort.registry.pointer import Pointers
from skysort.registry.versions import VersionFiles
from skysort.star.schema import SDSS, Schema

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from skysort.bulk.access import AccessCheck
    from skysort.bulk.keys import BulkKeys
    from skysort.bulk.manifest import Slice
    from skysort.bulk.request import Job
    from skysort.bulk.store import SourceObject, SourceStore
    from skysort.registry.store import ModelStore

# Objects that are split at once, and requests for one of them; pictures of their own need none.
_SPLITTERS: Final = 16
_REQUESTS: Final = 16
_PICTURES_AT_ONCE: Final = 500
# A source of fewer objects is measured before it is split, so that small jobs have parts for all workers too.
_MEASURED: Final = 2_000
_PARTS_A_WORKER: Final = 2
_WORKERS: Final = 32
# What opening a slice costs, as bytes that are read in the same time.
_SLICE_BYTES: Final = MIB
# A part may be fuller by so much, so that it takes a few slices of a fraction of it.
_FULL: Final = 1.1
_PICTURES_MIN: Final = 20
_REFUSED_SHOWN: Final = 3


class Planned(NamedTuple):
    """What was planned. refusals: the first of the refused files, each with the reason."""

    files: int
    bytes: int
    parts: int
    rows: int
    rows_exact: bool
    refused: int
    refusals: tuple[tuple[str, str], ...]


class Planner:
    """Plans jobs. models: the models bucket, for trained models of stars."""

    def __init__(self, models: ModelStore | None = None) -> None:
        self._models = models

    def __call__(
        self, job: Job, sources: SourceStore, store: ModelStore, keys: BulkKeys, access: AccessCheck, /
    ) -> Planned:
        """Write the slices and the manifest of a job.

        Parameters
        ----------
        job
            What is to be classified.
        sources
            Where that is.
        store, keys
            Where the manifest goes.
        access
            What the job may read.

        Returns
        -------
        Planned
            What the manifest has, and what was refused.

        Raises
        ------
        EmptyInputError
            If no file can be classified.
        LimitExceededError
            If there are too many.
        InputError
            As skysort.bulk.listed.objects does; NotFoundError too.
        SourceChangedError
            If a file is changed meanwhile.
        """
        schema = self._schema(job)
        found = objects(job, sources, access)
        first = list(islice(found, _MEASURED))
        total = sum(each.size for each in first if not isinstance(each, Refused)) if len(first) < _MEASURED else None
        workers = job.concurrency or _WORKERS
        writer = SliceWriter(store, f"{keys.prefix}slices/")
        if schema is not None:
            target = _share(total, workers, BULK_PART_BYTES_MIN, BULK_PART_BYTES)
            parts = _Parts(writer, lambda each: (each.bytes + _SLICE_BYTES) / target, BULK_ROWS, "rows")
            split = _tables(job, schema, sources, target)
        else:
            pictures = _share(None if total is None else len(first), workers, _PICTURES_MIN, BULK_PART_PICTURES)

            def weigh(each: Slice) -> float:
                return max(each.bytes / BULK_PART_PICTURE_BYTES, (each.rows or 1) / pictures)

            parts = _Parts(writer, weigh, BULK_PICTURES, "pictures")
            split = _pictures(sources)
        with closing(split(chain(first, found))) as splits:
            for each in splits:
                parts.add(each)
        return parts.close(keys.manifest)

    def _schema(self, job: Job) -> Schema | None:
        """What the model of a job reads in tables, None for pictures; raises NotFoundError without such a model."""
        if input_of(job.model) is not ROWS:
            return None
        name = spelled(job.model)
        if name is None:
            return SDSS
        live = Pointers(self._models).read(job.owner, name.name).live if self._models is not None else None
        if self._models is None or live is None:
            raise NotFoundError(f"no version of the model {name} is live")
        return Schema.from_card(VersionFiles(self._models).card(job.owner, name.name, live), trained=True)


# Where nobody has trained a model.
plan: Final = Planner()


class _Split(NamedTuple):
    """An object with its slices, or why it has none."""

    source: str
    size: int
    slices: Sequence[Slice]
    reason: str = ""


_Splitter: TypeAlias = "Callable[[Iterable[SourceObject | Refused]], Generator[_Split]]"


def _tables(job: Job, schema: Schema, sources: SourceStore, target: int) -> _Splitter:
    from skysort.bulk.tables.needs import Needs  # noqa: PLC0415 - not needed for jobs of pictures
    from skysort.bulk.tables.split import split_table  # noqa: PLC0415

    needs = Needs(schema, tuple(job.columns))

    def split(found: Iterable[SourceObject | Refused]) -> Generator[_Split]:
        with ThreadPoolExecutor(_REQUESTS, "request") as requests:

            def table(obj: SourceObject) -> Sequence[Slice]:
                return split_table(sources, obj, needs, target, requests.map)

            yield from _at_once(table, _few(found), 1)

    return split


def _few(found: Iterable[SourceObject | Refused]) -> Iterator[SourceObject | Refused]:
    """The same; raises LimitExceededError if they are more than the tables of a job."""
    for number, each in enumerate(found):
        if number == BULK_TABLES:
            raise LimitExceededError(
                f"a job may have up to {BULK_TABLES:,} tables; this one has more: join small ones, or name fewer"
            )
        yield each


def _pictures(sources: SourceStore) -> _Splitter:
    from skysort.bulk.pictures.split import split_pictures  # noqa: PLC0415 - not needed for jobs of tables

    return lambda found: _at_once(lambda obj: list(split_pictures(sources, obj)), found, _PICTURES_AT_ONCE)


def _at_once(
    split: Callable[[SourceObject], Sequence[Slice]], found: Iterable[SourceObject | Refused], several: int
) -> Generator[_Split]:
    """Split objects in threads, so many by one task; gives them in order."""

    def work(some: Sequence[SourceObject | Refused]) -> list[_Split]:
        return [_split(split, each) for each in some]

    stream = iter(found)
    waiting: deque[Future[list[_Split]]] = deque()
    with ThreadPoolExecutor(_SPLITTERS, "split") as pool:
        try:
            while some := list(islice(stream, several)):
                waiting.append(pool.submit(work, some))
                if len(waiting) > 2 * _SPLITTERS:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _split(split: Callable[[SourceObject], Sequence[Slice]], each: SourceObject | Refused) -> _Split:
    if isinstance(each, Refused):
        return _Split(each.source, 0, (), each.reason)
    try:
        return _Split(each.source, each.size, split(each))
    except SourceChangedError:
        raise
    except InputError as error:
        return _Split(each.source, each.size, (), error.detail)


def _share(total: int | None, workers: int, least: int, most: int) -> int:
    """The size of a part: all of it, or less if that leaves workers without one."""
    return most if total is None else min(most, max(least, total // (_PARTS_A_WORKER * workers)))


@dataclass(slots=True)
class _Parts:
    """Groups slices into parts, and counts.

    weigh: the share of a part that a slice is, at first. most, unit: rows or pictures that a job may have.
    """

    writer: SliceWriter
    weigh: Callable[[Slice], float]
    most: int
    unit: str
    _slices: list[Slice] = field(default_factory=list)
    _weight: float = 0.0
    _parts: int = 0
    _files: int = 0
    _bytes: int = 0
    _rows: int = 0
    _exact: bool = True
    _refused: int = 0
    _refusals: list[tuple[str, str]] = field(default_factory=list)

    def add(self, split: _Split) -> None:
        """Take an object; raises LimitExceededError if there are too many rows or pictures."""
        if split.reason:
            self._refused += 1
            if len(self._refusals) < BULK_REFUSALS_LISTED:
                self._refusals.append((split.source, split.reason))
        if split.slices:
            self._files += 1
            self._bytes += split.size
        for each in split.slices:
            self._exact = self._exact and each.rows is not None
            self._rows += each.rows or 0
            if self._rows > self.most:
                raise LimitExceededError(f"a job may have up to {self.most:,} {self.unit}; this one has more")
            weight = self.weigh(each)
            if self._weight + weight > _FULL * _growth(self._parts):
                self._flush()
            self._slices.append(each)
            self._weight += weight

    def _flush(self) -> None:
        if self._slices:
            self.writer.add(self._slices)
            self._parts += 1
        self._slices, self._weight = [], 0.0

    def close(self, manifest_key: str) -> Planned:
        """Write the rest and the manifest; raises EmptyInputError if there is no part."""
        self._flush()
        if not self._parts:
            shown = "; ".join(f"{source}: {reason}" for source, reason in self._refusals[:_REFUSED_SHOWN])
            more = self._refused - _REFUSED_SHOWN
            raise EmptyInputError(
                f"none of the files can be classified: {shown or 'they have nothing to classify'}"
                + (f"; and {more:,} more" if more > 0 else "")
            )
        items = self.writer.close(manifest_key)
        counts = (self._rows, self._exact, self._refused)
        return Planned(self._files, self._bytes, len(items), *counts, tuple(self._refusals))


def _growth(parts: int) -> int:
    """How much larger than the first the next part is: twice for each half of what was left that is used."""
    left: int = BULK_PARTS // max(1, BULK_PARTS - parts)
    return 1 << (left.bit_length() - 1)
