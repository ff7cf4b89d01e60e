"""The answer about a job, put together from its documents."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from skysort.bulk.cost import counted, started_s
from skysort.bulk.documents import read_json_if_there
from skysort.bulk.glue import query, table_name
from skysort.bulk.progress import read_progress
from skysort.bulk.status import Phase
from skysort.prices import Prices

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort import bulk_answers
    from skysort.bulk.keys import BulkKeys
    from skysort.bulk.progress import Progress
    from skysort.bulk.request import Job
    from skysort.registry.store import ModelStore

_PLAN_FIELDS: Final = ("parts", "files", "bytes", "rows", "rows_exact", "seconds", "concurrency", "dollars", "refused")
# Phases of a run that has come to its parts.
_WORKED: Final = ("running", "finishing")


class Around(Protocol):
    """What a job's links are made of; see skysort.bulk.service.Surroundings."""

    @property
    def results_bucket(self) -> str:
        """Where jobs are."""

    @property
    def database(self) -> str | None:
        """Of Glue."""

    @property
    def place(self) -> str | None:
        """What stands before keys; by default s3:// and the bucket."""

    @property
    def link(self) -> Callable[[str], str]:
        """Makes presigned links."""


class Shown(NamedTuple):
    """What is known of a job.

    plan: plan.json, None before there is one. full: with everything that may be long; lists have many jobs.
    """

    job: Job
    status: Mapping[str, Any]
    plan: Mapping[str, Any] | None
    now: datetime
    full: bool = True


def answer(store: ModelStore, keys: BulkKeys, shown: Shown, around: Around) -> bulk_answers.BulkJob:
    """The answer about a job."""
    job, status, plan = shown.job, shown.status, shown.plan
    phase = Phase(status["phase"])
    summary = read_json_if_there(store, keys.summary) if phase.ended else None
    if plan is None:
        progress = None
    elif summary is not None and phase is Phase.DONE:
        progress = _finished(plan, summary)
    else:
        progress = _going_on(shown, plan, read_progress(store, keys))
    found: bulk_answers.BulkJob = {
        "id": job.id,
        "model": job.model,
        "source": dict(job.source),
        "output": job.output,
        "tolerated_share": job.tolerated_share,
        "columns": list(job.columns),
        "created": job.created,
        "updated": status["updated"] or job.created,
        "phase": phase.value,
        "run": status["run"],
        "plan": None if plan is None else _plan(plan),
        "progress": progress,
        "summary": summary,
        "problem": status["problem"],
        "links": _links(keys, shown, around, summed=summary is not None),
    }
    if job.prior is not None:
        found["prior"] = dict(job.prior)
    return found if shown.full else _short(found)


def _short(job: bulk_answers.BulkJob) -> bulk_answers.BulkJob:
    """The answer without what may be long."""
    plan, progress = job["plan"], job["progress"]
    return {
        **job,
        "source": {field: value[:1] if isinstance(value, list) else value for field, value in job["source"].items()},
        "plan": plan and {**plan, "refused": {**plan["refused"], "files": []}},
        "progress": progress and {**progress, "classes": {}},
        "summary": None,
    }


def _plan(plan: Mapping[str, Any]) -> bulk_answers.BulkPlan:
    prices = {name: plan["prices"][name] for name in ("region", "date")}
    return {**{name: plan[name] for name in _PLAN_FIELDS}, "prices": prices}  # type: ignore[typeddict-item]


def _finished(plan: Mapping[str, Any], summary: Mapping[str, Any]) -> bulk_answers.BulkProgress:
    parts = summary["parts"]
    rows = summary["rows"]
    return {
        "parts": {
            "total": plan["parts"],
            "done": parts["done"],
            "failed": parts["failed"],
            "counted": parts["done"] + parts["failed"],
        },
        "rows": {"total": rows["in"], **rows},  # type: ignore[typeddict-item]
        "classes": summary["classes"],
        "dollars": summary["dollars"]["total"],
        "seconds": round(_worked_s(summary["seconds"]), 3),
        "eta_s": 0.0,
    }


def _going_on(shown: Shown, plan: Mapping[str, Any], progress: Progress) -> bulk_answers.BulkProgress:
    status = shown.status
    ended = len(progress.done) + len(progress.failed)
    seconds, eta_s = _worked_s(status["seconds"]), None
    entered = datetime.fromisoformat(status["entered"]) if status["entered"] else shown.now
    if status["phase"] in _WORKED:
        this_run_s = max(0.0, (shown.now - entered).total_seconds())
        seconds += this_run_s
        if status["phase"] == Phase.RUNNING:
            eta_s = _left_s(plan, progress, entered, this_run_s)
    rows = progress.rows
    summed = progress.sums.spent.parts + progress.given_up.spent.parts
    starts_s = started_s(plan, ended)
    prices = Prices.of(plan["prices"])
    spent = counted(progress.sums.spent, starts_s, int(plan["memory_mb"]), prices)
    return {
        "parts": {
            "total": plan["parts"],
            "done": len(progress.done),
            "failed": len(progress.failed),
            "counted": summed,
        },
        "rows": {"total": plan["rows"], **rows.document()},  # type: ignore[typeddict-item]
        "classes": dict(progress.sums.classes),
        # Parts that are not counted yet have cost as much as the others.
        "dollars": round(spent.total * max(1.0, ended / summed) if summed else 0.0, 6),
        "seconds": round(seconds, 3),
        "eta_s": None if eta_s is None else round(eta_s, 1),
    }


def _left_s(plan: Mapping[str, Any], progress: Progress, entered: datetime, run_s: float) -> float | None:
    """Seconds to the end: by the parts of this run, or by the plan before the first of them has ended."""
    left = plan["parts"] - len(progress.done) - len(progress.failed)
    done = sum(datetime.fromisoformat(ended) >= entered for ended in progress.ended.values())
    if done:
        return float(left * run_s / done)
    expected = float(plan["seconds"]) * left / max(1, plan["parts"])
    return float(max(0.0, expected - run_s))


def _worked_s(seconds: Mapping[str, float]) -> float:
    """Of all runs so far, without planning."""
    return sum(seconds.get(phase, 0.0) for phase in _WORKED)


def _links(keys: BulkKeys, shown: Shown, around: Around, *, summed: bool) -> bulk_answers.BulkLinks:
    path = f"/v1/bulk/{keys.id}"
    is_done = shown.status["phase"] == Phase.DONE
    place = f"s3://{around.results_bucket}/" if around.place is None else around.place
    data = place + keys.data_prefix
    table = f"{around.database}.{table_name(keys)}" if around.database and is_done else None
    sql = None
    if is_done and shown.plan is not None:
        reader = "read_parquet" if shown.job.output == "parquet" else "read_csv"
        read = f"{reader}('{data}*/*.{shown.job.output}', hive_partitioning = true)"
        sql = query(f'"{around.database}"."{table_name(keys)}"' if table else read, shown.plan["schema"])
    return {
        "self": path,
        "files": f"{path}/files",
        "success": around.link(keys.success) if is_done else None,
        "index": around.link(keys.index) if summed else None,
        "summary": around.link(keys.summary) if summed else None,
        "data": data,
        "table": table,
        "sql": sql,
    }
