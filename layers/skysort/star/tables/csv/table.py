"""Classification of a CSV in constant memory: each row's bytes, followed by the appended cells."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skysort.errors import LimitExceededError
from skysort.gzip_stream import resized
from skysort.input_warnings import InputWarning
from skysort.limits import MIB, TABLE_LINE_BYTES
from skysort.star.schema import SDSS
from skysort.star.tables.beside import nothing
from skysort.star.tables.csv.blocks import CellReader, Lines, split_lines
from skysort.star.tables.csv.cells import COMMENT, SPREADSHEET_ERROR, WRONG_CELL_COUNT, decoded, wrong_cell_count
from skysort.star.tables.csv.dialect import is_table, read_head
from skysort.star.tables.header import columns_of
from skysort.star.tables.result_columns import is_appended
from skysort.star.tables.rows import Rows, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from skysort.star.schema import Schema
    from skysort.star.tables.beside import Beside, Carried
    from skysort.star.tables.csv.blocks import Block
    from skysort.star.tables.csv.dialect import Head
    from skysort.star.tables.result_columns import ResultColumns, Values

# Block size: large enough to amortise each step's fixed cost, small enough for the cache.
BLOCK_BYTES: Final = 2 * MIB
_COMMENT: Final = ord(COMMENT)
_NO_COMMENT: Final = re.compile(rb"(?<![^\r\n])" + SPREADSHEET_ERROR.encode())
# Maximum comments among the rows that are checked for the header of another table.
_TABLES: Final = 1_000
# Probabilities are written with six decimals: float32 carries no more.
_DECIMALS: Final = 6
_MILLION: Final = 10**_DECIMALS
_UPPER: Final = np.frombuffer(b"".join(b"%d.%03d" % divmod(n, 1000) for n in range(1001)), np.uint8).reshape(-1, 5)
_LOWER: Final = np.frombuffer(b"".join(b"%03d" % n for n in range(1000)), np.uint8).reshape(-1, 3)


@contextmanager
def open_csv(
    blocks: Iterable[bytes],
    _check: object,
    schema: Schema = SDSS,
    beside: Beside = nothing,
    *,
    beginning: bytes = b"",
) -> Iterator[CsvTable]:
    """Open a CSV; raises InputError for an unusable header. beginning: what has its head, if the blocks are of rows."""
    head, below = read_head([beginning] if beginning else blocks, schema)
    if beginning:
        below = iter(blocks)
    yield CsvTable(head, resized(below, BLOCK_BYTES), beside(head.names))


class CsvTable(Table):
    """One table.

    Rows are copied byte for byte and the appended cells added; columns of an earlier classification are replaced.
    """

    def __init__(self, head: Head, blocks: Iterator[bytes], carried: Sequence[Carried] = ()) -> None:
        self._blocks = blocks
        self._head = head
        self._eol = head.eol or b"\n"
        self._rest = b""
        self.columns = columns_of(head)
        self._kept = [index for index, name in enumerate(head.names) if not is_appended(name)]
        self._rebuild = len(self._kept) < len(head.names)
        self._cells = CellReader(head, self.columns.positions, self._kept if self._rebuild else (), carried)
        self._text: CsvText
        self._line = head.lines + 1
        # The last comment among the rows, until a row follows it, and the number of comments.
        self._comment = ""
        self._comments = 0

    def begin(self, appended: ResultColumns) -> list[bytes]:
        """The head of the result."""
        head = self._head
        self._text = CsvText(appended, head.delimiter, self._eol)
        header = join_names((head.names[index] for index in self._kept), head.delimiter) if self._rebuild else head.text
        return [head.before + self._text.header(header)]

    def rows(self) -> Iterator[Rows]:
        """The rows; raises LimitExceededError for one that is too long, MalformedInputError for unclear boundaries."""
        for following in self._blocks:
            yield from self._rows(self._rest + following, last=False)
        if rest := self._rest:
            yield from self._rows(rest if rest.endswith((b"\n", b"\r")) else rest + self._eol, last=True)

    def remarks(self) -> list[tuple[InputWarning, int]]:
        """A warning about skipped comments."""
        return [(InputWarning("comment_lines", "lines that begin with # were skipped"), self._comments)]

    def _rows(self, block: bytes, *, last: bool) -> Iterator[Rows]:
        """The complete rows of a block."""
        lines = split_lines(block, self._head.delimiter, last=last)
        self._rest = block[lines.stop :]
        if len(self._rest) > TABLE_LINE_BYTES or (last and self._rest):
            raise LimitExceededError(
                f"the row on line {self._number(lines, lines.stop):,} does not end within {TABLE_LINE_BYTES:,} bytes: "
                "it is too long, or a quote in it is not closed"
            )
        lengths = lines.ends - lines.starts
        if len(lines) and lengths.max() > TABLE_LINE_BYTES:
            line = self._number(lines, int(lines.starts[lengths.argmax()]))
            raise LimitExceededError(f"line {line:,} has more than {TABLE_LINE_BYTES:,} bytes")
        filled = self._are_rows(block, lines, lengths)
        rows: bytes | memoryview = memoryview(block)[: lines.stop]
        kept = lines
        if not filled.all():
            kept = lines.take(filled)
            rows = b"".join(row + b"\n" for row in cut(block, kept).to_pylist())
        if len(kept):
            yield self._read(block, kept, self._cells.read(rows, len(kept), is_ascii=block.isascii()))
        self._line += int(np.searchsorted(lines.breaks, lines.stop)) if len(lines.breaks) else len(lines)

    def _are_rows(self, block: bytes, lines: Lines, lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) bool: not blank, comment or repeated header; raises MalformedInputError where another table begins."""
        filled: NDArray[np.bool_] = lengths > 0
        if not len(lines):
            return filled
        head = self._head
        first = np.frombuffer(block, np.uint8)[lines.starts]
        comments = filled & (first == _COMMENT)
        if comments.any():
            begun = [match.start() for match in _NO_COMMENT.finditer(block, 0, lines.stop)]
            comments &= ~np.isin(lines.starts, begun)
        rows: NDArray[np.bool_] = filled & ~comments
        for line in head.repeated:
            for row in np.flatnonzero(rows & (lengths == len(line)) & (first == line[0])).tolist():
                rows[row] = block[lines.starts[row] : lines.ends[row]] != line
        if self._comment or comments.any():
            self._look_for_tables(block, lines, comments, filled & ~comments)
        return rows

    def _look_for_tables(
        self, block: bytes, lines: Lines, comments: NDArray[np.bool_], others: NDArray[np.bool_]
    ) -> None:
        """Check the line below each comment; for the block's last comment it may be in the next block."""
        head = self._head
        below = np.flatnonzero(others)
        for row in (-1, *np.flatnonzero(comments)[: max(_TABLES - self._comments, 0)].tolist()):
            if row >= 0 and not is_table(self._comment):
                self._comment = decoded(block[lines.starts[row] : lines.ends[row]])
            following = np.searchsorted(below, row + 1)
            if not self._comment or following == len(below):
                continue
            line = block[lines.starts[below[following]] : lines.ends[below[following]]]
            if line not in head.repeated:
                head.refuse_other_table(self._comment, line)
            self._comment = ""
        self._comments += int(comments.sum())

    def _read(self, block: bytes, lines: Lines, cells: Block) -> Rows:
        """The rows with the right number of cells; the others are rejected."""
        wanted = len(self._head.names)
        complete = lines.take(cells.complete) if cells.ragged else lines

        def render(kept: NDArray[np.bool_], values: Values) -> bytes | memoryview:
            if not len(values.label):
                return b""
            if self._rebuild:
                contents = join_cells(cells.kept, self._head.delimiter).filter(kept)
            else:
                contents = cut(block, complete if kept.all() else complete.take(kept))
            return self._text.rows(contents, values)

        refused = [
            (row, (self._number(lines, int(lines.starts[row])), "", WRONG_CELL_COUNT, wrong_cell_count(count, wanted)))
            for row, count in cells.ragged
        ]
        return Rows(
            cells.measured,
            render,
            np.flatnonzero(cells.complete) if cells.ragged else None,
            refused,
            lambda row: self._number(complete, int(complete.starts[row])),
            lambda: cells.carried,
        )

    def _number(self, lines: Lines, offset: int) -> int:
        """The line number in the file, from 1, of an offset in the block."""
        if len(lines.breaks) == 0:
            return self._line + int(np.searchsorted(lines.starts, offset))
        return self._line + int(np.searchsorted(lines.breaks, offset))


