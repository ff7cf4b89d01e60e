"""One star row of a request: a mapping of names to values, checked field by field."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.errors import FieldError
from skysort.input_warnings import InputWarning
from skysort.limits import CELL_CHARACTERS, STAR_ID_CHARACTERS, TABLE_COLUMNS
from skysort.star.columns import BLANK, NUMBER, RANGES, SENTINEL, Photometry, Reason, describe, stands_for_none
from skysort.star.names import choose
from skysort.star.spellings import BANDS, IDENTIFIER, MEASURED, REDSHIFT
from skysort.star.tables.csv.cells import DECIMAL_COMMA
from skysort.star.unknown_columns import instead_of, misspelt, other_magnitudes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from skysort.star.tables.header import MeasuredColumns

_NUMBER: Final = re.compile(NUMBER)
_COMMA: Final = re.compile(DECIMAL_COMMA)
_BLANKS: Final = frozenset(BLANK)
SENTINEL_CODE: Final = "redshift_sentinel"
# Sets of names worth remembering: of a row's width, and not a megabyte each.
_NAMES: Final = 64
_NAMES_CHARACTERS: Final = 1_024


@dataclass(frozen=True, slots=True)
class StarRow:
    """A row that was read: either its six values, or what is wrong with it.

    values: u, g, r, i, z in AB magnitudes and the redshift, NaN for an object without a spectrum.
    warnings: what was done to the row that the caller should know.
    """

    id: str
    values: tuple[float, ...]
    errors: tuple[FieldError, ...] = ()
    warnings: tuple[InputWarning, ...] = ()


def read_row(given: Mapping[str, Any], default_id: str, *, text: bool, guess: bool = True) -> StarRow:
    """Read one row of JSON or a form.

    Identifiers and positions are never wrong: no answer depends on them.

    Parameters
    ----------
    given
        Names in any known spelling to values (skysort.star.names says which is taken of several); others are a
        catalogue's own and not looked at.
    default_id
        Its id where it has none.
    text
        Whether values come from a form, where every value is text and blank means absent; in JSON a number in quotes is
        an error.
    guess
        Whether to ask of unknown names if they are misspelt.

    Returns
    -------
    The row, with what is wrong with it.
    """
    names = tuple(given)
    small = len(names) <= _NAMES and sum(map(len, names)) <= _NAMES_CHARACTERS
    fields = _remembered(names, guess=guess) if small else _fields(names, guess=guess)
    errors = list(fields.errors)
    values = tuple(
        math.nan if name is None else _number(column, given[name], errors, text=text)
        for column, name in fields.measured
    )
    name = None if fields.identifier is None else given[fields.identifier]
    return _row(_identifier(name, default_id), values, errors, fields.notes)


@dataclass(frozen=True, slots=True)
class _Fields:
    """What a row's names say before its values are looked at.

    measured: each of MEASURED and the name that holds it, None for one that is not there.
    errors: what is wrong with the names, bands that are not there among it. notes: what every such row's answer says.
    """

    measured: tuple[tuple[str, str | None], ...]
    identifier: str | None
    errors: tuple[FieldError, ...]
    notes: tuple[InputWarning, ...] = ()


def _fields(names: tuple[str, ...], *, guess: bool) -> _Fields:
    if len(names) > TABLE_COLUMNS:
        error = FieldError("row", "too_many_fields", f"has {len(names):,} fields; at most {TABLE_COLUMNS:,} are read")
        return _Fields((), None, (error,))
    match = choose(names)
    held = {quantity: names[index] for quantity, index in match.positions.items()}
    unknown = misspelt(names, {*held, *match.explained}) if guess else ()
    absent = [band for band in BANDS if band not in held and band not in match.explained]
    others = other_magnitudes(names) if absent and guess else {}
    missing = [describe(band, Reason.MISSING) for band in absent]
    return _Fields(
        tuple((column, held.get(column)) for column in MEASURED),
        held.get(IDENTIFIER),
        (
            *unknown,
            *match.problems,
            *(
                FieldError(error.field, error.reason, error.detail + instead_of(error.field, others))
                for error in missing
            ),
        ),
        match.notes,
    )


# The rows of a request, and those of most requests to a sandbox, have the same names.
_remembered: Final = lru_cache(maxsize=64)(_fields)


def read_cells(
    cells: Sequence[str], columns: MeasuredColumns, default_id: str, *, decimal_comma: bool = False
) -> StarRow:
    """Read one row of a CSV; decimal_comma: whether 18,25 is a number too, where cells do not stand apart by commas."""
    errors: list[FieldError] = []
    if decimal_comma:
        cells = [_COMMA.sub(r"\1.\2", cell.strip()) if "," in cell else cell for cell in cells]
    values = tuple(
        _number(column, None if index is None else cells[index], errors, text=True)
        for column, index in zip(MEASURED, columns.positions, strict=True)
    )
    name = None if columns.identifier is None else cells[columns.identifier]
    return _row(_identifier(name, default_id), values, errors, columns.notes)


def _row(name: str, values: tuple[float, ...], errors: list[FieldError], notes: tuple[InputWarning, ...]) -> StarRow:
    """The row; a redshift that says that there is none is taken out."""
    redshift = values[-1] if values else math.nan
    if stands_for_none(redshift):
        values = (*values[:-1], math.nan)
        notes = (*notes, sentinel_note(redshift))
    return StarRow(name, values, tuple(errors), notes)


def sentinel_note(redshift: float) -> InputWarning:
    """The note on an object whose redshift says that there is none."""
    return InputWarning(SENTINEL_CODE, f"the redshift {redshift:g} stands for none: the class is of photometry alone")


def sentinels_detail(redshifts: Iterable[float]) -> str:
    """The note on a table's objects whose redshifts, such as these, say that there is none."""
    listed = ", ".join(f"{redshift:g}" for redshift in redshifts)
    return f"redshifts that stand for none ({listed}) are left out: these rows are classified from photometry alone"


