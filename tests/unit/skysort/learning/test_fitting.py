"""Choice, calibration, evaluation and curve on examples of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from skysort.learning import chooser, curve, evaluation, fitting
from skysort.learning.space import join
from tests.unit.skysort.learning.factories import clouds

NAMES = ("round", "spiral", "edge-on")


def evaluated(
    blocks: dict[str, np.ndarray], labels: np.ndarray, names: tuple[str, ...] = NAMES
) -> evaluation.Evaluation:
    return evaluation.evaluate(blocks, labels, names=names, seed=1, repeats=1)


def test_the_block_that_tells_the_classes_apart_is_chosen() -> None:
    # Given
    blocks, labels = clouds(apart=1.0)

    # When
    found = fitting.fit(blocks, labels, seed=1)

    # Then
    assert "shape" in found.candidate.blocks
    assert found.weights.shape == (3, sum(size for _, size in found.blocks))
    accuracy = {tried.candidate.blocks: tried.accuracy for tried in found.choice.tried}
    assert accuracy["shape",] > 0.7 > accuracy["sky",]


def test_a_fit_is_the_same_every_time() -> None:
    blocks, labels = clouds()
    first, second = (fitting.fit(blocks, labels, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(first.sketch.prototypes, second.sketch.prototypes)
    assert first.document() == second.document()


def test_five_examples_a_class_are_enough() -> None:
    blocks, labels = clouds(each=5, apart=4.0)
    found = fitting.fit(blocks, labels, seed=1)
    scores = join(blocks, found.candidate.blocks) @ found.weights.T + found.bias
    assert (scores.argmax(axis=1) == labels).mean() > 0.9
    assert evaluated(blocks, labels).metrics["examples"] == 15


def test_labels_without_meaning_are_not_recognised() -> None:
    # Given: choosing the best of many candidates by the same folds would look better than chance
    blocks, labels = clouds(classes=2, each=60, apart=0.0)

    # When
    metrics = evaluated(blocks, labels, NAMES[:2]).metrics

    # Then
    assert metrics["accuracy"]["low"] < 0.5 < metrics["accuracy"]["high"]
    assert metrics["ece"] < 0.15


def test_held_out_scores_are_those_of_new_examples() -> None:
    # Given
    blocks, labels = clouds(each=40, apart=0.8)
    new, truth = clouds(each=500, apart=0.8, seed=2)

    # When
    measured = evaluated(blocks, labels).metrics
    found = fitting.fit(blocks, labels, seed=1)
    scores = join(new, found.candidate.blocks) @ found.weights.T + found.bias

    # Then
    accuracy = (scores.argmax(axis=1) == truth).mean()
    assert measured["accuracy"]["low"] < accuracy < measured["accuracy"]["high"]
    probability = found.calibration.probabilities(scores)
    covered = (probability >= found.calibration.thresholds)[np.arange(len(truth)), truth].mean()
    assert covered == pytest.approx(0.9, abs=0.06)
    assert measured["coverage"]["value"] == pytest.approx(0.9, abs=0.06)


def test_metrics_fit_each_other() -> None:
    blocks, labels = clouds(apart=0.7)
    found = evaluation.evaluate(blocks, labels, names=NAMES, seed=1, repeats=2)
    table = np.array(found.metrics["confusion_matrix"])
    assert table.sum() == pytest.approx(60, abs=0.1)
    assert np.trace(table) / 60 == pytest.approx(found.metrics["accuracy"]["value"], abs=1e-2)
    assert found.metrics["balanced_accuracy"]["value"] == pytest.approx(found.metrics["accuracy"]["value"])
    assert [entry["rows"] for entry in found.metrics["per_class"].values()] == [20, 20, 20]
    assert found.predictions.right.mean() == pytest.approx(found.metrics["accuracy"]["value"], abs=1e-6)


def test_the_curve_rises_and_more_examples_bring_less_and_less() -> None:
    # Given
    blocks, labels = clouds(each=60, apart=0.7)
    found = chooser.spaces(blocks)

    # When
    measured = curve.measure(found, labels, seed=1, passes=1)

    # Then
    document = measured.document()
    assert [entry["examples"] for entry in document] == [10, 20, 50, 100]
    values = [entry["accuracy"]["value"] for entry in document]
    assert values[-1] > values[0]
    forecast = measured.forecast(measured.right[-1])
    assert forecast["examples"] == 230
    assert 0 <= forecast["gain"]["low"] <= forecast["gain"]["value"] <= forecast["gain"]["high"] < 0.1


def test_ten_examples_that_are_all_right_promise_no_certainty() -> None:
    # Given
    blocks, labels = clouds(classes=2, each=5, apart=20.0)

    # When
    found = evaluated(blocks, labels, NAMES[:2])

    # Then
    assert found.metrics["accuracy"] == {"value": 1.0, "low": 0.722467, "high": 1.0}
    assert found.forecast["accuracy"] == {"value": 1.0, "low": 0.722467, "high": 1.0}


def handed(
    each: int, *, chiral: bool, seed: int = 3
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Examples and their mirror images, in which half the features have the other sign.

    chiral: whether the classes are told apart by those, or by the others.
    """
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(2), each)
    odd, even = generator.normal(0, 1, (2, len(labels), 40))
    (odd if chiral else even)[:, :6] += 1.2 * (2 * labels[:, np.newaxis] - 1)
    views = (np.hstack([sign * 3 * odd if not chiral else sign * odd, even]).astype(np.float32) for sign in (1, -1))
    blocks, mirrored = ({"shape": view} for view in views)
    return blocks, mirrored, labels


