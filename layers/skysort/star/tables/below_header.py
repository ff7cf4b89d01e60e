"""Lines between a header and its rows that are neither: units, types and dashes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from skysort.star.spellings import BANDS, canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

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
