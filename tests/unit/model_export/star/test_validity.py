"""Where the model holds: ranges, and other magnitudes."""

from __future__ import annotations

import json

import numpy as np

from model_export.star import readme, texts, validity
from model_export.star.validity import by_range, on_other_magnitudes, training_range
from skysort.star.cures import VEGA
from tests.unit.model_export.star.factories import survey

OBJECTS = survey(2_000, seed=3)


def test_every_object_is_in_one_range_of_brightness_and_one_of_redshift() -> None:
    # Given answers that are right for all but the first hundred objects
    predicted = OBJECTS.labels.copy()
    predicted[:100] = (predicted[:100] + 1) % 3
    # When
    found = by_range(OBJECTS, predicted)
    # Then
    for parts in found.values():
        assert sum(part["rows"] for part in parts) == len(OBJECTS)
        right = sum(part["rows"] * part["accuracy"]["value"] for part in parts)
        assert round(right) == len(OBJECTS) - 100
        assert all(part["classes"][label] >= validity.FEW for part in parts for label in part["recall"])


def test_the_range_of_the_training_part_is_of_magnitudes_colours_and_redshift() -> None:
    found = training_range(OBJECTS)
    assert list(found) == ["u", "g", "r", "i", "z", "u-g", "g-r", "r-i", "i-z", "redshift"]
    colour = OBJECTS.photometry.magnitudes[:, 1] - OBJECTS.photometry.magnitudes[:, 2]
    low, high = found["g-r"]
    assert 0.98 < ((colour > low) & (colour < high)).mean() < 1.0


def test_other_magnitudes_are_what_the_model_is_given() -> None:
    seen = []

    def predict(
        magnitudes: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    ) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        seen.append(magnitudes)
        return OBJECTS.labels

    found = on_other_magnitudes(OBJECTS, predict)
    assert all(share["value"] == 1 for share in found.values())
    np.testing.assert_allclose(seen[list(found).index("Vega magnitudes")], OBJECTS.photometry.magnitudes - VEGA)


def test_the_sentences_of_the_card_have_the_figures_of_the_evaluation() -> None:
    evaluation = json.loads((readme.PAGE.results / "evaluation.json").read_text(encoding="utf-8"))
    told = texts.validity(evaluation)
    vega = evaluation["variants"]["photometry_only"]["metrics"]["on_other_magnitudes"]["Vega magnitudes"]
    assert f"photometry_only for {vega['value']:.3f}" in told["magnitudes"]
    assert told["redshift"].startswith("Above a redshift of 1.2")
