"""A bulk job as people read it: its plan, or what became of it, and the next command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from skysort_cli.bulk_following import (
    CANCELLED,
    DONE,
    FAILED,
    PLANNED,
    dollars,
    duration,
    follow_command,
    short,
    size,
)
from skysort_cli.inputs import counted
from skysort_cli.layout import card_table, plain_table, section, text
from skysort_cli.wholes import table_domain, table_verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

    Document = Mapping[str, Any]

_REFUSED_SHOWN: Final = 20
_CLASSES_SHOWN: Final = 20
_ITEMS: Final = {"lambda": "Lambda", "transitions": "Step Functions", "s3": "S3 requests", "total": "total"}


def show_job(job: Document, screen: Console, *, endpoint: str | None = None, here: str | None = None) -> None:
    """Print a job: its plan, what became of it, and what is next.

    endpoint: of --endpoint. here: the command that goes on with a job of this machine, None for a job of a service.
    """
    phase, plan = job["phase"], job.get("plan")
    screen.print(text(f"{job['model']}  {job['id']}", "bold"))
    if phase == FAILED:
        screen.print(text(f"failed: {_reason(job)}", "red"))
    elif phase not in {DONE, PLANNED}:
        screen.print(text(phase))
    if plan and phase != DONE:
        section(screen, "Plan", plan_table(plan))
    if plan and phase == PLANNED:
        prices = plan.get("prices") or {}
        about = f"list prices of {prices.get('region', '')}, {prices.get('date', '')}" if prices else None
        section(screen, "Cost" if here is None else "Cost on AWS Lambda", cost_table(plan), about)
    if plan:
        _refused(plan.get("refused") or {}, screen)
    if phase == DONE or (job.get("progress") or {}).get("rows", {}).get("in"):
        _result(job, screen, here=here is not None)
    screen.print()
    for line in _next(job, endpoint, here):
        # Whole, so that it can be copied.
        screen.print(text(line, "dim"), soft_wrap=True)


def show_jobs(jobs: Sequence[Document], screen: Console) -> None:
    """Print one line per job."""
    table = card_table("job", "model", "phase", ">parts", ">rows", ">dollars")
    for job in jobs:
        progress = job.get("progress") or {}
        parts, rows = progress.get("parts") or {}, progress.get("rows") or {}
        table.add_row(
            text(job["id"], "bold"),
            text(job["model"]),
            text(job["phase"], "red" if job["phase"] == FAILED else ""),
            text(f"{parts.get('done', 0):,} of {parts['total']:,}" if parts.get("total") else ""),
            text(f"{rows['in']:,}" if rows.get("in") else ""),
            text(dollars(progress["dollars"]) if progress.get("dollars") else ""),
        )
    screen.print(table)
    screen.print(Text("skysort bulk --job ID shows one", style="dim"))


def plan_table(plan: Document) -> Table:
    """What a job would read, and how long it would take."""
    rows = plan.get("rows")
    about = "" if plan.get("rows_exact", True) or rows is None else "about "
    at_once = plan.get("concurrency")
    lines = {
        "files": f"{plan['files']:,}",
        "bytes": size(plan["bytes"]),
        "rows": "not known" if rows is None else f"{about}{rows:,}",
        "parts": f"{plan['parts']:,}",
        "time": duration(plan["seconds"]) + (f" with {at_once:,} at a time" if at_once else ""),
    }
    return _pairs({name: value for name, value in lines.items() if value})


def cost_table(plan: Document) -> Table:
    """What a job would cost, by item."""
    table = card_table("", "")
    table.show_header = False
    for name, label in _ITEMS.items():
        if name in plan["dollars"]:
            table.add_row(text(label, "bold" if name == "total" else ""), text(dollars(plan["dollars"][name])))
    return table


def _pairs(lines: Mapping[str, str]) -> Table:
    table = plain_table()
    table.show_header = False
    for name, value in lines.items():
        table.add_row(text(name), text(value))
    return table


def _refused(refused: Document, screen: Console) -> None:
    count, files = refused.get("count", 0), refused.get("files") or []
    if not count:
        return
    shown = [f"{each['file']}: {each['reason']}" for each in files[:_REFUSED_SHOWN]]
    more = count - len(shown)
    section(screen, f"{counted(count)} not used", *shown, f"and {more:,} more" if more > 0 else None)


def _result(job: Document, screen: Console, *, here: bool) -> None:
    progress = job.get("progress") or {}
    rows, parts = progress.get("rows") or {}, progress.get("parts") or {}
    lines = {
        "rows": f"{rows.get('in', 0):,}",
        "classified": f"{rows.get('out', 0):,}",
        "rejected": f"{rows['rejected']:,}" if rows.get("rejected") else "",
        "failed": f"{rows['failed']:,}" if rows.get("failed") else "",
        "parts": f"{parts.get('done', 0):,} of {parts.get('total', 0):,}",
    }
    if progress.get("seconds"):
        lines["time"] = f"{duration(progress['seconds'])}, {short(rows.get('in', 0) / progress['seconds'])} rows/s"
    if progress.get("dollars") and not here:
        lines["cost"] = dollars(progress["dollars"])
    section(screen, "Result", _pairs({name: value for name, value in lines.items() if value}))
    classes = sorted((progress.get("classes") or {}).items(), key=lambda item: -item[1])
    shares = (job.get("summary") or {}).get("class_shares") or {}
    table = card_table("class", ">rows", ">share", *([">estimated share"] if shares else []))
    for name, count in classes[:_CLASSES_SHOWN]:
        share = [text(_estimated(shares.get(name)))] if shares else []
        table.add_row(text(name), text(f"{count:,}"), text(f"{count / max(1, rows.get('out', 0)):.1%}"), *share)
    more = len(classes) - _CLASSES_SHOWN
    if classes:
        section(screen, "Classes", table, f"and {more:,} more" if more > 0 else None)
    _typicality(job.get("summary") or {}, screen)


def _estimated(share: Document | None) -> str:
    """A share with its 95 % interval."""
    return f"{share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%})" if share else ""


def _typicality(summary: Document, screen: Console) -> None:
    """How typical the whole is, where the model measures it."""
    share, domain = summary.get("typicality"), table_domain(summary)
    of_rows = share["detail"] if share else None
    section(screen, "Typicality", of_rows, table_verdict(domain) if domain and not domain["in_domain"] else None)


def _next(job: Document, endpoint: str | None, here: str | None) -> list[str]:
    """The next command, or where the results are and how they are read."""
    phase, links = job["phase"], job.get("links") or {}
    if phase == DONE:
        return [str(links[name]) for name in ("data", "sql") if links.get(name)]
    if here is not None:
        return [here] if phase != PLANNED else []
    what = "--resume" if phase in {PLANNED, CANCELLED, FAILED} else "--job"
    return [follow_command(job["id"], endpoint, what)]


def _reason(job: Document) -> str:
    return str((job.get("problem") or {}).get("detail") or "no reason given")
