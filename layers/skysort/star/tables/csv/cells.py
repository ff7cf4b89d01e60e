"""Rows and cells of text for all readers, and lines below a header that are not rows.

As in pyarrow: a quote opens a cell only at its beginning, two quotes inside it mean one, and text between the closing
quote and the delimiter belongs to the cell.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from skysort.star.schema import SDSS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.star.schema import Schema


COMMENT: Final = "#"
WRONG_CELL_COUNT: Final = "wrong_cell_count"
# A row whose first cell is a spreadsheet's error, in English or German, is not a comment.
SPREADSHEET_ERROR: Final = r"#(?:N/?A|NV|(?:REF|VALUE|NUM|NULL|WERT|BEZUG|ZAHL|DIV/0)!|NAME\?)"
_SPREADSHEET_ERROR: Final = re.compile(SPREADSHEET_ERROR)
# A number with a decimal comma; its digits match in one way only.
DECIMAL_COMMA: Final = r"^([+-]?[0-9]*),([0-9]+(?:[eE][+-]?[0-9]+)?)$"
# Minimum bytes to detect UTF-16 by every other byte.
_MIN_HALF: Final = 3
# A number in any supported notation, as in a row of values.
NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
_RULE: Final = re.compile(r"[-=+]+")
# RDB column types: text, number or month, and width, as in Starbase and astropy (ascii.rdb).
_RDB: Final = re.compile("[0-9]{0,6}[SNM]")
# Two dashes mean a missing value; a line of them is a row.
_RULE_CHARACTERS: Final = 3
_WORD: Final = re.compile("[a-z]+")
_MAGNITUDES: Final = frozenset(
    {
        *("mag", "mags", "magnitude", "magnitudes", "mmag", "abmag", "magab", "vegamag", "stmag", "asinh", "asinhmag"),
        *("luptitude", "luptitudes", "lup", "nmgy", "mgy", "nanomaggy", "nanomaggies", "maggy", "maggies"),
    }
)
# Units and types of a catalogue's other columns.
_UNITS_BELOW: Final = _MAGNITUDES | {
    *("deg", "degree", "degrees", "rad", "arcsec", "arcmin", "hour", "hours", "day", "days", "yr"),
    *("km", "kpc", "mpc", "pc", "unitless", "dimensionless"),
    *("float", "double", "real", "int", "integer", "long", "short", "char", "string", "str", "text", "bool", "bigint"),
}


def wrong_cell_count(actual: int, expected: int) -> str:
    """The message for a row whose length is not that of the header; its code is WRONG_CELL_COUNT."""
    return f"the row has {actual} {'cell' if actual == 1 else 'cells'}, the header has {expected}"


def decoded(content: bytes) -> str:
    """Decode UTF-8, or else Latin-1, which accepts all bytes."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def is_comment(line: str) -> bool:
    """Whether a line is a comment."""
    return line.startswith(COMMENT) and not _SPREADSHEET_ERROR.match(line)


def is_utf_16(head: bytes) -> bool:
    """Whether text is UTF-16 without a byte order mark: every other byte of plain letters is NUL."""
    return any(len(half) >= _MIN_HALF and not half.strip(b"\0") for half in (head[::2], head[1::2]))


def row_at(block: bytes, offset: int, delimiter: str, *, last: bool = True) -> tuple[list[bytes], int, int] | None:
    """Cells of the row at an offset, its end, and the next row's start; None if incomplete. last: at end of file."""
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
    """Whether cells are dashes below each name, as in VizieR, or RDB's widths and types."""
    written = [cell for cell in cells if cell]
    if len(cells) != len(names):
        return False
    if all(map(_RDB.fullmatch, cells)):
        return True
    return all(map(_RULE.fullmatch, written)) and max(map(len, written), default=0) >= _RULE_CHARACTERS


def are_units(cells: Sequence[str], names: Sequence[str], schema: Schema = SDSS) -> bool:
    """Whether cells are units or types below the names; other units count only where the bands have magnitudes."""
    if len(cells) != len(names) or any(NUMBER.fullmatch(cell) for cell in cells):
        return False
    quantities = [schema.canonical(name) for name in names]
    if not set(schema.bands) <= set(quantities):
        return False  # not a table of stars
    first = [_WORD.findall(cell.lower())[:1] for cell in cells]
    if all(_UNITS_BELOW.issuperset(word) and bool(word) == bool(cell) for word, cell in zip(first, cells, strict=True)):
        return any(first)
    bands = [quantity in schema.bands for quantity in quantities]
    under = [word for word, band, cell in zip(first, bands, cells, strict=True) if cell and band]
    return bool(under) and all(_MAGNITUDES.intersection(word) for word in under)


def tell_magnitudes(cells: Sequence[str]) -> bool:
    """Whether any cell is a unit of magnitudes."""
    return any(_MAGNITUDES.intersection(_WORD.findall(cell.lower())[:1]) for cell in cells)
