"""Headers of FITS files: cards of 80 characters in blocks of 2,880 bytes (FITS Standard 4.0, sections 3 and 4)."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, Protocol

from skysort.errors import LimitExceededError, MalformedInputError

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK: Final = 2_880
CARD: Final = 80
# NumPy's names of the numbers that BITPIX stands for.
TYPES: Final = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_CARDS_AT_ONCE: Final = 10 * BLOCK // CARD
_MAX_AXES: Final = 999
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_QUOTED: Final = re.compile(r"\s*'((?:[^']|'')*)")


def blocks(size: int) -> int:
    """Bytes rounded up to whole blocks."""
    return -(-size // BLOCK) * BLOCK


class Header:
    """One header; of a repeated keyword the first card counts.

    Attributes
    ----------
    cards
        Its lines up to END, each with its keyword in upper case.
    start, data_start
        Offsets of the header and of its data in the file.
    """

    def __init__(self, cards: list[tuple[str, bytes]], start: int) -> None:
        self.cards = cards
        self.start = start
        self.data_start = start + blocks((len(cards) + 1) * CARD)
        self._indices: dict[str, int] = {}
        for index, (keyword, line) in enumerate(cards):
            if line[8:9] == b"=":
                self._indices.setdefault(keyword, index)

    def __contains__(self, keyword: str) -> bool:
        """Whether a card gives the keyword a value."""
        return keyword in self._indices

    def text(self, keyword: str) -> str:
        """A keyword's value as text, with its CONTINUE cards; empty without a card."""
        index = self._indices.get(keyword)
        if index is None:
            return ""
        text = _value(self.cards[index][1][9:])
        while (index := index + 1) < len(self.cards) and self.cards[index][0] == "CONTINUE":
            text = text.removesuffix("&") + _value(self.cards[index][1][8:])
        return text.strip()

    def integer(self, keyword: str, default: int | None = None) -> int:
        """A keyword's whole number, else the default; MalformedInputError for another value or without both."""
        text = self.text(keyword)
        if not text and default is not None:
            return default
        if not _INTEGER.fullmatch(text):
            raise MalformedInputError(f"the FITS header has {keyword} = {_printable(text):.40}, not a whole number")
        return int(text)

    def count(self, keyword: str, default: int | None = None) -> int:
        """A keyword's count; raises MalformedInputError as `integer` does, and for a negative number."""
        number = self.integer(keyword, default)
        if number < 0:
            raise MalformedInputError(f"the FITS header has {keyword} = {number:,}; it cannot be negative")
        return number

    def number(self, keyword: str, default: float) -> float:
        """A keyword's finite number, the default without one; raises MalformedInputError for another value."""
        text = self.text(keyword)
        try:
            value = float(text.upper().replace("D", "E")) if text else default
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise MalformedInputError(f"the FITS header has {keyword} = {_printable(text):.40}, not a number")
        return value

    def axes(self, prefix: str = "") -> tuple[int, ...]:
        """The lengths of the axes, fastest first; prefix: Z for those of a compressed image."""
        count = self.count(f"{prefix}NAXIS")
        if count > _MAX_AXES:
            raise MalformedInputError(f"the FITS header has NAXIS = {count:,}; at most {_MAX_AXES} axes are possible")
        return tuple(self.count(f"{prefix}NAXIS{axis}") for axis in range(1, count + 1))

    def bitpix(self, prefix: str = "") -> int:
        """The number type, a key of TYPES; raises MalformedInputError for another."""
        bits = self.integer(f"{prefix}BITPIX")
        if bits not in TYPES:
            raise MalformedInputError(
                f"the FITS header has BITPIX = {bits}; it must be one of {', '.join(map(str, TYPES))}"
            )
        return bits

    @property
    def is_compressed_image(self) -> bool:
        """Whether it describes a table with an image in compressed tiles."""
        return self.text("XTENSION") == "BINTABLE" and self.text("ZIMAGE") == "T"

    @property
    def is_random_groups(self) -> bool:
        """Whether the data are visibilities of an interferometer (section 6)."""
        return self.text("GROUPS") == "T" and self.count("NAXIS") > 0 and self.count("NAXIS1") == 0

    @property
    def data_bytes(self) -> int:
        """Bytes of the data without padding (section 4.4.1.2, equation 2)."""
        axes = self.axes()
        if not axes:
            return 0
        values = math.prod(axes[1:] if self.is_random_groups else axes)
        return abs(self.bitpix()) // 8 * self.count("GCOUNT", 1) * (self.count("PCOUNT", 0) + values)

    @property
    def end(self) -> int:
        """The offset of the next header."""
        return self.data_start + blocks(self.data_bytes)


class Content(Protocol):
    """Bytes that are read in slices, wherever they are."""

    def __len__(self) -> int:
        """Their number."""

    def __getitem__(self, place: slice, /) -> bytes | memoryview:
        """Some of them."""


class HeaderReader:
    """Reads headers of one file.

    Parameters
    ----------
    content
        The file.
    max_cards
        Limit on the cards of all headers together.
    spend
        Called with a number of cards before they are read.
    """

    def __init__(self, content: Content, max_cards: int, spend: Callable[[int], object] = bool) -> None:
        self._content = content
        self._max_cards = max_cards
        self._spend = spend
        self._count = 0

    def read(self, start: int) -> Header:
        """Read the header at an offset; raises MalformedInputError if truncated, LimitExceededError if too long."""
        cards: list[tuple[str, bytes]] = []
        position = start
        while self._count < self._max_cards:
            if self._count % _CARDS_AT_ONCE == 0:
                self._spend(_CARDS_AT_ONCE)
            self._count += 1
            line = bytes(self._content[position : position + CARD])
            if len(line) < CARD:
                raise MalformedInputError("the FITS file is truncated: it ends inside a header")
            keyword = line[:8].decode("latin-1").rstrip().upper()
            if keyword == "END":
                return Header(cards, start)
            cards.append((keyword, line))
            position += CARD
        raise LimitExceededError(f"the headers of a FITS file may have up to {self._max_cards:,} cards")


def _value(field: bytes) -> str:
    """A value without its quotes, trailing blanks and comment."""
    text = field.decode("latin-1")
    quoted = _QUOTED.match(text)
    return quoted[1].replace("''", "'").rstrip() if quoted else text.partition("/")[0].strip()


def _printable(text: str) -> str:
    """A card's value for a sentence: blanks in it as one, and what terminals would act on escaped."""
    text = re.sub(" +", " ", text)
    return (text if text.isprintable() else ascii(text)) or "nothing"
