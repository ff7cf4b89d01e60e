"""Thresholds of the prediction sets from all held-out galaxies, their coverage cross-fitted.

Rare classes have two dozen pictures in the validation part, too few for a threshold that keeps its coverage on others.
Validation and test part together have twice to three times as many. No picture's set is measured with a threshold that
it had a part in: of ten folds, each is measured with the thresholds of the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.galaxy import choice
from model_export.galaxy.labels import NAMES
from skysort.learning import calibration, folds
from skysort.learning.metrics import sets_summary
from skysort.probability import prediction_sets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FOLDS: Final = 10
SEED: Final = 1
METHOD: Final = (
    "clustered conformal prediction (Ding et al. 2023) on the validation and test parts: a threshold a class with at "
    f"least {choice.ENOUGH} pictures there, one common threshold for the rarer classes; coverage cross-fitted over "
    f"{FOLDS} folds; a set may be empty"
)


def refit(probability: NDArray[np.float64], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Thresholds of (n, 8) probabilities of held-out galaxies as in a card, and what they cover as in its metrics."""
    members = np.zeros(probability.shape, np.bool_)
    for fitted, measured in folds.splits(truth, FOLDS, SEED):
        limits = choice.thresholds(probability[fitted], truth[fitted])
        members[measured] = prediction_sets(probability[measured].astype(np.float32), limits.astype(np.float32))
    limits = choice.thresholds(probability, truth)
    return {
        "conformal": {
            "coverage": calibration.COVERAGE,
            "method": METHOD,
            "thresholds": {name: round(float(limit), 6) for name, limit in zip(NAMES, limits, strict=True)},
        },
        "measured": {"rows": len(truth), **sets_summary(members, truth, NAMES)},
    }


def with_sets(card: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """A card with other thresholds, and what they cover."""
    metrics = {**card["metrics"], "conformal": found["measured"]}
    return {**card, "conformal": found["conformal"], "metrics": metrics}


def with_sets_evaluated(evaluation: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The evaluation that a card with other thresholds is made from."""
    chosen = {**evaluation["choice"], "thresholds": found["conformal"]["thresholds"]}
    return {**evaluation, "choice": chosen, "metrics": {**evaluation["metrics"], "conformal": found["measured"]}}
