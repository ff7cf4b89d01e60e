"""Bulk jobs as callers see them: started, listed, cancelled, resumed, and each with its plan and progress."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from skysort import problems
from skysort.bulk.access import Access, located
from skysort.bulk.documents import read_json_if_there, to_json, write_once
from skysort.bulk.keys import BulkKeys, age_of, is_job, jobs_prefix, new_job
from skysort.bulk.request import Job
from skysort.bulk.status import Phase, StatusFile
from skysort.bulk.view import Shown, answer
from skysort.errors import FieldError, InvalidFieldsError, JobConflictError, LimitExceededError, NotFoundError
from skysort.limits import (
    BULK_FILES_PER_PAGE,
    BULK_JOBS_LISTED,
    BULK_JOBS_RUNNING,
    BULK_RUNS,
    BULK_SILENT_S,
    PRESIGNED_S,
)
from skysort.registry.keys import owner_of
from skysort.registry.status_file import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from skysort import bulk_answers
    from skysort.answers import Problem
    from skysort.bulk.request import BulkRequest
    from skysort.clients import Client
    from skysort.registry.store import ListedObject, ModelStore

LISTED_BY_DEFAULT: Final = 20
# Concurrent requests to the store.
_PARALLEL: Final = 16
# Nothing happens in these phases until somebody asks for it.
_AT_REST: Final = frozenset({Phase.PLANNED, Phase.DONE, Phase.FAILED, Phase.CANCELLED})


class Drops(Protocol):
    """The listings of a bucket, as of skysort.s3.client.S3Client."""

    def list(self, bucket: str, prefix: str, after: str = "") -> Iterator[list[ListedObject]]:
        """The objects below a prefix whose keys come after a key, a page at a time."""


class Surroundings(NamedTuple):
    """What control knows of its stage.

    drop_bucket: where sources are. results_bucket: where jobs are. opened: see skysort.bulk.access.Access.
    database: of Glue, where results become tables; None for none. link: makes presigned links of keys of the results
    bucket. place: what stands before these keys for whoever reads results; by default s3:// and the bucket.
    """

    drop_bucket: str
    results_bucket: str
    opened: Sequence[str]
    database: str | None
    link: Callable[[str], str]
    place: str | None = None


class BulkService:
    """Starts and shows jobs. store: the results bucket. now: the time, for tests."""

    def __init__(
        self,
        store: ModelStore,
        drops: Drops,
        surroundings: Surroundings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._drops = drops
        self._around = surroundings
        self._now = now
        self._pool = ThreadPoolExecutor(_PARALLEL, "jobs")

    def start(self, request: BulkRequest, client: Client) -> bulk_answers.BulkJob:
        """Start a job, at first with its planning.

        Parameters
        ----------
        request
            What was asked for.
        client
            Who asks; the source must be this client's own, or open to all.

        Returns
        -------
        The job, waiting.

        Raises
        ------
        InvalidFieldsError
            If the source is not the client's own, or there is nothing.
        LimitExceededError
            If too many jobs of the client wait or run.
        """
        owner, now = owner_of(client), self._now()
        self._check_source(request, client)
        self._check_room(owner)
        job = Job(
            id=new_job(request.model, now),
            owner=owner,
            client_folder=client.folder,
            model=request.model,
            source=request.source.given(),
            created=written(now),
            output=request.output,
            tolerated_share=request.tolerated_share,
            columns=tuple(request.columns),
            plan_only=request.plan_only,
            concurrency=request.concurrency,
            prior=request.prior,
        )
        keys = BulkKeys(owner, job.id)
        write_once(self._store, keys.request, job.to_json())
        write_once(self._store, keys.start(1), to_json({"run": 1, "created": job.created}))
        return self._shown(job)

    def get(self, job: str, client: Client) -> bulk_answers.BulkJob:
        """One of a client's jobs; raises NotFoundError."""
        return self._shown(self._request(job, client))

    def page(self, client: Client, limit: int = LISTED_BY_DEFAULT, after: str = "") -> bulk_answers.BulkJobList:
        """A client's jobs, the newest first. after: the id that ended the page before."""
        owner = owner_of(client)
        if after and not is_job(after):
            raise InvalidFieldsError([FieldError("next", "not_a_cursor", "must be the next of an earlier answer")])
        ids = [job for job in self._ids(owner) if not after or age_of(job) < age_of(after)]
        selected = ids[: min(limit, BULK_JOBS_LISTED)]
        requests = [job for job in self._pool.map(lambda job: self._read(owner, job), selected) if job]
        following = selected[-1] if selected and len(ids) > len(selected) else None
        return {"jobs": list(self._pool.map(lambda job: self._shown(job, full=False), requests)), "next": following}

    def cancel(self, job: str, client: Client) -> bulk_answers.BulkJob:
        """Stop a job; raises NotFoundError, and JobConflictError if it has ended."""
        request = self._request(job, client)
        keys = BulkKeys(request.owner, request.id)
        status = self._status(request)
        phase, number = Phase(status["phase"]), int(status["run"])
        if phase.ended and not status["lost"]:
            raise JobConflictError(f"the job has ended: it is {phase.value}")
        # A run that has begun stops when one of its parts sees this.
        write_once(self._store, keys.cancel(number), to_json({"cancelled": written(self._now())}))
        if phase in _AT_REST:
            StatusFile(self._store, keys, number, self._now).advance(Phase.CANCELLED)
        return self._shown(request)

    def resume(self, job: str, client: Client) -> bulk_answers.BulkJob:
        """Start a planned job, or go on with one that was cancelled or failed.

        Parameters
        ----------
        job
            Its id.
        client
            Who asks.

        Returns
        -------
        The job, waiting for the run.

        Raises
        ------
        NotFoundError
            If the client has no such job.
        JobConflictError
            If it runs, or is done, or another call resumes it at the same time.
        LimitExceededError
            If too many jobs of the client wait or run, or this one has had too many runs.
        """
        request = self._request(job, client)
        keys = BulkKeys(request.owner, request.id)
        phase = Phase(self._status(request)["phase"])
        if phase is Phase.DONE:
            raise JobConflictError("the job is done; there is nothing to go on with")
        if phase not in _AT_REST:
            raise JobConflictError(f"the job is {phase.value}; cancel it first, or wait for its end")
        self._check_room(request.owner)
        number = 1 + len(list(self._store.folders(keys.runs)))
        if number > BULK_RUNS:
            raise LimitExceededError(f"the job has had {BULK_RUNS} runs; start a new one")
        if not write_once(self._store, keys.start(number), to_json({"run": number, "created": written(self._now())})):
            raise JobConflictError("another call resumes the job at the same time")
        StatusFile(self._store, keys, number, self._now).advance(Phase.WAITING)
        return self._shown(request)

    def files(self, job: str, client: Client, after: str = "") -> bulk_answers.BulkFiles:
        """The files of a job's results, with links; raises NotFoundError. after: the last name of the page before."""
        keys = BulkKeys(self._request(job, client).owner, job)
        prefixes, start = (keys.data_prefix, keys.rejected_prefix), keys.prefix + after
        listed = (
            (item, item.key.removeprefix(keys.prefix))
            for prefix in prefixes
            if prefix > start or start.startswith(prefix)
            for page in self._drops.list(self._around.results_bucket, prefix, start if prefix < start else "")
            for item in page
        )
        found = list(islice(listed, BULK_FILES_PER_PAGE + 1))
        shown = found[:BULK_FILES_PER_PAGE]
        return {
            "files": [{"name": name, "bytes": item.size, "link": self._around.link(item.key)} for item, name in shown],
            "next": shown[-1][1] if len(found) > len(shown) else None,
            "expires": written(self._now() + timedelta(seconds=PRESIGNED_S)),
        }

    def _check_source(self, request: BulkRequest, client: Client) -> None:
        """Check whatever needs no reading: the rest is found when the job is planned."""
        access = Access(client, self._around.drop_bucket, self._around.opened)
        ((field, value),) = request.source.given().items()
        sources = [value] if isinstance(value, str) else value
        check = access.prefix_fault if field == "prefix" else access.fault
        fault = next((fault for fault in map(check, sources) if fault), None)
        if fault:
            raise InvalidFieldsError([FieldError(f"source.{field}", "not_yours", fault)])
        for source in sources[:1]:
            bucket, key = located(source, self._around.drop_bucket)
            # Other buckets are read by the planner alone.
            if bucket == self._around.drop_bucket and not self._is_there(key, whole=field != "prefix"):
                detail = f"nothing was uploaded to {source!r:.200}"
                raise InvalidFieldsError([FieldError(f"source.{field}", "nothing_there", detail)])

    def _is_there(self, key: str, *, whole: bool) -> bool:
        # The first is enough: a file itself comes before all whose keys begin with its own.
        listed = (item.key for page in self._drops.list(self._around.drop_bucket, key) for item in page)
        found = next(listed, None)
        return found == key if whole else found is not None

    def _check_room(self, owner: str) -> None:
        ids = self._ids(owner)[:BULK_JOBS_LISTED]
        phases = self._pool.map(lambda job: self._phase(owner, job), ids)
        running = sum(phase is not None and phase not in _AT_REST for phase in phases)
        if running >= BULK_JOBS_RUNNING:
            raise LimitExceededError(
                f"{running} bulk jobs are waiting or running; at most {BULK_JOBS_RUNNING} are done at once. Start this "
                "one when another has ended."
            )

    def _phase(self, owner: str, job: str) -> Phase | None:
        request = self._read(owner, job)
        return Phase(self._status(request)["phase"]) if request else None

    def _ids(self, owner: str) -> list[str]:
        """An owner's jobs, the newest first."""
        return sorted((name for name in self._store.folders(jobs_prefix(owner)) if is_job(name)), key=age_of)[::-1]

    def _request(self, job: str, client: Client) -> Job:
        found = self._read(owner_of(client), job) if is_job(job) else None
        if found is None:
            raise NotFoundError(f"there is no bulk job {job!r:.80}")
        return found

    def _read(self, owner: str, job: str) -> Job | None:
        try:
            return Job.read(self._store.get(BulkKeys(owner, job).request).body)
        except NotFoundError:
            return None

    def _status(self, job: Job) -> dict[str, Any]:
        """The status, failed if nothing was heard of the job for too long; ``lost`` says whether that is so."""
        keys = BulkKeys(job.owner, job.id)
        status = StatusFile(self._store, keys, 1).read()
        status["lost"] = False
        if Phase(status["phase"]) in _AT_REST:
            return status
        since = datetime.fromisoformat(status["updated"] or job.created)
        if (self._now() - since).total_seconds() > BULK_SILENT_S:
            # Parts tell of themselves by their counts alone.
            latest = max((item.modified for item in self._store.list(keys.done_prefix)), default="")
            heard = max(since, datetime.fromisoformat(latest)) if latest else since
            silent_s = (self._now() - heard).total_seconds()
            if silent_s > BULK_SILENT_S:
                return {**status, "lost": True, "phase": Phase.FAILED.value, "problem": _lost(silent_s)}
        return status

    def _shown(self, job: Job, *, full: bool = True) -> bulk_answers.BulkJob:
        keys = BulkKeys(job.owner, job.id)
        status = self._status(job)
        shown = Shown(job, status, read_json_if_there(self._store, keys.plan), self._now(), full)
        return answer(self._store, keys, shown, self._around)


def _lost(silent_s: float) -> Problem:
    return problems.document(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "Service unavailable",
        f"The job stopped without a word, {silent_s / 60:,.0f} minutes ago or more. Resume it: it goes on with the "
        "parts that have no result.",
    )
