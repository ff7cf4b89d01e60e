"""A progress bar on stderr where that is a terminal; nothing anywhere else."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Protocol

from skysort_cli.terminal import console, is_terminal, printable

if TYPE_CHECKING:
    from collections.abc import Iterator


class Bar(Protocol):
    """Progress as the work tells it."""

    def advance(self, amount: int = 1) -> None:
        """So much more is done."""

    def say(self, text: str) -> None:
        """What is going on."""


class Silent:
    """No bar."""

    def advance(self, amount: int = 1) -> None:
        """Nothing to show."""

    def say(self, text: str) -> None:
        """Nothing to show."""


@contextlib.contextmanager
def bar(what: str, total: int | None, *, quiet: bool, unit: str = "", in_bytes: bool = False) -> Iterator[Bar]:
    """A bar while the block runs, gone after it. total: None where it is not known; in_bytes: what is counted."""
    if quiet or not is_terminal(sys.stderr):
        yield Silent()
        return
    from rich import progress as rich_progress  # noqa: PLC0415 - costs more than the rest of the start

    screen = console(sys.stderr)
    if not screen.is_terminal or screen.is_dumb_terminal:
        yield Silent()
        return
    counted = (
        (rich_progress.DownloadColumn() if in_bytes else rich_progress.MofNCompleteColumn())
        if total is not None
        else rich_progress.TextColumn("{task.completed:,}")
    )
    columns = [
        rich_progress.SpinnerColumn(),
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(bar_width=24),
        counted,
        rich_progress.TextColumn(unit, markup=False),
        rich_progress.TimeRemainingColumn() if total is not None else rich_progress.TimeElapsedColumn(),
    ]
    with rich_progress.Progress(*columns, console=screen, transient=True) as shown:
        task = shown.add_task(printable(what), total=total)

        class _Rich:
            def advance(self, amount: int = 1) -> None:
                shown.advance(task, amount)

            def say(self, text: str) -> None:
                shown.update(task, description=printable(text))

        yield _Rich()
