"""Waiting for a bulk job: rows, rate, dollars and the time that is left on a line of the terminal, and its end."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any, Final

from skysort_cli.exits import StoppedError
from skysort_cli.terminal import bar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from skysort_cli.terminal import Bar

PLANNED: Final = "planned"
DONE: Final = "done"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
# A planned job that nobody has started waits for ever.
ENDED: Final = frozenset({DONE, FAILED, CANCELLED})
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 2.0
_SCALES: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
# Below this, numbers are shown whole.
_WHOLE: Final = 10_000


def followed(
    read: Callable[[], dict[str, Any]], *, until: frozenset[str], max_s: float, stop: threading.Event, quiet: bool
) -> dict[str, Any]:
    """A job once its phase is one of `until` or time is up, its progress shown on the way; raises StoppedError."""
    deadline = time.monotonic() + max_s
    pause = _FIRST_PAUSE_S
    with progress_bar(quiet=quiet) as line:
        while True:
            job = read()
            show_progress(line, job)
            remaining = deadline - time.monotonic()
            if job["phase"] in until or remaining <= 0:
                return job
            if stop.wait(min(pause, remaining)):
                raise StoppedError
            pause = min(_LONGEST_PAUSE_S, pause * 1.3)


def progress_bar(*, quiet: bool) -> AbstractContextManager[Bar]:
    """The bar that show_progress fills."""
    return bar("waiting", None, quiet=quiet, counted=False)


def show_progress(line: Bar, job: Mapping[str, Any]) -> None:
    """Show the phase of a job, and how far it is where that is known."""
    progress = job.get("progress") or {}
    rows, parts = progress.get("rows") or {}, progress.get("parts") or {}
    if not parts.get("total"):
        line.say(str(job["phase"]))
        line.set(0, None)
        return
    line.say(f"{job['phase']} {'  '.join(_told(progress, rows, parts))}")
    line.set(parts.get("done", 0) + parts.get("failed", 0), parts["total"])


def _told(progress: Mapping[str, Any], rows: Mapping[str, Any], parts: Mapping[str, Any]) -> list[str]:
    read, seconds = rows.get("in") or 0, progress.get("seconds") or 0
    of = f" of {short(rows['total'])}" if rows.get("total") else ""
    told = [f"{short(read)}{of} rows"]
    if seconds and read:
        told.append(f"{short(read / seconds)}/s")
    if progress.get("eta_s") is not None:
        told.append(f"{duration(progress['eta_s'])} left")
    if progress.get("dollars"):
        told.append(dollars(progress["dollars"]))
    if parts.get("failed"):
        told.append(f"{parts['failed']:,} parts failed")
    return told


def follow_command(identifier: str, endpoint: str | None, what: str = "--job") -> str:
    """The command that waits for a job, or with --resume goes on with it. endpoint: of --endpoint."""
    words = ["skysort", "bulk", what, identifier, "--wait", *(["--endpoint", endpoint] if endpoint else [])]
    return shlex.join(words)


def short(number: float) -> str:
    """A number in three digits or so: 23.4 M."""
    scale, unit = next(((scale, unit) for scale, unit in _SCALES if number >= scale), (1.0, ""))
    if number < _WHOLE:
        return f"{number:,.0f}"
    return f"{number / scale:.3g} {unit}" if number < 1e3 * scale else f"{number / scale:,.0f} {unit}"


def size(count: int) -> str:
    """A number of bytes: 7.1 GB."""
    text = short(count)
    return f"{text}B" if " " in text else f"{text} B"


def duration(seconds: float) -> str:
    """A time as people say it: 8 s, 4 min 10 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 1:
        return "under 1 s"
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def dollars(amount: float) -> str:
    """An amount of dollars, small ones to the thousandth of a cent."""
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.5f}" if amount < 0.01 else f"${amount:.3f}"  # noqa: PLR2004
