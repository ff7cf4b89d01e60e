from __future__ import annotations

import numpy as np
import pytest

from model_export.image import compare


def answers(*right: bool) -> np.ndarray:
    given = np.zeros((len(right), 1000), dtype=np.float32)
    given[np.arange(len(right)), np.where(right, 7, 8)] = 1.0
    return given


def test_gains_are_paired_with_the_first_network() -> None:
    # Given one network that is right half of the time, one that is right where that is and once more, and their class
    first, other = answers(True, False, True, False), answers(True, True, True, False)
    # When
    scored = compare.scores({"shipped": first, "other": other}, np.full(4, 7))
    # Then
    assert scored["shipped"]["gain"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert scored["other"]["top_1"]["value"] == 0.75
    assert scored["other"]["gain"]["value"] == pytest.approx(0.25)
    assert scored["other"]["gain"]["low"] == 0.0  # never worse on any photograph
