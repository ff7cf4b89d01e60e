"""The binary table of a tile-compressed FITS image: a row a tile, its bytes in the heap (FITS Standard 4.0, 7.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import MalformedInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysort.fits_header import Header

# Bytes of one element of a column, by the letter of its TFORM.
_ELEMENTS: Final = {"L": 1, "B": 1, "A": 1, "I": 2, "J": 4, "K": 8, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}
_SCALARS: Final = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_FORM: Final = re.compile(r"(\d{0,9})([A-Z])([A-Z])?")
_MAX_COLUMNS: Final = 999


@dataclass(frozen=True, slots=True)
class _Column:
    offset: int
    count: int
    kind: str
    points_at: str


class TileTable:
    """A compressed image's table; raises MalformedInputError where columns, rows and file do not fit together."""

    def __init__(self, content: bytes, header: Header) -> None:
        self._header, start = header, header.data_start
        width, self.rows = header.integer("NAXIS1"), header.integer("NAXIS2")
        self._columns = _columns(header, width)
        end = start + width * self.rows
        if end > len(content):
            raise MalformedInputError("the FITS file ends inside the table of a compressed image: it is truncated")
        self._cells = np.frombuffer(content, np.uint8, width * self.rows, start).reshape(self.rows, width)
        heap = start + header.integer("THEAP", width * self.rows)
        self.heap = memoryview(content)[max(heap, end) : max(end, heap, end + header.integer("PCOUNT", 0))]

    def stream(self, where: tuple[int, int]) -> bytes:
        """The bytes at an offset of the heap."""
        return bytes(self.heap[where[0] : where[0] + where[1]])

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """A number for each tile: of the column, else of the card; None without both."""
        column = self._columns.get(name)
        if column is None:
            return np.full(self.rows, self._header.number(name, 0.0)) if name in self._header else None
        if column.kind not in _SCALARS or column.count != 1:
            raise MalformedInputError(f"the compressed FITS image's column {name} must hold one number a tile")
        dtype = np.dtype(_SCALARS[column.kind])
        cells = np.ascontiguousarray(self._cells[:, column.offset : column.offset + dtype.itemsize])
        return cells.view(dtype)[:, 0].astype(np.float64)

    def streams(self, name: str) -> list[tuple[int, int]]:
        """Where each tile's bytes lie in the heap, and how many they are; none without the column."""
        column = self._columns.get(name)
        if column is None:
            return [(0, 0)] * self.rows
        element = _ELEMENTS.get(column.points_at, 0)
        if column.kind not in "PQ" or column.count != 1 or element == 0:
            raise MalformedInputError(f"the compressed FITS image's column {name} must say where each tile's bytes lie")
        dtype = np.dtype(">i4" if column.kind == "P" else ">i8")
        cells = np.ascontiguousarray(self._cells[:, column.offset : column.offset + 2 * dtype.itemsize]).view(dtype)
        counts, offsets = cells[:, 0].tolist(), cells[:, 1].tolist()
        found = [(offset, count * element) if count else (0, 0) for count, offset in zip(counts, offsets, strict=True)]
        if any(size < 0 or offset < 0 or offset + size > len(self.heap) for offset, size in found):
            raise MalformedInputError("a tile of the compressed FITS image lies outside the file: it is truncated")
        return found


def _columns(header: Header, width: int) -> dict[str, _Column]:
    """The columns of a binary table by name; raises MalformedInputError where they are not as wide as its rows."""
    count, offset = header.integer("TFIELDS"), 0
    if not 0 < count <= _MAX_COLUMNS:
        raise MalformedInputError(f"the compressed FITS image's table has {count} columns")
    found: dict[str, _Column] = {}
    for column in range(1, count + 1):
        form = _FORM.match(header.text(f"TFORM{column}"))
        kind = form[2] if form else ""
        if form is None or (kind not in _ELEMENTS and kind != "X"):
            raise MalformedInputError(f"the compressed FITS image's TFORM{column} is not a column's format")
        repeat = int(form[1] or 1)
        found.setdefault(header.text(f"TTYPE{column}").upper(), _Column(offset, repeat, kind, form[3] or ""))
        offset += -(-repeat // 8) if kind == "X" else repeat * _ELEMENTS[kind]
    if offset != width:
        raise MalformedInputError(f"the compressed FITS image's columns are {offset} bytes wide, its rows {width}")
    return found
