"""Headers of FITS files: cards of 80 characters in blocks of 2,880 bytes (FITS Standard 4.0, Pence et al. 2010)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import FITS_HEADER_CARDS
from skysort.pictures.formats import prices
from skysort.pictures.formats.budget import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK: Final = 2880
_CARD: Final = 80
_CARDS_AT_ONCE: Final = 360  # ten blocks
# Numbers by BITPIX, as a file holds them.
TYPES: Final = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_MAX_AXES: Final = 999
_DIGITS: Final = 19  # of a 64-bit number

Header = dict[str, str]


class HeaderReader:
    """Reads the headers of one file, with as many cards between them as a file may have.

    spend: is told what reading them costs, some cards at a time.
    """

    def __init__(self, content: bytes, spend: Callable[[Cost], None] | None = None) -> None:
        self._content = content
        self._spend = spend
        self._cards = 0

    def read(self, start: int) -> tuple[Header, int]:
        """The cards of the header at start, the first of each name, and where its data begin.

        Raises MalformedInputError for a header without an end, LimitExceededError for too many cards.
        """
        header: Header = {}
        at = start
        while self._cards < FITS_HEADER_CARDS:
            if self._spend is not None and self._cards % _CARDS_AT_ONCE == 0:
                self._spend(Cost(_CARDS_AT_ONCE * prices.HEADER_CARD))
            self._cards += 1
            card = self._content[at : at + _CARD].decode("latin-1")
            if len(card) < _CARD:
                raise MalformedInputError("the FITS file ends inside a header: it is truncated")
            at += _CARD
            name = card[:8].rstrip()
            if name == "END":
                return header, start + blocks(at - start)
            if card[8:10] == "= ":
                header.setdefault(name, card[10:])
        raise LimitExceededError(f"the headers of a FITS picture may have up to {FITS_HEADER_CARDS:,} cards")


def blocks(size: int) -> int:
    """The bytes of the whole blocks that so many bytes take."""
    return -(-size // BLOCK) * BLOCK


def text(header: Header, name: str) -> str:
    """A card's value without quotes and comment, empty where there is none."""
    value = header.get(name, "").strip()
    if value.startswith("'"):
        return value[1:].partition("'")[0].strip()
    return value.partition("/")[0].strip()


def number(header: Header, name: str, default: float) -> float:
    """A card's number; raises MalformedInputError for a value that is none."""
    shown = text(header, name)
    if not shown:
        return default
    try:
        value = float(shown.replace("D", "E").replace("d", "e"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise MalformedInputError(f"the FITS header's {name} is not a number: {shown!r:.40}")
    return value


def integer(header: Header, name: str, default: int | None = None) -> int:
    """A card's whole number; raises MalformedInputError for a value that is none, and without card and default."""
    shown = text(header, name) or ("" if default is None else str(default))
    try:
        value = int(shown)
    except ValueError:
        raise MalformedInputError(f"the FITS header's {name} is not a whole number: {shown!r:.40}") from None
    if len(shown.lstrip("+-0")) > _DIGITS:
        raise MalformedInputError(f"the FITS header's {name} is larger than any file: {shown!r:.40}")
    return value


def axes_and_bits(header: Header, prefix: str = "") -> tuple[tuple[int, ...], int]:
    """The axes, the fastest first, and BITPIX; prefix Z for those of a compressed image."""
    count, bits = integer(header, f"{prefix}NAXIS"), integer(header, f"{prefix}BITPIX")
    if not 0 <= count <= _MAX_AXES or bits not in TYPES:
        raise MalformedInputError(f"the FITS header has NAXIS {count} and BITPIX {bits}, which no file may have")
    axes = tuple(integer(header, f"{prefix}NAXIS{axis}") for axis in range(1, count + 1))
    if min(axes, default=0) < 0:
        raise MalformedInputError("the FITS header has a negative size")
    return axes, bits


def is_compressed_image(header: Header) -> bool:
    """Whether an extension is a table that holds an image."""
    return text(header, "XTENSION") == "BINTABLE" and text(header, "ZIMAGE") == "T"


def is_random_groups(header: Header, axes: tuple[int, ...]) -> bool:
    """Whether the data are random groups, visibilities of an interferometer (FITS Standard 4.0, section 6)."""
    return bool(axes) and axes[0] == 0 and text(header, "GROUPS") == "T"


def data_size(header: Header) -> int:
    """The bytes that a header's data and their heap take, without what fills the last block."""
    axes, bits = axes_and_bits(header)
    extra, groups = integer(header, "PCOUNT", 0), integer(header, "GCOUNT", 1)
    if extra < 0 or groups < 0:
        raise MalformedInputError("the FITS header has a negative size")
    if not axes:
        return 0
    values = math.prod(axes[1:] if is_random_groups(header, axes) else axes)
    return abs(bits) // 8 * groups * (extra + values)
