"""Class shares: given, estimated, and what they do to probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import InvalidFieldsError
from skysort.priors import estimated, parse_prior, reweighted

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


@pytest.mark.parametrize(
    "value",
    [
        {"GALAXY": 9, "QSO": 0, "STAR": 1},
        {"galaxy": "0.9", "qso": 0.0, "star": 0.1},
        "GALAXY=0.9, QSO=0,STAR=0.1",
        "STAR=1,QSO=0,GALAXY=9,",
    ],
)
def test_shares_are_read_in_any_order_and_scale(value: object) -> None:
    assert parse_prior(value, LABELS) == pytest.approx((0.9, 0.0, 0.1))


@pytest.mark.parametrize("value", [None, "", "  "])
def test_nothing_given_is_no_prior(value: object) -> None:
    assert parse_prior(value, LABELS) is None


@pytest.mark.parametrize(
    ("value", "reason", "said"),
    [
        ({"GALAXY": 0.9, "QSO": 0.1}, "missing_label", "missing: STAR"),
        ("GALAXY=1,QSO=1,STAR=1,CAT=1", "unknown_label", "'CAT'; choose from GALAXY, QSO, STAR"),
        ("GALAXY=1,galaxy=1,QSO=1,STAR=1", "given_twice", "GALAXY is given twice"),
        ({"GALAXY": -1, "QSO": 1, "STAR": 1}, "not_a_share", "from 0 on (got -1"),
        ({"GALAXY": True, "QSO": 1, "STAR": 1}, "not_a_share", "share of GALAXY"),
        ({"GALAXY": [1], "QSO": 1, "STAR": 1}, "not_a_share", "share of GALAXY"),
        ({"GALAXY": "nan", "QSO": 1, "STAR": 1}, "not_a_share", "share of GALAXY"),
        ({"GALAXY": 0, "QSO": 0, "STAR": 0}, "not_a_share", "at least one share"),
        ({"GALAXY": 1e308, "QSO": 1e308, "STAR": 0}, "not_a_share", "finite"),
        ("0.9,0.1,0", "not_shares", "GALAXY=0.9"),
        (["GALAXY"], "not_shares", "GALAXY=0.9"),
        (0.5, "not_shares", "GALAXY=0.9"),
    ],
)
def test_what_is_no_prior_is_told(value: object, reason: str, said: str) -> None:
    with pytest.raises(InvalidFieldsError) as caught:
        parse_prior(value, LABELS)
    (error,) = caught.value.fields
    assert (error.field, error.reason) == ("prior", reason)
    assert said in error.detail


@given(st.text(max_size=40))
def test_any_text_is_shares_or_refused(text: str) -> None:
    try:
        shares = parse_prior(text, LABELS)
    except InvalidFieldsError:
        return
    assert shares is None or sum(shares) == pytest.approx(1)
