"""CSV in, classified CSV out, in constant memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import LimitExceededError
from skysort.gzip_stream import resized
from skysort.limits import MIB, TABLE_LINE_BYTES
from skysort.star.tables.csv_cells import CellReader
from skysort.star.tables.csv_header import Header, find_columns
from skysort.star.tables.csv_lines import Lines, split_lines
from skysort.star.tables.csv_text import CsvText, cut, join_cells, join_names
from skysort.star.tables.dialect import HeadReader, is_table
from skysort.star.tables.rows import Places
from skysort.star.tables.text_cells import COMMENT, SPREADSHEET_ERROR, decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from skysort.drop.files import Sink
    from skysort.star.tables.csv_cells import Cells
    from skysort.star.tables.rejects import Reject
    from skysort.star.tables.rows import RowClassifier

# Rows worked on at a time: enough to make each step's fixed cost small, few enough to stay in the cache.
BLOCK_BYTES: Final = 2 * MIB
_COMMENT: Final = ord(COMMENT)
_NO_COMMENT: Final = re.compile(rb"(?<![^\r\n])" + SPREADSHEET_ERROR.encode())
# Comments among the rows below which the header of another table is looked for; more are passed over.
_TABLES: Final = 1_000


def classify_csv(blocks: Iterable[bytes], classifier: RowClassifier, sink: Sink) -> None:
    """Classify a CSV.

    blocks: the file's bytes in pieces of any size. Rows come out byte for byte as they were, with the
    appended cells behind; columns of an earlier classification are replaced.
    Raises InputError when the file as a whole cannot be classified.
    """
    _CsvTable(classifier, sink).run(resized(blocks, BLOCK_BYTES))


class _CsvTable:
    """One table on its way through."""

    def __init__(self, classifier: RowClassifier, sink: Sink) -> None:
        self._classifier = classifier
        self._sink = sink
        self._line = 1
        # The last comment among the rows, where no row has followed it yet, and how many there were.
        self._comment = ""
        self._comments = 0

    def run(self, blocks: Iterator[bytes]) -> None:
        rest, header = self._begin(blocks)
        head = header.head
        self._header = header
        self._rebuild = len(header.kept) < len(head.names)
        self._cells = CellReader(header, rebuild=self._rebuild)
        self._text = CsvText(self._classifier.appended, head.delimiter, head.eol or b"\n")
        self._classifier.names = header.measured.names
        self._classifier.notes = header.measured.notes
        self._line = head.lines + 1
        kept = join_names((head.names[at] for at in header.kept), head.delimiter) if self._rebuild else head.text
        self._sink.write(head.before + self._text.header(kept))
        for following in blocks:
            rest = self._work(rest + following, last=False)
        if rest:
            self._work(rest if rest.endswith((b"\n", b"\r")) else rest + (head.eol or b"\n"), last=True)
        self._classifier.warn("comment_lines", "lines that begin with # were passed over", self._comments)

    def _begin(self, blocks: Iterator[bytes]) -> tuple[bytes, Header]:
        """Read until the header is there; returns what is below it too."""
        reader = HeadReader()
        head = None
        while head is None:
            following = next(blocks, None)
            head = reader.feed(following or b"", last=following is None)
        return bytes(reader.buffer[head.stop :]), find_columns(head)

    def _work(self, block: bytes, *, last: bool) -> bytes:
        """Classify the whole rows of a block and write them; returns what is left."""
        lines = split_lines(block, self._header.head.delimiter, last=last)
        rest = block[lines.stop :]
        if len(rest) > TABLE_LINE_BYTES or (last and rest):
            raise LimitExceededError(
                f"the row on line {self._number(lines, lines.stop):,} does not end within {TABLE_LINE_BYTES:,} bytes: "
                "it is too long, or a quote in it is not closed"
            )
        self._rows(block, lines)
        self._line += int(np.searchsorted(lines.breaks, lines.stop)) if len(lines.breaks) else len(lines)
        return rest

    def _rows(self, block: bytes, lines: Lines) -> None:
        lengths = lines.ends - lines.starts
        if len(lines) and lengths.max() > TABLE_LINE_BYTES:
            line = self._number(lines, int(lines.starts[lengths.argmax()]))
            raise LimitExceededError(f"line {line:,} has more than {TABLE_LINE_BYTES:,} bytes")
        filled = self._are_rows(block, lines, lengths)
        rows: bytes | memoryview = memoryview(block)[: lines.stop]
        if not filled.all():
            lines = lines.take(filled)
            rows = b"".join(row + b"\n" for row in cut(block, lines).to_pylist())
        if len(lines) == 0:
            return
        cells = self._cells.read(rows, len(lines), is_ascii=block.isascii())
        self._write(block, lines, cells)

    def _are_rows(self, block: bytes, lines: Lines, lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) bool: which lines are rows, and not blank, a comment, or the header again.

        Raises MalformedInputError where another table begins.
        """
        filled: NDArray[np.bool_] = lengths > 0
        if not len(lines):
            return filled
        head = self._header.head
        first = np.frombuffer(block, np.uint8)[lines.starts]
        comments = filled & (first == _COMMENT)
        if comments.any():
            begun = [match.start() for match in _NO_COMMENT.finditer(block, 0, lines.stop)]
            comments &= ~np.isin(lines.starts, begun)
        rows: NDArray[np.bool_] = filled & ~comments
        for line in head.again:
            for at in np.flatnonzero(rows & (lengths == len(line)) & (first == line[0])).tolist():
                rows[at] = block[lines.starts[at] : lines.ends[at]] != line
        if self._comment or comments.any():
            self._look_for_tables(block, lines, comments, filled & ~comments)
        return rows

    def _look_for_tables(
        self, block: bytes, lines: Lines, comments: NDArray[np.bool_], others: NDArray[np.bool_]
    ) -> None:
        """Look at the line below each comment, the one below the block's last comment in the next block."""
        head = self._header.head
        below = np.flatnonzero(others)
        for at in (-1, *np.flatnonzero(comments)[: max(_TABLES - self._comments, 0)].tolist()):
            if at >= 0 and not is_table(self._comment):
                self._comment = decoded(block[lines.starts[at] : lines.ends[at]])
            next_one = np.searchsorted(below, at + 1)
            if not self._comment or next_one == len(below):
                continue
            line = block[lines.starts[below[next_one]] : lines.ends[below[next_one]]]
            if line not in head.again:
                head.refuse_other_table(self._comment, line)
            self._comment = ""
        self._comments += int(comments.sum())

    def _write(self, block: bytes, lines: Lines, cells: Cells) -> None:
        first = self._classifier.tally.total + 1
        whole = lines
        rows: NDArray[np.intp] | None = None
        if cells.ragged:
            whole = lines.take(cells.whole)
            rows = np.flatnonzero(cells.whole) + first
        places = Places(first, rows, lambda row: self._number(whole, int(whole.starts[row])))
        kept, values = self._classifier.classify(cells.measured, places, list(self._ragged(lines, cells, first)))
        if not len(values.label):
            return
        if self._rebuild:
            contents = join_cells(cells.kept, self._header.head.delimiter).filter(kept)
        else:
            contents = cut(block, whole if kept.all() else whole.take(kept))
        self._sink.write(self._text.rows(contents, values))

    def _ragged(self, lines: Lines, cells: Cells, first: int) -> Iterator[Reject]:
        wanted = len(self._header.head.names)
        for index, found in cells.ragged:
            line = self._number(lines, int(lines.starts[index]))
            detail = f"the row has {found} cells, the header has {wanted}"
            yield first + index, line, "", "wrong_cell_count", detail

    def _number(self, lines: Lines, offset: int) -> int:
        """The line in the file, from 1, that a byte of the block stands on."""
        if len(lines.breaks) == 0:
            return self._line + int(np.searchsorted(lines.starts, offset))
        return self._line + int(np.searchsorted(lines.breaks, offset))
