"""Seconds and dollars of a bulk job: expected, from a sample and the manifest, and counted, from what its parts did.

Both count the same items by the same prices: Lambda's gigabyte-seconds and invocations, transitions of the state
machine, and requests to S3. Storage, logs and what a reader of the results pays are not among them.
"""

from __future__ import annotations

import heapq
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from skysort.bulk.store import RANGE_BYTES
from skysort.drop.files import PART_BYTES
from skysort.errors import InfrastructureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from skysort.prices import Prices

# Of a row where no sample tells.
ROW_BYTES: Final = 100.0
_MILLION: Final = 1_000_000
_THOUSAND: Final = 1_000
_MB_PER_GB: Final = 1_024
# Plan, Planned, Probe, Price, Go, Family, Parts, Finish, Done, and the start.
_TRANSITIONS_A_RUN: Final = 10
# The start, Part, and the end.
_TRANSITIONS_A_PART: Final = 3
# Plan, probe, price, finish.
_STEPS_A_RUN: Final = 4
# Of a part beside the reads of its slices and its results: whether it is done, whether its run is cancelled, the list
# of its slices; its counts.
_READS_A_PART: Final = 3
_WRITES_A_PART: Final = 1
# Of the end: requests, one after another, as many as of this many parts beside their rows; then a part's counts and
# slices are read, many at a time, and its lines of the index written.
_END_PARTS: Final = 5
_END_S_A_PART: Final = 0.002
# Of the steps of a run, beside the counts of every part: documents read and written.
_READS_A_RUN: Final = 30
_WRITES_A_RUN: Final = 20


