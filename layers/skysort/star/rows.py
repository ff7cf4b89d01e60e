"""One star row of a request: a mapping of names to values, checked field by field."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
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
_BLANKS: Final = frozenset(BLANK)
# Sets of names worth remembering: of a row's width, and not a megabyte each.
_NAMES: Final = 64
_NAMES_CHARACTERS: Final = 1_024


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
    names = tuple(given)
    small = len(names) <= _NAMES and sum(map(len, names)) <= _NAMES_CHARACTERS
    fields = _remembered(names) if small else _fields(names)
    errors = list(fields.errors)
    values = tuple(
        math.nan
        if column in fields.replaced
        else _number(column, None if name is None else given[name], errors, text=text)
        for column, name in fields.measured
    )
    name = None if fields.identifier is None else given[fields.identifier]
    return StarRow(_identifier(name, default_id), values, tuple(errors))


@dataclass(frozen=True, slots=True)
class _Fields:
    """What a row's names say before its values are looked at.

    measured: each of MEASURED and the name that holds it. replaced: bands that are dereddened, which errors tell.
    """

    measured: tuple[tuple[str, str | None], ...]
    identifier: str | None
    replaced: frozenset[str]
    errors: tuple[FieldError, ...]


def _fields(names: tuple[str, ...]) -> _Fields:
    chosen = choose(names)
    held = {quantity: names[at] for quantity, at in chosen.positions.items()}
    unknown = (describe(name, Reason.UNKNOWN_FIELD) for name in names if not is_known(name))
    return _Fields(
        tuple((column, held.get(column)) for column in MEASURED),
        held.get(IDENTIFIER),
        frozenset(chosen.dereddened),
        (*unknown, *chosen.problems),
    )


# The rows of a request, and those of most requests to a sandbox, have the same names.
_remembered: Final = lru_cache(maxsize=64)(_fields)


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
    if cell in _BLANKS:
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
