"""The end of a run: the counts of all parts against the manifest, their results, an index and the totals."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from skysort.bulk.cost import counted, started_s
from skysort.bulk.counts import Attempt, Rows
from skysort.bulk.documents import etag_of
from skysort.bulk.keys import part_of
from skysort.bulk.manifest import read_slices
from skysort.bulk.progress import Sums, read_counts
from skysort.bulk.whole import WholeJob
from skysort.csv_cells import text_cell
from skysort.errors import InfrastructureError, InputError, SkysortError
from skysort.limits import BULK_FAILURES_LISTED, MIB
from skysort.models import input_of
from skysort.prior_option import OPTION, document, parse_prior
from skysort.registry.store import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from skysort.bulk.counts import Counts, Failure
    from skysort.bulk.job_store import JobStore
    from skysort.bulk.keys import BulkKeys
    from skysort.bulk.manifest import PartItem, Slice
    from skysort.bulk.request import Job
    from skysort.prices import Prices

INDEX_COLUMNS: Final = (
    "part",
    "source",
    "slice",
    "first_row",
    "rows_in",
    "rows_out",
    "rejected",
    "failed",
    "key",
    "bytes",
)
_BUFFER: Final = 1 * MIB
_NAMED: Final = 5
_ATTEMPTS: Final = 5


class IncompleteError(SkysortError):
    """Parts have no results that could be trusted; a further run does them."""


class Plan(NamedTuple):
    """What finishing needs of a job's plan. document: plan.json."""

    document: Mapping[str, Any]
    prices: Prices


@dataclass(slots=True)
class Totals:
    """What all parts together counted."""

    sums: Sums = field(default_factory=Sums)
    done: int = 0
    given_up: int = 0
    split: int = 0
    whole: WholeJob = field(default_factory=WholeJob)
    warnings: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    files: int = 0
    bytes: int = 0

    def add(self, counts: Counts) -> None:
        """Add a part."""
        self.sums.add(counts)
        self.done += counts.attempt is not Attempt.GIVEN_UP
        self.given_up += counts.attempt is Attempt.GIVEN_UP
        self.split += counts.attempt is Attempt.SPLIT
        self.whole.add(counts)
        for warning in counts.warnings:
            known = self.warnings.setdefault(warning["code"], {**warning, "rows": 0})
            known["rows"] += warning["rows"]
        self.failures += counts.failures[: BULK_FAILURES_LISTED - len(self.failures)]
        if counts.data is not None:
            self.files += 1
            self.bytes += counts.data.bytes


