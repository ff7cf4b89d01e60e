"""Lines of a table of text on their way through: in bounded memory, kept as they are, with appended cells behind."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import pyarrow as pa

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import TABLE_LINE_BYTES
from skysort.star.tables.numbers import to_numbers
from skysort.star.tables.rows import Places
from skysort.star.tables.wanted import Cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from skysort.drop.files import Sink
    from skysort.star.tables.rows import RowClassifier
    from skysort.star.tables.wanted import Place, Wanted

_ROWS: Final = 8_192
_TRUE: Final = frozenset({"True", "true", "TRUE", "T", "1"})


class Layout(Protocol):
    """How a format's rows are taken apart and put together.

    wanted: where the measured values are.
    """

    wanted: Wanted

    def cells(self, line: bytes, number: int) -> Sequence[str]:
        """The cells of a row, blanks and nulls empty; number: of its line. Raises MalformedInputError."""

    def joined(self, line: bytes, cells: Sequence[str], appended: Sequence[str]) -> bytes:
        """The row's line with the appended cells in it."""


def lines_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a stream with their line breaks, without a byte order mark, which no other reader passes over.

    Raises LimitExceededError for a line beyond TABLE_LINE_BYTES.
    """
    rest = b""
    number = 0
    for block in _unmarked(blocks):
        *whole, rest = (rest + block).splitlines(keepends=True) or [b""]
        if rest.endswith(b"\n"):
            whole.append(rest)
            rest = b""
        for line in whole:
            number += 1
            yield _checked(line, number)
        _checked(rest, number + 1)
    if rest:
        yield rest


def _unmarked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    stream = iter(blocks)
    first = b""
    while len(first) < len(BOM_UTF8) and (block := next(stream, b"")):
        first += block
    yield first.removeprefix(BOM_UTF8)
    yield from stream


def _checked(line: bytes, number: int) -> bytes:
    if len(line) > TABLE_LINE_BYTES:
        raise LimitExceededError(f"line {number:,} has more than {TABLE_LINE_BYTES:,} bytes")
    return line


def classify_rows(rows: Iterable[tuple[int, bytes]], layout: Layout, classifier: RowClassifier, sink: Sink) -> None:
    """Classify rows and write those that are kept.

    rows: each with the number of the line in the file on which it begins.
    """
    block = _Block(layout, classifier, sink)
    for number, line in rows:
        block.add(number, line)
    block.flush()


class _Block:
    """Rows that are classified together."""

    def __init__(self, layout: Layout, classifier: RowClassifier, sink: Sink) -> None:
        self._layout = layout
        self._classifier = classifier
        self._sink = sink
        self._rows: list[tuple[int, bytes, Sequence[str]]] = []
        self._bytes = 0

    def add(self, number: int, line: bytes) -> None:
        """Take a row."""
        self._rows.append((number, line, self._layout.cells(line, number)))
        self._bytes += len(line)
        if len(self._rows) >= _ROWS or self._bytes > TABLE_LINE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Classify what there is."""
        if not self._rows:
            return
        measured = self._layout.wanted.read(self._cells, self._truths)
        places = Places(self._classifier.tally.total + 1, line=lambda row: self._rows[row][0])
        kept, values = self._classifier.classify(measured, places)
        columns = [column.astype(str).tolist() for column in self._classifier.appended.columns(values)]
        appended = zip(*columns, strict=True)
        for (_, line, cells), keep in zip(self._rows, kept.tolist(), strict=True):
            if keep:
                self._sink.write(self._layout.joined(line, cells, next(appended)))
        self._rows = []
        self._bytes = 0

    def _cells(self, place: Place) -> Cells:
        texts = [cells[place.column] for _, _, cells in self._rows]
        if place.element is not None:
            texts = [_element(text, place.element) for text in texts]
        values, unreadable = to_numbers(pa.array(texts, pa.string()))
        return Cells(values.copy(), unreadable.copy(), lambda row: texts[row])

    def _truths(self, place: Place) -> NDArray[np.bool_]:
        texts = [cells[place.column] for _, _, cells in self._rows]
        if place.element is not None:
            texts = [_element(text, place.element) for text in texts]
        return np.array([text in _TRUE for text in texts], np.bool_)


def _element(text: str, element: int) -> str:
    """One number of ``[1.0,2.0,null]``, empty for null and for what is not there."""
    numbers = text.strip().removeprefix("[").removesuffix("]").split(",")
    number = numbers[element].strip() if element < len(numbers) else ""
    return "" if number == "null" else number


def decoded(line: bytes, number: int) -> str:
    """A line as text; raises MalformedInputError where it is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise MalformedInputError(f"line {number:,} is not UTF-8 text; save the table as UTF-8") from None
