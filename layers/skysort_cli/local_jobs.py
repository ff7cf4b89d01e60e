"""The bulk jobs of a folder: begun, found again by the same command, and worked on by one command at a time."""

from __future__ import annotations

import contextlib
import fcntl
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from skysort.bulk.documents import read_json_if_there, to_json, write_once
from skysort.bulk.keys import BulkKeys, age_of, is_job, jobs_prefix, new_job
from skysort.bulk.request import Job, read_body
from skysort.bulk.status import Phase, StatusFile
from skysort.errors import NotFoundError
from skysort.registry.status_file import written
from skysort.registry.store import JSON
from skysort_cli.exits import UsageError
from skysort_cli.local_registry import OWNER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from skysort.registry.store import ModelStore

# What a request names as its source until the files of this machine take its place.
_ANYWHERE: Final = {"prefix": "incoming/"}
_EVERYTHING: Final[Mapping[str, str | list[str]]] = {"prefix": ""}
# Which files, in which state, a job was begun with.
_FILES: Final = "files.json"
_LOCK: Final = ".lock-"


class LocalJobs:
    """The jobs of a folder. store: its documents."""

    def __init__(self, store: ModelStore, folder: Path) -> None:
        self._store = store
        self._folder = folder

    def same(self, wanted: Job, fingerprint: str) -> Job | None:
        """The newest job of the same request over the same files, None if there is none."""
        ids = sorted(filter(is_job, self._store.folders(jobs_prefix(OWNER))), key=age_of, reverse=True)
        for keys in (BulkKeys(OWNER, identifier) for identifier in ids):
            if read_json_if_there(self._store, keys.prefix + _FILES) != _files(fingerprint):
                continue
            with contextlib.suppress(NotFoundError):  # the command that began it was killed
                job = Job.read(self._store.get(keys.request).body)
                if _essence(job) == _essence(wanted):
                    return job
        return None

    def create(self, job: Job, fingerprint: str) -> None:
        """Write the documents of a new job; the request last, as it is what makes it one."""
        keys = BulkKeys(OWNER, job.id)
        write_once(self._store, keys.prefix + _FILES, to_json(_files(fingerprint)))
        write_once(self._store, keys.request, job.to_json())

    def next_run(self, job: Job) -> int:
        """Begin the next run of a job; the one before has ended, whether or not it could say so."""
        keys = BulkKeys(OWNER, job.id)
        run = 1 + len(list(self._store.folders(keys.runs)))
        write_once(self._store, keys.start(run), to_json({"run": run, "created": written(datetime.now(UTC))}))
        StatusFile(self._store, keys, run).advance(Phase.WAITING)
        return run

    def interrupted(self, job: Job, run: int) -> None:
        """Record that a run was interrupted."""
        StatusFile(self._store, BulkKeys(OWNER, job.id), run).advance(Phase.CANCELLED)

    @contextlib.contextmanager
    def alone(self, job: Job) -> Iterator[None]:
        """Keep other commands from working on a job; raises UsageError if one does."""
        # The system frees the lock of a command that was killed.
        with (self._folder / f"{_LOCK}{job.id}").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(f"another command is working on {job.id} in {self._folder}; wait for it") from None
            yield


def job_of(request: Mapping[str, Any], workers: int) -> Job:
    """The job of a request, over all files that are given; raises InvalidFieldsError."""
    asked = read_body(json.dumps({**request, "source": _ANYWHERE}).encode(), JSON)
    return Job(
        id=new_job(asked.model),
        owner=OWNER,
        client_folder="",
        model=asked.model,
        source=_EVERYTHING,
        created=written(datetime.now(UTC)),
        output=asked.output,
        tolerated_share=asked.tolerated_share,
        columns=tuple(asked.columns),
        plan_only=asked.plan_only,
        concurrency=workers,
        prior=asked.prior,
    )


def _files(fingerprint: str) -> dict[str, str]:
    return {"fingerprint": fingerprint}


def _essence(job: Job) -> Job:
    """What makes two jobs the same: all but when, how far and with how many processes."""
    return replace(job, id="", created="", plan_only=False, concurrency=None)
