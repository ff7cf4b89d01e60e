"""Tables whose rows are lines of text: read in bounded memory, copied unchanged with appended cells."""

from __future__ import annotations

from abc import abstractmethod
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import TABLE_LINE_BYTES
from skysort.star.tables.beside import converted
from skysort.star.tables.numbers import text_cells
from skysort.star.tables.rows import Rows, Table
from skysort.star.tables.wanted import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from skysort.star.tables.beside import Carried
    from skysort.star.tables.result_columns import ResultColumns, Values
    from skysort.star.tables.rows import Cells
    from skysort.star.tables.wanted import Wanted

_ROWS: Final = 8_192
_TRUE: Final = frozenset({"True", "true", "TRUE", "T", "1"})
# A row and the number of its first line in the file.
Line = tuple[int, bytes]


class TextTable(Table):
    """A table of lines.

    wanted: the measured columns. lines: its rows. names: of all columns. carried: columns that are carried.
    """

    def __init__(
        self, wanted: Wanted, lines: Iterable[Line], names: Sequence[str] = (), carried: Sequence[Carried] = ()
    ) -> None:
        self._wanted = wanted
        self._lines = lines
        self._heads = names
        self._carried = carried
        self.columns = wanted.columns
        self._appended: ResultColumns

    @abstractmethod
    def header(self, appended: ResultColumns) -> bytes:
        """The lines above the rows, with the appended columns."""

    @abstractmethod
    def cells(self, line: bytes, number: int) -> Sequence[str]:
        """The cells of a row, empty for nulls; number: of its line. Raises MalformedInputError."""

    @abstractmethod
    def joined(self, line: bytes, cells: Sequence[str], appended: Sequence[str]) -> bytes:
        """The row's line with the appended cells in it."""

    def begin(self, appended: ResultColumns) -> list[bytes]:
        """The lines above the rows."""
        self._appended = appended
        return [self.header(appended)]

    def rows(self) -> Iterator[Rows]:
        """The rows, some thousands at a time."""
        block: list[tuple[int, bytes, Sequence[str]]] = []
        size = 0
        for number, line in self._lines:
            block.append((number, line, self.cells(line, number)))
            size += len(line)
            if len(block) >= _ROWS or size > TABLE_LINE_BYTES:
                yield self._rows(block)
                block, size = [], 0
        if block:
            yield self._rows(block)

    def _rows(self, block: Sequence[tuple[int, bytes, Sequence[str]]]) -> Rows:
        def texts(place: Place) -> list[str]:
            column = [cells[place.column] for _, _, cells in block]
            return column if place.element is None else [_element(text, place.element) for text in column]

        def values_of(place: Place) -> Cells:
            return text_cells(pa.array(texts(place), pa.string()))

        def truths_of(place: Place) -> NDArray[np.bool_]:
            return np.array([text in _TRUE for text in texts(place)], np.bool_)

        def render(kept: NDArray[np.bool_], values: Values) -> bytes:
            columns = [column.astype(str).tolist() for column in self._appended.columns(values)]
            appended = zip(*columns, strict=True)
            return b"".join(
                self.joined(line, cells, next(appended))
                for (_, line, cells), keep in zip(block, kept.tolist(), strict=True)
                if keep
            )

        def carried() -> list[Any]:
            return [
                converted(
                    pa.array(texts(Place(column.position)), pa.string()), column.kind, self._heads[column.position]
                )
                for column in self._carried
            ]

        measured = self._wanted.read(values_of, truths_of)
        return Rows(measured, render, line=lambda row: block[row][0], carried=carried)


def lines_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a stream with their line breaks, without a byte order mark.

    Raises LimitExceededError for a line beyond TABLE_LINE_BYTES.
    """
    rest = b""
    number = 0
    for block in _unmarked(blocks):
        *complete, rest = (rest + block).splitlines(keepends=True) or [b""]
        if rest.endswith(b"\n"):
            complete.append(rest)
            rest = b""
        for line in complete:
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


def _element(text: str, element: int) -> str:
    """One number of ``[1.0,2.0,null]``, empty for null or if missing."""
    numbers = text.strip().removeprefix("[").removesuffix("]").split(",")
    number = numbers[element].strip() if element < len(numbers) else ""
    return "" if number == "null" else number


def decoded(line: bytes, number: int) -> str:
    """Decode a line; raises MalformedInputError if it is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise MalformedInputError(f"line {number:,} is not UTF-8 text; save the table as UTF-8") from None
