"""IPAC tables: the appended columns follow the unchanged lines.

Format: https://irsa.ipac.caltech.edu/applications/DDGEN/Doc/ipac_tbl.html: keywords after backslashes, up to four
lines of names, types, units and nulls between bars, and rows with their cells below.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final

from skysort.errors import EmptyInputError, LimitExceededError, MalformedInputError
from skysort.limits import TABLE_COLUMNS, TEXT_HEADER_BYTES
from skysort.star.schema import SDSS
from skysort.star.tables.beside import nothing
from skysort.star.tables.result_columns import is_appended
from skysort.star.tables.text_rows import Line, TextTable, decoded, lines_of
from skysort.star.tables.wanted import TableColumn, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from skysort.star.schema import Schema
    from skysort.star.tables.beside import Beside
    from skysort.star.tables.result_columns import ResultColumns

_NUMBERS: Final = frozenset({"int", "i", "long", "l", "double", "d", "float", "f", "real", "r"})
TYPES: Final = _NUMBERS | {"char", "c", "date", "int", "integer"}
_LINES: Final = 4
_FLOAT_WIDTH: Final = 14


@contextmanager
def open_ipac(
    blocks: Iterable[bytes], _check: object, schema: Schema = SDSS, beside: Beside = nothing
) -> Iterator[IpacTable]:
    """Open an IPAC table; raises InputError for unusable columns."""
    above: list[bytes] = []
    bars: list[str] = []
    size = 0
    lines = enumerate(lines_of(blocks), start=1)
    first: list[Line] = []
    for number, line in lines:
        size += len(line)
        if size > TEXT_HEADER_BYTES:
            raise LimitExceededError(f"the table's header has more than {TEXT_HEADER_BYTES:,} bytes")
        if line.startswith(b"|") and len(bars) < _LINES:
            bars.append(decoded(line, number).rstrip())
        elif not bars and (line.startswith(b"\\") or not line.strip()):
            above.append(line)
        else:
            first = [(number, line)]
            break
    # Comments and blank lines among the rows are skipped.
    rows = ((number, line) for number, line in chain(first, lines) if line.strip() and not line.startswith(b"\\"))
    table = IpacTable(b"".join(above), bars, rows, schema, beside)
    if not first:
        raise EmptyInputError("the IPAC table has a header but no rows")
    yield table


class IpacTable(TextTable):
    """An IPAC table.

    above: the lines of keywords. bars: the header lines with bars.
    """

    def __init__(self, above: bytes, bars: Sequence[str], rows: Iterable[Line], schema: Schema, beside: Beside) -> None:
        if not bars:
            raise MalformedInputError("the IPAC table has no line of names between bars")
        self._above = above
        self._bars = bars
        self._stops = [i for i, character in enumerate(bars[0]) if character == "|"]
        columns = len(self._stops) - 1
        if not 1 <= columns <= TABLE_COLUMNS:
            raise LimitExceededError(f"the table has {columns:,} columns; at most {TABLE_COLUMNS:,} are read")
        names, types, units, nulls = (self._between(bars[i] if i < len(bars) else "") for i in range(_LINES))
        described = [
            TableColumn(name, f"the type {kind or 'char'}", unit=unit or None)
            for name, kind, unit in zip(names, types, units, strict=True)
        ]
        super().__init__(find(described, schema), rows, names, beside(names))
        self._nulls = [null or "null" for null in nulls]
        self._kept = [i for i, name in enumerate(names) if not is_appended(name)]
        self._widths: list[int] = []

    def _between(self, line: str) -> list[str]:
        """The text of a line between the positions of the first line's bars."""
        return [line[start + 1 : stop].strip() for start, stop in pairwise(self._stops)]

    def _kept_part(self, line: str) -> str:
        """A line's kept columns, each from its bar to before the next one."""
        line = line.ljust(self._stops[-1])
        return "".join(line[self._stops[index] : self._stops[index + 1]] for index in self._kept)

    def header(self, appended: ResultColumns) -> bytes:
        """The keyword lines, and the lines of names, types, units and nulls with the appended columns."""
        self._widths = [
            max(len(about.name), _FLOAT_WIDTH if about.numeric else about.width, len("double"))
            for about in appended.described
        ]
        types = ["double" if about.numeric else "char" for about in appended.described]
        lines = (appended.names, types, [""] * len(types), ["null"] * len(types))
        rewritten = [
            f"{self._kept_part(old)}|{'|'.join(map(str.rjust, new, self._widths))}|\n"
            for old, new in zip(self._bars, lines, strict=False)
        ]
        return self._above + "".join(rewritten).encode()

    def cells(self, line: bytes, number: int) -> Sequence[str]:
        """The cells of a row, empty for the column's null value."""
        cells = self._between(decoded(line, number).rstrip("\r\n"))
        return ["" if cell == null else cell for cell, null in zip(cells, self._nulls, strict=True)]

    def joined(self, line: bytes, cells: Sequence[str], appended: Sequence[str]) -> bytes:  # noqa: ARG002
        """The row's line with the appended cells below their names."""
        kept = self._kept_part(line.decode().rstrip("\r\n"))
        return f"{kept} {' '.join(map(str.rjust, appended, self._widths))} \n".encode()
