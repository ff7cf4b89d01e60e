"""A FITS binary table: its columns, where their bytes lie in a row, and the header of the classified table.

Format: FITS standard 4.0, section 7.3 (https://fits.gsfc.nasa.gov/fits_standard.html).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import FITS_ROW_BYTES, MIB
from skysort.star.tables.fits_file import BLOCK, Card, Header, card
from skysort.star.tables.result_columns import is_appended
from skysort.star.tables.wanted import Cells, TableColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysort.star.tables.result_columns import ResultColumns

# TFORM's letters, the bytes of one element each (section 7.3.1, table 18); X counts bits.
_BYTES: Final = {
    "L": 1,
    "B": 1,
    "I": 2,
    "J": 4,
    "K": 8,
    "A": 1,
    "E": 4,
    "D": 8,
    "C": 8,
    "M": 16,
    "P": 8,
    "Q": 16,
}
_NUMBERS: Final = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_INTEGERS: Final = "BIJK"
_FORM: Final = re.compile(r"([0-9]{0,12})([LXBIJKAEDCMPQ])(.{0,80})", re.DOTALL)
_DIMENSIONS: Final = re.compile(r"\(\s*[0-9]{1,12}(?:\s*,\s*[0-9]{1,12})*\s*\)")
# Keywords that belong to a column end in its number: TTYPE3, TNULL3, TUCD3, ...
_OF_COLUMN: Final = re.compile(r"(T[A-Z]{3,})([1-9][0-9]{0,2})")
# TFIELDS may be up to 999 (section 7.3.1): keywords have no room for longer numbers.
_MOST_COLUMNS: Final = 999
_REPLACED: Final = ("CHECKSUM", "DATASUM", "THEAP")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a binary table.

    number: its number in the header's keywords. letter: TFORM's. repeat: elements a row. start, width: of its bytes in
    a row. strings: texts a row of a column of
    characters, whose width is TFORM's: TDIM may say (1) of every column, as CasJobs does.
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
        """The column as the search for the measured ones takes it."""
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
        """The values of n rows, an element of each where the column holds arrays.

        rows: (n, bytes a row). Numbers are scaled; TNULL and blank text are NaN.
        """
        if self.letter == "A":
            return self._texts(rows)
        size = _BYTES[self.letter]
        start = self.start + (element or 0) * size
        raw = np.ascontiguousarray(rows[:, start : start + size]).view(_NUMBERS[self.letter])[:, 0]
        # Looked at for measured columns alone: what is wrong with another's does no harm.
        scale = self.header.real(f"TSCAL{self.number}", 1.0)
        zero = self.header.real(f"TZERO{self.number}", 0.0)
        with np.errstate(all="ignore"):
            values = raw.astype(np.float64) * scale + zero
        null = f"TNULL{self.number}"
        if self.letter in _INTEGERS and self.header.text(null) is not None:
            values[raw == self.header.integer(null)] = np.nan
        return Cells(values)

    def truths(self, rows: NDArray[np.uint8], element: int | None) -> NDArray[np.bool_]:
        """Which of n rows have T in a column of truths, or in an element of it."""
        true: NDArray[np.bool_] = rows[:, self.start + (element or 0)] == ord("T")
        return true

    def _texts(self, rows: NDArray[np.uint8]) -> Cells:
        import pyarrow as pa  # noqa: PLC0415 - text in place of numbers is rare

        from skysort.star.tables.numbers import to_numbers  # noqa: PLC0415

        raw = np.ascontiguousarray(rows[:, self.start : self.start + self.width]).view(f"S{self.width}")[:, 0]
        # A NUL ends a text before its width (section 7.3.3.1).
        texts = [text.partition(b"\0")[0] for text in raw.tolist()]
        values, unreadable = to_numbers(pa.array(texts, pa.binary()))
        return Cells(values, unreadable, lambda row: texts[row].decode("latin-1").strip())


class Table:
    """A binary table in a file whose rows have been seen to be all there."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.row_bytes = header.count("NAXIS1")
        self.rows = header.count("NAXIS2")
        self.columns = tuple(_columns(header, self.row_bytes))
        used = header.count("PCOUNT", 0)
        offset = header.integer("THEAP", self.rows * self.row_bytes)
        if not self.rows * self.row_bytes <= offset <= self.rows * self.row_bytes + used:
            raise MalformedInputError(f"the FITS header has THEAP = {offset:,}, which is not behind the table's rows")
        self.heap_at = header.data_at + offset
        self.heap_bytes = self.rows * self.row_bytes + used - offset
        self.end = header.data_at + -(-header.data_bytes // BLOCK) * BLOCK

    @property
    def kept(self) -> list[int]:
        """Positions of the columns that no earlier classification appended."""
        return [at for at, column in enumerate(self.columns) if not is_appended(column.name)]

    def kept_bytes(self) -> NDArray[np.intp]:
        """Offsets, within a row, of the kept columns' bytes."""
        parts = [np.arange(self.columns[at].start, self.columns[at].start + self.columns[at].width) for at in self.kept]
        return np.concatenate(parts) if parts else np.zeros(0, np.intp)

    def new_header(self, appended: ResultColumns, rows: int) -> bytes:
        """The header of the classified table, whole blocks of it; kept cards stand as they were."""
        record = record_type(appended)
        kept = self.kept
        fields = len(kept) + len(appended.names)
        if fields > _MOST_COLUMNS:
            raise LimitExceededError(
                f"the FITS table has {len(kept)} columns; with the {len(appended.names)} appended ones "
                f"there may be {_MOST_COLUMNS}"
            )
        width = sum(self.columns[at].width for at in kept) + record.itemsize
        sizes = {"NAXIS1": width, "NAXIS2": rows, "PCOUNT": self.heap_bytes, "TFIELDS": fields}
        numbers = {at + 1: number for number, at in enumerate(kept, start=1)}
        lines = [line for kept_card in self.header.cards for line in self._kept_lines(kept_card, sizes, numbers)]
        lines += _new_cards(appended, record, len(kept) + 1)
        text = b"".join([*lines, b"END".ljust(80)])
        return text + b" " * (-len(text) % BLOCK)

    def _kept_lines(self, old: Card, sizes: dict[str, int], numbers: dict[int, int]) -> tuple[bytes, ...]:
        """What becomes of a card: nothing, itself, or the same with another value or number."""
        if old.keyword in sizes:
            return (card(old.keyword, sizes[old.keyword]),)
        if old.keyword in _REPLACED:
            return ()
        match = _OF_COLUMN.fullmatch(old.keyword)
        if match is None or int(match[2]) > len(self.columns):
            return old.lines
        if int(match[2]) not in numbers or (match[1] == "TDIM" and _is_one(old.text)):
            return ()
        keyword = f"{match[1]}{numbers[int(match[2])]}"
        return (keyword.ljust(8).encode() + old.lines[0][8:], *old.lines[1:])


def record_type(appended: ResultColumns) -> np.dtype[Any]:
    """The appended columns as FITS stores them: big-endian, strings of fixed width."""
    return np.dtype(
        [
            (name, ">f4" if kind.kind == "f" else kind)
            for name, kind in zip(appended.names, appended.dtypes, strict=True)
        ]
    )


def _new_cards(appended: ResultColumns, record: np.dtype[Any], first: int) -> Iterator[bytes]:
    for number, (name, described) in enumerate(zip(appended.names, appended.described, strict=True), start=first):
        yield card(f"TTYPE{number}", name)
        yield card(f"TFORM{number}", "E" if described.numeric else f"{record[name].itemsize}A")
        # What TOPCAT, STILTS and the survey archives write: no keywords of the standard's, but reserved by use.
        yield card(f"TUCD{number}", described.ucd)
        yield card(f"TCOMM{number}", described.text)


def _columns(header: Header, row_bytes: int) -> Iterator[Column]:
    """The columns in order; raises InputError when they do not fit into the rows."""
    if header.text("ZTABLE") == "T":
        raise UnsupportedFormatError("the FITS table is compressed (ZTABLE); unpack it with funpack first")
    if row_bytes > FITS_ROW_BYTES:
        raise LimitExceededError(
            f"a row of the FITS table has {row_bytes:,} bytes; at most {FITS_ROW_BYTES:,} are read"
        )
    fields = header.count("TFIELDS")
    if fields > _MOST_COLUMNS:
        raise MalformedInputError(f"the FITS header has TFIELDS = {fields:,}; at most {_MOST_COLUMNS} are possible")
    start = 0
    for number in range(1, fields + 1):
        column = _column(header, number, start)
        start += column.width
        if start > row_bytes:
            raise MalformedInputError(
                f"the FITS table's columns up to {column.name or number} take {start:,} bytes a row, "
                f"and NAXIS1 says {row_bytes:,}"
            )
        yield column


def _column(header: Header, number: int, start: int) -> Column:
    form = (header.text(f"TFORM{number}") or "").strip()
    match = _FORM.fullmatch(form)
    if match is None:
        raise MalformedInputError(f"the FITS header has TFORM{number} = {form or 'nothing':.40}, not a column's format")
    repeat, letter = int(match[1] or 1), match[2]
    width = -(-repeat // 8) if letter == "X" else repeat * _BYTES[letter]
    return Column(
        name=(header.text(f"TTYPE{number}") or "").strip(),
        form=form,
        letter=letter,
        repeat=repeat,
        start=start,
        width=width,
        strings=_strings(repeat, match[3], header.text(f"TDIM{number}")) if letter == "A" else 1,
        unit=header.text(f"TUNIT{number}") or None,
        header=header,
        number=number,
    )


def _strings(repeat: int, behind: str, dimensions: str | None) -> int:
    """How many texts a row of a column of characters holds.

    behind: what stands behind TFORM's A, a width in the convention for arrays of texts. dimensions: TDIM, whose first
    number is the texts' width where there are others.
    """
    if behind.strip().isdecimal() and int(behind):
        return max(1, repeat // int(behind))
    strings = 1
    for size in _sizes(dimensions)[1:]:
        strings *= size
    return strings


def _sizes(dimensions: str | None) -> list[int]:
    if dimensions is None or not _DIMENSIONS.fullmatch(dimensions.strip()):
        return []
    return [int(size) for size in dimensions.strip()[1:-1].split(",")]


def _is_one(dimensions: str) -> bool:
    """Whether TDIM says (1) or (1,1): no shape, but of a text it would be a width that cuts it to one letter."""
    sizes = _sizes(dimensions)
    return bool(sizes) and set(sizes) == {1}


def rows_a_block(row_bytes: int, most: int) -> int:
    """Rows to work on at a time: at most so many, and 32 MiB of them."""
    return max(1, min(most, 32 * MIB // max(1, row_bytes)))
