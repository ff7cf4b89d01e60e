"""Calibration of 1,000 classes with one photograph each: a temperature and a common threshold for all labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.image import data
from skysort.learning import calibration
from skysort.learning.calibration import calibration_error, log_loss, log_probabilities, threshold
from skysort.learning.metrics import DIGITS, VALUES_SEED, with_interval
from skysort.probability import prediction_sets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

FOLDS: Final = 10
METHOD: Final = (
    "marginal split-conformal prediction with the score 1 - p of the true class (LAC; Sadinle, Lei & Wasserman 2019); "
    "one threshold for all labels; a set may be empty"
)
# A confusion matrix of more classes is unreadable.
MAX_CLASSES: Final = 20
_GRID: Final = np.exp(np.linspace(np.log(0.25), np.log(4.0), 1001))


def fit_temperature(logits: Floats, truth: NDArray[np.int64]) -> float:
    """The temperature T with the lowest log loss on a grid of 0.3 % steps from 1/4 to 4."""
    above = int(np.searchsorted(_GRID, calibration.fit_temperature(logits, truth)))
    nearest = _GRID[max(above - 1, 0) : above + 1]
    return round(float(min(nearest, key=lambda temperature: log_loss(logits, truth, float(temperature)))), DIGITS)


def true_class_probabilities(probability: Floats, truth: NDArray[np.int64]) -> Floats:
    """(n,) probability of the true class."""
    return probability[np.arange(len(truth)), truth]


def cross_fitted(logits: Floats, truth: NDArray[np.int64]) -> dict[str, Any]:
    """Cross-validated calibration: fitted on nine of ten folds, evaluated on the tenth."""
    fold = np.random.default_rng(VALUES_SEED).permutation(len(truth)) % FOLDS
    calibrated = np.empty(logits.shape, dtype=np.float64)
    sets = np.empty(logits.shape, dtype=np.bool_)
    for index in range(FOLDS):
        held_out = fold == index
        temperature = fit_temperature(logits[~held_out], truth[~held_out])
        fitted = np.exp(log_probabilities(logits[~held_out], temperature))
        calibrated[held_out] = np.exp(log_probabilities(logits[held_out], temperature))
        sets[held_out] = prediction_sets(
            calibrated[held_out], threshold(true_class_probabilities(fitted, truth[~held_out]))
        )
    sizes = sets.sum(axis=1)
    return {
        "ece_before": calibration_error(np.exp(log_probabilities(logits)), truth),
        "ece_after": calibration_error(calibrated, truth),
        "log_loss_before": round(log_loss(logits, truth), DIGITS),
        "log_loss_after": round(float(-np.log(true_class_probabilities(calibrated, truth)).mean()), DIGITS),
        "conformal_coverage": with_interval(sets[np.arange(len(truth)), truth]),
        "conformal_set_size": {**with_interval(sizes), "median": float(np.median(sizes))},
    }


def curves(probability: Floats, truth: NDArray[np.int64]) -> dict[str, Any]:
    """Reliability of (n, 1000) probabilities, and a confusion matrix if few classes occur, with a column "other"."""
    curve = calibration.reliability(probability, truth).document()
    present = np.unique(truth)
    if len(present) > MAX_CLASSES:
        return {"reliability": curve}
    names = data.load_labels().names
    column = {int(label): index for index, label in enumerate(present)}
    table = np.zeros((len(present), len(present) + 1), dtype=np.int64)
    for true, predicted in zip(truth, probability.argmax(axis=1), strict=True):
        table[column[int(true)], column.get(int(predicted), len(present))] += 1
    shown = {"rows": [names[label] for label in present], "columns": [*(names[label] for label in present), "other"]}
    return {"reliability": curve, "confusion": {**shown, "counts": table.tolist()}}
