"""The rows of a table of text one by one: for a request's body, and for the command line, which cuts files into such.

What is no row: blank lines, comments, and the header again, as where tables stand one below the other.
"""

from __future__ import annotations

import csv
from itertools import chain
from typing import TYPE_CHECKING, Final

from skysort.errors import MalformedInputError
from skysort.star.tables.dialect import is_table
from skysort.star.tables.text_cells import is_comment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from skysort.star.tables.dialect import Head

# Stands behind the last line: where it is not a row of its own, a quote before it was not closed.
_END: Final = "\x1cend of the table\x1c"


class _Lines:
    """Lines on their way to the csv module, remembered until they are asked for."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken.append(line)
        return line

    def taken(self) -> str:
        text = self._taken[0] if len(self._taken) == 1 else "".join(self._taken)
        self._taken.clear()
        return text


def table_rows(lines: Iterable[str], head: Head) -> Iterator[tuple[str, list[str]]]:
    """Each row's text, its line break included, and its cells.

    lines: those below the head, line breaks kept. Raises MalformedInputError for a quote that is not closed, a cell
    without end, and a second table with other columns.
    """
    taken = _Lines(chain(lines, (_END,)))
    number, comment = 0, ""
    again = {line.decode("utf-8", "surrogateescape") for line in head.again}
    try:
        for cells in csv.reader(taken, delimiter=head.delimiter):
            text = taken.taken()
            if text == _END:
                return
            if text.endswith(_END):
                raise MalformedInputError(f"the table is not CSV: a quote in row {number + 1:,} is not closed")
            if not cells:
                continue
            if is_comment(text):
                comment = comment if is_table(comment) else text
                continue
            line = text.rstrip("\r\n")
            if line in again:
                comment = ""
                continue
            if comment:
                head.refuse_other_table(comment, line.encode("utf-8", "surrogateescape"))
                comment = ""
            number += 1
            yield text, cells
    except csv.Error as error:
        raise MalformedInputError(f"the table is not CSV: {error} near row {number + 1:,}") from None
