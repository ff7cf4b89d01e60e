"""What the model looks at."""

from __future__ import annotations

import numpy as np

from skysort.star.features import PHOTOMETRIC, SPECTROSCOPIC, feature_matrix

MAGNITUDES = np.array([[19.5, 18.25, 17.5, 17.25, 17.0]])


def test_the_matrix_has_a_column_for_every_named_feature() -> None:
    assert feature_matrix(MAGNITUDES, np.array([0.5])).shape == (1, len(SPECTROSCOPIC))
    assert feature_matrix(MAGNITUDES, None).shape == (1, len(PHOTOMETRIC))


def test_colours_are_differences_of_bands() -> None:
    features = dict(zip(SPECTROSCOPIC, feature_matrix(MAGNITUDES, np.array([0.5]))[0].tolist(), strict=True))
    assert features["u-g"] == 1.25
    assert features["i-z"] == 0.25
    assert features["redshift"] == 0.5


def test_the_photometric_features_are_the_spectroscopic_ones_without_the_spectrum() -> None:
    assert "redshift" not in PHOTOMETRIC
    assert set(PHOTOMETRIC) < set(SPECTROSCOPIC)


def test_position_is_no_feature() -> None:
    assert not {"alpha", "delta"} & set(SPECTROSCOPIC)
