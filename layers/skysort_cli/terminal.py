"""The terminal: whether there is one, and text that is safe to show on it."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import Console

# Of a table in a file or a pipe, where nothing says how wide the reader's screen is.
_FILE_WIDTH: Final = 160
_TRAILING: Final = re.compile(" +\n")


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

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # the command's own business, with its own exit status

    if is_terminal(stream):
        return _Console(file=stream, highlight=False, emoji=False)
    width = None if "COLUMNS" in os.environ else _FILE_WIDTH
    return _Console(file=cast("TextIO", _Trimmed(stream)), width=width, highlight=False, emoji=False)


class Plain:
    """A stream for tables of plain text: what would steer a terminal comes out as ``printable`` has it.

    Files and pipes get every character as it is.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._steered = is_terminal(stream)

    def write(self, text: str) -> int:
        """Write some text, its line ends as they are."""
        shown = "\n".join(map(printable, text.split("\n"))) if self._steered else text
        self._stream.write(shown)
        return len(text)

    def flush(self) -> None:
        """Show what was written."""
        self._stream.flush()


class _Trimmed:
    """A stream whose lines end where their text ends, not where a table's last column does."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(_TRAILING.sub("\n", text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def say(sentence: str) -> None:
    """One line to people, on stderr, where it does not mix with results."""
    sys.stderr.write(f"skysort: {printable(sentence)}\n")
    sys.stderr.flush()
