"""Blocks of a CSV: row boundaries, and the required cells through pyarrow's parser.

Rows are copied to the result byte for byte, so that most of a table only needs its row boundaries; NumPy finds them at
memory speed. Quotes make a line break part of a cell (RFC 4180): if every quote is well placed, a break is in a cell
exactly when an odd number of quotes precedes it. Otherwise rows are scanned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import csv as pa_csv

from skysort.errors import MalformedInputError
from skysort.star.columns import BLANK
from skysort.star.tables.beside import As, converted
from skysort.star.tables.numbers import as_floats, text_cells
from skysort.star.tables.rows import Cells, Measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysort.star.tables.beside import Carried
    from skysort.star.tables.csv.dialect import Head


_LF: Final = ord("\n")
_CR: Final = ord("\r")
_QUOTE: Final = ord('"')


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows of a block of CSV.

    starts, ends: (n,) offsets of each row's first byte and of the byte after its last, without the line break.
    stop: end of the last complete row and its line break.
    breaks: offsets of all line feeds, also those inside cells, for line numbers.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    stop: int
    breaks: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.starts)

    def take(self, rows: NDArray[np.bool_]) -> Lines:
        """The rows that a mask selects."""
        return Lines(self.starts[rows], self.ends[rows], self.stop, self.breaks)


def split_lines(block: bytes, delimiter: str, *, last: bool) -> Lines:
    """Find the rows of a block that begins with a row; last: whether it is the last, which ends in a line break."""
    content = np.frombuffer(block, np.uint8)
    breaks = np.flatnonzero(content == _LF)
    stops, widths = _line_breaks(block, content, breaks, last=last)
    if b'"' in block:
        inside = _inside_quotes(block, content, delimiter)
        outside = ~inside[stops] if inside is not None else np.isin(stops, _scan(block, delimiter))
        stops, widths = stops[outside], widths[outside]
    starts = np.empty_like(stops)
    starts[:1] = 0
    starts[1:] = stops[:-1] + 1
    stop = int(stops[-1]) + 1 if len(stops) else 0
    return Lines(starts, stops + 1 - widths, stop, breaks)


def _line_breaks(
    block: bytes, content: NDArray[np.uint8], feeds: NDArray[np.int64], *, last: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offset of each line break's last byte, and its width of one or two bytes."""
    if b"\r" not in block:
        return feeds, np.ones_like(feeds)
    after_return = np.zeros(len(feeds), np.bool_)
    after_return[feeds > 0] = content[feeds[feeds > 0] - 1] == _CR
    returns = np.flatnonzero(content == _CR)
    # A carriage return at the end of a block may be half of a CRLF: wait for the next block.
    settled = returns[returns < len(content) - 1]
    alone = settled[content[settled + 1] != _LF]
    if last and len(content) and content[-1] == _CR:
        alone = np.append(alone, len(content) - 1)
    stops = np.concatenate([feeds, alone])
    widths = np.concatenate([1 + after_return.astype(np.int64), np.ones(len(alone), np.int64)])
    order = np.argsort(stops, kind="stable")
    return stops[order], widths[order]


def _inside_quotes(block: bytes, content: NDArray[np.uint8], delimiter: str) -> NDArray[np.bool_] | None:
    """For each byte whether it is within quotes; None where a quote is misplaced."""
    quotes = np.flatnonzero(content == _QUOTE)
    borders = np.zeros(256, np.bool_)
    borders[[ord(delimiter), _LF, _CR]] = True
    opening, closing = quotes[0::2], quotes[1::2]
    before = content[np.maximum(opening - 1, 0)]
    # An opening quote right after a closing one is the second half of an escaped quote.
    escaped = np.zeros(len(opening), np.bool_)
    escaped[1:] = closing[: len(opening) - 1] == opening[1:] - 1
    opens = (opening == 0) | borders[before] | escaped
    after = content[np.minimum(closing + 1, len(content) - 1)]
    closes = (closing == len(content) - 1) | borders[after] | (after == _QUOTE)
    if not (opens.all() and closes.all()):
        return None
    flips = np.zeros(len(block), np.bool_)
    flips[quotes] = True
    return np.logical_xor.accumulate(flips)


def _scan(block: bytes, delimiter: str) -> NDArray[np.int64]:
    """Offsets of the last bytes of line breaks outside quoted cells, with pyarrow's reading of quotes."""
    mark = re.escape(delimiter.encode())
    plain = rb"[^" + mark + rb"\r\n]*+"
    # The possessive group keeps an unclosed quote from being closed by half of an escaped one.
    cell = rb'(?:"(?:[^"]|"")*+"' + plain + rb'|(?!")' + plain + rb")"
    row = re.compile(rb"(?:" + cell + mark + rb")*+" + cell + rb"(?:\r\n|\n|\r)")
    offsets = []
    position = 0
    while match := row.match(block, position):
        position = match.end()
        offsets.append(position - 1)
    return np.array(offsets, np.int64)


