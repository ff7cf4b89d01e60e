"""The rows of a VOTable's data on their way through: kept as the bytes they are, with the appended cells behind."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from skysort.errors import MalformedInputError, UnsupportedFormatError
from skysort.limits import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence
    from mmap import mmap

    from numpy.typing import NDArray

    from skysort.drop.files import Sink
    from skysort.star.tables.result_columns import Values
    from skysort.star.tables.rows import RowClassifier
    from skysort.star.tables.votable_field import Field
    from skysort.star.tables.wanted import Cells, Place, Wanted

_ROWS: Final = 8_192
_LENGTH: Final = struct.Struct(">I")


class Table(Protocol):
    """What the readers of cells need of their table."""

    wanted: Wanted
    prefix: str

    @property
    def fields(self) -> Sequence[Field]:
        """The table's columns."""

    @property
    def kept(self) -> Sequence[bool]:
        """Whether each column stays; those of an earlier classification do not."""


class TextRows:
    """Rows of a TABLEDATA, told of tag by tag."""

    def __init__(self, content: mmap, table: Table, classifier: RowClassifier, sink: Sink, start: int) -> None:
        self._content = content
        self._table = table
        self._classifier = classifier
        self._sink = sink
        self.end = start  # of the last row that is written
        self.rows = 0
        self.kept = 0
        self._wanted = {place.column for place in table.wanted.places if place is not None}
        self._texts: dict[int, list[str | None]] = {at: [] for at in self._wanted}
        self._places: list[tuple[int, int, list[tuple[int, int]]]] = []
        self._cuts: list[tuple[int, int]] = []
        self._column = -1

    def begin_row(self) -> None:
        """A TR begins."""
        self._column = -1
        self._cuts = []

    def begin_cell(self) -> bool:
        """A TD begins; whether its text is wanted."""
        self._column += 1
        return self._column in self._wanted

    def end_cell(self, text: str | None, start: int, stop: int) -> None:
        """A TD ends, which lies from start to stop in the file."""
        if self._column in self._wanted:
            self._texts[self._column].append(text)
        elif self._column < len(self._table.kept) and not self._table.kept[self._column]:
            self._cuts.append((start, stop))

    def end_row(self, close: int, stop: int) -> None:
        """A TR ends: where its end tag begins, and where that ends."""
        self.rows += 1
        if self._column + 1 != len(self._table.fields):
            raise MalformedInputError(
                f"the VOTable cannot be read: row {self.rows:,} has {self._column + 1} cells, "
                f"and there are {len(self._table.fields)} fields"
            )
        self._places.append((close, stop, self._cuts))
        if len(self._places) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        """Classify the rows since the last time and write those that are kept."""
        if not self._places:
            return
        kept, values = self._classifier.classify(self._table.wanted.read(self._cells))
        cells = iter(_as_cells(self._table.prefix, self._classifier, values))
        for (close, stop, cuts), keep in zip(self._places, kept.tolist(), strict=True):
            if keep:
                self._write(close, cuts)
                self._sink.write(next(cells))
                self._sink.write(self._content[close:stop])
                self.kept += 1
            self.end = stop
        self._places = []
        for texts in self._texts.values():
            texts.clear()

    def _write(self, close: int, cuts: Sequence[tuple[int, int]]) -> None:
        at = self.end
        for start, stop in cuts:
            self._sink.write(self._content[at:start])
            at = stop
        self._sink.write(self._content[at:close])

    def _cells(self, place: Place) -> Cells:
        return self._table.fields[place.column].from_text(self._texts[place.column], place.element)


def _as_cells(prefix: str, classifier: RowClassifier, values: Values) -> list[bytes]:
    """The appended cells of each classified row as TD elements."""
    columns = [_texts(column) for column in classifier.appended.columns(values)]
    between = f"</{prefix}TD><{prefix}TD>"
    return [f"<{prefix}TD>{between.join(row)}</{prefix}TD>".encode() for row in zip(*columns, strict=True)]


def _texts(column: NDArray[np.generic]) -> list[str]:
    texts: list[str] = column.astype(str).tolist()
    return texts


