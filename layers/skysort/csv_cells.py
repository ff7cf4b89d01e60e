"""Cells of the tables that skysort writes whose text came from somebody else: names of files, messages about them.

A spreadsheet takes a cell that begins like a formula for one, and would run it. An apostrophe in front makes it text
(OWASP, "CSV Injection"). Numbers of skysort's own, and the columns of a user's own table, are written as they are.

How long a cell the csv module reads, a setting of the whole process.
"""

from __future__ import annotations

import csv
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from skysort.limits import TABLE_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator


# Blanks and characters that are not seen before a sign: some programs leave them out when they read a table.
_UNSEEN: Final = r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2060\ufeff]"
# A sign alone is none: "-" is how the command line calls its standard input.
_FORMULA: Final = re.compile(rf"'*(?:[\t\r\n]|{_UNSEEN}*[=+\-@\uff1d\uff0b\uff0d\uff20]).", re.DOTALL)
_MARK: Final = "'"


def text_cell(text: str) -> str:
    """Text as a cell that no spreadsheet takes for a formula; ``written_text`` gives it back."""
    return _MARK + text if _FORMULA.match(text) else text


def written_text(cell: str) -> str:
    """The text that ``text_cell`` made a cell of."""
    return cell[len(_MARK) :] if cell.startswith(_MARK) and _FORMULA.match(cell) else cell


@contextmanager
def long_cells() -> Iterator[None]:
    """Cells as long as a line of a dropped table may be; the module's own limit is an eighth of that."""
    previous = csv.field_size_limit(TABLE_LINE_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(previous)
