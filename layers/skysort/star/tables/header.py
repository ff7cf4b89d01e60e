"""Which of a table's columns hold the measured values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysort.errors import FieldError, InvalidFieldsError, LimitExceededError
from skysort.limits import TABLE_COLUMNS
from skysort.star.columns import ALIASES, BANDS, MEASURED, REDSHIFT, Reason, canonical, describe, misspelt

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class MeasuredColumns:
    """Where the measured values are.

    positions: index of the column for each of MEASURED, None for a table without redshifts.
    names: the table's own name of each, for messages.
    """

    positions: tuple[int | None, ...]
    names: tuple[str, ...]

    @property
    def present(self) -> list[int]:
        """The positions of those that the table has."""
        return [position for position in self.positions if position is not None]


def locate(names: Sequence[str]) -> MeasuredColumns:
    """Find the measured columns under any of their names.

    Raises InvalidFieldsError that lists every column that is missing, misspelt or there twice, and
    LimitExceededError for a table that is too wide.
    """
    if len(names) > TABLE_COLUMNS:
        raise LimitExceededError(f"the table has {len(names):,} columns; at most {TABLE_COLUMNS:,} are read")
    found: dict[str, int] = {}
    problems: list[FieldError] = []
    for position, name in enumerate(names):
        quantity = canonical(name)
        if quantity not in MEASURED:
            continue
        if quantity in found:
            first = names[found[quantity]]
            detail = f"{describe(name, Reason.REPEATED_FIELD).detail}: {first!r} and {name!r} are both {quantity}"
            problems.append(FieldError(name, Reason.REPEATED_FIELD.code, detail))
        found.setdefault(quantity, position)
    problems += misspelt(names)
    problems += [_missing(band) for band in BANDS if band not in found]
    if problems:
        raise InvalidFieldsError(problems, _sentence(problems, names))
    positions = tuple(found.get(quantity) for quantity in MEASURED)
    own = tuple(quantity if at is None else names[at] for quantity, at in zip(MEASURED, positions, strict=True))
    return MeasuredColumns(positions, own)


def _missing(band: str) -> FieldError:
    also = ", ".join(ALIASES[band][:3])
    return FieldError(band, Reason.MISSING.code, f"there is no column {band} (nor {also}, ...)")


def _sentence(problems: Sequence[FieldError], names: Sequence[str]) -> str:
    listed = "; ".join(f"{problem.field}: {problem.detail}" for problem in problems)
    shown = ", ".join(names[:20])[:200] or "none"
    return (
        f"the table's columns cannot be used: {listed}. It needs {', '.join(BANDS)} and, where there is a spectrum, "
        f"{REDSHIFT}, named in its header. Its columns are: {shown}"
    )


def check_units(columns: MeasuredColumns, units: Sequence[str | None]) -> None:
    """Refuse magnitudes that are given in a unit of flux.

    units: one a column of the table, None or empty where it names none. Raises InvalidFieldsError.
    """
    problems = []
    for position, band in zip(columns.positions, BANDS, strict=False):
        unit = (units[position] or "").lower() if position is not None else ""
        if unit and ("mag" not in unit or "magg" in unit):
            detail = f"is in {units[position or 0]}; {band} has to be an AB magnitude (mag)"
            problems.append(FieldError(columns.names[BANDS.index(band)], "wrong_unit", detail))
    if problems:
        raise InvalidFieldsError(problems)
