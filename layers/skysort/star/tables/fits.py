"""FITS binary tables: rows are copied byte for byte, followed by the appended columns.

The rest of the file (other extensions, the heap of variable-length cells) is copied unread. Every number in a header is
checked against the file's size before use.

Format: FITS standard 4.0, section 7.3 (https://fits.gsfc.nasa.gov/fits_standard.html).
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.drop.files import fetched
from skysort.errors import (
    EmptyInputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.fits_header import BLOCK, CARD, HeaderReader
from skysort.limits import FITS_BYTES, FITS_EXTENSIONS, FITS_ROW_BYTES, FITS_TABLE_CARDS, MIB
from skysort.star.schema import SDSS
from skysort.star.tables.beside import nothing
from skysort.star.tables.result_columns import is_appended
from skysort.star.tables.rows import Cells, Rows, Table
from skysort.star.tables.wanted import TableColumn, Wanted, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from skysort.fits_header import Content, Header
    from skysort.star.schema import Schema
    from skysort.star.tables.beside import As, Beside, Carried
    from skysort.star.tables.result_columns import ResultColumns, Values


# Maximum rows, and bytes of them, in a block.
_ROWS: Final = 32_768
_ROW_BYTES: Final = 32 * MIB
# The fifth card, which marks the description for STIL; its position matters.
_MARK: Final = b"VOTMETA =                    T"
_MARK_AT: Final = 4 * CARD


@contextmanager
def open_fits(
    blocks: Iterable[bytes], _check: object, schema: Schema = SDSS, beside: Beside = nothing
) -> Iterator[FitsTable]:
    """Map the first table with the measured columns; raises as find_table does."""
    with fetched(blocks, FITS_BYTES) as path:
        content = np.memmap(path, np.uint8, "r")
        table, wanted = find_table(content.data, schema)
        yield FitsTable(content, table, wanted, beside([column.name for column in table.columns]))


def find_table(content: Content, schema: Schema = SDSS) -> tuple[BinaryTable, Wanted]:
    """The first table of a file with the measured columns; raises EmptyInputError, or the first table's InputError."""
    refusal: InvalidFieldsError | None = None
    for header in headers(content):
        # Older writers: A3DTABLE.
        if header.text("XTENSION") not in {"BINTABLE", "A3DTABLE"} or header.is_compressed_image:
            continue
        table = BinaryTable(header)
        try:
            wanted = find([column.described for column in table.columns], schema)
        except InvalidFieldsError as error:
            refusal = refusal or error
            continue
        if table.rows == 0:
            raise EmptyInputError("the FITS table has no rows")
        return table, wanted
    raise refusal or UnsupportedFormatError("the FITS file has no binary table: it is an image or an ASCII table")


