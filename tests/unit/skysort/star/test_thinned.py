"""An even sample of a stream."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skysort.star.thinned import Thinned


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(4, 40))
def test_it_keeps_evenly_spaced_rows_however_they_come(blocks: list[int], most: int) -> None:
    # Given numbered rows in blocks
    sample, start = Thinned(most), 0
    # When
    for size in blocks:
        sample.add(np.arange(start, start + size))
        start += size
    # Then they are from the first on, equally far apart, and neither too many nor needlessly few
    kept = np.zeros(0, int) if sample.rows is None else sample.rows
    assert len(kept) <= most
    step = int(kept[1] - kept[0]) if len(kept) > 1 else 1
    if len(kept) > 1:
        assert kept.tolist() == list(range(0, start, step))
    assert step == 1 or 2 * len(kept) >= most - 1