class Finish:
    """Checks and totals one job. store: the results bucket."""

    def __init__(self, store: JobStore, keys: BulkKeys, job: Job, plan: Plan) -> None:
        self._store = store
        self._keys = keys
        self._job = job
        self._plan = plan

    def run(self, items: Sequence[PartItem]) -> Totals:
        """Check every part, write the index, and remove objects that are of no part.

        Parameters
        ----------
        items
            The manifest.

        Returns
        -------
        What the parts counted.

        Raises
        ------
        IncompleteError
            If a part has no counts, or its results are not those that it wrote; another run does these parts again.
        InputError
            If the rows of a part are not those of the manifest.
        """
        listed = {item.key: item.etag for item in self._store.list(self._keys.data_prefix)}
        totals, named, damaged = Totals(), set[str](), list[int]()

        def checked() -> Iterator[tuple[PartItem, Counts]]:
            for item, counts in self._counts(items):
                if counts.data is not None:
                    named.add(counts.data.key)
                    if listed.get(counts.data.key) != counts.data.etag:
                        damaged.append(item.part)
                if counts.rows.rejected and counts.attempt is not Attempt.GIVEN_UP:
                    named.add(self._keys.rejected(item.part))
                totals.add(counts)
                yield item, counts

        self._write_index(checked())
        if damaged:
            # Without its counts a part is not done, and the next run does it again.
            for part in damaged:
                self._store.delete(self._keys.done(part))
            raise IncompleteError(
                f"the results of {_parts(damaged)} are missing or not those that were counted; resume the job, which "
                "does them again"
            )
        self._remove_strays(named)
        return totals

    def summary(self, totals: Totals, seconds: Mapping[str, float]) -> dict[str, Any]:
        """The totals as a document. seconds: of each phase."""
        plan, sums = self._plan.document, totals.sums
        rows = sums.rows
        starts_s = started_s(plan, totals.done + totals.given_up)
        spent = counted(sums.spent, starts_s, int(plan["memory_mb"]), self._plan.prices)
        noun = input_of(self._job.model).name
        return {
            "id": self._job.id,
            "model": plan["model"],
            "output": self._job.output,
            "parts": {"total": plan["parts"], "done": totals.done, "failed": totals.given_up, "split": totals.split},
            "rows": rows.document(),
            "rows_exact": not totals.given_up or bool(plan["rows_exact"]),
            "unusable_share": round(unusable(rows), 6),
            "tolerated_share": self._job.tolerated_share,
            **self._prior(plan["labels"]),
            "classes": dict(sorted(sums.classes.items(), key=lambda item: (-item[1], item[0]))),
            **totals.whole.summary(self._store, self._keys, noun, plan["labels"]),
            "warnings": list(totals.warnings.values()),
            "failures": [asdict(failure) for failure in totals.failures],
            "refused": plan["refused"],
            "data": {"files": totals.files, "bytes": totals.bytes},
            "requests": {"get": sums.spent.reads, "put": sums.spent.writes},
            "compute_s": round(sums.spent.ms / 1_000, 3),
            "seconds": dict(seconds),
            "dollars": {**spent.document(), "expected": plan["dollars"]["total"]},
            "prices": {"region": self._plan.prices.region, "date": self._plan.prices.date},
        }

    def _prior(self, labels: Sequence[str]) -> dict[str, Any]:
        """The class shares that probabilities were re-weighted by."""
        given = self._job.prior
        return {OPTION: document(parse_prior(given, labels), labels, None)} if given else {}

    def _counts(self, items: Sequence[PartItem]) -> Iterator[tuple[PartItem, Counts]]:
        """Each part with its counts."""
        done, given_up = (
            {part_of(item.key) for item in self._store.list(prefix)}
            for prefix in (self._keys.done_prefix, self._keys.failed_prefix)
        )
        missing = [item.part for item in items if item.part not in done and item.part not in given_up]
        if missing:
            raise IncompleteError(f"there are no counts of {_parts(missing)}; resume the job, which does them")
        keys = (self._keys.done(item.part) if item.part in done else self._keys.failed(item.part) for item in items)
        found = read_counts(self._store, keys)
        for item, counts in zip(items, found, strict=True):
            if counts.part != item.part:
                raise InfrastructureError(f"the counts of part {item.part} are gone")
            if item.rows is not None and counts.rows.read != item.rows:
                raise InputError(
                    f"part {item.part} read {counts.rows.read:,} rows where the plan had counted {item.rows:,}; its "
                    "source is not what was planned: start a new job"
                )
            yield item, counts

    def _write_index(self, parts: Iterator[tuple[PartItem, Counts]]) -> None:
        writer = self._store.writer(self._keys.index, "text/csv")
        try:
            first_rows = _FirstRows()
            with _csv_lines(writer.write) as line:
                line(INDEX_COLUMNS)
                for item, counts in parts:
                    slices = read_slices(self._store, item)
                    if len(slices) != len(counts.slices):
                        raise InfrastructureError(f"the counts of part {item.part} are not of its slices")
                    data = counts.data
                    for each, rows in zip(slices, counts.slices, strict=True):
                        first = first_rows.of(each, rows, exact=counts.attempt is not Attempt.GIVEN_UP)
                        counted_rows = (rows.read, rows.out, rows.rejected, rows.failed)
                        place = (data.key, data.bytes) if data else ("", "")
                        line((item.part, text_cell(each.source), each.slice, first or "", *counted_rows, *place))
            for _ in range(_ATTEMPTS):
                try:
                    writer.commit(etag_of(self._store, self._keys.index))
                except ConflictError:
                    continue
                return
            raise InfrastructureError(f"{self._keys.index} is being written by others at the same time")
        finally:
            writer.close()

    def _remove_strays(self, named: set[str]) -> None:
        """Remove what attempts left that were not the ones to count."""
        for prefix in (self._keys.data_prefix, self._keys.rejected_prefix):
            for item in list(self._store.list(prefix)):
                if item.key not in named:
                    self._store.delete(item.key)


class _FirstRows:
    """The row of its file at which each slice begins, as far as the slices before it are counted."""

    def __init__(self) -> None:
        self._source = ""
        self._following: tuple[int, int | None] = (0, 1)

    def of(self, each: Slice, rows: Rows, *, exact: bool) -> int | None:
        if each.source != self._source:
            self._source, self._following = each.source, (0, 1)
        number, first = self._following
        if number != each.slice:
            first = None
        known = first is not None and (exact or each.rows is not None)
        self._following = (each.slice + 1, first + rows.read if known and first is not None else None)
        return first


class _csv_lines:  # noqa: N801 - used like a function
    """Lines of CSV, handed on in larger pieces."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._text = io.StringIO()
        self._lines = csv.writer(self._text, lineterminator="\n")

    def __enter__(self) -> Callable[[Sequence[object]], None]:
        return self._line

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._flush()

    def _line(self, cells: Sequence[object]) -> None:
        self._lines.writerow(cells)
        if self._text.tell() >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        self._write(self._text.getvalue().encode("utf-8", "replace"))
        self._text.seek(0)
        self._text.truncate()


def unusable(rows: Rows) -> float:
    """The share of rows that have no result."""
    return (rows.rejected + rows.failed) / max(1, rows.read)


def check_tolerance(rows: Rows, tolerated: float, failures: Sequence[Failure]) -> None:
    """Raise InputError if more rows than tolerated have no result."""
    if unusable(rows) <= tolerated:
        return
    first = f" The first that failed: {failures[0].source}, {failures[0].reason}." if failures else ""
    raise InputError(
        f"{rows.rejected + rows.failed:,} of {rows.read:,} rows ({unusable(rows):.1%}) were rejected or failed; the "
        f"job tolerates {tolerated:.1%}.{first} The results are kept; see rejected/ and summary.json."
    )


def _parts(numbers: Sequence[int]) -> str:
    named = ", ".join(str(number) for number in numbers[:_NAMED])
    more = f" and {len(numbers) - _NAMED:,} more" if len(numbers) > _NAMED else ""
    return f"{'part' if len(numbers) == 1 else 'parts'} {named}{more}"
