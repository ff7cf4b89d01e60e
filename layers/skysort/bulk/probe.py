"""The probe of a job: some seconds of work on samples spread over its source, for the plan's seconds and dollars.

A row that ends the process ends the probe too. So every attempt leaves a mark, and the next one leaves out what the one
before began with.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from skysort.bulk.engine import Skip, Work
from skysort.bulk.manifest import from_json, read_slices
from skysort.bulk.request import Job
from skysort.bulk.row_bytes import bytes_a_row
from skysort.errors import EmptyInputError, InputError, NotFoundError
from skysort.limits import BULK_PROBE_S, MIB
from skysort.registry.store import JSON, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from skysort.bulk.columns import Column
    from skysort.bulk.commit import Parts
    from skysort.bulk.engine import Engine
    from skysort.bulk.keys import BulkKeys
    from skysort.bulk.manifest import Slice

_SAMPLES: Final = 8
# Requests of a part beside its rows: whether it is done, or cancelled, its slices, results, and counts.
_REQUESTS: Final = 5
# Of a table of text, whose rows nobody has counted: enough for the fixed costs of a slice to be small.
_TEXT_BYTES: Final = 4 * MIB
_TEXT: Final = "csv"
_BYTES: Final = "application/octet-stream"
# Attempts of which each begins elsewhere, and rows between their beginnings where nobody has counted a slice's.
_ATTEMPTS: Final = 4
_ROWS: Final = 5_000


class _Enough(Exception):  # noqa: N818 - no error
    """A sample has had its time."""


def probe(parts: Parts, keys: BulkKeys, *, writes: bool = True) -> None:
    """Measure the job's model on a sample and write probe.json, unless it is there.

    Parameters
    ----------
    parts, keys
        The job.
    writes
        Whether probe.json is written; without it the same work is done for nothing.

    Raises
    ------
    InputError
        If no source can be classified, or there is no such model.
    NotFoundError
        Likewise.
    """
    try:
        parts.store.get(keys.probe)
    except NotFoundError:
        pass
    else:
        return
    attempt = _attempt(parts, keys) if writes else 0
    started = time.perf_counter()
    job = Job.read(parts.store.get(keys.request).body)
    request_s = time.perf_counter() - started
    engine = parts.engines.get(job, None)
    samples, columns = _usable(parts, job, engine, list(_samples(parts, keys)))
    budget_s = BULK_PROBE_S / (len(samples) + 1)
    # What a part pays once, such as a model's first rows.
    work = Work(job, (), parts.sources, columns)
    tries = [_behind(sample, attempt) for sample in samples]
    _measure(work, engine, tries[:1], budget_s)
    start_s = time.perf_counter() - started
    meter = _measure(work, engine, tries, budget_s)
    if not writes:
        return
    document = {
        "model": {"name": engine.name, "version": engine.version},
        "labels": list(engine.labels),
        "schema": [[column.name, column.type] for column in columns],
        "rows": meter.rows,
        "seconds": round(meter.seconds, 3),
        "start_s": round(start_s, 3),
        "part_s": round(_REQUESTS * request_s, 4),
        "bytes_in_per_row": bytes_a_row(parts.sources, [sample[0] for sample in samples]),
        "bytes_out_per_row": round(meter.bytes_out / max(1, meter.rows), 2),
        "memory_mb": parts.engines.memory_mb,
        "threads": engine.threads,
    }
    if (judge := engine.judge()) is not None:
        with suppress(ConflictError):
            parts.store.put(keys.judge, judge, content_type=_BYTES)
    with suppress(ConflictError):
        parts.store.put(keys.probe, json.dumps(document, allow_nan=False).encode(), content_type=JSON)


def _attempt(parts: Parts, keys: BulkKeys) -> int:
    """The number of this attempt, from 0."""
    prefix = f"{keys.prefix}probing/"
    attempt = sum(item.key != keys.judge for item in parts.store.list(prefix))
    with suppress(ConflictError):  # by another one that began at the same time
        parts.store.put(f"{prefix}{attempt}.json", b"{}", content_type=JSON)
    return min(attempt, _ATTEMPTS - 1)


def _behind(sample: Sequence[Slice], attempt: int) -> tuple[Sequence[Slice], Skip]:
    """What an attempt takes of a sample: less of its beginning than the one before."""
    if len(sample) >= _ATTEMPTS:
        return sample[len(sample) * attempt // _ATTEMPTS :], Skip()
    rows = [_ROWS * _ATTEMPTS if each.rows is None else each.rows for each in sample]
    return sample, Skip({place: [(1, 1 + count * attempt // _ATTEMPTS)] for place, count in enumerate(rows) if attempt})


def _samples(parts: Parts, keys: BulkKeys) -> Iterator[Sequence[Slice]]:
    """Slices of parts from the whole of the manifest; of a text only some."""
    items = from_json(parts.store.get(keys.manifest).body)
    for place in sorted({len(items) * number // _SAMPLES for number in range(_SAMPLES)}) if items else ():
        slices = read_slices(parts.store, items[place])
        first = slices[0]
        if first.format == _TEXT and first.rows is None:
            end = min(first.end, first.start + _TEXT_BYTES)
            slices = (replace(first, end=end, bytes=end - first.start),)
        yield slices


def _usable(
    parts: Parts, job: Job, engine: Engine, samples: Sequence[Sequence[Slice]]
) -> tuple[list[Sequence[Slice]], Sequence[Column]]:
    """The samples that can be classified, and the job's columns; raises InputError without any."""
    usable, columns = [], []
    refusal: InputError = EmptyInputError("the source has no rows and no pictures")
    for sample in samples:
        try:
            columns.append(engine.columns(job, parts.sources, sample[0]))
        except InputError as error:
            refusal = error
        else:
            usable.append(sample)
    if not usable:
        raise refusal
    return usable, columns[0]


