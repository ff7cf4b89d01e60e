"""Bulk jobs in memory: a job store with large objects, sources, a quick engine, and jobs made of lines of text."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from skysort.bulk.columns import PLACE, Column
from skysort.bulk.counts import Failure, Rows, Tally
from skysort.bulk.engine import END
from skysort.bulk.keys import BulkKeys
from skysort.bulk.manifest import PartItem, Slice, SliceWriter
from skysort.bulk.output import coded, place
from skysort.bulk.request import Job
from skysort.bulk.store import FolderSources, Requests, SourceObject, changed
from skysort.errors import InputError, NotFoundError
from skysort.registry.store import BYTES
from tests.fakes.model_store import MemoryModelStore, etag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from skysort.bulk.engine import Work
    from skysort.bulk.output import Output
    from skysort.bulk.store import Planned
    from skysort.registry.store import ModelStore

LABELS: Final = ("GALAXY", "STAR")
COLUMNS: Final = (*PLACE, Column("id", "string"), Column("label", "string"))
KEYS: Final = BulkKeys("shared", "star-20260101-000000-abcdef")
START: Final = KEYS.start(1)


class MemoryJobStore(MemoryModelStore):
    """The results bucket."""

    def writer(self, key: str, content_type: str = BYTES) -> MemoryWriter:
        return MemoryWriter(self, key, content_type)


@dataclass
class MemoryWriter:
    store: MemoryModelStore
    key: str
    content_type: str
    size: int = 0
    body: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes | memoryview, /) -> int:
        self.body += data
        self.size += len(data)
        return len(data)

    def commit(self, replaces: str | None, /) -> str:
        return self.store.put(self.key, bytes(self.body), content_type=self.content_type, replaces=replaces)

    def close(self) -> None:
        self.body.clear()


@dataclass
class MemorySources:
    """Source objects. before: as of MemoryModelStore."""

    before: Callable[[str, str], None] = lambda _operation, _key: None
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: Requests = field(default_factory=Requests)

    def list(self, prefix: str) -> Iterator[SourceObject]:
        return (self.stat(source) for source in sorted(self.objects) if source.startswith(prefix))

    def stat(self, source: str) -> SourceObject:
        if source not in self.objects:
            raise NotFoundError(source)
        body = self.objects[source]
        return SourceObject(source, len(body), etag_of(body))

    def read(self, planned: Planned, start: int, size: int) -> bytes:
        self.before("read", planned.source)
        self.requests.count(get=1)
        body = self.objects.get(planned.source, b"")
        if etag_of(body) != planned.etag:
            raise changed(planned.source)
        return body[start : start + size]


class LinesEngine:
    """Classifies lines of text: by their length, unless they say "rejected", or something that `acts` knows."""

    name = "star"
    labels = LABELS
    threads = 1

    def __init__(
        self,
        acts: dict[bytes, Callable[[], object]] | None = None,
        version: str = "1.0.0",
        spelled: Callable[[str], str] = str,
    ) -> None:
        self.version = version
        self._spelled = spelled
        self.runs: Counter[str] = Counter()
        self._acts = {} if acts is None else acts

    def columns(self, job: Job, sources: object, sample: Slice) -> Sequence[Column]:
        del job, sources
        if sample.format == "unknown":
            raise InputError(f"{sample.source} has no lines")
        return COLUMNS

    def judge(self) -> None:
        """Nothing."""

    def run(self, work: Work, output: Output) -> Tally:
        tally = Tally()
        for number, part in enumerate(work.slices):
            self.runs[f"{part.source} {part.slice}"] += 1
            tally.slices.append(Rows())
            if (1, END) in work.skip.of(number):
                tally.fail([Failure(part.source, part.slice, None, work.skip.reason, part.rows or 1)])
            else:
                self._run(number, part, work, output, tally)
            work.check()
        return tally

    def _run(self, number: int, part: Slice, work: Work, output: Output, tally: Tally) -> None:
        lines = work.sources.read(part, part.start, part.end - part.start).splitlines()
        if lines[:1] == [b"unreadable"]:
            self._acts.get(b"unreadable", bool)()
        kept = []
        for row, line in enumerate(lines, start=1):
            if work.skip.leaves_out(number, row):
                tally.fail([Failure(part.source, part.slice, row, work.skip.reason)])
                continue
            self._acts.get(line, lambda: None)()
            if line == b"rejected":
                output.reject(part, [(row, "", "no_line", "it says so")])
                tally.slices[-1].rejected += 1
            else:
                kept.append((row, self._spelled(line.decode("utf-8", "replace"))))
        labels = np.array([len(text) % 2 for _, text in kept], np.int32)
        rows = np.array([row for row, _ in kept], np.int64)
        output.write([*place(part, rows), pa.array([text for _, text in kept], pa.string()), coded(labels, LABELS)])
        tally.slices[-1].out += len(kept)
        tally.classes.update(LABELS[label] for label in labels)


@dataclass
class LinesEngines:
    """The one model of a function."""

    engine: LinesEngine = field(default_factory=LinesEngine)
    memory_mb: int = 512

    def get(self, job: Job, version: str | None) -> LinesEngine:
        del job
        if version not in {None, self.engine.version}:
            raise InputError(f"star {version} was replaced by {self.engine.version} while the job ran")
        return self.engine


def lines_slices(sources: MemorySources | FolderSources, source: str, body: bytes, lines: int) -> list[Slice]:
    """Slices of so many lines of a text."""
    about = sources.stat(source)
    slices: list[Slice] = []
    start, pieces = 0, body.splitlines(keepends=True)
    for first in range(0, len(pieces), lines):
        size = sum(map(len, pieces[first : first + lines]))
        rows = len(pieces[first : first + lines])
        slices.append(
            Slice(source, about.etag, about.size, "lines", start, start + size, size, slice=len(slices), rows=rows)
        )
        start += size
    return slices


def planned(store: ModelStore, parts: Sequence[Sequence[Slice]], **job: object) -> list[PartItem]:
    """Write a job's request, slices and manifest."""
    document = {"model": "star", "source": {"prefix": "incoming/star/"}, "created": "2026-01-01T00:00:00Z", **job}
    request = Job(KEYS.id, KEYS.owner, "", **document)  # type: ignore[arg-type]
    store.put(KEYS.request, request.to_json())
    writer = SliceWriter(store, f"{KEYS.prefix}slices/")
    for slices in parts:
        writer.add(slices)
    return list(writer.close(KEYS.manifest))


def event(step: str, item: PartItem | None = None) -> dict[str, object]:
    """An event of the state machine, as JSON has it."""
    found: dict[str, object] = json.loads(
        json.dumps({"key": START, "step": step, **({"part": item.to_document()} if item else {})})
    )
    return found
