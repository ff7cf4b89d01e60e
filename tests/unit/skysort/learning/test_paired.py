"""Two models on the same examples."""

from __future__ import annotations

import math

import pytest

from skysort.learning.paired import HeldOut, compare


def held_out(right: list[float], first: int = 0, label: str = "ring") -> HeldOut:
    ids = [f"{first + row:04x}" for row in range(len(right))]
    return HeldOut(ids, [label] * len(right), right, [0.1 if value else 2.0 for value in right])


def test_a_model_that_knows_fewer_beyond_chance_is_worse() -> None:
    found = compare(held_out([1.0] * 40), held_out([1.0] * 25 + [0.0] * 15))
    assert found["worse"]
    assert found["accuracy"]["difference"]["value"] == pytest.approx(-0.375)


def test_a_difference_within_chance_is_not_worse() -> None:
    found = compare(held_out([1.0] * 20 + [0.0] * 20), held_out([1.0] * 19 + [0.0] * 21))
    assert not found["worse"]
    assert found["accuracy"]["difference"]["low"] < 0 < found["accuracy"]["difference"]["high"]


def test_the_interval_is_that_of_the_differences_not_of_the_scores() -> None:
    # Given: as accurate, on the same examples, but for four of a hundred
    live, new = [1.0] * 50 + [0.0] * 50, [1.0] * 48 + [0.0] * 48 + [1.0] * 4

    # When
    difference = compare(held_out(live), held_out(new))["accuracy"]["difference"]

    # Then: the differences are 2 x -1, 4 x 1, 94 x 0
    assert difference["value"] == pytest.approx(0.02)
    variance = (6 - 100 * 0.02**2) / 99
    assert difference["high"] == pytest.approx(0.02 + 1.96 * math.sqrt(variance / 100), abs=1e-4)


def test_only_common_examples_with_the_same_label_count() -> None:
    assert compare(held_out([1.0] * 40), held_out([0.0] * 40, first=25))["examples"] == 15
    assert compare(held_out([1.0] * 40), held_out([0.0] * 40, label="none")) == {"examples": 0, "worse": False}


def test_few_common_examples_decide_nothing() -> None:
    assert compare(held_out([1.0] * 9), held_out([0.0] * 9)) == {"examples": 9, "worse": False}


def test_a_document_is_read_back() -> None:
    kept = held_out([1.0, 0.5, 0.0])
    assert HeldOut.of(kept.document()) == kept
