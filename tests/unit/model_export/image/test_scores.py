from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_export.image import scores
from skysort.learning import calibration, metrics
from skysort.learning.calibration import COVERAGE, calibration_error, log_probabilities
from skysort.probability import prediction_sets


def drawn(rows: int, classes: int, sharpness: float, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their own softmax at `sharpness` times the logits."""
    chance = np.random.default_rng(seed)
    logits = chance.normal(0, 2, (rows, classes))
    likely = np.exp(log_probabilities(logits * sharpness))
    return logits, np.array([chance.choice(classes, p=row) for row in likely], dtype=np.int64)


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0])
def test_the_temperature_that_made_the_labels_is_found(sharpness: float) -> None:
    logits, labels = drawn(4_000, 6, sharpness)
    assert scores.fit_temperature(logits, labels) == pytest.approx(1 / sharpness, rel=0.1)


def test_the_temperature_mends_the_calibration() -> None:
    logits, labels = drawn(4_000, 6, 2.0)
    before = calibration_error(np.exp(log_probabilities(logits)), labels)
    after = calibration_error(np.exp(log_probabilities(logits, scores.fit_temperature(logits, labels))), labels)
    assert after < 0.03 < before


@given(st.integers(0, 10_000), st.integers(12, 200), st.sampled_from([0.5, 0.8, 0.9]))
def test_sets_cover_at_least_what_they_promise_where_they_were_set(seed: int, rows: int, coverage: float) -> None:
    logits, labels = drawn(rows, 5, 1.0, seed)
    probabilities = np.exp(log_probabilities(logits))
    sets = prediction_sets(
        probabilities, calibration.threshold(scores.true_class_probabilities(probabilities, labels), coverage)
    )
    assert sets[np.arange(rows), labels].mean() >= coverage - 1 / rows


def test_sets_keep_the_promise_on_photographs_that_did_not_set_them() -> None:
    logits, labels = drawn(3_000, 20, 0.4)
    covered = scores.cross_fitted(logits, labels)["conformal_coverage"]
    assert covered["low"] <= COVERAGE <= covered["high"]


def test_too_few_photographs_promise_nothing_but_every_label() -> None:
    assert calibration.threshold(np.full(3, 0.5)) == 0.0


def test_hits_count_the_best_places() -> None:
    given_scores = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
    labels = np.array([2, 0])
    assert metrics.hits(given_scores, labels, 1).tolist() == [False, True]
    assert metrics.hits(given_scores, labels, 2).tolist() == [True, True]


def test_intervals_hold_the_mean_and_repeat() -> None:
    values = np.random.default_rng(1).integers(0, 2, 200)
    found = metrics.with_interval(values)
    assert found["low"] < found["value"] < found["high"]
    assert found == metrics.with_interval(values)


def test_curves_of_many_classes_come_without_a_matrix() -> None:
    truth = np.arange(100)
    found = scores.curves(np.eye(1000, dtype=np.float32)[:100], truth)
    assert found == {"reliability": [{"count": 100, "confidence": 1.0, "accuracy": 1.0}]}


def test_what_is_taken_for_a_class_outside_the_set_counts_as_other() -> None:
    # Given: two classes; of class 0 one is right, of class 7 one is taken for class 500
    truth = np.array([0, 7])
    given = np.zeros((2, 1000), dtype=np.float32)
    given[0, 0], given[1, 500] = 0.9, 0.6

    # When
    found = scores.curves(given, truth)

    # Then
    assert found["confusion"]["counts"] == [[1, 0, 0], [0, 0, 1]]
    assert found["confusion"]["columns"][-1] == "other"
    assert [entry["accuracy"] for entry in found["reliability"]] == [0.0, 1.0]
