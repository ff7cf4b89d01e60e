"""Heads in the eigenbasis against their formulas written out."""

from __future__ import annotations

import numpy as np
import pytest

from skysort.learning import heads, space
from skysort.learning.calibration import log_loss
from tests.unit.skysort.learning.factories import clouds


def examples(each: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    labels = np.repeat([0, 1, 2], each)
    return generator.normal(0, 1, (3, width))[labels] + generator.normal(0, 1, (3 * each, width)), labels


@pytest.mark.parametrize(("each", "width"), [(30, 6), (4, 40)], ids=["more examples", "more features"])
@pytest.mark.parametrize("shrinkage", [0.1, 0.6])
def test_discriminants_are_those_of_the_shrunk_pooled_covariance(each: int, width: int, shrinkage: float) -> None:
    # Given
    points, labels = examples(each, width)
    training = heads.Training.of(points, labels, 3)

    # When
    scores = training.scores(training.fit(heads.LDA, shrinkage), points)

    # Then: Sigma^-1 (mean of the class), in all features
    means = np.stack([points[labels == label].mean(axis=0) for label in range(3)])
    within = points - means[labels]
    pooled = within.T @ within / (len(labels) - 3)
    typical = np.trace(pooled) / min(width, len(labels) - 1)
    inverse = np.linalg.inv((1 - shrinkage) * pooled + shrinkage * typical * np.eye(width))
    centred = means - points.mean(axis=0)
    expected = (points - points.mean(axis=0)) @ inverse @ centred.T - 0.5 * np.diag(centred @ inverse @ centred.T)
    np.testing.assert_allclose(scores - scores[:, :1], expected - expected[:, :1], atol=1e-8)


@pytest.mark.parametrize(("each", "width"), [(30, 6), (4, 40)], ids=["primal", "dual"])
def test_a_ridge_is_the_penalised_least_squares_solution(each: int, width: int) -> None:
    points, labels = examples(each, width)
    training = heads.Training.of(points, labels, 3)
    found = training.scores(training.fit(heads.RIDGE, 0.5), points) / heads.RIDGE_SCALE

    centred, target = points - points.mean(axis=0), np.eye(3)[labels]
    strength = 0.5 * np.trace(centred.T @ centred) / min(width, len(labels) - 1)
    weights = np.linalg.solve(centred.T @ centred + strength * np.eye(width), centred.T @ target)
    np.testing.assert_allclose(found, centred @ weights + target.mean(axis=0), atol=1e-8)


def test_a_logistic_regression_has_no_better_neighbour() -> None:
    # Given
    points, labels = examples(20, 5)
    training = heads.Training.of(points, labels, 3)
    penalty = heads.LOGISTIC_UNIT * training.scatter.sum()

    def loss(weights: np.ndarray) -> float:
        scores = training.scores(weights, points)
        return float(len(labels) * log_loss(scores, labels) + 0.5 * penalty * (weights[:-1] ** 2).sum())

    # When
    weights = training.fit(heads.LOGISTIC, 1.0)

    # Then
    generator = np.random.default_rng(0)
    for _ in range(20):
        assert loss(weights + generator.normal(0, 0.05, weights.shape)) > loss(weights)


@pytest.mark.parametrize("kind", heads.KINDS)
def test_a_head_of_the_coordinates_is_one_product_of_the_raw_features(kind: str) -> None:
    # Given
    blocks, labels = clouds()
    names = ("sky", "shape")
    found = space.build(blocks, names)
    training = heads.Training.of(found.coordinates, labels, 3)
    weights = training.fit(kind, heads.REGULARISATIONS[kind][1])

    # When
    raw, bias = found.raw(*training.outside(weights))

    # Then
    expected = training.scores(weights, found.coordinates)
    np.testing.assert_allclose(space.join(blocks, names) @ raw.T + bias, expected, atol=1e-3)


@pytest.mark.parametrize("each", [8, 60], ids=["more features", "more examples"])
def test_coordinates_keep_distances_and_blocks_weigh_the_same(each: int) -> None:
    blocks, _ = clouds(each=each)
    found = space.build(blocks, ("sky", "shape"))
    scaled = (space.join(blocks, ("sky", "shape")) - found.mean) * found.weight
    np.testing.assert_allclose(scaled @ scaled.T, found.coordinates @ found.coordinates.T, atol=1e-5)
    variance = scaled.var(axis=0)
    assert variance[:30].sum() == pytest.approx(variance[30:].sum(), rel=1e-4)


def test_features_that_never_change_take_no_part() -> None:
    blocks, _ = clouds()
    blocks["sky"][:] = 4.0
    found = space.build(blocks, ("sky", "shape"))
    assert np.isfinite(found.coordinates).all()
    np.testing.assert_allclose(found.basis[:30], 0.0, atol=1e-6)
