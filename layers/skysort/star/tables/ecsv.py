"""ECSV tables: the appended cells follow each unchanged row, and the header lists the appended columns.

Format: Enhanced Character-Separated Values 1.0 (https://github.com/astropy/astropy-APEs/blob/main/APE6.rst), with
commas or spaces as delimiter. The header is YAML; only its list of columns is read, in the forms that astropy and the
Gaia archive write, and the rest is kept.
"""

from __future__ import annotations

import csv
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from skysort.csv_cells import long_cells
from skysort.errors import EmptyInputError, LimitExceededError, MalformedInputError
from skysort.limits import TABLE_LINE_BYTES, TEXT_HEADER_BYTES
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

_SCALAR: Final = r"('(?:[^']|'')*'|\"[^\"]*\"|[^,}\n]+)"
_NAME: Final = re.compile(rf"\bname:\s*{_SCALAR}")
_UNIT: Final = re.compile(rf"\bunit:\s*(?:![\w.]+\s*\{{unit:\s*)?{_SCALAR}")
_DATATYPE: Final = re.compile(rf"\bdatatype:\s*{_SCALAR}")
_SUBTYPE: Final = re.compile(rf"\bsubtype:\s*{_SCALAR}")
_ARRAY: Final = re.compile(r"(?:float|int|uint)[0-9]*\[([0-9]{1,9})\]")
_NUMERIC: Final = ("float", "int", "uint")
_DELIMITERS: Final = (" ", ",")
_MARK: Final = re.compile("^# ?")


@contextmanager
def open_ecsv(
    blocks: Iterable[bytes], _check: object, schema: Schema = SDSS, beside: Beside = nothing
) -> Iterator[EcsvTable]:
    """Open an ECSV table; raises InputError for unusable columns."""
    lines = enumerate(lines_of(blocks), start=1)
    header = _Header()
    for number, line in lines:
        if not line.startswith(b"#"):
            break
        header.add(decoded(line, number))
    else:
        raise EmptyInputError("the ECSV table has a header but no column names")
    with long_cells():
        yield EcsvTable(header, decoded(line, number), number, _records(lines), schema=schema, beside=beside)