class Dollars(NamedTuple):
    """What a job costs, by item."""

    compute: float
    transitions: float
    s3: float

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self)

    def document(self) -> dict[str, float]:
        """As in answers."""
        items = {"lambda": self.compute, "transitions": self.transitions, "s3": self.s3, "total": self.total}
        return {name: round(value, 6) for name, value in items.items()}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a probe measured on a sample, as in probe.json.

    rows, seconds: of the sample, without what a part pays once. start_s: until a fresh sandbox does its first rows.
    bytes_in_per_row: of text, whose rows nobody has counted; None without any. part_s: what a part pays once.
    """

    model: str
    version: str
    labels: Sequence[str]
    schema: Sequence[tuple[str, str]]
    rows: int
    seconds: float
    start_s: float
    bytes_in_per_row: float | None
    bytes_out_per_row: float
    memory_mb: int
    part_s: float = 0.0

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Parse the document; raises InfrastructureError."""
        try:
            document = json.loads(body)
            text = document["bytes_in_per_row"]
            return cls(
                model=str(document["model"]["name"]),
                version=str(document["model"]["version"]),
                labels=[str(label) for label in document["labels"]],
                schema=[(str(name), str(kind)) for name, kind in document["schema"]],
                rows=int(document["rows"]),
                seconds=float(document["seconds"]),
                start_s=float(document["start_s"]),
                bytes_in_per_row=None if text is None else float(text),
                bytes_out_per_row=float(document["bytes_out_per_row"]),
                memory_mb=int(document["memory_mb"]),
                part_s=float(document.get("part_s", 0.0)),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InfrastructureError(f"the probe of a bulk job is damaged: {error!r:.200}") from error

    @property
    def seconds_a_row(self) -> float:
        """Of one row in a part that is long enough."""
        return self.seconds / max(1, self.rows)


class Size(NamedTuple):
    """A part's size. rows: None where nobody has counted them."""

    rows: int | None
    bytes: int
    slices: int = 1

    @property
    def reads(self) -> float:
        """Requests that read it: each slice begins with one, and a larger one takes another for each further range."""
        return self.slices + self.bytes / RANGE_BYTES

    def expected_rows(self, measured: Measured) -> float:
        """Its rows, by its bytes where they are not counted."""
        if self.rows is not None:
            return self.rows
        return self.bytes / (measured.bytes_in_per_row or ROW_BYTES)


class Pace(NamedTuple):
    """How parts follow each other.

    concurrency: parts at a time. warm: sandboxes that have started before. dispatch_s: until a part is begun, which
    nobody is billed for.
    """

    concurrency: int
    warm: int = 0
    dispatch_s: float = 0.0


class Expected(NamedTuple):
    """What is expected of the parts of a run. seconds: from the first to the end of the job."""

    rows: int
    exact: bool
    seconds: float
    dollars: Dollars


def expected(measured: Measured, sizes: Iterable[Size], pace: Pace, prices: Prices) -> Expected:
    """What some parts take.

    Parameters
    ----------
    measured
        The probe.
    sizes
        The parts, in the order in which they are begun.
    pace
        How they follow each other.
    prices
        Dollars.

    Returns
    -------
    Expected
        The seconds are to the end of the job: each sandbox takes the next part as soon as it is free, then all are
        checked.
    """
    rows, exact, busy_s, reads, writes, parts, last = 0.0, True, 0.0, 0.0, 0, 0, 0.0
    free: list[float] = []
    for size in sizes:
        own = size.expected_rows(measured)
        seconds = measured.part_s + own * measured.seconds_a_row
        if len(free) < max(1, pace.concurrency):
            # A sandbox starts once.
            begins = measured.start_s if len(free) >= pace.warm else 0.0
        else:
            begins = heapq.heappop(free)
        ends = begins + pace.dispatch_s + seconds
        heapq.heappush(free, ends)
        last = max(last, ends)
        rows, busy_s, parts = rows + own, busy_s + seconds, parts + 1
        exact = exact and size.rows is not None
        reads += size.reads
        writes += _WRITES_A_PART + writes_of(round(own * measured.bytes_out_per_row))
    billed_s = busy_s + max(0, len(free) - pace.warm) * measured.start_s
    dollars = Dollars(
        compute=_compute(billed_s * measured.memory_mb / _MB_PER_GB, parts + _STEPS_A_RUN, prices),
        transitions=_transitions(parts * _TRANSITIONS_A_PART + _TRANSITIONS_A_RUN, prices),
        s3=_requests(
            # Finishing reads the counts of every part.
            reads + parts * (_READS_A_PART + 1) + _READS_A_RUN,
            writes + _WRITES_A_RUN,
            prices,
        ),
    )
    return Expected(round(rows), exact, last + _END_PARTS * measured.part_s + parts * _END_S_A_PART, dollars)


@dataclass(slots=True)
class Spent:
    """What the parts of a job have counted so far. mb_ms: memory times time."""

    parts: int = 0
    ms: float = 0.0
    mb_ms: float = 0.0
    reads: int = 0
    writes: int = 0
    retried: int = 0

    def add(self, ms: int, memory_mb: int, requests: dict[str, int], *, retried: int = 0) -> None:
        """Add a part. retried: states that it passed beyond the first."""
        self.parts += 1
        self.ms += ms
        self.mb_ms += ms * memory_mb
        self.reads += requests.get("get", 0)
        self.writes += requests.get("put", 0)
        self.retried += retried

    def document(self) -> dict[str, float]:
        """As JSON; `of` reads it."""
        return asdict(self)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Read a document."""
        return cls(**document)


def counted(spent: Spent, starts_s: float, memory_mb: int, prices: Prices) -> Dollars:
    """What a job has cost. starts_s: of all sandboxes' starts together, with this memory."""
    billed = spent.mb_ms / _THOUSAND / _MB_PER_GB + starts_s * memory_mb / _MB_PER_GB
    return Dollars(
        compute=_compute(billed, spent.parts + spent.retried + _STEPS_A_RUN, prices),
        transitions=_transitions(spent.parts * _TRANSITIONS_A_PART + spent.retried + _TRANSITIONS_A_RUN, prices),
        s3=_requests(spent.reads + spent.parts + _READS_A_RUN, spent.writes + _WRITES_A_RUN, prices),
    )


def writes_of(size: int) -> int:
    """The requests that write an object: one, or one for each part, the upload's beginning, and its end."""
    return 1 if size < PART_BYTES else -(-size // PART_BYTES) + 2


def started_s(plan: Mapping[str, Any], parts: int) -> float:
    """The starts of all sandboxes together, once so many parts have ended. plan: plan.json."""
    started = min(int(plan["concurrency"]), parts) - int(plan["warm"])
    return max(0, started) * float(plan["start_s"])


def _compute(gb_seconds: float, invocations: int, prices: Prices) -> float:
    return gb_seconds * prices.gb_second + invocations * prices.million_invocations / _MILLION


def _transitions(count: int, prices: Prices) -> float:
    return count * prices.million_transitions / _MILLION


def _requests(reads: float, writes: float, prices: Prices) -> float:
    return (reads * prices.thousand_reads + writes * prices.thousand_writes) / _THOUSAND
