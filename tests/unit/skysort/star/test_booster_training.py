"""Training through the C API: the same model as xgboost.train's, byte for byte."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest
import xgboost

from skysort.errors import ArtefactError
from skysort.star.booster import Booster
from skysort.star.booster_training import Matrix, fit

RANDOM = np.random.default_rng(17)
FEATURES = RANDOM.normal(size=(900, 5)).astype(np.float32)
LABELS = (FEATURES[:, 0] + RANDOM.normal(size=900) > 0).astype(np.int64) + (FEATURES[:, 1] > 0.6)
FEATURES[::9, 2] = np.nan
WEIGHTS = RANDOM.uniform(0.5, 2.0, 900).astype(np.float32)
PARAMETERS: dict[str, Any] = {"max_depth": 4, "eta": 0.3, "subsample": 0.8, "colsample_bytree": 0.7, "lambda": 2.0}
SAME = {**PARAMETERS, "objective": "multi:softprob", "num_class": 3, "tree_method": "hist", "seed": 5, "nthread": 1}
SAME["eval_metric"] = "mlogloss"


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_it_is_the_model_of_xgboosts_own_package(weights: Any) -> None:
    # Given the same rows, parameters and seed
    theirs = xgboost.train(SAME, xgboost.DMatrix(FEATURES, LABELS, weight=weights), 9)
    # When
    ours = fit(Matrix(FEATURES, LABELS, weights), PARAMETERS, 9, classes=3, seed=5)
    # Then
    assert ours.model == bytes(theirs.save_raw("ubj"))
    assert (ours.rounds, ours.losses, ours.timed_out) == (9, (), False)


def test_it_stops_where_the_loss_no_longer_falls_as_xgboost_does() -> None:
    # Given rows to validate on
    training, held = slice(0, 600), slice(600, 900)
    watched = xgboost.DMatrix(FEATURES[held], LABELS[held])
    theirs = xgboost.train(
        SAME,
        xgboost.DMatrix(FEATURES[training], LABELS[training]),
        200,
        evals=[(watched, "v")],
        early_stopping_rounds=5,
        verbose_eval=False,
    )
    # When
    ours = fit(
        Matrix(FEATURES[training], LABELS[training]),
        PARAMETERS,
        200,
        classes=3,
        seed=5,
        validation=Matrix(FEATURES[held], LABELS[held]),
        patience=5,
    )
    # Then the rounds up to the lowest loss are kept
    assert ours.rounds == theirs.best_iteration + 1 == int(np.argmin(ours.losses)) + 1
    expected = theirs.predict(watched, output_margin=True, iteration_range=(0, ours.rounds))
    assert np.array_equal(Booster(ours.model).margins(FEATURES[held]), expected)


def test_it_is_the_same_for_any_number_of_threads() -> None:
    one, two = (
        fit(Matrix(FEATURES, LABELS, threads=threads), PARAMETERS, 5, classes=3, seed=5, threads=threads).model
        for threads in (1, 2)
    )
    assert np.array_equal(Booster(one).margins(FEATURES), Booster(two).margins(FEATURES))


def test_no_round_begins_after_the_time_limit() -> None:
    # Given a clock on which every look takes a second
    ticks = count()
    # When a training may take two and a half
    fitted = fit(
        Matrix(FEATURES, LABELS), PARAMETERS, 50, classes=3, seed=5, seconds=2.5, clock=lambda: float(next(ticks))
    )
    # Then it ends after the third round, with a model of these
    assert (fitted.rounds, fitted.timed_out) == (3, True)
    assert Booster(fitted.model).margins(FEATURES).shape == (900, 3)


def test_a_wrong_parameter_is_an_error_with_xgboosts_message() -> None:
    with pytest.raises(ArtefactError, match="max_depth"):
        fit(Matrix(FEATURES, LABELS), {"max_depth": "deep"}, 1, classes=3, seed=5)
