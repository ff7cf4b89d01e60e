"""Parts of bulk jobs, done and committed.

Whoever does a part makes the same bytes. The part's object is written first, in place of what another attempt may have
left; its counts are written last, unless they are there: they commit the part. So a step that was killed, repeated, or
answered too late changes nothing but an object that nobody trusts yet.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.bulk.columns import Column
from skysort.bulk.cost import ROW_BYTES, writes_of
from skysort.bulk.counts import Attempt, Counts, StoredData
from skysort.bulk.engine import Skip, Work
from skysort.bulk.keys import run_of
from skysort.bulk.manifest import PartItem, read_slices
from skysort.bulk.outcomes import BulkCancelled
from skysort.bulk.request import Job
from skysort.drop.deadline import OutOfTimeError
from skysort.errors import InfrastructureError, NotFoundError
from skysort.registry.store import JSON, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skysort.bulk.engine import Engines
    from skysort.bulk.job_store import JobStore, Writer
    from skysort.bulk.keys import BulkKeys
    from skysort.bulk.manifest import Slice
    from skysort.bulk.store import SourceStore
    from skysort.drop.deadline import Deadline

# Seconds between two looks whether a job was cancelled.
CANCEL_S: Final = 10.0
_ATTEMPTS: Final = 5
_CSV: Final = "text/csv"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a job: its documents, and what was probed.

    start_s, row_s: what a model's first rows and each row took. row_bytes: of a source, where they were counted.
    """

    keys: BulkKeys
    number: int
    job: Job
    version: str
    columns: Sequence[Column]
    start_s: float = 0.0
    row_s: float = 0.0
    row_bytes: float = ROW_BYTES

    def part_s(self, item: PartItem) -> float:
        """What a part takes, about."""
        rows = item.bytes / self.row_bytes if item.rows is None else item.rows
        return self.start_s + self.row_s * rows


