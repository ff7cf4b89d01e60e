"""What every training command shows: progress, sentences, and errors without a traceback."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from skysort.errors import SkysortError

if TYPE_CHECKING:
    from collections.abc import Callable

OK: Final = 0
REFUSED: Final = 1
USER_ERROR: Final = 2
INTERRUPTED: Final = 130

# Results go to stdout, everything about how it is going to stderr, so that a pipe stays clean.
console: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def progress() -> Progress:
    """A progress bar on stderr with time spent and time left; nothing is drawn where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def say(sentence: str) -> None:
    """One line about how it is going."""
    console.print(sentence, markup=False)


def guarded(command: Callable[[], int]) -> int:
    """Run a command; an error that is meant for the user becomes one sentence and exit code 2."""
    try:
        return command()
    except SkysortError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