@pytest.mark.parametrize("chiral", [True, False])
def test_mirror_images_are_examples_unless_classes_are_mirror_images(chiral: bool) -> None:
    # Given
    blocks, mirrored, labels = handed(12, chiral=chiral)

    # When
    found = fitting.fit(blocks, labels, 1, chooser.spaces(blocks, mirrored))

    # Then they help where handedness says nothing, and are left out where it is all
    assert found.candidate.mirrored != chiral
    assert found.document()["mirrored_examples"] != chiral


def test_a_mirror_image_never_tells_of_an_example_that_is_held_out() -> None:
    # Given examples without meaning, whose mirror images are the same as they are
    blocks, labels = clouds(classes=2, each=40, apart=0.0)

    # When
    found = evaluation.evaluate(
        blocks, labels, names=NAMES[:2], seed=1, repeats=1, spaces=chooser.spaces(blocks, blocks)
    )

    # Then none is recognised by its own
    assert found.metrics["accuracy"]["low"] < 0.5 < found.metrics["accuracy"]["high"]
    assert found.metrics["examples"] == 80


def test_with_mirror_images_a_head_is_still_one_of_the_features() -> None:
    blocks, mirrored, _ = handed(30, chiral=False)
    spaces = chooser.spaces(blocks, mirrored)
    (space_,) = spaces.values()
    weights, bias = space_.raw(np.eye(space_.coordinates.shape[1]), np.zeros(space_.coordinates.shape[1]))
    assert space_.mirrored is not None
    np.testing.assert_allclose(blocks["shape"] @ weights.T + bias, space_.coordinates, atol=1e-4)
    np.testing.assert_allclose(mirrored["shape"] @ weights.T + bias, space_.mirrored, atol=1e-4)


def test_sets_may_be_named() -> None:
    blocks, _ = clouds()
    assert set(chooser.spaces(blocks, sets=[("sky",), ("sky", "shape"), ("sky",)])) == {("sky",), ("sky", "shape")}


def test_features_that_are_the_same_for_all_take_no_part() -> None:
    # Given: one of two blocks says nothing
    blocks, labels = clouds(each=10, apart=4.0)
    constant = {**blocks, next(iter(blocks)): np.ones_like(next(iter(blocks.values())))}

    # When
    found = fitting.fit(constant, labels, seed=1)

    # Then
    assert found.candidate.blocks == tuple(blocks)[1:]
    assert evaluated(constant, labels).metrics["accuracy"]["value"] > 0.9


def test_folds_whose_other_examples_are_all_alike_are_answered_by_the_sizes_of_the_classes() -> None:
    # Given: nine of ten examples are the same
    blocks, labels = clouds(classes=2, each=5, apart=4.0)
    alike = {name: np.where(np.arange(10)[:, np.newaxis] == 3, values, values[0]) for name, values in blocks.items()}

    # When
    found = evaluated(alike, labels, NAMES[:2])

    # Then
    assert found.metrics["accuracy"]["value"] <= 0.6
    assert np.isfinite(found.predictions.probability).all()


def test_a_flat_curve_promises_nothing() -> None:
    flat = curve.Curve((10, 20, 50), np.ones((3, 80)))
    assert flat.forecast(np.ones(80))["gain"]["value"] == 0.0
    assert flat.forecast(np.ones(80))["accuracy"]["value"] == 1.0
