"""The skeleton of a FITS file: its headers card by card, and where the data behind each lie.

Format: FITS standard 4.0 (https://fits.gsfc.nasa.gov/fits_standard.html), sections 3 and 4. Every number is checked
against the file's size before anything is read by it, and headers are read within bounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import FITS_EXTENSIONS, FITS_TABLE_CARDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK: Final = 2_880
CARD: Final = 80
_AXES: Final = 999
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_QUOTED: Final = re.compile(r"\s*'((?:[^']|'')*)'")
_KEYWORD: Final = 8


@dataclass(frozen=True, slots=True)
class Card:
    """One line of a header as it stands, and those that continue its text.

    keyword: upper case as the standard has it. lines: of 80 characters each.
    """

    keyword: str
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """The value where it is a text in quotes, blanks behind it cut off; otherwise what stands there."""
        pieces = [self._piece(line) for line in self.lines]
        return "".join([*(piece.removesuffix("&") for piece in pieces[:-1]), pieces[-1]])

    @staticmethod
    def _piece(line: bytes) -> str:
        after = line[_KEYWORD:].decode("latin-1").removeprefix("=")
        quoted = _QUOTED.match(after)
        if quoted is not None:
            return quoted[1].replace("''", "'").rstrip()
        return after.partition("/")[0].strip()


class Header:
    """The cards of one header and data unit, up to END.

    at: where the header begins. data_at: where its data begin. Of a keyword given twice the first card counts.
    """

    def __init__(self, cards: list[Card], at: int, data_at: int) -> None:
        self.cards = cards
        self.at = at
        self.data_at = data_at
        self._values: dict[str, Card] = {}
        for card in cards:
            self._values.setdefault(card.keyword, card)

    def text(self, keyword: str) -> str | None:
        """A keyword's text, None where it is not there."""
        card = self._values.get(keyword)
        return None if card is None else card.text

    def integer(self, keyword: str, default: int | None = None) -> int:
        """A keyword's whole number; raises MalformedInputError where it has none."""
        text = self.text(keyword)
        if text is None and default is not None:
            return default
        if text is None or not _INTEGER.fullmatch(text):
            raise MalformedInputError(f"the FITS header has {keyword} = {text or 'nothing'}, not a whole number")
        return int(text)

    def count(self, keyword: str, default: int | None = None) -> int:
        """A keyword's number of something; raises MalformedInputError where it is negative or none."""
        number = self.integer(keyword, default)
        if number < 0:
            raise MalformedInputError(f"the FITS header has {keyword} = {number:,}; it cannot be negative")
        return number

    def real(self, keyword: str, default: float) -> float:
        """A keyword's number; raises MalformedInputError where it has none."""
        text = self.text(keyword)
        if text is None:
            return default
        try:
            return float(text.upper().replace("D", "E"))
        except ValueError:
            raise MalformedInputError(f"the FITS header has {keyword} = {text:.40}, not a number") from None

    @property
    def is_table(self) -> bool:
        """Whether it describes a binary table (older writers: A3DTABLE) that is not a compressed image in disguise."""
        return self.text("XTENSION") in {"BINTABLE", "A3DTABLE"} and self.text("ZIMAGE") != "T"

    @property
    def data_bytes(self) -> int:
        """Bytes of its data without the fill behind them (section 4.4.1, formula 2)."""
        axes = self.count("NAXIS")
        if axes > _AXES:
            raise MalformedInputError(f"the FITS header has NAXIS = {axes:,}; at most {_AXES} axes are possible")
        if axes == 0:
            return 0
        sizes = [self.count(f"NAXIS{axis}") for axis in range(1, axes + 1)]
        if sizes[0] == 0 and self.text("GROUPS") == "T":
            sizes[0] = 1
        elements = 1
        for size in sizes:
            elements *= size
        bits = abs(self.integer("BITPIX"))
        if bits not in {8, 16, 32, 64}:
            raise MalformedInputError(f"the FITS header has BITPIX = {bits}, which no FITS file has")
        return bits // 8 * self.count("GCOUNT", 1) * (self.count("PCOUNT", 0) + elements)


def headers(path: Path) -> Iterator[Header]:
    """The headers of a file in order, each after a look at whether its data are all there.

    Raises MalformedInputError for a file that is cut short or no FITS file, and LimitExceededError beyond
    FITS_EXTENSIONS headers or FITS_TABLE_CARDS cards in one of them.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        for number in range(FITS_EXTENSIONS + 1):
            header = _header(file, at, number)
            if header is None:
                return
            if number == FITS_EXTENSIONS:
                raise LimitExceededError(f"the FITS file has more than {FITS_EXTENSIONS:,} extensions")
            length = header.data_bytes
            # The last fill may be missing: nothing is read from it.
            if header.data_at + length > size:
                raise MalformedInputError(
                    "the FITS file is cut short: one of its parts has fewer rows or pixels than its header says"
                )
            yield header
            at = header.data_at + -(-length // BLOCK) * BLOCK


def _header(file: BinaryIO, at: int, number: int) -> Header | None:
    """The header that begins there; None where the file ends, or where something else follows the extensions."""
    file.seek(at)
    lines: list[bytes] = []
    while True:
        block = file.read(BLOCK)
        if not lines and (not block or (number and not block.startswith(b"XTENSION"))):
            return None
        for start in range(0, len(block), CARD):
            line = block[start : start + CARD]
            if line[:_KEYWORD].rstrip() == b"END" and not line[_KEYWORD:].strip():
                return Header(_cards(lines), at, file.tell())
            lines.append(line)
        if len(block) < BLOCK:
            raise MalformedInputError("the FITS file is cut short: it ends inside a header")
        if len(lines) > FITS_TABLE_CARDS:
            raise LimitExceededError(f"a header of the FITS file has more than {FITS_TABLE_CARDS:,} cards")


def _cards(lines: list[bytes]) -> list[Card]:
    """The lines as cards, each with those that continue it."""
    grouped: list[list[bytes]] = []
    for line in lines:
        if line.startswith(b"CONTINUE") and grouped:
            grouped[-1].append(line)
        else:
            grouped.append([line])
    return [Card(group[0][:_KEYWORD].decode("latin-1").strip().upper(), tuple(group)) for group in grouped]


def card(keyword: str, value: str | int, comment: str = "") -> bytes:
    """A card of a whole number or a text in the fixed format.

    A text has at most 68 characters, quotes doubled; what would pass the line's end is cut off the comment.
    """
    if isinstance(value, int):
        shown = f"{value:>20}"
    else:
        quoted = value.replace("'", "''")
        shown = f"'{quoted:<8}'"
    line = f"{keyword:<8}= {shown}" + (f" / {comment}" if comment else "")
    return line[:CARD].ljust(CARD).encode("ascii", "replace")