class CsvText:
    """Writes the appended cells with a table's delimiter and line break."""

    def __init__(self, appended: ResultColumns, delimiter: str, eol: bytes) -> None:
        mark = delimiter.encode()
        self._mark = mark
        self._heads = _binary(mark + label.encode() for label in appended.labels)
        self._appended = appended
        self._delimiter = delimiter
        self._sets = -1
        self._tails: Any = None
        self._names = appended.names
        self._eol = eol

    def header(self, text: bytes) -> bytes:
        """The header line with the appended names."""
        return text + b"".join(self._mark + name.encode() for name in self._names) + self._eol

    def rows(self, contents: Any, values: Values) -> memoryview:
        """The rows of an Arrow binary array, each with its appended cells and a line break."""
        joined = pc.binary_join_element_wise(
            contents,
            self._heads.take(pa.array(values.label)),
            self._probabilities(values.probabilities),
            self._known_tails().take(pa.array(values.variant * self._sets + values.prediction_set)),
            b"",
        )
        return _bytes_of(joined)

    def _known_tails(self) -> Any:
        """What follows the probabilities: it has few values, one for each variant and prediction set."""
        sets = self._appended.sets
        if len(sets) != self._sets:
            self._tails = _binary(
                self._mark + join_names((prediction_set, variant, self._appended.model), self._delimiter) + self._eol
                for variant in self._appended.variants
                for prediction_set in sets
            )
            self._sets = len(sets)
        return self._tails

    def _probabilities(self, probabilities: NDArray[np.float32]) -> Any:
        """(k, classes) float32 as ``,0.123456`` for each class."""
        rows, classes = probabilities.shape
        millionths = np.rint(probabilities * np.float64(_MILLION)).astype(np.int32)
        upper, lower = np.divmod(millionths, 1000)
        text = np.empty((rows, classes, 9), np.uint8)
        text[:, :, 0] = self._mark[0]
        text[:, :, 1:6] = _UPPER[upper]
        text[:, :, 6:9] = _LOWER[lower]
        offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(9 * classes)
        return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(text)])


