"""The steps of a bulk job before and after its parts, one call each, whatever runs them.

Each may be repeated, also at the same time: it reads what is there, and the first to write a document wins. What the
steps that run a model do is in skysort.bulk.part.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from skysort import problems
from skysort.bulk.cost import Measured, Pace, Size, expected
from skysort.bulk.documents import exists, read_json, read_json_if_there, to_json, write_once, write_over
from skysort.bulk.failures import given_up, told, unexpected
from skysort.bulk.finish import Finish, IncompleteError, Plan, check_tolerance
from skysort.bulk.glue import table_input
from skysort.bulk.keys import part_of, run_of
from skysort.bulk.manifest import PartItem, from_json, read_slices
from skysort.bulk.manifest import to_json as manifest_json
from skysort.bulk.outcomes import BulkCancelled, BulkRefused
from skysort.bulk.request import Job
from skysort.bulk.status import Phase, StatusFile
from skysort.errors import InputError, NotFoundError
from skysort.prices import Prices

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from skysort.bulk.access import AccessCheck
    from skysort.bulk.glue import Tables
    from skysort.bulk.job_store import JobStore
    from skysort.bulk.keys import BulkKeys
    from skysort.bulk.store import SourceStore
    from skysort.registry.store import ModelStore

READY: Final = "ready"
PLAN: Final = "plan"
PRICE: Final = "price"
GIVE_UP: Final = "give-up"
FINISH: Final = "finish"
END: Final = "end"
# Of Step Functions, which starts an execution for every part.
DISPATCH_S: Final = 0.1
_log: Final = logging.getLogger(__name__)


class PlannedSource(Protocol):
    """A source that was split into parts."""

    @property
    def files(self) -> int:
        """Files that are classified."""

    @property
    def bytes(self) -> int:
        """Of these."""

    @property
    def refused(self) -> int:
        """Files that are not."""

    @property
    def refusals(self) -> Sequence[tuple[str, str]]:
        """The first of them, each with the reason."""


class Planner(Protocol):
    """Splits sources; see skysort.bulk.planner."""

    def __call__(
        self, job: Job, sources: SourceStore, store: ModelStore, keys: BulkKeys, access: AccessCheck, /
    ) -> PlannedSource:
        """Write the slices and the manifest of a job; raises InputError."""


class Reading(NamedTuple):
    """How sources are read. sources: where they are. access: what a job may read. planner: splits them."""

    sources: SourceStore
    access: Callable[[Job], AccessCheck]
    planner: Planner


class Site(NamedTuple):
    """Where jobs run.

    bucket: of jobs and results. concurrency: parts at a time, by the function that does them. prices: of everything.
    tables: where tables of results are registered; None for nowhere. warm: sandboxes that have started when the parts
    begin, at least the probe's. dispatch_s: until a part is begun.
    """

    bucket: str
    concurrency: Mapping[str, int]
    prices: Prices
    tables: Tables | None = None
    warm: int = 1
    dispatch_s: float = DISPATCH_S


class Running(NamedTuple):
    """A run of a job at work."""

    keys: BulkKeys
    number: int
    job: Job
    status: StatusFile


class BulkSteps:
    """Runs the steps.

    store: the results bucket. now: the time.
    """

    def __init__(
        self,
        store: JobStore,
        reading: Reading,
        site: Site,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._reading = reading
        self._site = site
        self._now = now
        self._steps: Mapping[str, Callable[[Running, Mapping[str, Any]], dict[str, Any]]] = {
            PLAN: self._plan,
            PRICE: self._price,
            GIVE_UP: self._give_up,
            FINISH: self._finish,
            END: self._end,
        }

    def run(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Do one step.

        Parameters
        ----------
        event
            ``key`` of what started the run, ``step``, and what the step needs beside: ``part`` and ``error``. The step
            ``ready`` is of no job.

        Returns
        -------
        What the state machine needs; ``ready`` to the step ready.

        Raises
        ------
        BulkRefused
            The job can never succeed as it is; its status says why.
        BulkCancelled
            The job was cancelled. Any other exception may pass when the step is repeated.
        """
        if event["step"] == READY:
            return {"ready": True}
        keys, number = run_of(event["key"])
        status = StatusFile(self._store, keys, number, self._now)
        try:
            job = Job.read(self._store.get(keys.request).body)
            return self._steps[event["step"]](Running(keys, number, job, status), event)
        except IncompleteError as error:
            status.fail(
                problems.document(
                    HTTPStatus.INTERNAL_SERVER_ERROR, "parts-missing", "Parts have no results", error.detail
                )
            )
            raise BulkRefused(error.detail) from error
        except (InputError, NotFoundError) as error:
            status.fail(problems.from_error(error))
            raise BulkRefused(error.detail) from error

    def _plan(self, run: Running, _event: Mapping[str, Any]) -> dict[str, Any]:
        """Split the source into parts, unless that is done."""
        answer = {"family": run.job.family, "planned": True}
        if self._is_over(run) or exists(self._store, run.keys.plan):
            return answer
        self._check_cancelled(run)
        run.status.advance(Phase.PLANNING)
        if not exists(self._store, run.keys.sources):
            sources, access, planner = self._reading
            planned = planner(run.job, sources, self._store, run.keys, access(run.job))
            files = [{"file": file, "reason": reason} for file, reason in planned.refusals]
            document = {
                "files": planned.files,
                "bytes": planned.bytes,
                "refused": {"count": planned.refused, "files": files},
            }
            write_once(self._store, run.keys.sources, to_json(document))
        return {**answer, "planned": False}

    def _price(self, run: Running, _event: Mapping[str, Any]) -> dict[str, Any]:
        """Write what the job is expected to take, and which parts this run does."""
        answer = {
            "family": run.job.family,
            "bucket": self._site.bucket,
            "parts_key": run.keys.parts(run.number),
            "concurrency": self._concurrency(run.job),
        }
        if self._is_over(run):
            return {**answer, "go": "no"}
        self._check_cancelled(run)
        items = from_json(self._store.get(run.keys.manifest).body)
        if not exists(self._store, run.keys.plan):
            write_once(self._store, run.keys.plan, to_json(self._priced(run, items)))
        if run.job.plan_only and run.number == 1:
            run.status.advance(Phase.PLANNED)
            return {**answer, "go": "no"}
        done = {part_of(item.key) for item in self._store.list(run.keys.done_prefix)}
        left = [item for item in items if item.part not in done]
        run.status.advance(Phase.RUNNING)
        # Of a repeated step the first list counts: parts that are done by now are skipped.
        write_once(self._store, run.keys.parts(run.number), manifest_json(left))
        return {**answer, "go": "yes" if left else "finish"}

    def _priced(self, run: Running, items: Sequence[PartItem]) -> dict[str, Any]:
        measured = Measured.read(self._store.get(run.keys.probe).body)
        sources = read_json(self._store, run.keys.sources)
        concurrency = self._concurrency(run.job)
        prices = self._site.prices
        sizes = (Size(item.rows, item.bytes, item.slices) for item in items)
        pace = Pace(concurrency, self._site.warm, self._site.dispatch_s)
        work = expected(measured, sizes, pace, prices)
        return {
            "model": {"name": measured.model, "version": measured.version},
            "labels": measured.labels,
            "schema": measured.schema,
            "parts": len(items),
            "files": sources["files"],
            "bytes": sources["bytes"],
            "rows": work.rows,
            "rows_exact": work.exact,
            "seconds": round(work.seconds, 3),
            "concurrency": concurrency,
            "dollars": work.dollars.document(),
            "prices": prices.document(),
            "refused": sources["refused"],
            "start_s": measured.start_s,
            "warm": self._site.warm,
            "memory_mb": measured.memory_mb,
            "bytes_in_per_row": measured.bytes_in_per_row,
        }

    def _give_up(self, run: Running, event: Mapping[str, Any]) -> dict[str, Any]:
        """Count all rows of a part as failed, unless it is done after all."""
        item = PartItem.from_document(event["part"])
        if exists(self._store, run.keys.done(item.part)):
            return {}
        plan = read_json(self._store, run.keys.plan)
        counts = given_up(item, read_slices(self._store, item), plan, event.get("error") or {})
        write_over(self._store, run.keys.failed(item.part), counts.to_json())
        return {}

    def _finish(self, run: Running, _event: Mapping[str, Any]) -> dict[str, Any]:
        """Check and total the job, and end it."""
        if self._is_over(run):
            return {}
        status = run.status.advance(Phase.FINISHING)
        document = read_json(self._store, run.keys.plan)
        finish = Finish(self._store, run.keys, run.job, Plan(document, Prices.of(document["prices"])))
        items = from_json(self._store.get(run.keys.manifest).body)
        totals = finish.run(items)
        summary = {**finish.summary(totals, status["seconds"]), "runs": run.number}
        write_over(self._store, run.keys.summary, to_json(summary))
        check_tolerance(totals.sums.rows, run.job.tolerated_share, totals.failures)
        schema = [(name, kind) for name, kind in document["schema"]]
        table = table_input(run.keys, self._site.bucket, run.job.output, schema, len(items))
        write_over(self._store, run.keys.table, to_json(table))
        if self._site.tables is not None:
            self._site.tables.put(table)
        write_once(self._store, run.keys.success, b"", "text/plain")
        run.status.advance(Phase.DONE)
        return {}

    def _end(self, run: Running, event: Mapping[str, Any]) -> dict[str, Any]:
        """Write down why a run ended before its time, unless a step has done so."""
        status = run.status.read()
        if status["run"] == run.number and status["phase"] == Phase.FAILED:
            return {"outcome": "refused"}
        if exists(self._store, run.keys.cancel(run.number)):
            run.status.advance(Phase.CANCELLED)
            return {"outcome": "cancelled"}
        error = event.get("error") or {}
        name, message = told(error)
        _log.error("a bulk job failed: %s: %s", name, message)
        run.status.fail(unexpected(status["phase"], name))
        return {"outcome": "failed"}

    def _concurrency(self, job: Job) -> int:
        most = self._site.concurrency.get(job.family, 1)
        return min(job.concurrency or most, most)

    def _is_over(self, run: Running) -> bool:
        """Whether the run has ended: it was started twice, or a later one has begun."""
        status = run.status.read()
        return status["run"] > run.number or (status["run"] == run.number and Phase(status["phase"]).ended)

    def _check_cancelled(self, run: Running) -> None:
        if read_json_if_there(self._store, run.keys.cancel(run.number)) is not None:
            raise BulkCancelled(f"the job {run.keys.id} was cancelled")
