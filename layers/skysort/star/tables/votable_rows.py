"""The columns and rows of a VOTable: the values of cells, and rows copied byte for byte with appended cells.

Format: IVOA VOTable 1.5, sections 2 and 6 (https://www.ivoa.net/documents/VOTable/).
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from skysort.errors import MalformedInputError, UnsupportedFormatError
from skysort.limits import MIB
from skysort.star.tables.beside import converted, not_single, of_numbers
from skysort.star.tables.numbers import text_cells, to_numbers
from skysort.star.tables.rows import Cells
from skysort.star.tables.wanted import TableColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from mmap import mmap

    from numpy.typing import NDArray

    from skysort.star.tables.beside import As, Carried
    from skysort.star.tables.result_columns import ResultColumns, Values
    from skysort.star.tables.rows import Measured
    from skysort.star.tables.wanted import Place, Wanted

    # Renders the rows that a mask keeps, with the appended cells.
    Render = Callable[[NDArray[np.bool_], ResultColumns, Values], bytes]
    Read = tuple[Measured, Render, Callable[[], Sequence[Any]]]

_ROWS: Final = 8_192
_LENGTH: Final = struct.Struct(">I")
# Bytes of one element of each datatype in a BINARY stream (section 2.1, table 1); bits are packed.
_BYTES: Final = {
    "boolean": 1,
    "unsignedByte": 1,
    "short": 2,
    "int": 4,
    "long": 8,
    "char": 1,
    "unicodeChar": 2,
    "float": 4,
    "double": 8,
    "floatComplex": 8,
    "doubleComplex": 16,
}
_BIT: Final = "bit"
_NUMBERS: Final = {"unsignedByte": "u1", "short": ">i2", "int": ">i4", "long": ">i8", "float": ">f4", "double": ">f8"}
_FLOATS: Final = frozenset({"float", "double"})
_TEXTS: Final = frozenset({"char", "unicodeChar"})
_ARRAYSIZE: Final = re.compile(r"(?:[0-9]{1,10}x){0,8}(?:[0-9]{1,10}\*?|\*)")
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a VOTable.

    elements: values per cell, None if variable. null: the null value of the VALUES element.
    """

    name: str
    datatype: str
    arraysize: str
    elements: int | None
    unit: str | None
    null: str | None

    @property
    def is_text(self) -> bool:
        """Whether its cells are single texts."""
        return self.datatype in _TEXTS and "x" not in self.arraysize

    @property
    def described(self) -> TableColumn:
        """The column as a TableColumn."""
        many = f"[{self.arraysize}]" if self.arraysize != "1" else ""
        elements = 1 if self.is_text else self.elements or 0
        usable = self.is_text or (self.datatype in _NUMBERS and elements > 0)
        return TableColumn(self.name, f"the datatype {self.datatype}{many}", usable, elements, self.unit)

    @property
    def size(self) -> int | None:
        """Bytes of a cell in a BINARY stream; None if variable."""
        if self.elements is None:
            return None
        return -(-self.elements // 8) if self.datatype == _BIT else self.elements * _BYTES[self.datatype]

    def varying(self, count: int) -> int:
        """Bytes of a variable-length cell of so many elements, without its length prefix."""
        return -(-count // 8) if self.datatype == _BIT else count * _BYTES[self.datatype]

    def from_text(self, texts: Sequence[str | None], element: int | None) -> Cells:
        """The values of n TABLEDATA cells, or of one element of each."""
        if element is not None:
            texts = [_element(text, element) for text in texts]
        plain = [None if text is None or text.strip() == self.null else text for text in texts]
        return text_cells(pa.array(plain, pa.string()))

    def from_bytes(self, cells: Sequence[bytes], element: int | None) -> Cells:
        """The values of n BINARY cells, or of one element of each."""
        if self.is_text:
            coding = "utf-16-be" if self.datatype == "unicodeChar" else "utf-8"
            return self.from_text([cell.decode(coding, "replace").partition("\0")[0] for cell in cells], None)
        size = _BYTES[self.datatype]
        start = (element or 0) * size
        raw = np.frombuffer(b"".join(cell[start : start + size] for cell in cells), _NUMBERS[self.datatype])
        return Cells(self._values(raw))

    def carried(self, cells: Sequence[str | None] | Sequence[bytes], missing: NDArray[np.bool_], kind: As) -> Any:
        """The values of n cells, of TABLEDATA or BINARY, as an Arrow array; raises InvalidFieldsError for arrays."""
        if not self.is_text and (self.elements != 1 or self.datatype not in {*_NUMBERS, "boolean"}):
            raise not_single(self.name, self.described.kind)
        if any(isinstance(cell, bytes) for cell in cells):
            return converted(self._of_bytes([bytes(cell) for cell in cells], missing), kind, self.name)  # type: ignore[arg-type]
        texts = [None if cell is None or cell.strip() in {"", self.null} else str(cell) for cell in cells]
        if self.is_text:
            return converted(pa.array(texts, pa.string()), kind, self.name)
        if self.datatype == "boolean":
            truths = [None if text is None else text.strip().lower() in {"t", "1", "true"} for text in texts]
            return converted(pa.array(truths, pa.bool_()), kind, self.name)
        if self.datatype in _FLOATS:
            numbers, _ = to_numbers(pa.array(texts, pa.string()))
            return converted(of_numbers(numbers), kind, self.name)
        whole = [int(text) if text and _INTEGER.fullmatch(text.strip()) else None for text in texts]
        bounded = [None if number is None or not -(2**63) <= number < 2**63 else number for number in whole]
        return converted(pa.array(bounded, pa.int64()), kind, self.name)

    def _of_bytes(self, cells: Sequence[bytes], missing: NDArray[np.bool_]) -> Any:
        if self.is_text:
            coding = "utf-16-be" if self.datatype == "unicodeChar" else "utf-8"
            texts = [cell.decode(coding, "replace").partition("\0")[0] for cell in cells]
            return pa.array(texts, pa.string(), mask=missing)
        if self.datatype == "boolean":
            return pa.array([cell in {b"T", b"t", b"1"} for cell in cells], pa.bool_(), mask=missing)
        raw = np.frombuffer(b"".join(cells), _NUMBERS[self.datatype])
        if self.null is not None and self.datatype not in _FLOATS and _INTEGER.fullmatch(self.null):
            missing = missing | (raw == int(self.null))
        return of_numbers(raw, missing)

    def _values(self, raw: NDArray[np.generic]) -> NDArray[np.float64]:
        with np.errstate(all="ignore"):
            values = raw.astype(np.float64)
        if self.null is not None and self.datatype not in _FLOATS and _INTEGER.fullmatch(self.null):
            values[raw == int(self.null)] = np.nan
        return values


def field(attributes: Mapping[str, str]) -> Field:
    """The column of a FIELD element; raises MalformedInputError for an unknown datatype or size."""
    name = attributes.get("name") or attributes.get("ID") or ""
    datatype = attributes.get("datatype", "")
    arraysize = (attributes.get("arraysize") or "1").replace(" ", "")
    if datatype not in _BYTES and datatype != _BIT:
        raise MalformedInputError(f"the VOTable cannot be read: the datatype of {name:.60} is {datatype:.60}")
    if not _ARRAYSIZE.fullmatch(arraysize):
        raise MalformedInputError(f"the VOTable cannot be read: the arraysize of {name:.60} is {arraysize:.60}")
    elements = None if arraysize.endswith("*") else prod(int(size) for size in arraysize.split("x"))
    return Field(name, datatype, arraysize, elements, attributes.get("unit") or None, None)


def _element(text: str | None, element: int) -> str | None:
    numbers = (text or "").split()
    return numbers[element] if element < len(numbers) else None


class TableElement:
    """A TABLE element.

    start: offset of its tag. depth: its nesting depth. fields_end: offset for the appended fields. cuts: byte ranges of
    fields of an earlier classification. keeps: whether each column is kept.
    """

    def __init__(self, start: int, depth: int) -> None:
        self.start = start
        self.depth = depth
        self.fields: list[Field] = []
        self.keeps: list[bool] = []
        self.cuts: list[tuple[int, int]] = []
        self.fields_end: int | None = None
        self.prefix = ""
        self.wanted: Wanted
        self.carried: Sequence[Carried] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """The offsets of a TR and the text before it: start, end tag, stop. cuts: byte ranges of dropped cells."""

    start: int
    close: int
    stop: int
    cuts: Sequence[tuple[int, int]]


class TextRows:
    """Rows of a TABLEDATA, fed with parser events.

    start: offset of the first. end: of the last so far. count: of all rows.
    """

    def __init__(self, content: mmap, table: TableElement, start: int) -> None:
        self._content = content
        self._table = table
        self.end = start
        self.count = 0
        self._wanted = {place.column for place in table.wanted.places if place is not None}
        self._wanted.update(each.position for each in table.carried)
        self._texts: dict[int, list[str | None]] = {column: [] for column in self._wanted}
        self._rows: list[_Row] = []
        self._cuts: list[tuple[int, int]] = []
        self._column = -1

    def begin_row(self) -> None:
        """Handle the start of a TR."""
        self._column = -1
        self._cuts = []

    def begin_cell(self) -> bool:
        """Handle the start of a TD; whether its text is needed."""
        self._column += 1
        return self._column in self._wanted

    def end_cell(self, text: str | None, start: int, stop: int) -> None:
        """Handle the end of a TD, which spans start to stop in the file."""
        if self._column in self._wanted:
            self._texts[self._column].append(text)
        elif self._column < len(self._table.keeps) and not self._table.keeps[self._column]:
            self._cuts.append((start, stop))

    def end_row(self, close: int, stop: int) -> None:
        """Handle the end of a TR; close, stop: offsets of the end tag and after it."""
        self.count += 1
        if self._column + 1 != len(self._table.fields):
            raise MalformedInputError(
                f"the VOTable cannot be read: row {self.count:,} has {self._column + 1} cells, "
                f"but there are {len(self._table.fields)} fields"
            )
        self._rows.append(_Row(self.end, close, stop, self._cuts))
        self.end = stop

    def ready(self, *, last: bool) -> Iterator[Read]:
        """The buffered rows, if they fill a block or are the last."""
        if not self._rows or (len(self._rows) < _ROWS and not last):
            return
        # The cells of a row that has not ended belong to the next block.
        rows, texts = self._rows, {index: cells[: len(self._rows)] for index, cells in self._texts.items()}
        self._rows, self._texts = [], {index: cells[len(rows) :] for index, cells in self._texts.items()}
        fields = self._table.fields
        measured = self._table.wanted.read(
            lambda place: fields[place.column].from_text(texts[place.column], place.element)
        )

        def render(kept: NDArray[np.bool_], appended: ResultColumns, values: Values) -> bytes:
            columns = [column.astype(str).tolist() for column in appended.columns(values)]
            tag = f"{self._table.prefix}TD"
            cells = (f"<{tag}>{f'</{tag}><{tag}>'.join(row)}</{tag}>".encode() for row in zip(*columns, strict=True))
            kept_rows = (row for row, keep in zip(rows, kept.tolist(), strict=True) if keep)
            return b"".join(
                self._kept_bytes(row) + new + self._content[row.close : row.stop]
                for row, new in zip(kept_rows, cells, strict=True)
            )

        def carried() -> list[Any]:
            present = np.zeros(len(rows), np.bool_)
            return [
                fields[each.position].carried(texts[each.position], present, each.kind) for each in self._table.carried
            ]

        yield measured, render, carried

    def _kept_bytes(self, row: _Row) -> bytes:
        starts = (row.start, *(stop for _, stop in row.cuts))
        stops = (*(start for start, _ in row.cuts), row.close)
        return b"".join(self._content[start:stop] for start, stop in zip(starts, stops, strict=True))

    def rest(self) -> bytes:
        """Nothing follows the rendered rows."""
        return b""


class BinaryRows:
    """Rows of a BINARY or BINARY2 stream, taken as base64 text of any length.

    flagged: whether each row begins with a null bit per column (BINARY2). count: of the rows so far.
    """

    def __init__(self, table: TableElement, *, flagged: bool) -> None:
        self._table = table
        self._flags = -(-len(table.fields) // 8) if flagged else 0
        for field in table.fields:
            if field.elements is None and "x" in field.arraysize:
                raise UnsupportedFormatError(
                    f"the VOTable's column {field.name:.60} has arrays of variable shape ({field.arraysize:.30}),"
                    " which BINARY data do not support here; save the table as TABLEDATA"
                )
        self._text = ""
        self._buffer = bytearray()
        self._enough = MIB
        self.count = 0
        self._rendered = b""

    def feed(self, text: str, *, last: bool = False) -> None:
        """Decode a piece of the stream's text; raises MalformedInputError if it is not base64."""
        text = self._text + "".join(text.split())
        complete = len(text) if last else len(text) - len(text) % 4
        self._text = text[complete:]
        try:
            self._buffer += base64.b64decode(text[:complete], validate=True)
        except (binascii.Error, ValueError) as error:
            raise MalformedInputError(f"the VOTable cannot be read: its STREAM is not base64: {error}") from error

    def ready(self, *, last: bool) -> Iterator[Read]:
        """The buffered complete rows; raises MalformedInputError for an incomplete last one."""
        if len(self._buffer) < self._enough and not last:
            return
        data = bytes(self._buffer)
        stop = 0
        rows: list[list[int]] = []
        while (places := self._places(data, stop)) is not None:
            rows.append(places)
            stop = places[-1]
            if len(rows) >= _ROWS:
                yield self._read(data, rows)
                rows = []
        if rows:
            yield self._read(data, rows)
        del self._buffer[:stop]
        if last and self._buffer:
            raise MalformedInputError("the VOTable cannot be read: its BINARY data end inside a row")
        # An incomplete row is not parsed again for every piece.
        self._enough = max(MIB, 2 * len(self._buffer))

    def _places(self, data: bytes, start: int) -> list[int] | None:
        """The offsets of a row's cells, and the end of the last; None for an incomplete row."""
        offset = start + self._flags
        places = [start, offset]
        for field in self._table.fields:
            size = field.size
            if size is None:
                if offset + _LENGTH.size > len(data):
                    return None
                (count,) = _LENGTH.unpack_from(data, offset)
                size = _LENGTH.size + field.varying(count)
            offset += size
            places.append(offset)
        return places if start < offset <= len(data) else None

    def _read(self, data: bytes, rows: Sequence[Sequence[int]]) -> Read:
        def contents(position: int) -> list[bytes]:
            skipped = _LENGTH.size if self._table.fields[position].size is None else 0
            return [data[row[position + 1] + skipped : row[position + 2]] for row in rows]

        def missing(position: int) -> NDArray[np.bool_]:
            if not self._flags:
                return np.zeros(len(rows), np.bool_)
            byte, bit = position // 8, 7 - position % 8
            return np.array([data[row[0] + byte] >> bit & 1 for row in rows], np.bool_)

        def cells(place: Place) -> Cells:
            column = self._table.fields[place.column].from_bytes(contents(place.column), place.element)
            if self._flags:
                column.hide(missing(place.column))
            return column

        def carried() -> list[Any]:
            return [
                self._table.fields[each.position].carried(contents(each.position), missing(each.position), each.kind)
                for each in self._table.carried
            ]

        def render(kept: NDArray[np.bool_], appended: ResultColumns, values: Values) -> bytes:
            columns = [_packed(column) for column in appended.columns(values)]
            kept_rows = (row for row, keep in zip(rows, kept.tolist(), strict=True) if keep)
            self._rendered += b"".join(
                self._row(data, row, len(new)) + b"".join(new)
                for row, new in zip(kept_rows, zip(*columns, strict=True), strict=True)
            )
            complete = len(self._rendered) - len(self._rendered) % 3
            encoded = base64.b64encode(self._rendered[:complete]) + b"\n"
            self._rendered = self._rendered[complete:]
            return encoded

        self.count += len(rows)
        return self._table.wanted.read(cells), render, carried

    def _row(self, data: bytes, row: Sequence[int], added: int) -> bytes:
        """A row's kept bytes, with null flags for the appended columns."""
        keeps = self._table.keeps
        cells = b"".join(data[row[index + 1] : row[index + 2]] for index, keep in enumerate(keeps) if keep)
        if not self._flags:
            return cells
        flags = np.unpackbits(np.frombuffer(data, np.uint8, self._flags, row[0]))[: len(keeps)][np.array(keeps)]
        return np.packbits(np.concatenate([flags, np.zeros(added, np.uint8)])).tobytes() + cells

    def rest(self) -> bytes:
        """The last bytes of the rendered rows."""
        return base64.b64encode(self._rendered)


def _packed(column: NDArray[Any]) -> list[bytes]:
    """Cells of an appended column in BINARY: texts with length prefixes."""
    if column.dtype.kind == "f":
        raw = column.astype(">f4").tobytes()
        return [raw[offset : offset + 4] for offset in range(0, len(raw), 4)]
    return [_LENGTH.pack(len(text)) + text for text in column.tolist()]
