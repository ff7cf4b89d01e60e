"""Detection of a text table's dialect from its beginning, shared by HTTP bodies, dropped files and commands.

Supported: comma, semicolon, tab or bar as delimiter; quoted cells with delimiters and line breaks; LF, CRLF and CR; a
byte order mark; Excel's ``sep=;``; UTF-8, else Latin-1; comments (``#``) and blank lines above the header; a header
that is the last comment (``# u,g,r,i,z``); lines of units, types and dashes below it, as in VizieR; a delimiter at the
end of every row; decimal commas, where commas do not delimit.

Blank lines, comments, and repetitions of the header (concatenated tables) are not rows.
"""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from skysort.errors import EmptyInputError, LimitExceededError, MalformedInputError
from skysort.limits import CSV_PREAMBLE_BYTES, CSV_PREAMBLE_LINES, TABLE_COLUMNS, TABLE_LINE_BYTES
from skysort.star.schema import SDSS
from skysort.star.tables.csv.cells import (
    COMMENT,
    DECIMAL_COMMA,
    NUMBER,
    are_units,
    decoded,
    is_comment,
    is_rule,
    row_at,
    tell_magnitudes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from skysort.star.schema import Schema


DELIMITERS: Final = (",", ";", "\t", "|")
_BREAK: Final = re.compile(rb"\r\n|\n|\r")
_COMMA: Final = re.compile(DECIMAL_COMMA.encode())
_SEPARATOR: Final = re.compile(rb"sep=.", re.IGNORECASE)
_TABLE: Final = re.compile(r"#\s*table\s*[0-9]+\s*$", re.IGNORECASE)
# Bytes examined: the lines above a header, the header, and the sample below.
HEAD_BYTES: Final = CSV_PREAMBLE_BYTES + 3 * TABLE_LINE_BYTES
# Maximum rows, and bytes of them, in the sample.
_SAMPLE_ROWS: Final = 20
_SAMPLE_BYTES: Final = 64 * 1024
_LINES_BELOW: Final = 2
# Appended as the last line: if it is not a row of its own, a quote before it was not closed.
_END: Final = "\x1cend of the table\x1c"
# In a header line; some may be within quoted names.
_MAX_DELIMITERS: Final = 4 * TABLE_COLUMNS


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a table, and the dialect of its rows.

    before: the byte order mark, comments and blank lines, unchanged; lines of units and dashes become comments.
    line: the header line. text: the header line with as many cells as the rows have. eol: its line break.
    stop: offset of the first row. lines: number of lines above it. names, units: of the columns; units may be missing.
    decimal_comma: whether the numbers in the sample have decimal commas. schema: the columns that are looked for.
    sampled: offset of the first row that is not in the sample: the bytes before it have the same head alone.
    """

    before: bytes
    line: bytes
    text: bytes
    eol: bytes
    stop: int
    lines: int
    delimiter: str
    names: tuple[str, ...]
    units: tuple[str, ...] = ()
    decimal_comma: bool = False
    schema: Schema = SDSS
    sampled: int = 0

    @property
    def repeated(self) -> tuple[bytes, bytes]:
        """The header as it may be repeated among the rows of concatenated tables."""
        return self.line, self.line.lstrip(b"# \t")

    def refuse_other_table(self, comment: str, line: bytes) -> None:
        """Raise MalformedInputError if the line below a comment is the header of another table."""
        row = row_at(line + b"\n", 0, self.delimiter)
        cells = [decoded(cell).strip() for cell in row[0]] if row else []
        columns = _indices(self.names, self.schema)
        if len(cells) == len(self.names) and any(NUMBER.fullmatch(cells[index]) for index in columns):
            return
        if is_table(comment) or self.schema.count(cells) > 1:
            raise MalformedInputError(
                f"a second table with other columns follows {comment.strip()!r:.60}: put each table in a file of "
                "its own"
            )


def is_table(comment: str) -> bool:
    """Whether a comment announces a table: ``#Table2``, as SkyServer writes it above a second query's rows."""
    return _TABLE.match(comment) is not None


def read_head(blocks: Iterable[bytes], schema: Schema = SDSS) -> tuple[Head, Iterator[bytes]]:
    """Read the head of a table.

    Parameters
    ----------
    blocks
        The table's bytes, in pieces of any size.
    schema
        The columns that are looked for.

    Returns
    -------
    The head, and the bytes below it.

    Raises
    ------
    EmptyInputError
        For a table without header.
    LimitExceededError
        For lines that are too long, and for too much above the header.
    MalformedInputError
        For a header that never ends, and for UTF-16.
    """
    stream = iter(blocks)
    content = b""
    while len(content) < HEAD_BYTES and (block := next(stream, None)) is not None:
        content += block
    head = _head(content, schema, last=len(content) < HEAD_BYTES)
    return head, chain([content[head.stop :]], stream)


def _head(content: bytes, schema: Schema, *, last: bool) -> Head:
    offset, comment = _above(content, last=last)
    window = content[offset : offset + 2 * TABLE_LINE_BYTES]
    delimiter, names, end, following = _header(window, schema, last=last)
    start, line = offset, window[:end]
    if b"\0" in line:
        raise MalformedInputError(
            "the table is not UTF-8 text: its header holds NUL bytes, as in UTF-16; send it as UTF-8"
        )
    commented = _commented(content[comment], window, schema) if schema.count(names) <= 1 else None
    if commented is not None:
        delimiter, names = commented
        start, line, following = comment.start, content[comment], 0
    sample = _sample(window, following, delimiter, names, schema, last=last)
    stop = offset + sample.stop
    eol = (_BREAK.search(content, start + len(line)) or [b""])[0]
    names, text = _as_wide_as_the_rows(line, names, sample.rows, delimiter, schema)
    return Head(
        before=content[:start] + b"".join(b"# " + below + (eol or b"\n") for below in sample.below),
        line=line,
        text=text,
        eol=eol,
        stop=stop,
        # Line feeds, or carriage returns in a file without line feeds.
        lines=content.count(b"\n", 0, stop) or content.count(b"\r", 0, stop),
        delimiter=delimiter,
        names=tuple(names),
        units=sample.units,
        decimal_comma=delimiter != "," and _has_decimal_commas(sample.rows, _indices(names, schema)),
        schema=schema,
        sampled=offset + sample.end,
    )


def _above(content: bytes, *, last: bool) -> tuple[int, slice]:
    """The offset of the first line that is neither blank nor a comment, and the last comment before it."""
    offset = len(BOM_UTF8) if content.startswith(BOM_UTF8) else 0
    comment = slice(0, 0)
    lines = 0
    while (match := _BREAK.search(content, offset)) is not None:
        text = content[offset : match.start()].strip()
        if text and not (lines == 0 and _SEPARATOR.fullmatch(text)):
            if not text.startswith(COMMENT.encode()):
                return offset, comment
            comment = slice(offset, match.start())
        offset = match.end()
        lines += 1
        if lines > CSV_PREAMBLE_LINES or offset > CSV_PREAMBLE_BYTES:
            raise LimitExceededError(
                f"no header found within the first {CSV_PREAMBLE_LINES:,} lines and {CSV_PREAMBLE_BYTES:,} bytes"
            )
    if len(content) - offset > TABLE_LINE_BYTES or not last:
        raise LimitExceededError(f"no line break found in the first {TABLE_LINE_BYTES:,} bytes of the table")
    text = content[offset:].strip()
    if not text or text.startswith(COMMENT.encode()):
        raise EmptyInputError("the table has no header and no rows")
    return offset, comment


def _commented(comment: bytes, window: bytes, schema: Schema) -> tuple[str, list[str]] | None:
    """Delimiter and names of a header that is the last comment above the rows; None otherwise."""
    comment = comment.strip().lstrip(COMMENT.encode())
    for delimiter in DELIMITERS if comment else ():
        row, first = row_at(comment + b"\n", 0, delimiter), row_at(window + b"\n", 0, delimiter)
        cells = [decoded(cell).strip() for cell in row[0]] if row else []
        if schema.count(cells) >= len(schema.bands) and first and len(cells) <= len(first[0]) <= len(cells) + 1:
            return delimiter, cells
    return None


@dataclass(frozen=True, slots=True)
class _Sample:
    """The first rows. stop, end: their offsets. below: lines of units and dashes between header and rows."""

    rows: list[list[bytes]]
    stop: int
    end: int
    below: list[bytes]
    units: tuple[str, ...]


def _sample(window: bytes, offset: int, delimiter: str, names: Sequence[str], schema: Schema, *, last: bool) -> _Sample:
    """Sample the rows below the header."""
    rows: list[list[bytes]] = []
    below: list[bytes] = []
    units: tuple[str, ...] = ()
    stop, start = offset, offset
    while len(rows) < _SAMPLE_ROWS and offset - start < _SAMPLE_BYTES:
        row = row_at(window, offset, delimiter, last=last)
        if row is None:
            break
        cells, end, following = row
        if end > offset and not window.startswith(COMMENT.encode(), offset):
            texts = [decoded(cell).strip() for cell in cells]
            is_units = not units and are_units(texts, names, schema)
            if not rows and len(below) < _LINES_BELOW and (is_units or is_rule(texts, names)):
                units = tuple(texts) if is_units and tell_magnitudes(texts) else units
                below.append(window[offset:end])
                stop = following
            else:
                rows.append(cells)
        offset = following
        if offset >= len(window):
            break
    return _Sample(rows, stop, offset, below, units)


def _as_wide_as_the_rows(
    line: bytes, names: list[str], rows: Sequence[Sequence[bytes]], delimiter: str, schema: Schema
) -> tuple[list[str], bytes]:
    """Names and header line adjusted by a column where only the rows or only the header end in a delimiter."""
    widths = {len(row) for row in rows}
    if widths == {len(names) + 1} and not any(row[-1].strip() for row in rows):
        return [*names, ""], line + delimiter.encode()
    if (
        widths == {len(names) - 1}
        and len(names) > len(schema.bands)
        and not names[-1]
        and line.rstrip().endswith(delimiter.encode())
    ):
        return names[:-1], line[: line.rindex(delimiter.encode())]
    return names, line


def _has_decimal_commas(rows: Sequence[Sequence[bytes]], columns: Sequence[int]) -> bool:
    cells = [row[index].strip() for row in rows for index in columns if index < len(row)]
    return any(_COMMA.match(cell) for cell in cells) and not any(b"." in cell for cell in cells)


def _header(window: bytes, schema: Schema, *, last: bool) -> tuple[str, list[str], int, int]:
    """Delimiter, names, end of the header line and start of the next; the delimiter with most measured columns wins."""
    first = _BREAK.split(window, maxsplit=1)[0]
    if max(map(first.count, map(str.encode, DELIMITERS))) > _MAX_DELIMITERS:
        raise LimitExceededError(f"the table has more columns than the {TABLE_COLUMNS:,} that are read")
    candidates = []
    for order, delimiter in enumerate(DELIMITERS):
        row = row_at(window, 0, delimiter, last=last)
        if row is not None:
            cells, end, following = row
            names = [decoded(cell).strip() for cell in cells]
            candidates.append(((schema.count(names), len(names), -order), (delimiter, names, end, following)))
    if not candidates:
        raise MalformedInputError("the header never ends: a quote in it is not closed")
    return max(candidates, key=lambda candidate: candidate[0])[1]


def _indices(names: Sequence[str], schema: Schema) -> list[int]:
    """The positions of measured columns."""
    return [index for index, name in enumerate(names) if schema.count([name])]


class _Lines:
    """Lines for the csv module, buffered so that each row's text is available."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._lines_read: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._lines_read.append(line)
        return line

    def take(self) -> str:
        text = self._lines_read[0] if len(self._lines_read) == 1 else "".join(self._lines_read)
        self._lines_read.clear()
        return text


def table_rows(lines: Iterable[str], head: Head) -> Iterator[tuple[str, list[str]]]:
    """Iterate over the rows: text, including the line break, and cells.

    Parameters
    ----------
    lines
        The lines below the head, with line breaks.
    head
        The table's head.

    Raises
    ------
    MalformedInputError
        For an unclosed quote, a cell that is too long, and a second table with other columns.
    """
    reader_lines = _Lines(chain(lines, (_END,)))
    number, comment = 0, ""
    headers = {line.decode("utf-8", "surrogateescape") for line in head.repeated}
    try:
        for cells in csv.reader(reader_lines, delimiter=head.delimiter):
            text = reader_lines.take()
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
            if line in headers:
                comment = ""
                continue
            if comment:
                head.refuse_other_table(comment, line.encode("utf-8", "surrogateescape"))
                comment = ""
            number += 1
            yield text, cells
    except csv.Error as error:
        raise MalformedInputError(f"the table is not CSV: {error} near row {number + 1:,}") from None
