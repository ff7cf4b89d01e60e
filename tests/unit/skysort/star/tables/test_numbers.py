"""Text cells as numbers."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from skysort.star.columns import BLANK
from skysort.star.tables.numbers import to_numbers

cells = st.one_of(
    st.floats().map(repr), st.integers(-(10**20), 10**20).map(str), st.text(max_size=6), st.sampled_from(BLANK)
)


@given(st.lists(cells, max_size=20))
def test_what_python_reads_as_a_number_is_read_alike(texts: list[str]) -> None:
    """But for what no table writes: underscores, digits of other scripts, and exotic blanks."""
    values, unreadable = to_numbers(pa.array([text.encode() for text in texts], pa.binary()))
    for text, value, bad in zip(texts, values, unreadable, strict=True):
        plain = text.isascii() and "_" not in text and text.isprintable()
        if text.strip() in BLANK:
            assert math.isnan(value)
            assert not bad
        elif not bad:
            assert value == float(text.strip())
        elif plain:
            assert not is_number(text) or text.strip().lower().lstrip("+-") == "nan"


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@given(st.binary(max_size=8))
def test_any_bytes_are_a_number_or_not(cell: bytes) -> None:
    values, unreadable = to_numbers(pa.array([cell], pa.binary()))
    assert np.isnan(values[0]) or not unreadable[0]
