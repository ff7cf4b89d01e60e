"""The terminal: whether there is one, and text that is safe to show on it."""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import Console

# Of a table in a file or a pipe, where nothing says how wide the reader's screen is.
_FILE_WIDTH: Final = 160


def is_terminal(stream: Any) -> bool:
    """Whether a stream is a terminal; a closed one is none."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def printable(text: object) -> str:
    r"""Text without what would steer a terminal: names of files and answers of services come from others.

    Control characters and stray bytes come out as ``\x1b`` and the like.
    """
    return "".join(
        character
        if not unicodedata.category(character).startswith("C")
        else character.encode("unicode_escape").decode()
        for character in str(text)
    )


def console(stream: TextIO) -> Console:
    """A rich console; rich follows NO_COLOR, TERM and the width of the terminal."""
    from rich.console import Console  # noqa: PLC0415 - costs more than the rest of the start

    width = None if is_terminal(stream) or "COLUMNS" in os.environ else _FILE_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False)


def say(sentence: str) -> None:
    """One line to people, on stderr, where it does not mix with results."""
    sys.stderr.write(f"skysort: {printable(sentence)}\n")
    sys.stderr.flush()
