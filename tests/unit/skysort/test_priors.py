"""Class shares: given, estimated, and what they do to probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.priors import estimated, reweighted, shares_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

LABELS = ("GALAXY", "QSO", "STAR")
TRAINED = np.array([0.6, 0.2, 0.2])
MIDDLES = np.array([-1.5, 0.0, 2.0])


def classified(shares: NDArray[np.float64], rows: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rows of classes that overlap on a line, with the right probabilities at the training data's shares."""
    draw = np.random.default_rng(seed)
    labels = draw.choice(len(LABELS), rows, p=shares)
    values = MIDDLES[labels] + draw.normal(size=rows)
    densities = np.exp(-0.5 * (values[:, None] - MIDDLES) ** 2) * TRAINED
    return (densities / densities.sum(axis=1, keepdims=True)).astype(np.float32), labels


def test_reweighted_probabilities_follow_bayes_rule() -> None:
    # Given a row as likely to be a quasar as a star
    row = np.array([[0.0, 0.5, 0.5]], np.float32)
    # When there is one quasar to nine stars
    found = reweighted(row, TRAINED, np.array([0.0, 0.1, 0.9]))
    # Then
    np.testing.assert_allclose(found, [[0.0, 0.1, 0.9]], atol=1e-6)


def test_the_shares_of_the_training_data_change_nothing() -> None:
    probabilities, _ = classified(TRAINED, 500)
    np.testing.assert_allclose(reweighted(probabilities, TRAINED, TRAINED), probabilities, atol=1e-6)


def test_a_row_whose_classes_are_all_excluded_gets_the_shares() -> None:
    row = np.array([[0.0, 1.0, 0.0]], np.float32)
    np.testing.assert_allclose(reweighted(row, TRAINED, np.array([0.7, 0.0, 0.3])), [[0.7, 0.0, 0.3]])


@given(
    st.lists(st.floats(1e-6, 1), min_size=3, max_size=3),
    st.lists(st.floats(1e-6, 1), min_size=3, max_size=3),
    st.lists(st.floats(1e-6, 1), min_size=3, max_size=3),
)
def test_of_two_priors_in_turn_the_last_counts(row: list[float], first: list[float], last: list[float]) -> None:
    probabilities = np.array([row], np.float32) / np.float32(sum(row))
    between, end = np.array(first) / sum(first), np.array(last) / sum(last)
    # When probabilities at some shares are re-weighted from there
    twice = reweighted(reweighted(probabilities, TRAINED, between), between, end)
    # Then they are as if nothing had been between, and add up to 1
    np.testing.assert_allclose(twice, reweighted(probabilities, TRAINED, end), rtol=1e-3, atol=1e-6)
    assert twice.sum() == pytest.approx(1, abs=1e-5)


def test_a_rare_class_is_weighted_however_small_its_share() -> None:
    row = np.array([[0.0, 1.0, 0.0]], np.float32)
    np.testing.assert_array_equal(reweighted(row, TRAINED, (0.5, 1e-30, 0.5)), row)


def test_a_class_without_examples_counts_as_one() -> None:
    np.testing.assert_allclose(shares_of({"b": 0, "a": 9}, ("a", "b")), [0.9, 0.1])


def test_rare_classes_are_purer_with_their_share() -> None:
    # Given quasars that are rare
    rare = np.array([0.7, 0.01, 0.29])
    probabilities, labels = classified(rare, 20_000)

    def purity(values: NDArray[np.float32]) -> float:
        called = values.argmax(axis=1) == 1
        return float((labels[called] == 1).mean()) if called.any() else 1.0

    # Then
    assert purity(reweighted(probabilities, TRAINED, rare)) > 2 * purity(probabilities)


@pytest.mark.parametrize("shares", [[0.6, 0.2, 0.2], [0.05, 0.9, 0.05], [0.3, 0.001, 0.699]])
def test_shares_are_estimated_from_what_is_not_labelled(shares: list[float]) -> None:
    # Given
    probabilities, _ = classified(np.array(shares), 20_000)
    # When
    found = estimated(probabilities, TRAINED)
    # Then
    np.testing.assert_allclose(found.values, shares, atol=0.02)
    assert found.values.sum() == pytest.approx(1)
    assert (found.low <= np.array(shares) + 0.01).all()
    assert (found.high >= np.array(shares) - 0.01).all()


def test_the_intervals_hold_the_true_shares_about_as_often_as_they_say() -> None:
    shares = np.array([0.4, 0.3, 0.3])
    found = [estimated(classified(shares, 500, seed)[0], TRAINED) for seed in range(100)]
    inside = np.mean([(each.low <= shares) & (shares <= each.high) for each in found])
    assert 0.9 <= inside <= 0.99


def test_one_class_has_all_of_it() -> None:
    found = estimated(np.ones((5, 1), np.float32), np.ones(1))
    assert found.values.tolist() == found.low.tolist() == found.high.tolist() == [1.0]
