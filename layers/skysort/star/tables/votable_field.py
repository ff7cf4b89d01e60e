"""A VOTable's FIELD: what its cells hold and how many bytes they take.

Format: IVOA VOTable 1.5, sections 2 and 6 (https://www.ivoa.net/documents/VOTable/).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from skysort.errors import MalformedInputError
from skysort.star.tables.numbers import to_numbers
from skysort.star.tables.wanted import Cells, TableColumn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

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

    elements: values a cell, None where it varies. null: the number that stands for none, as the VALUES element has it.
    """

    name: str
    datatype: str
    arraysize: str
    elements: int | None
    unit: str | None
    null: str | None

    @property
    def is_text(self) -> bool:
        """Whether its cells hold a text, not an array of them."""
        return self.datatype in _TEXTS and "x" not in self.arraysize

    @property
    def described(self) -> TableColumn:
        """The column as the search for the measured ones takes it."""
        many = f"[{self.arraysize}]" if self.arraysize != "1" else ""
        elements = 1 if self.is_text else self.elements or 0
        usable = self.is_text or (self.datatype in _NUMBERS and elements > 0)
        return TableColumn(self.name, f"the datatype {self.datatype}{many}", usable, elements, self.unit)

    @property
    def size(self) -> int | None:
        """Bytes of a cell in a BINARY stream; None where it varies."""
        if self.elements is None:
            return None
        return -(-self.elements // 8) if self.datatype == _BIT else self.elements * _BYTES[self.datatype]

    def varying(self, count: int) -> int:
        """Bytes of a cell of so many elements, behind the number that says so."""
        return -(-count // 8) if self.datatype == _BIT else count * _BYTES[self.datatype]

    def from_text(self, texts: Sequence[str | None], element: int | None) -> Cells:
        """The values of n cells of a TABLEDATA; of an array the one at a place."""
        if element is not None:
            texts = [_element(text, element) for text in texts]
        plain = [None if text is None or text.strip() == self.null else text for text in texts]
        values, unreadable = to_numbers(pa.array(plain, pa.string()))
        return Cells(values.copy(), unreadable.copy(), lambda row: plain[row])

    def from_bytes(self, cells: Sequence[bytes], element: int | None) -> Cells:
        """The values of n cells of a BINARY stream; of an array the one at a place."""
        if self.is_text:
            coding = "utf-16-be" if self.datatype == "unicodeChar" else "utf-8"
            return self.from_text([cell.decode(coding, "replace").partition("\0")[0] for cell in cells], None)
        size = _BYTES[self.datatype]
        start = (element or 0) * size
        raw = np.frombuffer(b"".join(cell[start : start + size] for cell in cells), _NUMBERS[self.datatype])
        return Cells(self._values(raw))

    def _values(self, raw: NDArray[np.generic]) -> NDArray[np.float64]:
        with np.errstate(all="ignore"):
            values = raw.astype(np.float64)
        if self.null is not None and self.datatype not in _FLOATS and _INTEGER.fullmatch(self.null):
            values[raw == int(self.null)] = np.nan
        return values


def field(attributes: Mapping[str, str]) -> Field:
    """The column of a FIELD element; raises MalformedInputError where it has no known datatype or size."""
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