class BinaryRows:
    """Rows of a BINARY or BINARY2 stream, taken as base64 text of any length.

    flagged: whether each row begins with a bit a column that says whether it has no value (BINARY2).
    """

    def __init__(self, table: Table, classifier: RowClassifier, sink: Sink, *, flagged: bool) -> None:
        self._table = table
        self._classifier = classifier
        self._sink = _Base64(sink)
        self._flags = -(-len(table.fields) // 8) if flagged else 0
        for one in table.fields:
            if one.elements is None and "x" in one.arraysize:
                raise UnsupportedFormatError(
                    f"the VOTable's column {one.name:.60} has arrays of a varying shape ({one.arraysize:.30}), which "
                    "are not read in BINARY data; save the table as TABLEDATA"
                )
        self._text = ""
        self._buffer = bytearray()
        self._enough = MIB
        self.rows = 0
        self.kept = 0

    def feed(self, text: str) -> None:
        """Take some of the stream's text."""
        text = self._text + "".join(text.split())
        whole = len(text) - len(text) % 4
        self._text = text[whole:]
        self._decode(text[:whole])
        if len(self._buffer) >= self._enough:
            self._work()

    def close(self) -> None:
        """Take the end of the stream and write what is left; raises MalformedInputError where a row is not whole."""
        self._decode(self._text)
        self._work()
        if self._buffer:
            raise MalformedInputError("the VOTable cannot be read: its BINARY data end inside a row")
        self._sink.close()

    def _decode(self, text: str) -> None:
        try:
            self._buffer += base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise MalformedInputError(f"the VOTable cannot be read: its STREAM is not base64: {error}") from error

    def _work(self) -> None:
        data = bytes(self._buffer)
        stop = 0
        rows: list[list[int]] = []
        while (places := self._places(data, stop)) is not None:
            rows.append(places)
            stop = places[-1]
            if len(rows) >= _ROWS:
                self._classify(data, rows)
                rows = []
        if rows:
            self._classify(data, rows)
        del self._buffer[:stop]
        # A row that does not end yet is not looked at again for every piece of it.
        self._enough = max(MIB, 2 * len(self._buffer))

    def _places(self, data: bytes, start: int) -> list[int] | None:
        """Where each cell of a row begins, and where the last ends; None where the row is not there as a whole."""
        at = start + self._flags
        places = [start, at]
        for one in self._table.fields:
            size = one.size
            if size is None:
                if at + _LENGTH.size > len(data):
                    return None
                (count,) = _LENGTH.unpack_from(data, at)
                size = _LENGTH.size + one.varying(count)
            at += size
            places.append(at)
        return places if start < at <= len(data) else None

    def _classify(self, data: bytes, rows: Sequence[Sequence[int]]) -> None:
        def cells(place: Place) -> Cells:
            one = self._table.fields[place.column]
            skipped = _LENGTH.size if one.size is None else 0
            at = place.column + 1
            found = one.from_bytes([data[row[at] + skipped : row[at + 1]] for row in rows], place.element)
            if self._flags:
                byte, bit = place.column // 8, 7 - place.column % 8
                found.hide(np.array([data[row[0] + byte] >> bit & 1 for row in rows], np.bool_))
            return found

        self.rows += len(rows)
        kept, values = self._classifier.classify(self._table.wanted.read(cells))
        appended = iter(_as_bytes(self._classifier, values))
        for row, keep in zip(rows, kept.tolist(), strict=True):
            if keep:
                self.kept += 1
                self._sink.write(self._row(data, row) + next(appended))

    def _row(self, data: bytes, row: Sequence[int]) -> bytes:
        """A row's own bytes, with room for the appended columns' flags."""
        kept = self._table.kept
        cells = b"".join(data[row[at + 1] : row[at + 2]] for at, keep in enumerate(kept) if keep)
        if not self._flags:
            return cells
        flags = np.unpackbits(np.frombuffer(data, np.uint8, self._flags, row[0]))[: len(kept)][np.array(kept)]
        added = np.zeros(len(self._classifier.appended.names), np.uint8)
        return np.packbits(np.concatenate([flags, added])).tobytes() + cells


def _as_bytes(classifier: RowClassifier, values: Values) -> list[bytes]:
    """The appended cells of each classified row as a stream has them: texts behind their lengths."""
    columns = [_packed(column) for column in classifier.appended.columns(values)]
    return [b"".join(row) for row in zip(*columns, strict=True)]


def _packed(column: NDArray[Any]) -> list[bytes]:
    if column.dtype.kind == "f":
        raw = column.astype(">f4").tobytes()
        return [raw[at : at + 4] for at in range(0, len(raw), 4)]
    return [_LENGTH.pack(len(text)) + text for text in column.tolist()]


class _Base64:
    """Writes bytes as base64, in lines."""

    _LINE: Final = 57 * 1024

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = bytearray()

    def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= self._LINE:
            whole = len(self._buffer) - len(self._buffer) % 3
            self._sink.write(base64.b64encode(self._buffer[:whole]) + b"\n")
            del self._buffer[:whole]

    def close(self) -> None:
        self._sink.write(base64.b64encode(self._buffer))
