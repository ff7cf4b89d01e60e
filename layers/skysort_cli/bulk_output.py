"""Output of a bulk job, as a report or as JSON, and the exit status that it means."""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from skysort_cli.bulk_following import CANCELLED, DONE, ENDED, FAILED, PLANNED, follow_command
from skysort_cli.exits import Exit, ServiceError, UsageError
from skysort_cli.terminal import console, say
from skysort_cli.training_output import wants_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def report(
    options: argparse.Namespace, job: Mapping[str, Any], *, failed_uploads: int = 0, here: str | None = None
) -> int:
    """Write a job's state.

    Parameters
    ----------
    options
        Of the command line.
    job
        As the service answers it.
    failed_uploads
        Number of files that could not be uploaded.
    here
        The command that goes on with a job of this machine.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    UsageError
        The job refused its source, or too many rows were rejected.
    ServiceError
        It failed otherwise, or did not end in the time that the command waited.
    """
    if wants_json(options.format):
        sys.stdout.write(json.dumps(job, indent=2) + "\n")
    elif job["phase"] != FAILED:
        from skysort_cli.bulk_report import show_job  # noqa: PLC0415 - only for people

        show_job(job, console(sys.stdout), endpoint=options.endpoint, here=here)
    if job["phase"] == FAILED:
        problem = job.get("problem") or {}
        status = problem.get("status")
        message = f"the job failed: {problem.get('detail') or 'no reason given'}"
        is_refused = isinstance(status, int) and status < HTTPStatus.INTERNAL_SERVER_ERROR
        raise UsageError(message) if is_refused else ServiceError(message)
    if options.wait and job["phase"] not in ENDED | {PLANNED}:
        follow = follow_command(job["id"], options.endpoint)
        raise ServiceError(f"the job has not ended after {options.wait_for:g} s. Continue waiting with: {follow}")
    if options.wait and job["phase"] == CANCELLED:
        return Exit.SOME_FAILED
    return Exit.SOME_FAILED if _left_out(options, job, failed_uploads) else Exit.OK


def _left_out(options: argparse.Namespace, job: Mapping[str, Any], failed_uploads: int) -> bool:
    """Whether some rows or files have no result, which is told where the report does not."""
    refused = ((job.get("plan") or {}).get("refused") or {}).get("count", 0) + failed_uploads
    rows = (job.get("progress") or {}).get("rows") or {}
    without = (rows.get("rejected") or 0) + (rows.get("failed") or 0) if job["phase"] == DONE else 0
    if job["phase"] == DONE and without:
        say(f"{without:,} of {rows['in']:,} rows have no result; the reasons are beside the results")
    if refused and wants_json(options.format):
        say(f"{refused:,} files not used; the reasons are in the output")
    return bool(without or (refused and job["phase"] in {DONE, PLANNED}))
