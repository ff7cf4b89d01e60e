"""Beginnings of rows in the middle of a CSV, whose quoted cells may have line breaks.

A line break in the middle of a file ends a row, or belongs to a quoted cell. It ends a row if the lines below it have
as many cells as the header when they are read as rows, and have not when they are read as the rest of a quoted cell.
Where both readings are possible, or neither, another line break is looked at. Both are strict: a quote is at an end of
its cell, or escaped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Final

from skysort.limits import TABLE_LINE_BYTES

_BREAK: Final = re.compile(rb"\r\n|\n|\r")
# Rows that have to be as wide as the header, unless the file ends before.
_ROWS: Final = 8
# A quoted cell of more bytes, whose lines read as rows of this table, is not expected. Rows of one cell are more easily
# mistaken: there a cell counts as endless where no reader accepts it.
_CELL_BYTES: Final = 32 * 1024
# Line breaks that are looked at in one window.
_CANDIDATES: Final = 500


class _Reading(Enum):
    """Whether the bytes at an offset can be read in some way."""

    YES = auto()
    NO = auto()
    UNKNOWN = auto()  # the window ends too early


@dataclass(frozen=True)
class RowStarts:
    """Finds beginnings of rows. delimiter: of cells. width: cells of a row. cell_bytes: of the longest quoted cell."""

    delimiter: str
    width: int
    cell_bytes: int = _CELL_BYTES

    def find(self, window: bytes, *, last: bool) -> int | None:
        """Find the first row that surely begins below a line break.

        Parameters
        ----------
        window
            Some bytes of the file.
        last
            Whether the file ends with them.

        Returns
        -------
        Its offset; None if there is none.
        """
        for number, match in enumerate(_BREAK.finditer(window)):
            start = match.end()
            # At the end of a window a carriage return may be half of a line break.
            if number == _CANDIDATES or start == len(window):
                return None
            outside = self._rows(window, start, last=last)
            if outside is _Reading.YES and self._inside(window, start, last=last) is _Reading.NO:
                return start
        return None

    @cached_property
    def _endless(self) -> int:
        return self.cell_bytes if self.width > 1 else max(self.cell_bytes, TABLE_LINE_BYTES)

    @cached_property
    def _cell(self) -> bytes:
        mark = re.escape(self.delimiter.encode())
        return rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^"\r\n' + mark + rb"]*+)"

    @cached_property
    def _row(self) -> re.Pattern[bytes]:
        # The last row of a file may have no line break.
        mark = re.escape(self.delimiter.encode())
        return re.compile(rb"(?:%b%b){%d}%b(?:\r\n|\n|\r|\Z)" % (self._cell, mark, self.width - 1, self._cell))

    @cached_property
    def _unfinished(self) -> re.Pattern[bytes]:
        """A row that goes on behind the window."""
        mark = re.escape(self.delimiter.encode())
        return re.compile(
            rb'(?:%b%b){0,%d}(?:%b|"[^"]*+(?:""[^"]*+)*+)\r?\Z' % (self._cell, mark, self.width - 1, self._cell)
        )

    @cached_property
    def _rest(self) -> re.Pattern[bytes]:
        """The rest of a quoted cell and of its row."""
        mark = re.escape(self.delimiter.encode())
        return re.compile(rb'[^"]*+(?:""[^"]*+)*+"(?:%b%b){0,%d}(?:\r\n|\n|\r|\Z)' % (mark, self._cell, self.width - 1))

    @cached_property
    def _unfinished_rest(self) -> re.Pattern[bytes]:
        """The rest of a quoted cell, and of a row that goes on behind the window."""
        mark = re.escape(self.delimiter.encode())
        return re.compile(
            rb'[^"]*+(?:""[^"]*+)*+"(?:%b%b){0,%d}(?:%b"[^"]*+(?:""[^"]*+)*+)?\r?\Z'
            % (mark, self._cell, self.width - 1, mark)
        )

    def _rows(self, window: bytes, start: int, *, last: bool) -> _Reading:
        """Whether rows of the header's width begin at an offset; neither blank lines nor comments count."""
        offset, rows = start, 0
        while rows < _ROWS:
            if offset == len(window):
                return _Reading.YES if last else _Reading.UNKNOWN
            if skipped := _NO_ROW.match(window, offset):
                offset = skipped.end()
                continue
            row = self._row.match(window, offset)
            if row is None or (row.end() == len(window) and not last):
                cut = not last and self._unfinished.match(window, offset)
                return _Reading.UNKNOWN if cut else _Reading.NO
            offset, rows = row.end(), rows + 1
        return _Reading.YES

    def _inside(self, window: bytes, start: int, *, last: bool) -> _Reading:
        """Whether the rest of a quoted cell, and rows behind it, begin at an offset."""
        rest = self._rest.match(window, start)
        if rest is not None and (last or rest.end() < len(window)):
            return self._rows(window, rest.end(), last=last)
        if _OPEN.match(window, start):
            return _Reading.NO if last or len(window) - start >= self._endless else _Reading.UNKNOWN
        cut = not last and (rest is not None or self._unfinished_rest.match(window, start))
        return _Reading.UNKNOWN if cut else _Reading.NO


# A blank line; a comment with a quote is read as the parsers read it, as a row.
_NO_ROW: Final = re.compile(rb'(?:#[^"\r\n]*+)?(?:\r\n|\n|\r)')
_OPEN: Final = re.compile(rb'[^"]*+(?:""[^"]*+)*+\Z')
