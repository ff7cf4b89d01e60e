"""Typicality is a p-value, strangers have none to speak of, and neighbours look alike."""

from __future__ import annotations

import numpy as np
import pytest

from skysort.learning import fitting, sketch
from skysort.learning.space import join
from tests.unit.skysort.learning.factories import clouds


def sketched(each: int = 100) -> tuple[sketch.Sketch, tuple[str, ...]]:
    blocks, labels = clouds(each=each)
    found = fitting.fit(blocks, labels, seed=1)
    return found.sketch, found.candidate.blocks


def test_typicality_of_new_examples_is_uniform() -> None:
    # Given
    made, names = sketched()
    new, _ = clouds(each=700, seed=2)

    # When
    typicality = made.typicality(made.place(join(new, names))[1])

    # Then
    for level in (0.05, 0.25, 0.5, 0.9):
        assert (typicality <= level).mean() == pytest.approx(level, abs=0.05)


def test_new_examples_like_ten_training_examples_are_typical() -> None:
    # Given: in many dimensions a mean is nearer to the few examples that it is the mean of than to any other
    generator = np.random.default_rng(1)
    examples, new = (generator.normal(0, 1, (count, 200)).astype(np.float32) for count in (10, 500))
    weight = np.full(200, 0.07, np.float32)

    # When
    made = sketch.make(examples, examples.mean(axis=0), weight, np.arange(10), seed=1)
    typicality = made.typicality(made.place(new)[1])

    # Then
    assert (typicality <= 0.1).mean() < 0.25
    assert (typicality < sketch.THRESHOLD).mean() < 0.05


@pytest.mark.parametrize("each", [6, 100])
def test_examples_of_another_kind_are_not_typical(each: int) -> None:
    made, names = sketched(each)
    strange = {name: values + 40.0 for name, values in clouds(seed=3)[0].items()}
    assert (made.typicality(made.place(join(strange, names))[1]) < sketch.THRESHOLD).all()


def test_typicality_falls_with_the_distance_beyond_the_farthest_example_too() -> None:
    made, _ = sketched()
    far = float(made.reference[-1])
    values = made.typicality(np.array([0.0, far, far * 1.05, far * 1.2], np.float32))
    assert (np.diff(values) < 0).all()
    assert values[0] == 1.0


def test_an_example_is_its_own_nearest_neighbour() -> None:
    blocks, labels = clouds()
    found = fitting.fit(blocks, labels, seed=1)
    similarities, _ = found.sketch.place(join(blocks, found.candidate.blocks)[found.kept])
    np.testing.assert_array_equal(similarities.argmax(axis=1), np.arange(len(found.kept)))
    assert (np.abs(similarities) <= 1).all()
