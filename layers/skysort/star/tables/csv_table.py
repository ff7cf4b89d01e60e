"""CSV in, classified CSV out, in constant memory."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import EmptyInputError, LimitExceededError
from skysort.limits import MIB, TABLE_LINE_BYTES
from skysort.star.tables.csv_cells import CellReader
from skysort.star.tables.csv_header import Header, read_header
from skysort.star.tables.csv_lines import Lines, split_lines
from skysort.star.tables.csv_text import CsvText, cut, join_cells, join_names
from skysort.star.tables.rows import Places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from skysort.drop.draft import Sink
    from skysort.star.tables.csv_cells import Cells
    from skysort.star.tables.rejects import Reject
    from skysort.star.tables.rows import RowClassifier

# Rows worked on at a time: enough to make each step's fixed cost small, few enough to stay in the cache.
BLOCK_BYTES: Final = 2 * MIB


def classify_csv(blocks: Iterable[bytes], classifier: RowClassifier, sink: Sink) -> None:
    """Classify a CSV.

    blocks: the file's bytes in pieces of any size. Rows come out byte for byte as they were, with the
    appended cells behind; columns of an earlier classification are replaced.
    Raises InputError when the file as a whole cannot be classified.
    """
    _CsvTable(classifier, sink).run(_resized(blocks))


class _CsvTable:
    """One table on its way through."""

    def __init__(self, classifier: RowClassifier, sink: Sink) -> None:
        self._classifier = classifier
        self._sink = sink
        self._line = 1

    def run(self, blocks: Iterator[bytes]) -> None:
        block, header = self._begin(blocks)
        self._header = header
        self._rebuild = len(header.kept) < len(header.names)
        self._cells = CellReader(header, rebuild=self._rebuild)
        self._text = CsvText(self._classifier.appended, header.delimiter, header.eol or b"\n")
        self._classifier.names = header.measured.names
        self._classifier.notes = header.measured.notes
        self._line = header.lines + 1
        kept = join_names((header.names[at] for at in header.kept), header.delimiter) if self._rebuild else header.text
        self._sink.write(header.before + self._text.header(kept))
        rest = block[header.stop :]
        for following in blocks:
            rest = self._work(rest + following, last=False)
        if rest:
            self._work(rest if rest.endswith((b"\n", b"\r")) else rest + (header.eol or b"\n"), last=True)

    def _begin(self, blocks: Iterator[bytes]) -> tuple[bytes, Header]:
        """Read until the header is there."""
        block = b""
        for following in blocks:
            block += following
            header = read_header(block, last=False)
            if header is not None:
                return block, header
        if block and not block.endswith((b"\n", b"\r")):
            block += b"\n"
        header = read_header(block, last=True)
        if header is None:
            raise EmptyInputError("the table has no header and no rows")
        return block, header

    def _work(self, block: bytes, *, last: bool) -> bytes:
        """Classify the whole rows of a block and write them; returns what is left."""
        lines = split_lines(block, self._header.delimiter, last=last)
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
        filled = lengths > 0
        rows: bytes | memoryview = memoryview(block)[: lines.stop]
        if not filled.all():
            lines = lines.take(filled)
            rows = b"".join(row + b"\n" for row in cut(block, lines).to_pylist())
        if len(lines) == 0:
            return
        cells = self._cells.read(rows, len(lines))
        self._write(block, lines, cells)

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
            contents = join_cells(cells.kept, self._header.delimiter).filter(kept)
        else:
            contents = cut(block, whole if kept.all() else whole.take(kept))
        self._sink.write(self._text.rows(contents, values))

    def _ragged(self, lines: Lines, cells: Cells, first: int) -> Iterator[Reject]:
        wanted = len(self._header.names)
        for index, found in cells.ragged:
            line = self._number(lines, int(lines.starts[index]))
            detail = f"the row has {found} cells, the header has {wanted}"
            yield first + index, line, "", "wrong_cell_count", detail

    def _number(self, lines: Lines, offset: int) -> int:
        """The line in the file, from 1, that a byte of the block stands on."""
        if len(lines.breaks) == 0:
            return self._line + int(np.searchsorted(lines.starts, offset))
        return self._line + int(np.searchsorted(lines.breaks, offset))


def _resized(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at most BLOCK_BYTES."""
    return chain.from_iterable(
        (block[at : at + BLOCK_BYTES] for at in range(0, len(block), BLOCK_BYTES)) for block in blocks
    )
