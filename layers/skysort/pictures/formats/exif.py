"""The one thing that metadata say about a picture's pixels: which way up they are."""

from __future__ import annotations

from typing import Final

# Orders of bytes in a TIFF structure (TIFF 6.0, section 2), which EXIF data are (CIPA DC-008, 4.5).
_ORDERS: Final = {b"II": "little", b"MM": "big"}
_PREFIX: Final = b"Exif\0\0"
_ORIENTATION: Final = 274
_SHORT: Final = 3
_LONG: Final = 4
_ENTRY: Final = 12
# Entries of a first directory that are looked at; cameras write about a dozen.
_MOST_ENTRIES: Final = 512


def orientation(data: bytes) -> int:
    """The orientation, 1 to 8, that EXIF data tell; 1 where they tell none or cannot be read.

    data: a TIFF structure, behind ``Exif`` and two zeros or not.
    """
    for _ in range(2):  # some programs write the prefix twice
        data = data.removeprefix(_PREFIX)
    order = _ORDERS.get(data[:2])
    if order is None:
        return 1
    little = order == "little"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little" if little else "big")

    start = number(4, 4)
    for entry in range(min(number(start, 2), _MOST_ENTRIES)):
        at = start + 2 + entry * _ENTRY
        if at + _ENTRY > len(data):
            break
        if number(at, 2) == _ORIENTATION:
            kind = number(at + 2, 2)
            found = number(at + 8, 2) if kind == _SHORT else number(at + 8, 4) if kind == _LONG else 1
            return found if 1 <= found <= 8 else 1  # noqa: PLR2004 - the eight ways of DC-008
    return 1