def cut(block: bytes, lines: Lines) -> Any:
    """Rows of a block as an Arrow binary array, without their line breaks."""
    if len(lines) == 0:
        return pa.array([], pa.binary())
    # Rows and the gaps between them, alternately, as views of the block; then every other one.
    offsets = np.empty(2 * len(lines), np.int32)
    offsets[0::2] = lines.starts
    offsets[1::2] = lines.ends
    both = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(block)])
    return both.take(pa.array(np.arange(0, len(offsets), 2, dtype=np.int64)))


def join_cells(columns: Sequence[Any], delimiter: str) -> Any:
    """Join cells into rows, quoting where necessary."""
    return pc.binary_join_element_wise(*(_quoted(column, delimiter) for column in columns), delimiter.encode())


def join_names(names: Iterable[str], delimiter: str) -> bytes:
    """Join names into a line, quoting where necessary."""
    row: list[bytes] = [_quoted(_binary([name.encode()]), delimiter)[0].as_py() for name in names]
    return delimiter.encode().join(row)


def _quoted(cells: Any, delimiter: str) -> Any:
    special = reduce(pc.or_, (pc.match_substring(cells, character) for character in ('"', "\n", "\r", delimiter)))
    if not pc.any(special).as_py():
        return cells
    escaped = pc.replace_substring(cells, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise(b'"', escaped, b'"', b""), cells)


def _binary(texts: Iterable[bytes]) -> Any:
    return pa.array(list(texts), pa.binary())


def _bytes_of(array: Any) -> memoryview:
    """The concatenated values of a binary array."""
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]
    return memoryview(array.buffers()[2] or b"")[int(offsets[0]) : int(offsets[-1])]
