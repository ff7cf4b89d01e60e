"""Which of a table's columns hold the measured values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.errors import FieldError, InvalidFieldsError, LimitExceededError
from skysort.limits import TABLE_COLUMNS
from skysort.star.columns import ALIASES, BANDS, IDENTIFIER, MEASURED, REDSHIFT, Reason, canonical, misspelt
from skysort.star.names import choose

if TYPE_CHECKING:
    from collections.abc import Sequence

SPACES: Final = (
    "stand apart by spaces, as in ECSV and other ASCII tables; save the table as CSV "
    "(astropy: table.write('stars.csv', format='ascii.csv'))"
)


@dataclass(frozen=True, slots=True)
class MeasuredColumns:
    """Where the measured values are.

    positions: index of the column for each of MEASURED, None for a table without redshifts.
    names: the table's own name of each, for messages. identifier: index of the column that names the objects.
    """

    positions: tuple[int | None, ...]
    names: tuple[str, ...]
    identifier: int | None = None

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
    chosen = choose(names)
    if not chosen.positions:
        _refuse_what_is_no_header(names)
    missing = [band for band in BANDS if band not in chosen.positions and band not in chosen.dereddened]
    problems = [*chosen.problems, *misspelt(names, chosen.positions), *map(_missing, missing)]
    if problems:
        raise InvalidFieldsError(problems, _sentence(problems, names))
    positions = tuple(chosen.positions.get(quantity) for quantity in MEASURED)
    own = tuple(quantity if at is None else names[at] for quantity, at in zip(MEASURED, positions, strict=True))
    return MeasuredColumns(positions, own, chosen.positions.get(IDENTIFIER))


def _refuse_what_is_no_header(names: Sequence[str]) -> None:
    """Say what the first line is where it is no header of a CSV; raises InvalidFieldsError."""
    words = names[0].split() if len(names) == 1 else []
    if sum(canonical(word) in MEASURED for word in words) > 1:
        raise InvalidFieldsError([], f"the columns {SPACES}: {names[0]!r:.80}")
    if names and all(_is_number(word) for word in words or names):
        raise InvalidFieldsError(
            [],
            "the first line holds numbers; the table needs a header line with column names. Lines that begin with # "
            "are comments: where the names stand in one, take the # away",
        )


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True


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