def _identifier(value: Any, default_id: str) -> str:
    """What names the row: text or a number, cut to its limit; the row's number for anything else."""
    if value == "" or isinstance(value, bool) or not isinstance(value, str | int | float):
        return default_id
    return str(value)[:STAR_ID_CHARACTERS]


def _number(column: str, value: Any, errors: list[FieldError], *, text: bool) -> float:
    """The value as a float, NaN when absent; what is wrong goes into errors."""
    reason, number = _read_text(value) if text else _read_json(value)
    if reason is Reason.MISSING and column == REDSHIFT:
        return math.nan
    if reason is Reason.OK:
        low, high = RANGES[column]
        if column == REDSHIFT and stands_for_none(number):
            return number
        if number == SENTINEL:
            reason = Reason.SENTINEL
        elif not low <= number <= high:
            reason = Reason.OUT_OF_RANGE
    if reason is not Reason.OK:
        errors.append(describe(column, reason, value))
    return number


def _read_text(value: str | None) -> tuple[Reason, float]:
    """A cell as the drop folder reads it (skysort.star.tables.numbers)."""
    cell = "" if value is None else value.strip()
    if cell in _BLANKS:
        return Reason.MISSING, math.nan
    readable = len(cell) <= CELL_CHARACTERS and _NUMBER.match(cell)
    return (Reason.OK, float(cell)) if readable else (Reason.NOT_A_NUMBER, math.nan)


def _read_json(value: Any) -> tuple[Reason, float]:
    if value is None:
        return Reason.MISSING, math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Reason.NOT_A_NUMBER, math.nan
    try:
        number = float(value)
    except OverflowError:
        return Reason.NOT_A_NUMBER, math.nan
    return (Reason.OK, number) if math.isfinite(number) else (Reason.NOT_A_NUMBER, math.nan)


def as_photometry(rows: Sequence[StarRow]) -> Photometry:
    """Valid rows as the arrays that the model takes."""
    values = np.array([row.values for row in rows], dtype=np.float64).reshape(len(rows), len(MEASURED))
    return Photometry(values[:, : len(BANDS)], values[:, -1])
