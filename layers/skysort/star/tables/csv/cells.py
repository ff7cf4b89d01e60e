"""What a row and a cell of text are, for every reader of one, and lines below a header that are neither.

A quote opens a cell only at its beginning, two stand for one inside of it, and what follows the closing one up to the
delimiter belongs to the cell: as pyarrow reads.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from skysort.star.spellings import BANDS, canonical

if TYPE_CHECKING:
    from collections.abc import Sequence


COMMENT: Final = "#"
WRONG_CELL_COUNT: Final = "wrong_cell_count"
# A row whose first cell is what a spreadsheet, in English or German, writes for an error is not a comment.
SPREADSHEET_ERROR: Final = r"#(?:N/?A|NV|(?:REF|VALUE|NUM|NULL|WERT|BEZUG|ZAHL|DIV/0)!|NAME\?)"
_SPREADSHEET_ERROR: Final = re.compile(SPREADSHEET_ERROR)
# A number with a decimal comma; digits can be shared out in one way only.
DECIMAL_COMMA: Final = r"^([+-]?[0-9]*),([0-9]+(?:[eE][+-]?[0-9]+)?)$"
# Bytes that have to be there before every other one of them says something.
_SOME: Final = 3
# A number in any of the notations that are read; what is in a row of values.
NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
_RULE: Final = re.compile(r"[-=+]+")
# Text, number or month, and its width, as in Starbase and astropy (ascii.rdb).
_RDB: Final = re.compile("[0-9]{0,6}[SNM]")
# Two dashes are a blank cell; a line of them is a row of blanks.
_RULE_CHARACTERS: Final = 3
_WORD: Final = re.compile("[a-z]+")
_MAGNITUDES: Final = frozenset(
    {
        *("mag", "mags", "magnitude", "magnitudes", "mmag", "abmag", "magab", "vegamag", "stmag", "asinh", "asinhmag"),
        *("luptitude", "luptitudes", "lup", "nmgy", "mgy", "nanomaggy", "nanomaggies", "maggy", "maggies"),
    }
)
# Units and types of a catalogue's other columns.
_BELOW: Final = _MAGNITUDES | {
    *("deg", "degree", "degrees", "rad", "arcsec", "arcmin", "hour", "hours", "day", "days", "yr"),
    *("km", "kpc", "mpc", "pc", "unitless", "dimensionless"),
    *("float", "double", "real", "int", "integer", "long", "short", "char", "string", "str", "text", "bool", "bigint"),
}


def wrong_cell_count(actual: int, expected: int) -> str:
    """What is wrong with a row of another length than its header's; its code is WRONG_CELL_COUNT."""
    return f"the row has {actual} {'cell' if actual == 1 else 'cells'}, the header has {expected}"


def decoded(content: bytes) -> str:
    """Text that is UTF-8, or else Latin-1, which every byte is."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def is_comment(line: str) -> bool:
    """Whether a line is a comment."""
    return line.startswith(COMMENT) and not _SPREADSHEET_ERROR.match(line)


def is_utf_16(head: bytes) -> bool:
    """Whether text is UTF-16 without a byte order mark: every other byte of plain letters is NUL."""
    return any(len(half) >= _SOME and not half.strip(b"\0") for half in (head[::2], head[1::2]))


def row_at(block: bytes, offset: int, delimiter: str, *, last: bool = True) -> tuple[list[bytes], int, int] | None:
    """Cells of the row at an offset, its end, the next's start; None where it does not end. last: nothing follows."""
    cell = _cell(delimiter)
    cells: list[bytes] = []
    while match := cell.match(block, offset):
        cells.append(match["quoted"].replace(b'""', b'"') + match["rest"] if match["plain"] is None else match["plain"])
        if match["line"] is not None:
            half = match["line"] == b"\r" and match.end() == len(block)
            return None if half and not last else (cells, match.start("line"), match.end())
        if not match["delimiter"]:
            return (cells, len(block), len(block)) if last else None
        offset = match.end()
    return None


@cache
def _cell(delimiter: str) -> re.Pattern[bytes]:
    mark = re.escape(delimiter.encode())
    plain = rb"[^" + mark + rb"\r\n]*"
    # The atomic group keeps an unclosed quote from being closed by half of an escaped one.
    return re.compile(
        rb'(?:"(?P<quoted>(?>(?:[^"]|"")*))"(?P<rest>' + plain + rb')|(?!")(?P<plain>' + plain + rb"))"
        rb"(?:(?P<delimiter>" + mark + rb")|(?P<line>\r\n|\n|\r)|\Z)"
    )


def is_rule(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Dashes below each of the names, as VizieR draws them, or RDB's widths and types."""
    written = [cell for cell in cells if cell]
    if len(cells) != len(names):
        return False
    if all(map(_RDB.fullmatch, cells)):
        return True
    return all(map(_RULE.fullmatch, written)) and max(map(len, written), default=0) >= _RULE_CHARACTERS


def are_units(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Units or types below the names: as many, and nothing else; of other units, where the bands have theirs."""
    if len(cells) != len(names) or any(NUMBER.fullmatch(cell) for cell in cells):
        return False
    if len({canonical(name) for name in names} & {*BANDS}) < len(BANDS):
        return False  # no table of stars
    first = [_WORD.findall(cell.lower())[:1] for cell in cells]
    if all(_BELOW.issuperset(word) and bool(word) == bool(cell) for word, cell in zip(first, cells, strict=True)):
        return any(first)
    under = [word for word, name, cell in zip(first, names, cells, strict=True) if cell and canonical(name) in BANDS]
    return bool(under) and all(_MAGNITUDES.intersection(word) for word in under)


def tell_magnitudes(cells: Sequence[str]) -> bool:
    """Whether units of magnitudes are among the cells."""
    return any(_MAGNITUDES.intersection(_WORD.findall(cell.lower())[:1]) for cell in cells)
