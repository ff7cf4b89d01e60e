"""Calibration and conformal sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skysort.probability import prediction_sets, restricted, softmax

MARGINS = arrays(np.float32, st.tuples(st.integers(1, 8), st.just(3)), elements=st.floats(-500, 500, width=32))


@given(MARGINS, st.floats(0.1, 10))
def test_probabilities_sum_to_one_and_keep_the_order(margins: np.ndarray, temperature: float) -> None:
    probabilities = softmax(margins, temperature)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    best = probabilities[np.arange(len(margins)), margins.argmax(axis=1)]
    assert (best == probabilities.max(axis=1)).all()


def test_a_higher_temperature_is_less_sure() -> None:
    margins = np.array([[2.0, 0.0, -1.0]], np.float32)
    assert softmax(margins, 2.0).max() < softmax(margins, 1.0).max() < softmax(margins, 0.5).max()
    assert softmax(margins)[0, 0] == pytest.approx(np.exp(2) / (np.exp(2) + 1 + np.exp(-1)), rel=1e-6)


def test_a_set_holds_what_reaches_its_threshold_and_may_be_empty() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.34, 0.33, 0.33]], np.float32)
    thresholds = np.array([0.5, 0.25, 0.9], np.float32)
    assert prediction_sets(probabilities, thresholds).tolist() == [[True, True, False], [False, True, False]]
    assert not prediction_sets(probabilities, np.ones(3, np.float32)).any()


def test_restricted_to_some_labels_a_set_may_be_empty_and_probabilities_add_up_to_1() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.5, 0.5, 0.0]], np.float32)
    members = np.array([[True, False, False], [True, True, False]])
    selected, sets = restricted(probabilities, members, [1, 2])
    assert selected.tolist() == [pytest.approx([0.75, 0.25]), pytest.approx([1.0, 0.0])]
    assert sets.tolist() == [[False, False], [True, False]]
