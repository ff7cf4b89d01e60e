"""`skysort bulk`: classify tables of any size and millions of pictures, on this machine or by a service."""

from __future__ import annotations

import json
import os
import shlex
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from skysort_cli.bulk_following import ENDED, PLANNED, follow_command, followed
from skysort_cli.bulk_output import report
from skysort_cli.classifiers import Classifier, classifier
from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import Exit, StoppedError, UsageError
from skysort_cli.local import missing_package
from skysort_cli.registry_access import refusals
from skysort_cli.terminal import console, interruptible, is_terminal, say
from skysort_cli.training_output import wants_json

if TYPE_CHECKING:
    import argparse
    import threading

    from skysort_cli.endpoint import Endpoint
    from skysort_cli.remote_bulk import RemoteBulk

# Uploads that failed, reported on stderr one by one.
_REPORTED: Final = 20
_PLAN_ENDS: Final = ENDED | {PLANNED}


def run(options: argparse.Namespace) -> int:
    """Plan, start, show or stop a job; returns the exit status."""
    # A folder for the results is of this machine, whatever service is usually worked with.
    endpoint = find_endpoint(options.endpoint, os.environ, in_process=options.out is not None and not options.endpoint)
    _check(options, endpoint)
    if endpoint is None:
        return _here(options, classifier(options.model))
    from skysort_cli.client import Client  # noqa: PLC0415 - not needed in process
    from skysort_cli.remote_bulk import RemoteBulk  # noqa: PLC0415 - not needed in process

    with ExitStack() as stack:
        stop = stack.enter_context(interruptible())
        connections = options.jobs + 1
        client = stack.enter_context(Client(endpoint, timeout_s=options.timeout, stop=stop, connections=connections))
        jobs = RemoteBulk(client)
        with refusals():
            if options.model is not None:
                return _start(options, classifier(options.model), client, jobs, stop)
            identifier = options.job or options.resume or options.cancel
            if identifier is None:
                return _list(options, jobs)
            if options.cancel:
                jobs.cancel(identifier)
            elif options.resume:
                jobs.resume(identifier)
            return _show(options, jobs, identifier, stop, started=options.resume is not None)


def _check(options: argparse.Namespace, endpoint: Endpoint | None) -> None:
    """Raise UsageError for options that cannot be combined."""
    from skysort_cli.bulk_sources import check_sources, is_remote  # noqa: PLC0415 - after the parser

    of_service = next((name for name in ("job", "resume", "cancel") if getattr(options, name) is not None), None)
    if of_service and options.model is not None:
        raise UsageError(f"--{of_service} has the job's id, and takes no MODEL and SOURCE")
    if options.model is not None and not options.sources:
        raise UsageError(f"give the files, folders or keys that {options.model} is to classify")
    if options.out is not None and options.endpoint:
        raise UsageError("--out is for jobs on this machine and --endpoint for those of a service; give one of them")
    if endpoint is not None:
        if options.workers:
            raise UsageError("--workers is for jobs on this machine, with --out; a service's are --concurrency")
        check_sources(options)
        return
    if options.model is None:
        what = f"--{of_service} is for jobs of a service" if of_service else "listing jobs needs a service"
        raise UsageError(f"{what}: give --endpoint URL or set SKYSORT_ENDPOINT; the same command resumes one of --out")
    if options.out is None and not options.plan:
        raise UsageError("give --out FOLDER for the results on this machine, or --endpoint URL for a job of a service")
    remote = next(filter(is_remote, options.sources), None)
    if remote:
        raise UsageError(f"{remote} lies in S3, which a service reads: give --endpoint URL")
    if options.manifest or options.concurrency:
        raise UsageError("--manifest and --concurrency are for jobs of a service; here, name files, and --workers")


def _request(options: argparse.Namespace, source: dict[str, Any]) -> dict[str, object]:
    """The body of POST /v1/bulk."""
    chosen = {
        "tolerated_share": options.tolerated_share,
        "columns": options.columns,
        "concurrency": options.concurrency,
        "prior": options.prior,
    }
    return {
        "model": options.model,
        "source": source,
        "output": options.output,
        "plan_only": options.plan,
        **{name: value for name, value in chosen.items() if value is not None},
    }


def _start(options: argparse.Namespace, model: Classifier, client: Any, jobs: RemoteBulk, stop: threading.Event) -> int:
    from skysort_cli.bulk_sources import source_of  # noqa: PLC0415 - not needed in process

    try:
        source, failures = source_of(options, model, client)
    except (KeyboardInterrupt, StoppedError):
        say(f"interrupted. Resume with: {shlex.join(['skysort', *sys.argv[1:]])}")
        return Exit.INTERRUPTED
    for name, problem in list(failures.items())[:_REPORTED]:
        say(f"{name}: {problem.detail}")
    identifier = str(jobs.start(_request(options, source))["id"])
    return _show(options, jobs, identifier, stop, started=True, failed_uploads=len(failures))


def _show(
    options: argparse.Namespace,
    jobs: RemoteBulk,
    identifier: str,
    stop: threading.Event,
    *,
    started: bool = False,
    failed_uploads: int = 0,
) -> int:
    """Wait for a job if that is wanted, and report it; one that was only started is named."""
    if started and not options.wait and not options.plan:
        sys.stdout.write(f"{identifier}\n")
        if not options.quiet and is_terminal(sys.stderr):
            say(f"the job goes on; follow it with: {follow_command(identifier, options.endpoint)}")
        return Exit.SOME_FAILED if failed_uploads else Exit.OK
    job = jobs.job(identifier)
    until = _PLAN_ENDS if options.plan or not started else ENDED
    if options.wait or options.plan:
        try:
            job = followed(
                lambda: jobs.job(identifier), until=until, max_s=options.wait_for, stop=stop, quiet=options.quiet
            )
        except (KeyboardInterrupt, StoppedError):
            say(f"interrupted; the job goes on. Follow it with: {follow_command(identifier, options.endpoint)}")
            return Exit.INTERRUPTED
    return report(options, job, failed_uploads=failed_uploads)


def _list(options: argparse.Namespace, jobs: RemoteBulk) -> int:
    found = jobs.jobs(options.limit)
    if wants_json(options.format):
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return Exit.OK
    from skysort_cli.bulk_report import show_jobs  # noqa: PLC0415 - only for people

    show_jobs(found, console(sys.stdout))
    return Exit.OK


def _here(options: argparse.Namespace, model: Classifier) -> int:
    """Run the steps of the service in this process and its workers."""
    try:
        from skysort_cli.local_bulk import classify_here  # noqa: PLC0415 - needs the models' packages
    except ImportError as error:
        raise missing_package(model.spelled, error) from error
    options.wait = not options.plan
    again = shlex.join(["skysort", *sys.argv[1:]])
    with interruptible(), refusals():
        try:
            job = classify_here(options, model, _request(options, {}))
        except KeyboardInterrupt:
            say(f"interrupted; what is done is kept. Go on with: {again}")
            return Exit.INTERRUPTED
    return report(options, job, here=again)
