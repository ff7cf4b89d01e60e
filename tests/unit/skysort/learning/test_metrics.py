"""Scores, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

from model_export.star.evaluate import paired
from skysort.learning import metrics


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(30, 300))
@settings(max_examples=30)
def test_the_scores_are_those_of_scikit_learn(seed: int, rows: int) -> None:
    # Given: all three classes at least once
    draw = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(3), draw.integers(0, 3, rows)])
    predicted = np.concatenate([np.arange(3), draw.integers(0, 3, rows)])

    # When
    table = metrics.confusion(truth, predicted, 3)

    # Then
    np.testing.assert_array_equal(table, confusion_matrix(truth, predicted))
    assert metrics.accuracy(table) == pytest.approx(accuracy_score(truth, predicted))
    assert metrics.balanced_accuracy(table) == pytest.approx(balanced_accuracy_score(truth, predicted))
    assert metrics.macro_f1(table) == pytest.approx(f1_score(truth, predicted, average="macro"))


def test_a_class_that_is_never_called_scores_nothing_and_divides_nothing() -> None:
    scores = metrics.per_class(np.array([[5, 0, 0], [3, 0, 0], [0, 0, 4]]), ("GALAXY", "QSO", "STAR"))
    assert scores["QSO"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "rows": 3}


def test_the_interval_of_the_accuracy_is_the_binomial_one() -> None:
    # Given: 900 of 1,000 are right, so the standard error is 0.0095
    table = np.array([[300, 33, 0], [0, 300, 33], [34, 0, 300]])

    # When
    score = metrics.scores_of_table(table)["accuracy"]

    # Then
    assert score["value"] == 0.9
    assert score["high"] - score["low"] == pytest.approx(2 * 1.96 * np.sqrt(0.9 * 0.1 / 1_000), rel=0.1)


def test_ten_of_ten_are_not_certain() -> None:
    # Given: every one of ten examples is right; Wilson's interval is then from 10 / (10 + 1.96 ** 2)
    scores = metrics.scores_of_few(np.diag([5, 5]))

    # Then
    assert scores["accuracy"] == {"value": 1.0, "low": 0.722467, "high": 1.0}
    assert scores["balanced_accuracy"]["low"] == pytest.approx(1 - np.sqrt(2) / 2 * (1 - 5 / (5 + 1.96**2)), abs=1e-4)
    assert 0.7 < scores["macro_f1"]["low"] < 0.8


def test_a_class_without_an_example_is_not_one_that_was_missed() -> None:
    scores = metrics.scores_of_few(np.diag([5, 0, 5]))
    assert scores["balanced_accuracy"]["value"] == scores["macro_f1"]["value"] == 1.0


def test_intervals_of_many_examples_are_those_of_the_bootstrap() -> None:
    table = np.array([[3_000, 330, 0], [0, 3_000, 330], [340, 0, 3_000]])
    few, many = metrics.scores_of_few(table), metrics.scores_of_table(table)
    assert few.keys() == many.keys()
    for name, score in many.items():
        assert few[name] == pytest.approx(score, abs=7e-4)


@given(cells=st.lists(st.integers(0, 20), min_size=9, max_size=9).filter(any))
def test_a_score_lies_within_its_interval(cells: list[int]) -> None:
    for score in metrics.scores_of_few(np.array(cells).reshape(3, 3)).values():
        assert 0.0 <= score["low"] <= score["value"] <= score["high"] <= 1.0


def test_a_model_does_not_differ_from_itself() -> None:
    truth = np.arange(300) % 3
    difference = paired(truth, truth, truth, replicates=50)
    assert difference["accuracy"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_a_clear_difference_lies_outside_of_nothing() -> None:
    truth = np.arange(600) % 3
    worse = np.where(np.arange(600) % 10 == 0, (truth + 1) % 3, truth)
    assert paired(truth, truth, worse, replicates=200)["accuracy"]["low"] > 0.05
