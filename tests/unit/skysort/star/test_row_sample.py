"""Samples of parts join to an even sample of the whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skysort.star.columns import Photometry
from skysort.star.row_sample import SAMPLED, JoinedSample, RowSample, split


def sample(part: int, first: int, rows: int) -> RowSample:
    """Of a part whose rows are numbered by their u."""
    numbers = np.arange(first, first + rows, dtype=np.float64)
    made = RowSample(part)
    for block in np.array_split(numbers, 3):
        values = np.column_stack([block, np.zeros((len(block), 4))])
        made.add(Photometry(values, np.full(len(block), np.nan)), np.full((len(block), 3), 0.25, np.float32))
    return made


def joined(sizes: list[int], most: int = SAMPLED) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The numbers of the rows that are kept of parts of these sizes."""
    whole, first = JoinedSample(most), 0
    for part, rows in enumerate(sizes):
        document = sample(part, first, rows).document()
        assert document is not None
        whole.add(document)
        first += rows
    assert whole.rows is not None
    magnitudes, probabilities = split(whole.rows, 3)
    assert np.allclose(probabilities, 0.25)
    return magnitudes[:, 0]


def test_parts_of_about_one_size_keep_as_many_rows_as_one() -> None:
    # Given 60 parts of 3,900 to 4,100 rows
    sizes = [4_000 + 100 * (-1) ** part for part in range(60)]
    # When
    kept = joined(sizes)
    # Then they are half a sample at least, and as evenly spread as the ends of parts allow
    assert SAMPLED / 2 <= len(kept) <= SAMPLED
    steps = np.diff(kept)
    assert steps.min() >= 1
    assert steps.max() <= 2 * np.median(steps)
    # And what all parts keep is little: a part of the last ones some hundred rows
    last = sample(59, 0, 4_000).rows
    assert last is not None
    assert len(last) <= SAMPLED / 60


@given(st.lists(st.integers(1, 400), min_size=1, max_size=12), st.integers(4, 60))
def test_joined_rows_are_few_and_one_of_every_so_many(sizes: list[int], most: int) -> None:
    kept = joined(sizes, most)
    assert 1 <= len(kept) <= most
    assert kept[0] == 0
    assert (np.diff(kept) > 0).all()
    if sum(sizes) <= most:
        assert len(kept) == sum(sizes)


def test_a_part_without_rows_has_no_document() -> None:
    assert RowSample(3).document() is None
    assert JoinedSample().rows is None
