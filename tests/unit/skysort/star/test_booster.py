"""The C API adapter against XGBoost's own Python package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import xgboost

from skysort.errors import ArtefactError
from skysort.star.booster import Booster
from skysort.star.model import PHOTOMETRY_ONLY, WITH_REDSHIFT

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def features_for(booster: Booster, rows: int) -> NDArray[np.float32]:
    return np.random.default_rng(5).normal(1, 8, (rows, booster.feature_count)).astype(np.float32)


@pytest.mark.parametrize("variant", [WITH_REDSHIFT, PHOTOMETRY_ONLY])
def test_margins_and_shap_values_equal_the_packages_own(star_folder: Path, variant: str) -> None:
    # Given the same model file in both
    path = star_folder / f"{variant}.ubj"
    booster, reference = Booster(path.read_bytes()), xgboost.Booster(model_file=path)
    features = features_for(booster, 257)
    # When both predict
    margins, shap = booster.margins(features), booster.contributions(features)
    # Then the values are the same, bit for bit
    matrix = xgboost.DMatrix(features)
    assert np.array_equal(margins, reference.inplace_predict(features, predict_type="margin"))
    assert np.array_equal(shap, reference.predict(matrix, pred_contribs=True))
    assert np.allclose(shap.sum(axis=2), margins, atol=1e-4)


def test_a_prediction_outlives_the_next_one(star_folder: Path) -> None:
    booster = Booster((star_folder / "with_redshift.ubj").read_bytes())
    features = features_for(booster, 2)
    first = booster.margins(features[:1])
    before = first.copy()
    booster.margins(features[1:])
    assert np.array_equal(first, before)


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(ArtefactError, match="xgboost"):
        Booster(b"{not a model")


def test_features_of_the_wrong_form_are_refused(star_folder: Path) -> None:
    booster = Booster((star_folder / "with_redshift.ubj").read_bytes())
    features = features_for(booster, 4)
    with pytest.raises(ValueError, match=f"takes {booster.feature_count} features"):
        booster.margins(features[:, :-1].copy())
    with pytest.raises(TypeError, match="float32"):
        booster.margins(features.astype(np.float64))
    with pytest.raises(TypeError, match="C-contiguous"):
        booster.margins(np.asfortranarray(features))