@dataclass(frozen=True, slots=True)
class Block:
    """The cells of n rows.

    measured: of the m rows with the right number of cells. ragged: (index, number of cells) of the others.
    complete: (n,) bool, True for the m rows. kept: text of the other columns, where requested. carried: values of the m
    rows in the columns that are carried.
    """

    measured: Measured
    ragged: Sequence[tuple[int, int]]
    complete: NDArray[np.bool_]
    kept: Sequence[Any]
    carried: Sequence[Any] = ()


class CellReader:
    """Reads blocks of one table.

    positions: of the measured columns. kept: columns whose text is needed too. carried: columns that are carried.
    """

    def __init__(
        self, head: Head, positions: Sequence[int | None], kept: Sequence[int], carried: Sequence[Carried] = ()
    ) -> None:
        self._positions = positions
        self._schema = head.schema
        self._class = positions[-1] if head.schema.class_columns else None
        self._delimiter = head.delimiter
        self._decimal_point = "," if head.decimal_comma else "."
        self._kept = kept
        self._carried = carried
        self._texts = {column.position for column in carried if column.kind is not As.NUMBER}
        self._names = [str(position) for position in range(len(head.names))]

    def read(self, rows: memoryview | bytes, count: int, *, is_ascii: bool = False) -> Block:
        """Read the cells of a block of complete rows, none of them blank.

        Parameters
        ----------
        rows
            The rows. If they are not UTF-8 they are read as Latin-1; the kept cells have the original bytes.
        count
            The number of rows.
        is_ascii
            Whether all bytes are known to be ASCII.

        Returns
        -------
        The measured values, and the text of the kept columns.

        Raises
        ------
        MalformedInputError
            Where the parser finds a different number of rows.
        """
        latin = not is_ascii and not _is_utf_8(rows)
        if latin:  # pyarrow passes rows with too few cells to Python as UTF-8
            rows = str(rows, "latin-1").encode()
        ragged: list[tuple[int, int]] = []
        try:
            columns = self._parse(rows, pa.float64(), ragged) if not self._kept else None
        except pa.ArrowInvalid:
            columns = None
        if columns is not None:
            cells = [
                None
                if column is None
                else text_cells(column, decimal_comma=self._delimiter != ",")
                if pa.types.is_binary(column.type)
                else Cells(as_floats(column))
                for column in columns
            ]
            measured = Measured.of(cells, self._schema)
        else:
            ragged.clear()
            columns = self._parse(rows, pa.binary(), ragged)
            # Cell by cell: numbers, blanks, and neither.
            comma = self._delimiter != ","
            texts = [None if c is None else text_cells(c, decimal_comma=comma) for c in columns]
            measured = Measured.of(texts, self._schema)
        if len(measured.photometry) + len(ragged) != count:
            raise MalformedInputError(
                f"the rows cannot be separated: {count:,} line ends, but {len(measured.photometry) + len(ragged):,} "
                "rows; look for a stray quote or carriage return"
            )
        complete = np.ones(count, np.bool_)
        complete[[index for index, _ in ragged]] = False
        kept = [self._last[str(position)].combine_chunks() for position in self._kept]
        if latin:
            kept = [_as_latin(cells) for cells in kept]
        carried = [
            converted(self._last[str(column.position)].combine_chunks(), column.kind, "") for column in self._carried
        ]
        return Block(measured, ragged, complete, kept, carried)

    def _parse(self, rows: memoryview | bytes, kind: Any, ragged: list[tuple[int, int]]) -> list[Any]:
        """The measured columns, None for a missing one."""

        def skip(row: Any) -> str:
            ragged.append((row.number - 1, row.actual_columns))
            return "skip"

        measured = {position for position in self._positions if position is not None}
        wanted = sorted(measured.union(self._kept, (column.position for column in self._carried)))
        names = [self._names[position] for position in wanted]
        texts = {str(position): pa.binary() for position in ({self._class} | self._texts) & measured} | {
            str(position): pa.string() for position in self._texts - measured
        }
        table = pa_csv.read_csv(
            pa.py_buffer(rows),
            # One block: the caller's blocks fit the processor's cache.
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=len(rows) + 1, column_names=self._names),
            parse_options=pa_csv.ParseOptions(
                delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=pa_csv.ConvertOptions(
                include_columns=names,
                column_types={name: texts.get(name, kind) for name in names},
                null_values=BLANK,
                strings_can_be_null=False,
                decimal_point=self._decimal_point,
            ),
        )
        self._last = table
        return [
            None if position is None else table.column(str(position)).combine_chunks() for position in self._positions
        ]


def _is_utf_8(rows: memoryview | bytes) -> bool:
    try:
        str(rows, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _as_latin(cells: Any) -> Any:
    """Cells converted back from UTF-8 to Latin-1."""
    return pa.array([cell.decode().encode("latin-1") for cell in cells.to_pylist()], pa.binary())
