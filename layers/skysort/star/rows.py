"""One star row of a request: a mapping of names to values, checked field by field."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.limits import STAR_ID_CHARACTERS
from skysort.star.columns import (
    BANDS,
    BLANK,
    IDENTIFIER,
    MEASURED,
    NUMBER,
    RANGES,
    REDSHIFT,
    SENTINEL,
    Photometry,
    Reason,
    describe,
    is_known,
)
from skysort.star.names import choose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort.errors import FieldError
    from skysort.star.tables.header import MeasuredColumns

_NUMBER: Final = re.compile(NUMBER)


@dataclass(frozen=True, slots=True)
class StarRow:
    """A row that was read: either its six values, or what is wrong with it.

    values: u, g, r, i, z in AB magnitudes and the redshift, NaN for an object without a spectrum.
    """

    id: str
    values: tuple[float, ...]
    errors: tuple[FieldError, ...] = ()


def read_row(given: Mapping[str, Any], default_id: str, *, text: bool) -> StarRow:
    """Read one row of JSON or a form.

    given: names in any known spelling to values (skysort.star.names says which is taken of several).
    text: whether values come from a form, where every value is text and blank means absent; in JSON a
    number in quotes is an error. Identifiers and positions are never wrong: no answer depends on them.
    """
    names = list(given)
    chosen = choose(names)
    errors = [describe(name, Reason.UNKNOWN_FIELD) for name in names if not is_known(name)]
    errors += chosen.problems
    found = {quantity: given[names[at]] for quantity, at in chosen.positions.items()}
    wanted = [column for column in MEASURED if column not in chosen.dereddened]
    numbers = {column: _number(column, found.get(column), errors, text=text) for column in wanted}
    values = tuple(numbers.get(column, math.nan) for column in MEASURED)
    return StarRow(_identifier(found.get(IDENTIFIER), default_id), values, tuple(errors))


def read_cells(cells: Sequence[str], columns: MeasuredColumns, default_id: str) -> StarRow:
    """Read one row of a CSV whose header was read to these columns."""
    errors: list[FieldError] = []
    values = tuple(
        _number(column, None if at is None else cells[at], errors, text=True)
        for column, at in zip(MEASURED, columns.positions, strict=True)
    )
    name = None if columns.identifier is None else cells[columns.identifier]
    return StarRow(_identifier(name, default_id), values, tuple(errors))


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
    if cell in BLANK:
        return Reason.MISSING, math.nan
    return (Reason.OK, float(cell)) if _NUMBER.match(cell) else (Reason.NOT_A_NUMBER, math.nan)


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
