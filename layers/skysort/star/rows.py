"""One star row of a request: a mapping of names to values, validated field by field."""

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
from skysort.star.columns import BLANK, NUMBER, SENTINEL, Photometry, Reason, describe, stands_for_none
from skysort.star.names import choose
from skysort.star.schema import SDSS
from skysort.star.spellings import IDENTIFIER, MEASURED, REDSHIFT
from skysort.star.tables.csv.cells import DECIMAL_COMMA
from skysort.star.unknown_columns import instead_of, misspelt, other_magnitudes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from skysort.star.schema import Schema
    from skysort.star.tables.header import MeasuredColumns

_NUMBER: Final = re.compile(NUMBER)
_COMMA: Final = re.compile(DECIMAL_COMMA)
_BLANKS: Final = frozenset(BLANK)
SENTINEL_CODE: Final = "redshift_sentinel"
# Limits on the sets of names that are memoised.
_NAMES: Final = 64
_NAMES_CHARACTERS: Final = 1_024


@dataclass(frozen=True, slots=True)
class StarRow:
    """A row: either its values, or its errors.

    values: of the schema's measured columns, u, g, r, i, z in AB magnitudes and the redshift; NaN for an object without
    a spectrum.
    warnings: for the caller.
    """

    id: str
    values: tuple[float, ...]
    errors: tuple[FieldError, ...] = ()
    warnings: tuple[InputWarning, ...] = ()


def read_row(
    given: Mapping[str, Any], default_id: str, *, text: bool, guess: bool = True, schema: Schema = SDSS
) -> StarRow:
    """Read one row of JSON or a form.

    Identifiers and positions are never an error: no answer depends on them.

    Parameters
    ----------
    given
        Names in any known spelling to values (precedence as in skysort.star.names); unknown names are ignored.
    default_id
        The id of a row without one.
    text
        Whether values come from a form, where every value is text and blank means missing; in JSON a number in quotes
        is an error.
    guess
        Whether to check unknown names for misspellings.
    schema
        The model's columns.

    Returns
    -------
    The row, with its errors.
    """
    names = tuple(given)
    small = len(names) <= _NAMES and sum(map(len, names)) <= _NAMES_CHARACTERS
    fields = (_remembered if small else _fields)(names, schema, guess=guess)
    errors = list(fields.errors)
    values = tuple(
        math.nan if name is None else _number(column, given[name], errors, schema, text=text)
        for column, name in fields.measured
    )
    name = None if fields.identifier is None else given[fields.identifier]
    return _row(_identifier(name, default_id), values, errors, fields.notes)


@dataclass(frozen=True, slots=True)
class _Fields:
    """The columns matched among a row's names.

    measured: each of MEASURED and its name, None where missing.
    errors: of the names, including missing bands. notes: warnings for every row with these names.
    """

    measured: tuple[tuple[str, str | None], ...]
    identifier: str | None
    errors: tuple[FieldError, ...]
    notes: tuple[InputWarning, ...] = ()


def _fields(names: tuple[str, ...], schema: Schema, *, guess: bool) -> _Fields:
    if len(names) > TABLE_COLUMNS:
        error = FieldError("row", "too_many_fields", f"has {len(names):,} fields; at most {TABLE_COLUMNS:,} are read")
        return _Fields((), None, (error,))
    match = choose(names, schema)
    guess = guess and schema.is_sdss
    held = {quantity: names[index] for quantity, index in match.positions.items()}
    unknown = misspelt(names, {*held, *match.explained}) if guess else ()
    absent = [name for name in schema.required if name not in held and name not in match.explained]
    others = other_magnitudes(names) if absent and guess else {}
    missing = [_missing(name, schema) for name in absent]
    return _Fields(
        tuple((column, held.get(column)) for column in schema.measured),
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


def _missing(name: str, schema: Schema) -> FieldError:
    error = describe(name, Reason.MISSING, schema=schema)
    if not schema.model:
        return error
    return FieldError(name, error.reason, f"{error.detail}; model {schema.model} needs {schema.needs}")


# The rows of a request mostly have the same names.
_remembered: Final = lru_cache(maxsize=64)(_fields)


def read_cells(
    cells: Sequence[str], columns: MeasuredColumns, default_id: str, *, decimal_comma: bool = False
) -> StarRow:
    """Read one row of a CSV; decimal_comma: whether 18,25 is a number too, where commas do not delimit cells."""
    errors: list[FieldError] = []
    if decimal_comma:
        cells = [_COMMA.sub(r"\1.\2", cell.strip()) if "," in cell else cell for cell in cells]
    values = tuple(
        math.nan if index is None else _number(column, cells[index], errors, columns.schema, text=True)
        for column, index in zip(columns.schema.measured, columns.positions, strict=True)
    )
    name = None if columns.identifier is None else cells[columns.identifier]
    return _row(_identifier(name, default_id), values, errors, columns.notes)


def _row(name: str, values: tuple[float, ...], errors: list[FieldError], notes: tuple[InputWarning, ...]) -> StarRow:
    """The row, without a placeholder redshift."""
    redshift = values[-1] if values else math.nan
    if stands_for_none(redshift):
        values = (*values[:-1], math.nan)
        notes = (*notes, sentinel_note(redshift))
    return StarRow(name, values, tuple(errors), notes)


def sentinel_note(redshift: float) -> InputWarning:
    """The warning for an object with a placeholder redshift."""
    return InputWarning(
        SENTINEL_CODE, f"the redshift {redshift:g} means that none was measured: classified from photometry alone"
    )


def sentinels_detail(redshifts: Iterable[float]) -> str:
    """The warning for a table's objects with these placeholder redshifts."""
    listed = ", ".join(f"{redshift:g}" for redshift in redshifts)
    return f"placeholder redshifts ({listed}) are ignored: these rows are classified from photometry alone"


def _identifier(value: Any, default_id: str) -> str:
    """The row's id: text or a number, truncated to its limit; else the default."""
    if value == "" or isinstance(value, bool) or not isinstance(value, str | int | float):
        return default_id
    return str(value)[:STAR_ID_CHARACTERS]


def _number(column: str, value: Any, errors: list[FieldError], schema: Schema, *, text: bool) -> float:
    """The value as a float, NaN when missing; an error is appended to errors."""
    reason, number = _read_text(value) if text else _read_json(value)
    if reason is Reason.MISSING and (column == REDSHIFT or column in schema.optional):
        return math.nan
    if reason is Reason.OK:
        low, high = schema.ranges[column]
        if column == REDSHIFT and stands_for_none(number):
            return number
        if number == SENTINEL and column in schema.optional:
            return math.nan
        if number == SENTINEL:
            reason = Reason.SENTINEL
        elif not low <= number <= high:
            reason = Reason.OUT_OF_RANGE
    if reason is not Reason.OK:
        errors.append(describe(column, reason, value, schema))
    return number


def _read_text(value: str | None) -> tuple[Reason, float]:
    """Read a text cell like the drop folder does (skysort.star.tables.numbers)."""
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
    width = len(rows[0].values) if rows else len(MEASURED)
    values = np.array([row.values for row in rows], dtype=np.float64).reshape(len(rows), width)
    return Photometry(values[:, :-1], values[:, -1])
