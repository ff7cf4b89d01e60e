"""A bulk job without a service: its steps over files of this machine, its documents and results in a folder."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skysort.bulk.access import EVERYTHING
from skysort.bulk.job_store import FolderJobStore
from skysort.bulk.keys import BulkKeys
from skysort.bulk.planner import Planner
from skysort.bulk.service import BulkService, Surroundings
from skysort.bulk.status import Phase
from skysort.bulk.steps import BulkSteps, Reading, Site
from skysort.clients import EVERYBODY
from skysort.errors import InfrastructureError
from skysort.prices import Prices
from skysort_cli.bulk_following import progress_bar, show_progress
from skysort_cli.bulk_sources import suffixes
from skysort_cli.bulk_worker import Order, made, trained_models
from skysort_cli.exits import OutputError
from skysort_cli.local import model_folder
from skysort_cli.local_jobs import LocalJobs, job_of
from skysort_cli.local_models import live_version
from skysort_cli.local_parts import LocalMachine
from skysort_cli.local_registry import OWNER, NoUploads, as_problems
from skysort_cli.local_sources import chosen_files
from skysort_cli.output import made_folder
from skysort_cli.worker_processes import WorkerProcesses

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

    from skysort.bulk.request import Job
    from skysort_cli.classifiers import Classifier
    from skysort_cli.local_sources import ChosenFiles
    from skysort_cli.terminal import Bar

# Between two looks at a job's documents, for the bar.
_SHOWN_S: Final = 1.0
_S3: Final = "s3://"


def classify_here(options: argparse.Namespace, model: Classifier, request: Mapping[str, Any]) -> dict[str, Any]:
    """Do a job, or go on with one that the same command began.

    Parameters
    ----------
    options
        Of the command line.
    model
        The model.
    request
        The body of POST /v1/bulk; its source is that of the command line.

    Returns
    -------
    dict
        The job's state at its end, as a service would answer it.

    Raises
    ------
    KeyboardInterrupt
        The command is interrupted; what is done is kept.
    """
    files = chosen_files(options.sources, suffixes(model))
    _check_model(model)
    with ExitStack() as stack:
        if options.out is not None:
            folder = made_folder("--out", Path(options.out)).absolute()
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="skysort-bulk-")))
        stack.enter_context(_usable(folder))
        local = _Local(folder, files, options.workers or os.cpu_count() or 1)
        return local.do(request, again=options.again, quiet=options.quiet)


def _check_model(model: Classifier) -> None:
    """Raise MissingError or UsageError for a model that is not here, which the processes would find out later."""
    if model.trained is None:
        model_folder(model.spelled, os.environ)
    else:
        live_version(model, os.environ)


class _Local:
    """The jobs of a folder, over some files. workers: the number of processes."""

    def __init__(self, folder: Path, files: ChosenFiles, workers: int) -> None:
        self._folder = folder
        self._files = files
        self._workers = workers
        self._store = FolderJobStore(folder)
        self._jobs = LocalJobs(self._store, folder)
        around = Surroundings("", str(folder), (), None, lambda key: str(folder / key))
        self._service = BulkService(self._store, NoUploads(), around)

    def do(self, request: Mapping[str, Any], *, again: bool, quiet: bool) -> dict[str, Any]:
        """Do the job of a request, as far as it is not done."""
        wanted, fingerprint = job_of(request, self._workers), self._files.fingerprint()
        job = None if again else self._jobs.same(wanted, fingerprint)
        if job is not None:
            state = self._state(job)
            if state["phase"] == Phase.DONE or (wanted.plan_only and state["plan"]):
                return state
        # A job that was begun in earnest would not stop after its plan.
        if job is None or wanted.plan_only:
            job = wanted
            self._jobs.create(job, fingerprint)
        with self._jobs.alone(job):
            self._run(job, quiet=quiet)
        return self._state(job)

    def _run(self, job: Job, *, quiet: bool) -> None:
        run = self._jobs.next_run(job)
        planner = Planner(trained_models(job.model, os.environ))
        site = Site(str(self._folder), {job.family: self._workers}, Prices(), warm=self._workers, dispatch_s=0.0)
        steps = BulkSteps(self._store, Reading(self._files, lambda _: EVERYTHING, planner), site)
        order = Order(str(self._folder), str(self._files.folder), job.model)
        with progress_bar(quiet=quiet) as line, WorkerProcesses[Any](made, order, self._workers) as workers:
            shown = _Shown(lambda: self._state(job), line)
            machine = LocalMachine(steps, workers, lambda key: self._store.get(key).body, shown)
            shown()
            try:
                machine.run(BulkKeys(OWNER, job.id).start(run))
            except KeyboardInterrupt:
                self._jobs.interrupted(job, run)
                raise

    def _state(self, job: Job) -> dict[str, Any]:
        state: dict[str, Any] = {**self._service.get(job.id, EVERYBODY)}
        local = {name: link.replace(_S3, "") for name, link in state["links"].items() if link}
        return {**state, "links": {**state["links"], **local}}


class _Shown:
    """Shows a job's progress when it is called, unless it has just done so."""

    def __init__(self, read: Callable[[], Mapping[str, Any]], line: Bar) -> None:
        self._read = read
        self._line = line
        self._next = 0.0

    def __call__(self) -> None:
        """Show it if it is time."""
        if (now := time.monotonic()) >= self._next:
            job = self._read()
            # Nobody is charged for it here.
            free = job["progress"] and {**job["progress"], "dollars": None}
            show_progress(self._line, {**job, "progress": free})
            self._next = now + _SHOWN_S


@contextlib.contextmanager
def _usable(folder: Path) -> Iterator[None]:
    """Turn errors of the folder, and refusals, into those of the command line."""
    try:
        with as_problems():
            yield
    except OutputError as error:
        if not isinstance(error.__cause__, InfrastructureError):
            raise
        raise OutputError(f"{folder} cannot be used: {error.__cause__.detail}") from error
