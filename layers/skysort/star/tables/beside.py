"""Columns of a table that are carried into other results beside the measured ones: identifier, position, and chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skysort.errors import FieldError, InvalidFieldsError
from skysort.star.tables.numbers import as_text, to_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Integers beyond have no exact float, and are written as floats.
_EXACT: Final = 2.0**53


class As(Enum):
    """What the values of a carried column become."""

    NUMBER = auto()  # float64, null where there is no number
    TEXT = auto()
    TYPED = auto()  # as the table has it; texts in a format of text


@dataclass(frozen=True, slots=True)
class Carried:
    """A column to carry. position: its index in the table."""

    position: int
    kind: As


# Chooses, by the names of a table's columns, what is carried.
Beside: TypeAlias = Callable[[Sequence[str]], Sequence[Carried]]


def nothing(_names: Sequence[str]) -> tuple[()]:
    """Carry no column."""
    return ()


def converted(values: Any, kind: As, name: str) -> Any:
    """An Arrow array of a column's values as what they are carried as; raises InvalidFieldsError for lists."""
    if pa.types.is_nested(values.type):
        raise not_single(name, f"the type {values.type}")
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if kind is As.NUMBER:
        return _numbers(values)
    if kind is As.TEXT or not _is_plain(values.type):
        return _texts(values)
    return values


def not_single(name: str, kind: str) -> InvalidFieldsError:
    """The error for a column whose cells are not single values."""
    return InvalidFieldsError([FieldError(name, "wrong_type", f"has {kind}; a carried column has one value per row")])


def _is_plain(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _numbers(values: Any) -> Any:
    if pa.types.is_decimal(values.type) or _is_plain(values.type):
        values = pc.cast(values, pa.float64(), safe=False)
        return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))
    numbers, _ = to_numbers(values)
    return pa.array(numbers, from_pandas=True)


def _texts(values: Any) -> Any:
    if pa.types.is_floating(values.type):
        # An identifier that was stored as a number is written as one.
        values = pc.cast(values, pa.float64())
        whole = pc.and_(pc.equal(pc.floor(values), values), pc.less_equal(pc.abs(values), _EXACT))
        integers = pc.cast(pc.if_else(whole, values, pa.scalar(None, pa.float64())), pa.int64())
        return pc.coalesce(pc.cast(integers, pa.string()), pc.cast(values, pa.string()))
    texts = as_text(values)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:  # a file may say that its bytes are UTF-8
        return as_text(texts.cast(pa.binary()))
    return texts


def of_numbers(values: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> Any:
    """A NumPy array of any byte order as an Arrow array; missing: where there is no value."""
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    if native.dtype.kind == "f":
        absent = np.isnan(native)
        missing = absent if missing is None else missing | absent
    return pa.array(native, mask=missing)
