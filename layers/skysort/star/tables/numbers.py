"""Conversion of text cells to numbers, some of which may be invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skysort.limits import CELL_CHARACTERS
from skysort.star.columns import BLANK, NUMBER
from skysort.star.tables.csv.cells import DECIMAL_COMMA
from skysort.star.tables.rows import Cells

if TYPE_CHECKING:
    from numpy.typing import NDArray


def text_cells(texts: Any, *, decimal_comma: bool = False) -> Cells:
    """The cells of a text column, an Arrow array of binary or string, read by `to_numbers`."""
    values, unreadable = to_numbers(texts, decimal_comma=decimal_comma)
    return Cells(
        values.copy(),
        unreadable.copy(),
        lambda row: as_text(texts.slice(row, 1))[0].as_py(),
        lambda: as_text(texts).to_pylist(),
    )


def to_numbers(cells: Any, *, decimal_comma: bool = False) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read text cells as numbers.

    Parameters
    ----------
    cells
        An Arrow array of binary or string.
    decimal_comma
        Whether 18,25 is a number too.

    Returns
    -------
    (n,) values, NaN for blank and unreadable cells, and (n,) bool, True for unreadable ones.
    """
    text = pc.utf8_trim_whitespace(as_text(cells))
    blank = pc.or_(pc.is_null(text), pc.is_in(text, value_set=pa.array(BLANK)))
    if decimal_comma:
        text = pc.replace_substring_regex(text, DECIMAL_COMMA, r"\1.\2")
    short = pc.less_equal(pc.utf8_length(text), CELL_CHARACTERS)
    readable = pc.fill_null(pc.and_(short, pc.match_substring_regex(text, NUMBER)), False)
    numeric = pc.and_not(readable, blank)
    plain = pc.replace_substring_regex(text, r"^\+", "")
    values = pc.cast(pc.if_else(numeric, plain, pa.scalar(None, plain.type)), pa.float64())
    return as_floats(values), pc.invert(pc.or_(numeric, blank)).to_numpy(zero_copy_only=False)


def as_text(cells: Any) -> Any:
    """Binary cells as text; bytes that are not UTF-8 become replacement characters."""
    if not pa.types.is_binary(cells.type) and not pa.types.is_large_binary(cells.type):
        return pc.cast(cells, pa.string())
    try:
        return pc.cast(cells, pa.string())
    except pa.ArrowInvalid:
        decoded = [None if cell is None else cell.decode("utf-8", "replace") for cell in cells.to_pylist()]
        return pa.array(decoded, pa.string())


def as_floats(column: Any) -> NDArray[np.float64]:
    """An Arrow array of numbers as float64, nulls as NaN."""
    floats = pc.cast(column, pa.float64(), safe=False)
    if floats.null_count:
        floats = pc.fill_null(floats, float("nan"))
    return np.asarray(floats.to_numpy(zero_copy_only=False), np.float64)
