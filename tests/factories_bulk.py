"""Bulk jobs in a store in memory, planned and worked on without a model."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from skysort.bulk.access import EVERYTHING
from skysort.bulk.counts import Attempt, Counts, Failure, Rows, StoredData
from skysort.bulk.keys import BulkKeys
from skysort.bulk.manifest import PartItem, Slice, SliceWriter, from_json, read_slices
from skysort.bulk.request import Job
from skysort.bulk.steps import BulkSteps, Reading, Site
from skysort.bulk.store import FolderSources
from skysort.prices import Prices
from tests.fakes.bulk import MemoryJobStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from skysort.bulk.glue import Tables
    from skysort.bulk.job_store import JobStore

START: Final = datetime(2026, 11, 28, 8, 45, tzinfo=UTC)
ROWS_A_SLICE: Final = 1_000
SCHEMA: Final = [
    ["source", "string"],
    ["slice", "int"],
    ["row", "bigint"],
    ["skysort_class", "string"],
    ["ra", "double"],
]
PROBE: Final[Mapping[str, Any]] = {
    "model": {"name": "star", "version": "1.1.2"},
    "labels": ["GALAXY", "QSO", "STAR"],
    "schema": SCHEMA,
    "rows": 50_000,
    "seconds": 0.25,
    "start_s": 1.5,
    "bytes_in_per_row": 72.5,
    "bytes_out_per_row": 31.0,
    "memory_mb": 1_769,
    "threads": 1,
}


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def pass_s(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class BulkJob:
    """A job of tables in so many parts of two slices each, with the steps around its parts."""

    folder: Path
    parts: int = 3
    fields: Mapping[str, Any] = field(default_factory=dict)
    store: Any = field(default_factory=MemoryJobStore)
    clock: Clock = field(default_factory=Clock)
    tables: Tables | None = None
    rows_known: bool = True
    planner: Any = None

    def __post_init__(self) -> None:
        self.job = Job(
            **{
                "id": "star-20261128-084500-1a2b3c",
                "owner": "shared",
                "client_folder": "",
                "model": "star",
                "source": {"prefix": "incoming/bulk/survey/"},
                "created": "2026-11-28T08:45:00Z",
                **self.fields,
            }
        )
        self.keys = BulkKeys(self.job.owner, self.job.id)
        store: JobStore = self.store
        site = Site("results", {"star-bulk": 2}, Prices(), self.tables)
        reading = Reading(FolderSources(self.folder), lambda _job: EVERYTHING, self.planner)
        self.steps = BulkSteps(store, reading, site, self.clock)

    def request(self, run: int = 1) -> None:
        """What control writes."""
        if run == 1:
            self.store.put(self.keys.request, self.job.to_json())
        self.store.put(self.keys.start(run), b"{}")

    def plan(self, refused: Sequence[tuple[str, str]] = ()) -> None:
        """What planning and the probe write."""
        writer = SliceWriter(self.store, f"{self.keys.prefix}slices/")
        for part in range(self.parts):
            writer.add([self.slice_of(part, number) for number in range(2)])
        writer.close(self.keys.manifest)
        files = [{"file": file, "reason": reason} for file, reason in refused]
        sources = {"files": 1, "bytes": 145_000 * self.parts, "refused": {"count": len(files), "files": files}}
        self.store.put(self.keys.sources, json.dumps(sources).encode())
        self.store.put(self.keys.probe, json.dumps(PROBE).encode())

    def slice_of(self, part: int, number: int) -> Slice:
        """Half a part."""
        place = 2 * part + number
        return Slice(
            source="incoming/bulk/survey/stars.csv",
            etag="aa",
            size=145_000 * self.parts,
            format="csv",
            start=72_500 * place,
            end=72_500 * (place + 1),
            bytes=72_500,
            slice=place,
            rows=ROWS_A_SLICE if self.rows_known else None,
        )

    def run(self, step: str, run: int = 1, **event: Any) -> dict[str, Any]:
        """Do a step."""
        return self.steps.run({"key": self.keys.start(run), "step": step, **event})

    @property
    def items(self) -> tuple[PartItem, ...]:
        """The manifest."""
        return from_json(self.store.get(self.keys.manifest).body)

    def do(self, part: int, *, rejected: int = 0, failed: int = 0, rows: int = ROWS_A_SLICE, data: bytes = b"") -> None:
        """What the function of a part writes; so many rows of its first slice are rejected or fail."""
        item = self.items[part]
        slices = read_slices(self.store, item)
        counted = [Rows(rows - rejected - failed, rejected, failed), *[Rows(rows) for _ in slices[1:]]]
        key = self.keys.data(part, self.job.output)
        content = data or f"part {part}".encode()
        etag = self.store.put(key, content)
        if rejected:
            self.store.put(self.keys.rejected(part), b"source,slice,row,column,reason,detail\n")
        out = sum(each.out for each in counted)
        counts = Counts(
            part,
            counted,
            dict(Counter({"GALAXY": out - out // 3, "STAR": out // 3})),
            "star 1.1.2",
            Attempt.SPLIT if failed else Attempt.PART,
            data=StoredData(key, etag, len(content)),
            failures=[Failure(slices[0].source, slices[0].slice, 7, "the row ended the process", failed)]
            * bool(failed),
            warnings=[{"code": "no_redshift", "detail": "12 rows have no redshift", "rows": 12}],
            ms=40,
            memory_mb=1_769,
            requests={"get": 5, "put": 2},
        )
        self.store.put(self.keys.done(part), counts.to_json())

    def status(self) -> dict[str, Any]:
        """The status document."""
        document: dict[str, Any] = json.loads(self.store.get(self.keys.status).body)
        return document

    def read(self, key: str) -> Any:
        """A document."""
        return json.loads(self.store.get(key).body)
