"""What is written down of parts and jobs that failed, by the errors that the state machine hands over."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from skysort import problems
from skysort.bulk.cost import ROW_BYTES
from skysort.bulk.counts import Attempt, Counts, Failure, Rows
from skysort.limits import BULK_FAILURES_LISTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort.answers import Problem
    from skysort.bulk.manifest import PartItem, Slice

# How a function ends that needs too much time or memory (AWS Step Functions, "Handling error conditions").
_EXHAUSTED: Final = frozenset({"Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown", "States.Timeout"})


def given_up(item: PartItem, slices: Sequence[Slice], plan: Mapping[str, Any], error: Mapping[str, Any]) -> Counts:
    """The counts of a part of which nothing has a result.

    Parameters
    ----------
    item, slices
        The part.
    plan
        plan.json.
    error
        As the state machine has it.

    Returns
    -------
    Counts
        All its rows are failed. Of text whose rows nobody has counted: as many as the sample had in so many bytes.
    """
    reason = _part_problem(error)
    a_row = plan["bytes_in_per_row"] or ROW_BYTES
    rows = [
        Rows(failed=max(1, round((each.end - each.start) / a_row)) if each.rows is None else each.rows)
        for each in slices
    ]
    failures = [
        Failure(each.source, each.slice, None, reason, of.failed) for each, of in zip(slices, rows, strict=True)
    ]
    return Counts(
        item.part,
        rows,
        {},
        "{name} {version}".format(**plan["model"]),
        Attempt.GIVEN_UP,
        failures=failures[:BULK_FAILURES_LISTED],
        error=reason,
    )


def told(error: Mapping[str, Any]) -> tuple[str, str]:
    """The name and message of an error as the state machine hands it over."""
    name, cause = str(error.get("Error", "")), str(error.get("Cause", ""))
    try:
        return name, str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return name, cause


def _part_problem(error: Mapping[str, Any]) -> str:
    name, message = told(error)
    if name in _EXHAUSTED:
        return "the part needed more time or memory than there is, also when it was split"
    return f"the part failed, also when it was split: {message:.300}" if message else "the part failed"


def unexpected(phase: str, error: str) -> Problem:
    """The problem of a job whose step failed by an error of this name, without its internals."""
    if error in _EXHAUSTED:
        detail = f"The phase {phase!r} needed more time or memory than there is, also when it was tried again."
    else:
        detail = (
            f"The phase {phase!r} failed, also when it was tried again; the service's log says why. Resume the job: it "
            "goes on with the parts that have no result."
        )
    return problems.document(HTTPStatus.INTERNAL_SERVER_ERROR, "job-failed", "The job failed", detail)
