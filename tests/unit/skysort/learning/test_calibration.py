"""Temperature, calibration error and conformal thresholds, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.learning import calibration


def overconfident(temperature: float, rows: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """Margins that are too large by a factor, with labels drawn from the true probabilities."""
    draw = np.random.default_rng(1)
    margins = draw.normal(0, 1.5, (rows, 3))
    probability = calibration.probabilities(margins)
    labels = (draw.random((rows, 1)) > probability.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    return margins * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    margins, labels = overconfident(temperature)
    assert calibration.fit_temperature(margins, labels) == pytest.approx(temperature, rel=0.03)


def test_scaling_mends_the_calibration_error_and_changes_no_label() -> None:
    # Given
    margins, labels = overconfident(2.0)

    # When
    before = calibration.probabilities(margins)
    after = calibration.probabilities(margins, calibration.fit_temperature(margins, labels))

    # Then
    errors = [calibration.reliability(each, labels).expected_calibration_error for each in (before, after)]
    assert errors[0] > 0.05
    assert errors[1] < 0.02
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    # Given: always 80 % sure, right three times in four
    probability = np.tile([0.8, 0.1, 0.1], (4, 1))

    # When
    curve = calibration.reliability(probability, np.array([0, 0, 0, 1]))

    # Then
    assert curve.expected_calibration_error == pytest.approx(0.05)
    assert curve.count.sum() == 4


@given(coverage=st.sampled_from([0.5, 0.8, 0.9, 0.95]), temperature=st.floats(0.3, 3.0))
@settings(max_examples=20)
def test_every_class_is_covered_as_promised(coverage: float, temperature: float) -> None:
    # Given: one half to set the thresholds, the other to measure; calibrated or not
    margins, labels = overconfident(temperature)
    probability = calibration.probabilities(margins)
    half = len(labels) // 2

    # When
    limits = calibration.thresholds(probability[:half], labels[:half], coverage)

    # Then
    for label in range(3):
        members = labels[half:] == label
        covered = probability[half:][members, label] >= limits[label]
        assert covered.mean() == pytest.approx(coverage, abs=0.02)


def test_a_class_with_too_few_objects_for_the_promise_is_in_every_set() -> None:
    # Given: 90 % of nine objects or more can be promised, of eight not
    probability = np.full((9 + 8, 2), 0.5)
    labels = np.array([0] * 9 + [1] * 8)

    # When
    limits = calibration.thresholds(probability, labels, 0.9)

    # Then
    assert limits.tolist() == [0.5, 0.0]
