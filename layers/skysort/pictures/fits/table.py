"""The binary table of a tile-compressed FITS image: one row per tile, its bytes in the heap (FITS Standard, 7.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from skysort.errors import MalformedInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysort.fits_header import Header

# NumPy type codes of a column's element, by the letter of its TFORM; P and Q are a count and an offset.
_NUMBERS: Final = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_ELEMENTS: Final[dict[str, Any]] = {**_NUMBERS, "L": "u1", "A": "u1", "C": ">c8", "M": ">c16"}
_POINTERS: Final[dict[str, Any]] = {"P": (">i4", 2), "Q": (">i8", 2)}
_FORM: Final = re.compile(r"(\d{0,9})([A-Z])([A-Z])?")
_MAX_COLUMNS: Final = 999


class _Column(NamedTuple):
    field: str
    repeat: int
    kind: str
    points_at: str


class TileTable:
    """A compressed image's table; raises MalformedInputError where columns, rows and file do not fit together."""

    def __init__(self, content: bytes, header: Header) -> None:
        self._header, start = header, header.data_start
        width, self.rows = header.integer("NAXIS1"), header.integer("NAXIS2")
        self._columns, row = _columns(header, width)
        end = start + width * self.rows
        if end > len(content):
            raise MalformedInputError("the FITS file is truncated: it ends inside the table of a compressed image")
        self._cells = np.frombuffer(content, row, self.rows, start)
        heap = start + header.integer("THEAP", width * self.rows)
        self.heap = memoryview(content)[max(heap, end) : max(end, heap, end + header.integer("PCOUNT", 0))]

    def stream(self, where: tuple[int, int]) -> bytes:
        """The bytes at an offset in the heap."""
        return bytes(self.heap[where[0] : where[0] + where[1]])

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """A number for each tile, from the column or else the card; None without either."""
        column = self._columns.get(name)
        if column is None:
            return np.full(self.rows, self._header.number(name, 0.0)) if name in self._header else None
        if column.kind not in _NUMBERS or column.repeat != 1:
            raise MalformedInputError(f"the compressed FITS image's column {name} must hold one number per tile")
        return self._cells[column.field][:, 0].astype(np.float64)

    def streams(self, name: str) -> list[tuple[int, int]]:
        """The offset and size of each tile's bytes in the heap; (0, 0) without the column."""
        column = self._columns.get(name)
        if column is None:
            return [(0, 0)] * self.rows
        if column.kind not in _POINTERS or column.repeat != 1 or column.points_at not in _ELEMENTS:
            raise MalformedInputError(f"the compressed FITS image's column {name} must hold array descriptors (P or Q)")
        element = np.dtype(_ELEMENTS[column.points_at]).itemsize
        pointers = self._cells[column.field][:, 0].tolist()
        ranges = [(offset, count * element) if count else (0, 0) for count, offset in pointers]
        if any(size < 0 or offset < 0 or offset + size > len(self.heap) for offset, size in ranges):
            raise MalformedInputError("a tile of the compressed FITS image lies outside the file: it is truncated")
        return ranges


def _columns(header: Header, width: int) -> tuple[dict[str, _Column], np.dtype[np.void]]:
    """The columns of a binary table by name, and its row dtype, whose size must be NAXIS1."""
    count = header.integer("TFIELDS")
    if not 0 < count <= _MAX_COLUMNS:
        raise MalformedInputError(f"the compressed FITS image's table has {count} columns")
    columns: dict[str, _Column] = {}
    fields: list[tuple[str, Any, tuple[int]]] = []
    for number in range(1, count + 1):
        form = _FORM.match(header.text(f"TFORM{number}"))
        kind = form[2] if form else ""
        element = (_ELEMENTS | _POINTERS).get(kind, "u1")
        if form is None or (kind not in _ELEMENTS and kind not in _POINTERS and kind != "X"):
            raise MalformedInputError(f"the compressed FITS image's TFORM{number} is not a column's format")
        repeat = int(form[1] or 1)
        fields.append((str(number), element, (-(-repeat // 8) if kind == "X" else repeat,)))  # X: bits
        columns.setdefault(header.text(f"TTYPE{number}").upper(), _Column(str(number), repeat, kind, form[3] or ""))
    row = np.dtype(fields)
    if row.itemsize != width:
        raise MalformedInputError(
            f"the compressed FITS image's columns are {row.itemsize} bytes wide, its rows {width}"
        )
    return columns, row
