"""Thresholds from all held-out galaxies, and their cross-fitted coverage."""

from __future__ import annotations

import numpy as np

from model_export.galaxy import sets
from model_export.galaxy.labels import NAMES


def test_every_class_is_covered_as_it_should_be() -> None:
    # Given probabilities of eight classes of 200 galaxies each, some harder than others
    draw = np.random.default_rng(1)
    truth = np.repeat(np.arange(len(NAMES)), 200)
    scores = draw.standard_normal((len(truth), len(NAMES)))
    scores[np.arange(len(truth)), truth] += 1.0 + truth / 2
    probability = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    # When
    found = sets.refit(probability, truth)
    # Then
    assert tuple(found["conformal"]["thresholds"]) == NAMES
    assert found["measured"]["rows"] == len(truth)
    for name, share in found["measured"]["coverage_by_class"].items():
        assert 0.86 <= share["value"] <= 0.94, name
        assert share["low"] < share["value"] < share["high"]


def test_card_and_evaluation_get_the_same_sets() -> None:
    # Given
    found = {"conformal": {"thresholds": {"Irregular": 0.3}}, "measured": {"coverage": 0.9}}
    metrics = {"accuracy": 0.8, "conformal": {"coverage": 0.95}}
    # When
    card = sets.with_sets({"name": "galaxy", "conformal": {}, "metrics": metrics}, found)
    evaluation = sets.with_sets_evaluated({"choice": {"views": "as it is"}, "metrics": metrics}, found)
    # Then
    assert card["metrics"] == evaluation["metrics"] == {"accuracy": 0.8, "conformal": {"coverage": 0.9}}
    assert card["conformal"]["thresholds"] == evaluation["choice"]["thresholds"]
    assert evaluation["choice"]["views"] == "as it is"