class FitsTable(Table):
    """A binary table with the measured columns.

    content: the mapped file. carried: columns that are carried.
    """

    def __init__(
        self, content: NDArray[np.uint8], table: BinaryTable, wanted: Wanted, carried: Sequence[Carried] = ()
    ) -> None:
        self._content = content
        self._table = table
        self._wanted = wanted
        self._carried = carried
        self.columns = wanted.columns
        self._appended: ResultColumns
        self._written = 0

    def begin(self, appended: ResultColumns) -> Iterator[bytes]:
        """Everything before the rows; the header has their number, so the rows are validated first."""
        self._appended = appended
        kept = sum(int(rows.measured.usable().sum()) for rows in self.rows())
        header = self._table.new_header(appended, kept)
        yield _without_description(self._content[:BLOCK].tobytes())
        yield from _pieces(self._content[BLOCK : self._table.header.start])
        yield header

    def rows(self) -> Iterator[Rows]:
        """The rows, at most 32 MiB of them at a time."""
        width = self._table.row_bytes
        raw = self._content[self._table.header.data_start :][: self._table.rows * width].reshape(-1, width)
        step = max(1, min(_ROWS, _ROW_BYTES // max(1, width)))
        for first in range(0, len(raw), step):
            yield self._rows(raw[first : first + step])

    def _rows(self, raw: NDArray[np.uint8]) -> Rows:
        columns = self._table.columns
        measured = self._wanted.read(
            lambda place: columns[place.column].cells(raw, place.element),
            lambda place: columns[place.column].truths(raw, place.element),
        )
        return Rows(
            measured,
            lambda kept, values: self._render(raw[kept], values),
            carried=lambda: [columns[each.position].carried(raw, each.kind) for each in self._carried],
        )

    def _render(self, raw: NDArray[np.uint8], values: Values) -> bytes:
        record = record_type(self._appended)
        new = np.empty(len(values.label), record)
        for name, column in zip(record.names or (), self._appended.columns(values), strict=True):
            new[name] = column
        kept_bytes = self._table.kept_bytes()
        rows = np.concatenate(
            [
                raw if len(kept_bytes) == self._table.row_bytes else raw[:, kept_bytes],
                new.view(np.uint8).reshape(len(new), record.itemsize),
            ],
            axis=1,
        )
        self._written += rows.nbytes
        return rows.tobytes()

    def end(self) -> Iterator[bytes]:
        """The heap of variable-length cells, and the rest of the file."""
        heap = self._content[self._table.heap_start : self._table.heap_end]
        yield from _pieces(heap)
        yield b"\0" * (-(self._written + len(heap)) % BLOCK)
        yield from _pieces(self._content[self._table.header.end :])


def headers(content: Content) -> Iterator[Header]:
    """Iterate over the headers of a file, checking that each one's data are complete.

    Raises
    ------
    MalformedInputError
        For a truncated file, or one that is not FITS.
    LimitExceededError
        Beyond FITS_EXTENSIONS headers, or FITS_TABLE_CARDS cards in one of them.
    """
    start = number = 0
    # Special records may follow the extensions.
    while start < len(content) and (not number or bytes(content[start : start + 8]) == b"XTENSION"):
        if number == FITS_EXTENSIONS:
            raise LimitExceededError(f"the FITS file has more than {FITS_EXTENSIONS:,} extensions")
        header = HeaderReader(content, FITS_TABLE_CARDS).read(start)
        # The padding of the last block may be missing.
        if (length := header.data_bytes) and header.data_start + length > len(content):
            raise MalformedInputError(
                "the FITS file is truncated: one of its parts has fewer rows or pixels than its header says"
            )
        yield header
        start = header.end
        number += 1


def _without_description(primary: bytes) -> bytes:
    """The first block of a file, without the mark that its array is a VOTable description of the columns."""
    # TOPCAT writes this ("FITS-plus": SUN/252, 3.8.1) and trusts it when reading, but it lacks the appended columns.
    # Without the mark the table's own header counts.
    marked = primary[_MARK_AT:].startswith(_MARK)
    return primary[:_MARK_AT] + _MARK[:-1] + b"F" + primary[_MARK_AT + len(_MARK) :] if marked else primary


def _pieces(content: NDArray[np.uint8]) -> Iterator[bytes]:
    for start in range(0, len(content), MIB):
        yield content[start : start + MIB].tobytes()


# TFORM's letters with the bytes of one element (section 7.3.1, table 18); X counts bits.
_BYTES: Final = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}
_NUMBERS: Final = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_INTEGERS: Final = "BIJK"
_FORM: Final = re.compile(r"([0-9]{0,12})([LXBIJKAEDCMPQ])(.{0,80})", re.DOTALL)
_DIMENSIONS: Final = re.compile(r"\(\s*[0-9]{1,12}(?:\s*,\s*[0-9]{1,12})*\s*\)")
# Keywords of a column end in its number: TTYPE3, TNULL3, TUCD3, ...
_OF_COLUMN: Final = re.compile(r"(T[A-Z]{3,})([1-9][0-9]{0,2})")
# The maximum of TFIELDS (section 7.3.1): keywords have no room for longer numbers.
_MAX_COLUMNS: Final = 999
_REPLACED: Final = ("CHECKSUM", "DATASUM", "THEAP")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a binary table.

    number: its number in the header's keywords. letter: of TFORM. repeat: elements per row. start, width: of its bytes
    in a row. strings: texts per row of a character column, by TFORM's width: TDIM may be (1) for every column, as
    CasJobs writes.
    """

    name: str
    form: str
    letter: str
    repeat: int
    start: int
    width: int
    strings: int
    unit: str | None
    header: Header
    number: int

    @property
    def described(self) -> TableColumn:
        """The column as a TableColumn."""
        text = self.letter == "A"
        usable = self.repeat > 0 and (text or self.letter in _NUMBERS)
        return TableColumn(
            self.name,
            f"the FITS format {self.form}",
            usable,
            self.strings if text else self.repeat,
            self.unit,
            truths=self.letter == "L",
        )

    def cells(self, rows: NDArray[np.uint8], element: int | None) -> Cells:
        """The scaled values of rows (n, bytes per row), or of one element of each; TNULL and blank text are NaN."""
        if self.letter == "A":
            return self._texts(rows)
        size = _BYTES[self.letter]
        start = self.start + (element or 0) * size
        raw = np.ascontiguousarray(rows[:, start : start + size]).view(_NUMBERS[self.letter])[:, 0]
        # Only for measured columns: errors in others do no harm.
        scale = self.header.number(f"TSCAL{self.number}", 1.0)
        zero = self.header.number(f"TZERO{self.number}", 0.0)
        with np.errstate(all="ignore"):
            values = raw.astype(np.float64) * scale + zero
        null = f"TNULL{self.number}"
        if self.letter in _INTEGERS and self.header.text(null):
            values[raw == self.header.integer(null)] = np.nan
        return Cells(values)

    def carried(self, rows: NDArray[np.uint8], kind: As) -> Any:
        """The values of rows as an Arrow array; raises InvalidFieldsError for a column of arrays."""
        from skysort.star.tables.beside import converted, not_single, of_numbers  # noqa: PLC0415 - for bulk jobs alone

        if not self.described.usable and self.letter != "L":
            raise not_single(self.name, self.described.kind)
        if self.described.elements != 1:
            raise not_single(self.name, self.described.kind)
        if self.letter == "L":
            return converted(of_numbers(self.truths(rows, None)), kind, self.name)
        if self.letter == "A":
            return converted(self._strings(rows), kind, self.name)
        number, zero = self.number, self.header.number(f"TZERO{self.number}", 0.0)
        unsigned = {"I": (2**15, "u2"), "J": (2**31, "u4"), "K": (2**63, "u8")}.get(self.letter)
        raw = np.ascontiguousarray(rows[:, self.start : self.start + self.width]).view(_NUMBERS[self.letter])[:, 0]
        null, missing = f"TNULL{number}", None
        if self.letter in _INTEGERS and self.header.text(null):
            missing = raw == self.header.integer(null)
        if self.header.number(f"TSCAL{number}", 1.0) == 1.0 and unsigned and zero == unsigned[0]:
            offset = np.uint64(unsigned[0])
            values: NDArray[Any] = (raw.astype(np.int64).view(np.uint64) + offset).astype(unsigned[1])
        elif self.header.number(f"TSCAL{number}", 1.0) == 1.0 and zero == 0.0:
            values = raw
        else:
            values = self.cells(rows, None).values
        return converted(of_numbers(values, missing), kind, self.name)

    def truths(self, rows: NDArray[np.uint8], element: int | None) -> NDArray[np.bool_]:
        """(n,) bool: rows with T in a logical column, or in an element of it."""
        true: NDArray[np.bool_] = rows[:, self.start + (element or 0)] == ord("T")
        return true

    def _texts(self, rows: NDArray[np.uint8]) -> Cells:
        from skysort.star.tables.numbers import text_cells  # noqa: PLC0415 - text in place of numbers is rare

        return text_cells(self._strings(rows))

    def _strings(self, rows: NDArray[np.uint8]) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - likewise

        raw = np.ascontiguousarray(rows[:, self.start : self.start + self.width]).view(f"S{self.width}")[:, 0]
        # A NUL terminates a text before its width (section 7.3.3.1).
        texts = [text.partition(b"\0")[0].decode("latin-1").strip() for text in raw.tolist()]
        return pa.array(texts, pa.string())


class BinaryTable:
    """A binary table in a file that has all of its rows."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.row_bytes = header.count("NAXIS1")
        self.rows = header.count("NAXIS2")
        self.columns = tuple(_columns(header, self.row_bytes))
        self.kept = [column for column in self.columns if not is_appended(column.name)]
        rows_end = header.data_start + self.rows * self.row_bytes
        self.heap_end = rows_end + header.count("PCOUNT", 0)
        offset = header.integer("THEAP", self.rows * self.row_bytes)
        self.heap_start = header.data_start + offset
        if not rows_end <= self.heap_start <= self.heap_end:
            raise MalformedInputError(f"the FITS header has THEAP = {offset:,}, which is not after the table's rows")

    def kept_bytes(self) -> NDArray[np.intp]:
        """Offsets within a row of the bytes to keep: all columns except those of an earlier classification."""
        parts = [np.arange(column.start, column.start + column.width) for column in self.kept]
        return np.concatenate(parts) if parts else np.zeros(0, np.intp)

    def new_header(self, appended: ResultColumns, rows: int) -> bytes:
        """The result's header, padded to blocks; raises LimitExceededError for more columns than FITS allows."""
        fields = len(self.kept) + len(appended.names)
        if fields > _MAX_COLUMNS:
            raise LimitExceededError(
                f"the FITS table has {len(self.kept)} columns; with the {len(appended.names)} appended ones "
                f"there may be {_MAX_COLUMNS}"
            )
        width = sum(column.width for column in self.kept) + record_type(appended).itemsize
        sizes = {"NAXIS1": width, "NAXIS2": rows, "PCOUNT": self.heap_end - self.heap_start, "TFIELDS": fields}
        numbers = {column.number: number for number, column in enumerate(self.kept, start=1)}
        lines = []
        goes_on = False
        for keyword, line in self.header.cards:
            if keyword == "CONTINUE":
                lines += [line] * goes_on
                continue
            new = self._rewritten(keyword, line, sizes, numbers)
            goes_on = new is not None and new[8:] == line[8:]
            lines += [new] if new is not None else []
        text = b"".join([*lines, *_new_cards(appended, len(self.kept) + 1), b"END".ljust(CARD)])
        return text + b" " * (-len(text) % BLOCK)

    def _rewritten(self, keyword: str, line: bytes, sizes: dict[str, int], numbers: dict[int, int]) -> bytes | None:
        """A card of the new header: none, the same, or with another value or number."""
        if keyword in sizes:
            return _card(keyword, sizes[keyword])
        if keyword in _REPLACED:
            return None
        match = _OF_COLUMN.fullmatch(keyword)
        if match is None or int(match[2]) > len(self.columns):
            return line
        if int(match[2]) not in numbers or (match[1] == "TDIM" and set(_sizes(self.header.text(keyword))) == {1}):
            return None  # (1) or (1,1) is not a shape, but would cut a text to one letter
        return f"{match[1]}{numbers[int(match[2])]}".ljust(8).encode() + line[8:]


def record_type(appended: ResultColumns) -> np.dtype[Any]:
    """The appended columns as FITS stores them: big-endian, strings of fixed width."""
    return np.dtype([(about.name, ">f4" if about.numeric else f"S{about.width}") for about in appended.described])


def _new_cards(appended: ResultColumns, first: int) -> Iterator[bytes]:
    for number, about in enumerate(appended.described, start=first):
        yield _card(f"TTYPE{number}", about.name)
        yield _card(f"TFORM{number}", "E" if about.numeric else f"{about.width}A")
        # Written by TOPCAT, STILTS and the survey archives: conventions, not part of the standard.
        yield _card(f"TUCD{number}", about.ucd)
        yield _card(f"TCOMM{number}", about.text)


def _card(keyword: str, value: str | int) -> bytes:
    """A card with an integer, or a text of at most 68 characters, in fixed format."""
    shown = f"{value:>20}" if isinstance(value, int) else "'{:<8}'".format(value.replace("'", "''"))
    return f"{keyword:<8}= {shown}"[:CARD].ljust(CARD).encode("ascii", "replace")


def _columns(header: Header, row_bytes: int) -> Iterator[Column]:
    """The columns in order; raises InputError where they do not fit the row length."""
    if header.text("ZTABLE") == "T":
        raise UnsupportedFormatError("the FITS table is compressed (ZTABLE); unpack it with funpack first")
    if row_bytes > FITS_ROW_BYTES:
        raise LimitExceededError(
            f"a row of the FITS table has {row_bytes:,} bytes; at most {FITS_ROW_BYTES:,} are read"
        )
    fields = header.count("TFIELDS")
    if fields > _MAX_COLUMNS:
        raise MalformedInputError(f"the FITS header has TFIELDS = {fields:,}; at most {_MAX_COLUMNS} are possible")
    start = 0
    for number in range(1, fields + 1):
        name, form = header.text(f"TTYPE{number}"), header.text(f"TFORM{number}")
        match = _FORM.fullmatch(form)
        if match is None:
            raise MalformedInputError(
                f"the FITS header has TFORM{number} = {form or 'nothing':.40}, not a column's format"
            )
        repeat, letter = int(match[1] or 1), match[2]
        width = -(-repeat // 8) if letter == "X" else repeat * _BYTES[letter]
        strings = _strings(repeat, match[3].strip(), header.text(f"TDIM{number}")) if letter == "A" else 1
        unit = header.text(f"TUNIT{number}") or None
        yield Column(name, form, letter, repeat, start, width, strings, unit, header, number)
        start += width
        if start > row_bytes:
            raise MalformedInputError(
                f"the FITS table's columns up to {name or number} take {start:,} bytes per row, "
                f"but NAXIS1 is {row_bytes:,}"
            )


def _strings(repeat: int, behind: str, dimensions: str) -> int:
    """The number of texts in a cell, by the width after TFORM's A, or by TDIM, which begins with the width."""
    if behind.isdecimal() and int(behind):
        return max(1, repeat // int(behind))
    return prod(_sizes(dimensions)[1:])


def _sizes(dimensions: str) -> list[int]:
    return [int(size) for size in dimensions[1:-1].split(",")] if _DIMENSIONS.fullmatch(dimensions) else []
