"""CSV cells with text from others, such as file names and messages about them, and the maximum length of a cell.

A spreadsheet runs a cell that begins like a formula. An apostrophe in front makes it text (OWASP, "CSV Injection").
Numbers of skysort's own, and the columns of a user's own table, are written as they are.
"""

from __future__ import annotations

import csv
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from skysort.limits import TABLE_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator


# Blanks and invisible characters before a sign: some programs skip them when they read a table.
_INVISIBLE: Final = r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2060\ufeff]"
# A sign alone is not a formula: "-" is how the command line names its standard input.
_FORMULA: Final = re.compile(rf"'*(?:[\t\r\n]|{_INVISIBLE}*[=+\-@\uff1d\uff0b\uff0d\uff20]).", re.DOTALL)
_MARK: Final = "'"


def text_cell(text: str) -> str:
    """Text as a cell that no spreadsheet takes for a formula; the inverse is ``written_text``."""
    return _MARK + text if _FORMULA.match(text) else text


def written_text(cell: str) -> str:
    """The text of a cell made by ``text_cell``."""
    return cell[len(_MARK) :] if cell.startswith(_MARK) and _FORMULA.match(cell) else cell


@contextmanager
def long_cells() -> Iterator[None]:
    """Let the csv module read cells as long as a line of a dropped table, eight times its default."""
    previous = csv.field_size_limit(TABLE_LINE_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(previous)