def _measure(work: Work, engine: Engine, samples: Sequence[tuple[Sequence[Slice], Skip]], budget_s: float) -> _Meter:
    """Run samples, each for its share of the time; work: of the job, without slices."""
    from skysort.bulk.output import Output  # noqa: PLC0415 - with pyarrow

    meter = _Meter(budget_s)
    output = Output(work.columns, work.job.output, lambda: meter, _Nowhere)
    meter.taken = lambda: output.taken
    for sample, skip in samples:
        counts = [each.rows for each in sample]
        meter.begin(None if None in counts else sum(count or 0 for count in counts))
        with suppress(_Enough):
            engine.run(replace(work, slices=sample, skip=skip, check=meter.check), output)
            meter.complete()
    output.close()
    return meter


@dataclass(slots=True)
class _Meter:
    """Measures samples, and is the object that their rows are written to.

    A sample that is read to its end counts as a whole. One that has its time counts from its second block on; what
    there was before, such as opening a row group of Parquet, counts by the share of the rows that were read.
    """

    budget_s: float
    taken: Callable[[], int] = int
    rows: int = 0
    seconds: float = 0.0
    bytes_out: int = 0
    _began: tuple[float, int] = (0.0, 0)
    _mark: tuple[float, int] | None = None
    _whole: int | None = None

    def begin(self, rows: int | None) -> None:
        """Begin a sample. rows: None if nobody has counted them."""
        self._began, self._mark, self._whole = (time.perf_counter(), self.taken()), None, rows

    def check(self) -> None:
        """Look at the time between two blocks; raises _Enough."""
        now = (time.perf_counter(), self.taken())
        if self._mark is None:
            self._mark = now if now[1] > self._began[1] else None
        elif now[0] - self._mark[0] >= self.budget_s and now[1] > self._mark[1]:
            self._count(self._mark, now)
            if self._whole:
                self.seconds += (self._mark[0] - self._began[0]) * min(1.0, (now[1] - self._mark[1]) / self._whole)
            raise _Enough

    def complete(self) -> None:
        """End a sample that was read to its end."""
        self._count(self._began, (time.perf_counter(), self.taken()))

    def write(self, content: bytes | memoryview, /) -> int:
        """Count bytes of the output."""
        self.bytes_out += len(content)
        return len(content)

    def _count(self, since: tuple[float, int], now: tuple[float, int]) -> None:
        self.seconds += now[0] - since[0]
        self.rows += now[1] - since[1]


class _Nowhere:
    def write(self, content: bytes | memoryview, /) -> int:
        return len(content)