class _Header:
    """The lines above the table, and the columns listed in them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._bytes = 0

    def add(self, line: str) -> None:
        """Add a line; raises LimitExceededError beyond TEXT_HEADER_BYTES in all."""
        self.lines.append(line)
        self._bytes += len(line)
        if self._bytes > TEXT_HEADER_BYTES:
            raise LimitExceededError(f"the table's header has more than {TEXT_HEADER_BYTES:,} bytes")

    @property
    def delimiter(self) -> str:
        """The delimiter of cells."""
        declared = [line for line in self.lines if line.startswith("# delimiter:")]
        delimiter = declared[0].partition(":")[2].strip().strip("'\"") if declared else " "
        delimiter = delimiter or " "
        if delimiter not in _DELIMITERS:
            raise MalformedInputError(
                f"the ECSV header has the delimiter {delimiter!r:.20}; it may be a space or a comma"
            )
        return delimiter

    def items(self) -> tuple[int, list[list[str]], int]:
        """The list of columns (see `column_items`); raises MalformedInputError without one."""
        columns = column_items(self.lines)
        if columns is None:
            raise MalformedInputError("the ECSV header has no list of columns (datatype:)")
        return columns

    def rewritten(self, appended: ResultColumns, names: Sequence[str]) -> str:
        """The header with the appended columns at the end of its list."""
        begin, items, end = self.items()
        kept = [line for item, name in zip(items, names, strict=True) if not is_appended(name) for line in item]
        eol = "\r\n" if self.lines[0].endswith("\r\n") else "\n"
        new = [
            f"# - {{name: {about.name}, datatype: {'float32' if about.numeric else 'string'}, "
            f"description: '{about.text}', meta: {{ucd: {about.ucd}}}}}{eol}"
            for about in appended.described
        ]
        return "".join([*self.lines[:begin], *kept, *new, *self.lines[end:]])


def column_items(lines: Sequence[str]) -> tuple[int, list[list[str]], int] | None:
    """Start of a YAML list of columns (with or without ``#``), its items' lines, its end; None without one."""
    contents = [_MARK.sub("", line) for line in lines]
    begin = end = next((number for number, text in enumerate(contents, start=1) if text.rstrip() == "datatype:"), 0)
    items: list[list[str]] = []
    for line, content in zip(lines[begin:], contents[begin:], strict=True):
        if content.startswith("-") and not content.startswith("---"):
            items.append([line])
        elif content.startswith(" ") and items:
            items[-1].append(line)
        else:
            break
        end += 1
    return (begin, items, end) if begin else None


class EcsvTable(TextTable):
    """An ECSV table."""

    def __init__(
        self, header: _Header, names_line: str, number: int, records: Iterable[Line], *, schema: Schema, beside: Beside
    ) -> None:
        self._header = header
        self._delimiter = header.delimiter
        self._names_line = names_line
        self._names = self._split(names_line)
        _, items, _ = header.items()
        if len(items) != len(self._names):
            raise MalformedInputError(
                f"the ECSV header lists {len(items):,} columns, but line {number:,} names {len(self._names):,}"
            )
        described = [_described("\n".join(item), name) for item, name in zip(items, self._names, strict=True)]
        super().__init__(find(described, schema), records, self._names, beside(self._names))
        self._kept = [index for index, name in enumerate(self._names) if not is_appended(name)]

    def header(self, appended: ResultColumns) -> bytes:
        """The header and the line of names, with the appended columns."""
        names = self.joined(self._names_line.encode(), self._names, appended.names)
        return self._header.rewritten(appended, self._names).encode() + names

    def _split(self, line: str) -> list[str]:
        text = line.rstrip("\r\n")
        spaces = self._delimiter == " "
        record = [text.strip() if spaces else text]
        cells = next(csv.reader(record, delimiter=self._delimiter, skipinitialspace=spaces), [])
        return cells if spaces else [cell.strip() for cell in cells]

    def cells(self, line: bytes, number: int) -> Sequence[str]:
        """The cells of a row."""
        cells = self._split(decoded(line, number))
        if len(cells) != len(self._names):
            raise MalformedInputError(
                f"the row on line {number:,} has {len(cells):,} cells, but there are {len(self._names):,} columns"
            )
        return cells

    def joined(self, line: bytes, cells: Sequence[str], appended: Sequence[str]) -> bytes:
        """The row's line followed by the appended cells."""
        kept = line.rstrip(b"\r\n")
        eol = line[len(kept) :] or b"\n"
        if len(self._kept) < len(self._names):
            kept = self._delimiter.join(self._quoted(cells[i]) for i in self._kept).encode()
        new = self._delimiter.join(self._quoted(cell) for cell in appended)
        return kept + self._delimiter.encode() + new.encode() + eol

    def _quoted(self, cell: str) -> str:
        if cell and not any(character in cell for character in (self._delimiter, '"', "\n", "\r")):
            return cell
        if not cell and self._delimiter != " ":
            return cell
        return '"' + cell.replace('"', '""') + '"'


def _records(lines: Iterable[Line]) -> Iterator[Line]:
    """Rows, which may have line breaks within quotes; comments and blank lines are skipped."""
    parts: list[bytes] = []
    begun, size, quotes = 0, 0, 0
    for number, line in lines:
        if not parts:
            if line.startswith(b"#") or not line.strip():
                continue
            begun = number
        parts.append(line)
        size += len(line)
        quotes += line.count(b'"')
        if size > TABLE_LINE_BYTES:
            raise LimitExceededError(
                f"the row on line {begun:,} does not end within {TABLE_LINE_BYTES:,} bytes: a quote in it is not closed"
            )
        if quotes % 2 == 0:
            yield begun, b"".join(parts)
            parts, size, quotes = [], 0, 0
    if parts:
        raise MalformedInputError(f"the row on line {begun:,} does not end: a quote in it is not closed")


def _described(item: str, name: str) -> TableColumn:
    """A column of the header's list as a TableColumn."""
    datatype, subtype = _value(_DATATYPE, item) or "string", _value(_SUBTYPE, item)
    elements, usable = 1, datatype.startswith((*_NUMERIC, "string"))
    if subtype is not None:
        array = _ARRAY.fullmatch(subtype)
        usable, elements = array is not None, int(array[1]) if array else 0
    kind = f"the datatype {datatype}" + (f" ({subtype})" if subtype else "")
    return TableColumn(name, kind, usable, elements, _value(_UNIT, item), truths=datatype == "bool")


def _value(pattern: re.Pattern[str], item: str) -> str | None:
    match = pattern.search(item)
    if match is None:
        return None
    text = match[1].strip().lstrip("# ").strip()
    if text[:1] == "'":
        return text[1:-1].replace("''", "'")
    return text.strip('"') or None
