"""The least certain examples, unlike each other."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.active import margins, pick


def test_the_margin_is_the_gap_between_the_best_two() -> None:
    assert margins(np.array([[0.5, 0.3, 0.2], [0.34, 0.33, 0.33]])) == pytest.approx([0.2, 0.01])


def test_the_least_certain_comes_first_and_no_two_alike() -> None:
    # Given: ten uncertain examples in two places, many certain ones elsewhere
    probability = np.vstack([np.tile([0.52, 0.48], (10, 1)), np.tile([0.99, 0.01], (90, 1))])
    probability[3] = [0.5, 0.5]
    features = np.zeros((100, 2))
    features[5:10] = 7.0
    features[10:] = np.random.default_rng(1).normal(0, 50, (90, 2))

    # When
    chosen = pick(probability, features, count=2)

    # Then
    assert chosen[0] == 3
    assert chosen[1] in range(5, 10)


def test_no_more_are_picked_than_there_are() -> None:
    chosen = pick(np.full((3, 2), 0.5), np.zeros((3, 4)), count=10)
    assert sorted(chosen) == [0, 1, 2]