class Parts:
    """Does parts, and commits them.

    store: the results bucket. sources: where slices are read. engines: the function's models. clock: seconds.
    """

    def __init__(
        self,
        store: JobStore,
        sources: SourceStore,
        engines: Engines,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.sources = sources
        self.engines = engines
        self._clock = clock
        self._last: tuple[str, Run] | None = None

    def run_of(self, start_key: str) -> Run:
        """The run that an event names; raises NotFoundError, and MalformedInputError for another key."""
        if self._last is None or self._last[0] != start_key:
            keys, number = run_of(start_key)
            job = Job.read(self.store.get(keys.request).body)
            self._last = (start_key, _probed(keys, number, job, self.store.get(keys.probe).body))
        return self._last[1]

    def is_done(self, keys: BulkKeys, part: int) -> bool:
        """Whether a part has its counts."""
        return self._counts(keys, part) is not None

    def check_cancelled(self, run: Run) -> None:
        """Raise BulkCancelled if somebody has cancelled the run."""
        try:
            self.store.get(run.keys.cancel(run.number))
        except NotFoundError:
            return
        raise BulkCancelled(f"the job {run.keys.id} was cancelled")

    def watch(self, run: Run, deadline: Deadline) -> Callable[[], None]:
        """What is called between blocks: raises OutOfTimeError or BulkCancelled."""
        looked = self._clock()

        def check() -> None:
            nonlocal looked
            if not deadline.left():
                raise OutOfTimeError("the invocation ended before the part was done; the next one tries again")
            if (now := self._clock()) - looked >= CANCEL_S:
                looked = now
                self.check_cancelled(run)

        return check

    def do(
        self,
        run: Run,
        item: PartItem,
        deadline: Deadline,
        skip: Skip | None = None,
        slices: Sequence[Slice] | None = None,
    ) -> None:
        """Do a part and commit it, unless it is done.

        Parameters
        ----------
        run, item
            The part.
        deadline
            When to stop.
        skip
            Rows to leave out, which end the process that reads them.
        slices
            Those of the part, if they are known.
        """
        from skysort.bulk.output import CONTENT_TYPES, Output  # noqa: PLC0415 - with pyarrow

        if self.is_done(run.keys, item.part):
            return
        self.check_cancelled(run)
        started, got = self._clock(), self.sources.requests.get
        engine = self.engines.get(run.job, run.version)
        data_key = run.keys.data(item.part, run.job.output)
        files: dict[str, Writer] = {}

        def open_file(key: str, content_type: str) -> Writer:
            files[key] = self.store.writer(key, content_type)
            return files[key]

        output = Output(
            run.columns,
            run.job.output,
            lambda: open_file(data_key, CONTENT_TYPES[run.job.output]),
            lambda: open_file(run.keys.rejected(item.part), _CSV),
        )
        try:
            work = Work(
                run.job,
                read_slices(self.store, item) if slices is None else slices,
                self.sources,
                run.columns,
                skip or Skip(),
                self.watch(run, deadline),
                item.part,
            )
            tally = engine.run(work, output)
            output.close()
            attempt = Attempt.PART if skip is None else Attempt.SPLIT
            counts = Counts.of(item.part, tally, f"{engine.name} {engine.version}", attempt)
            for key, file in files.items():
                etag = self._place(run.keys, item.part, key, file)
                if etag is None:
                    return
                if key == data_key:
                    counts.data = StoredData(key, etag, file.size)
        finally:
            for file in files.values():
                file.close()
        counts.ms = round((self._clock() - started) * 1_000)
        counts.memory_mb = self.engines.memory_mb
        # Beside the slices: whether the part is done, whether the job is cancelled, and the list of slices.
        written = 1 + sum(writes_of(file.size) for file in files.values())
        counts.requests = {"get": self.sources.requests.get - got + 3, "put": written}
        self._commit(run.keys, counts, data_key)

    def rehearse(self, run: Run, item: PartItem, places: Sequence[int], skip: Skip, deadline: Deadline) -> list[int]:
        """Classify rows of a part and write nothing.

        Parameters
        ----------
        run, item
            The part.
        places
            Those of its slices that are read.
        skip
            Rows to leave out, by the place of their slice among these.
        deadline
            When to stop.

        Returns
        -------
        The number of rows of each slice.
        """
        from skysort.bulk.output import Output  # noqa: PLC0415 - with pyarrow

        def check() -> None:
            if not deadline.left():
                raise OutOfTimeError("the rows were not done in time")

        slices = read_slices(self.store, item)
        work = Work(run.job, [slices[place] for place in places], self.sources, run.columns, skip, check)
        output = Output(run.columns, run.job.output, _Nowhere, _Nowhere)
        tally = self.engines.get(run.job, run.version).run(work, output)
        output.close()
        return [rows.read for rows in tally.slices]

    def _place(self, keys: BulkKeys, part: int, key: str, file: Writer) -> str | None:
        """Write an object in place of what an attempt before left; None if the part has been done meanwhile."""
        replaces: str | None = None
        for _ in range(_ATTEMPTS):
            try:
                return file.commit(replaces)
            except ConflictError:
                if self.is_done(keys, part):
                    return None
                replaces = self._etag(key)
        raise InfrastructureError(f"{key} is being written by others at the same time")

    def _commit(self, keys: BulkKeys, counts: Counts, data_key: str) -> None:
        """Write a part's counts, or see to it that those of another attempt are of the object that is there."""
        key, replaces = keys.done(counts.part), None
        own = counts.data.etag if counts.data else None
        for _ in range(_ATTEMPTS):
            try:
                self.store.put(key, counts.to_json(), content_type=JSON, replaces=replaces)
            except ConflictError:
                stored, present = self.store.get(key), self._etag(data_key)
                others = Counts.read(stored.body).data
                if others is None or others.etag == present:
                    return
                if own != present:
                    raise  # a third attempt is between its object and its counts
                replaces = stored.etag
            else:
                return
        raise InfrastructureError(f"{key} is being written by others at the same time")

    def _etag(self, key: str) -> str | None:
        return next((item.etag for item in self.store.list(key) if item.key == key), None)

    def _counts(self, keys: BulkKeys, part: int) -> bytes | None:
        try:
            return self.store.get(keys.done(part)).body
        except NotFoundError:
            return None


class _Nowhere:
    def write(self, content: bytes | memoryview, /) -> int:
        return len(content)


def _probed(keys: BulkKeys, number: int, job: Job, body: bytes) -> Run:
    try:
        probe = json.loads(body)
        columns = [Column(str(name), str(kind)) for name, kind in probe["schema"]]
        return Run(
            keys,
            number,
            job,
            str(probe["model"]["version"]),
            columns,
            float(probe["start_s"]),
            float(probe["seconds"]) / max(1, int(probe["rows"])),
            float(probe["bytes_in_per_row"] or ROW_BYTES),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InfrastructureError(f"{keys.probe} is damaged: {error!r}") from error
