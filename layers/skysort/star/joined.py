"""Columns of one name that a join of two tables renamed: z_1 and z_2, z_x and z_y, z.x and z.y, z.1, z1, z_right.

So do TOPCAT, pandas, R, CasJobs, Polars, and DuckDB (z:1).

Which of two such columns is the one to use cannot be told from a header, and z may be a magnitude in one table and a
redshift in the other: they are named, and where they stand says which is likely which.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from skysort.errors import FieldError
from skysort.star.columns import ALIASES, BANDS, MEASURED, REDSHIFT, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_Z: Final = BANDS[-1]
_TWIN: Final = re.compile(r"(?:[_.:]?[1-9]|[_.][xy]|_left|_right)$")
_LAST: Final = (*"123456789xy", "t")
_BESIDE: Final = 2


def joined(
    names: Sequence[str], spelled: Mapping[str, Sequence[int]], positions: Mapping[str, int]
) -> dict[str, FieldError]:
    """The quantities of which a table has several renamed columns, and what to do about each.

    spelled: names in lower case to their indices. positions: where the quantities are that were found.
    A second ``z`` beside the magnitude is asked about where there is no redshift, which it probably is.
    """
    if all(column in positions for column in MEASURED):
        return {}
    twins = _twins(spelled)
    errors: dict[str, FieldError] = {}
    for quantity in MEASURED:
        if quantity not in positions:
            named = next((twins[base] for base in (quantity, *ALIASES[quantity]) if len(twins.get(base, ())) > 1), None)
            if named:
                errors[quantity] = _error(quantity, [names[at] for at in named], _magnitude_among(named, positions))
    if _Z in positions and REDSHIFT not in positions and REDSHIFT not in errors and twins.get(_Z):
        z = positions[_Z]
        if names[z].strip().lower() == _Z:
            pair = [z, *(at for at in twins[_Z] if at != z)]
            errors[REDSHIFT] = _error(_Z, [names[at] for at in pair[:2]], _magnitude_among(pair, positions))
    return errors


def _twins(spelled: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Names without the mark of a join, to the indices of those that carry one."""
    twins: dict[str, list[int]] = {}
    for name in spelled:
        if not name.endswith(_LAST):
            continue
        base, marks = _TWIN.subn("", name)
        if marks and base:
            twins.setdefault(base, []).extend(spelled[name])
    return twins


def _magnitude_among(pair: Sequence[int], positions: Mapping[str, int]) -> int | None:
    """Which of two columns stands right behind the i magnitude, and so is the z magnitude; None where neither does."""
    i = positions.get("i")
    if i is None:
        return None
    behind = {at - i: place for place, at in enumerate(pair[:2]) if 0 < at - i <= _BESIDE}
    return behind[min(behind)] if behind else None


def _error(quantity: str, named: Sequence[str], magnitude: int | None) -> FieldError:
    first, second = (f"{name!r:.60}" for name in named[:2])
    both = f"{first} and {second} were one name before tables were joined"
    if quantity != _Z:
        detail = f"{both}: name the one to use {quantity!r}"
    elif magnitude is None:
        detail = (
            f"{both}: one is probably the z magnitude and the other the redshift (magnitudes are near 20, redshifts "
            f"below 7); name them {_Z!r} and {REDSHIFT!r}, or leave out the one that is neither"
        )
    else:
        z, other = (first, second) if magnitude == 0 else (second, first)
        detail = (
            f"{both}: {z} stands behind i and is probably the magnitude, {other} the redshift; name them {_Z!r} and "
            f"{REDSHIFT!r}, or leave out the one that is neither"
        )
    return FieldError(named[1], Reason.REPEATED_FIELD.code, detail)
