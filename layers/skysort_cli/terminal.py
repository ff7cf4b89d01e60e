"""Terminal utilities: detection, safe text, a progress bar, and Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
import unicodedata
from typing import TYPE_CHECKING, Any, Final, cast

from skysort_cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from rich.console import Console

# Width of a table in a file or a pipe, where the reader's width is unknown.
_FILE_WIDTH: Final = 160
_TRAILING: Final = re.compile(" +\n")
_SHOW_CURSOR: Final = b"\x1b[?25h"  # a progress bar hides it


def is_terminal(stream: Any) -> bool:
    """Whether a stream is an open terminal."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def printable(text: object) -> str:
    r"""Text that is safe on a terminal: control characters and stray bytes are escaped (``\x1b``)."""
    return "".join(
        character
        if not unicodedata.category(character).startswith("C")
        else character.encode("unicode_escape").decode()
        for character in str(text)
    )


def say(message: str) -> None:
    """Print a message on stderr, apart from results."""
    sys.stderr.write(f"skysort: {printable(message)}\n")
    sys.stderr.flush()


class _Filter:
    """A stream that transforms the text written to it."""

    def __init__(self, stream: TextIO, change: Callable[[str], str]) -> None:
        self._change = change
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(self._change(text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def plain(stream: TextIO) -> TextIO:
    """A stream for plain text: made ``printable`` on a terminal, unchanged in files and pipes."""
    if not is_terminal(stream):
        return stream
    return cast("TextIO", _Filter(stream, lambda text: "\n".join(map(printable, text.split("\n")))))


def console(stream: TextIO) -> Console:
    """A rich console; rich follows NO_COLOR, TERM and the width of the terminal."""
    from rich.console import Console  # noqa: PLC0415 - costs more than the rest of the start

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # handled by main, with its own exit status

    if is_terminal(stream):
        return _Console(file=stream, highlight=False, emoji=False)
    width = None if "COLUMNS" in os.environ else _FILE_WIDTH
    # Without trailing blanks of a table's last column.
    trimmed = cast("TextIO", _Filter(stream, lambda text: _TRAILING.sub("\n", text)))
    return _Console(file=trimmed, width=width, highlight=False, emoji=False)


class Bar:
    """An invisible progress bar."""

    def advance(self, amount: int = 1) -> None:
        """Advance by an amount."""

    def say(self, text: str) -> None:
        """Set the description."""

    def set(self, done: int, total: int | None) -> None:
        """Set what is done, and of how much; None if unknown."""


@contextlib.contextmanager
def bar(
    description: str,
    total: int | None,
    *,
    quiet: bool,
    unit: str = "",
    in_bytes: bool = False,
    counted: bool = True,
) -> Iterator[Bar]:
    """A bar on stderr while the block runs, if that is a terminal.

    total: None if unknown. counted: whether to show the count; else the description has it.
    """
    if quiet or not is_terminal(sys.stderr):
        yield Bar()
        return
    from rich import progress as rich_progress  # noqa: PLC0415 - costs more than the rest of the start

    screen = console(sys.stderr)
    if not screen.is_terminal or screen.is_dumb_terminal:
        yield Bar()
        return
    if total is None:
        count_column: rich_progress.ProgressColumn = rich_progress.TextColumn("{task.completed:,}")
    else:
        count_column = rich_progress.DownloadColumn() if in_bytes else rich_progress.MofNCompleteColumn()
    columns = [
        rich_progress.SpinnerColumn(),
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(bar_width=24),
        *([count_column, rich_progress.TextColumn(unit, markup=False)] if counted else []),
        rich_progress.TimeRemainingColumn() if total is not None else rich_progress.TimeElapsedColumn(),
    ]
    with rich_progress.Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task(printable(description), total=total)

        class _RichBar(Bar):
            def advance(self, amount: int = 1) -> None:
                progress.advance(task, amount)

            def say(self, text: str) -> None:
                progress.update(task, description=printable(text))

            def set(self, done: int, total: int | None) -> None:
                progress.update(task, completed=done, total=total)

        yield _RichBar()


@contextlib.contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets before raising KeyboardInterrupt; a second Ctrl-C exits at once."""
    stop = threading.Event()

    def interrupted(_signal: int, _frame: object) -> None:
        if stop.is_set():
            if is_terminal(sys.stderr):
                os.write(2, _SHOW_CURSOR)
            os._exit(Exit.INTERRUPTED)
        stop.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
