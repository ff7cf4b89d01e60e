"""One star row of a request: a mapping of names to values, checked field by field."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.errors import FieldError
from skysort.limits import STAR_ID_CHARACTERS
from skysort.star.columns import (
    BANDS,
    IDENTIFIER,
    MEASURED,
    POSITION,
    RANGES,
    REDSHIFT,
    SENTINEL,
    Photometry,
    Reason,
    canonical,
    describe,
    is_known,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NUMERIC: Final = (*MEASURED, *POSITION)
_OPTIONAL: Final = frozenset({REDSHIFT, *POSITION})


@dataclass(frozen=True, slots=True)
class StarRow:
    """A row that was read: either its six values, or what is wrong with it.

    values: u, g, r, i, z in AB magnitudes and the redshift, NaN for an object without a spectrum.
    """

    id: str
    values: tuple[float, ...]
    errors: tuple[FieldError, ...] = ()


def read_row(given: Mapping[str, Any], default_id: str, *, text: bool, table: bool = False) -> StarRow:
    """Read one row.

    given: names in any known spelling to values. text: whether values come from CSV or a form,
    where every value is text and blank means absent; in JSON a number in quotes is an error.
    table: whether it comes from a table, which may have columns of its own beside these.
    """
    errors: list[FieldError] = []
    found: dict[str, Any] = {}
    for name, value in given.items():
        column = canonical(name)
        if column is None:
            if not is_known(name) and not table:
                errors.append(describe(name, Reason.UNKNOWN_FIELD))
        elif column in found:
            errors.append(describe(column, Reason.REPEATED_FIELD))
        else:
            found[column] = value
    numbers = {column: _number(column, found.get(column), errors, text=text) for column in _NUMERIC}
    row_id = _identifier(found.get(IDENTIFIER), default_id, errors)
    return StarRow(row_id, tuple(numbers[column] for column in MEASURED), tuple(errors))


def _identifier(value: Any, default_id: str, errors: list[FieldError]) -> str:
    if value is None or value == "":
        return default_id
    if isinstance(value, str | int) and not isinstance(value, bool) and len(name := str(value)) <= STAR_ID_CHARACTERS:
        return name
    errors.append(
        FieldError(IDENTIFIER, "bad_id", f"must be text or a whole number of at most {STAR_ID_CHARACTERS} signs")
    )
    return default_id


def _number(column: str, value: Any, errors: list[FieldError], *, text: bool) -> float:
    """The value as a float, NaN when absent; what is wrong goes into errors."""
    reason, number = _read_number(value, text=text)
    if reason is Reason.MISSING and column in _OPTIONAL:
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


def _read_number(value: Any, *, text: bool) -> tuple[Reason, float]:
    if value is None or (text and not str(value).strip()):
        return Reason.MISSING, math.nan
    if text or (isinstance(value, int | float) and not isinstance(value, bool)):
        if text and "_" in value:  # float() reads 1_000, a catalogue never means it
            return Reason.NOT_A_NUMBER, math.nan
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return Reason.NOT_A_NUMBER, math.nan
        # In a table NaN is how a missing value is written; JSON has null for that and no NaN.
        if text and math.isnan(number):
            return Reason.MISSING, math.nan
        return (Reason.OK, number) if math.isfinite(number) else (Reason.NOT_A_NUMBER, math.nan)
    return Reason.NOT_A_NUMBER, math.nan


def as_photometry(rows: Sequence[StarRow]) -> Photometry:
    """Valid rows as the arrays that the model takes."""
    values = np.array([row.values for row in rows], dtype=np.float64).reshape(len(rows), len(MEASURED))
    return Photometry(values[:, : len(BANDS)], values[:, -1])
