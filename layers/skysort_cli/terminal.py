"""The terminal: whether there is one, and text that is safe to show on it."""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


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


def console(*, stderr: bool = False) -> Console:
    """A rich console; rich follows NO_COLOR, TERM and the width of the terminal."""
    from rich.console import Console  # noqa: PLC0415 - costs more than the rest of the start

    return Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=False)


def say(sentence: str) -> None:
    """One line to people, on stderr, where it does not mix with results."""
    sys.stderr.write(f"skysort: {printable(sentence)}\n")
    sys.stderr.flush()
