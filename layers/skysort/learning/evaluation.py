"""What a trained head is worth: scores of examples that neither its weights nor its choice have seen.

In every outer fold the whole procedure is repeated on the rest: choice by inner folds, temperature and thresholds from
their scores, weights. The mean and the axes of the features alone are those of all examples, without their labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.learning import chooser, curve, folds, heads, metrics
from skysort.learning.calibration import COVERAGE, log_probabilities, reliability
from skysort.learning.fitting import Calibration, repeats_of
from skysort.learning.metrics import DIGITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.learning.space import Space

    Floats = NDArray[np.float64]

FOLDS: Final = 5
INNER_FOLDS: Final = 4
MANY: Final = 1_000


@dataclass(frozen=True, slots=True)
class Predictions:
    """Out-of-fold results of r repeats.

    probability, uncalibrated, members: (r, n, classes); members of the prediction sets. labels: (n,).
    """

    probability: Floats
    uncalibrated: Floats
    members: NDArray[np.bool_]
    labels: NDArray[np.int64]

    @property
    def right(self) -> Floats:
        """(n,) how often each example was recognised."""
        return np.asarray((self.probability.argmax(axis=2) == self.labels).mean(axis=0))


def predict(
    found: Mapping[tuple[str, ...], Space],
    labels: NDArray[np.int64],
    *,
    seed: int,
    repeats: int,
    kinds: Sequence[str] = heads.KINDS,
) -> Predictions:
    """The out-of-fold results of the whole procedure."""
    classes, shape = int(labels.max()) + 1, (repeats, len(labels), int(labels.max()) + 1)
    probability, uncalibrated, members = np.empty(shape), np.empty(shape), np.empty(shape, np.bool_)
    for repeat in range(repeats):
        # Another seed than the choice's, so that its folds are not these.
        outer = folds.splits(labels, folds.largest(labels, FOLDS), seed + 1_000 + repeat)
        for train, held_out in outer:
            inner = chooser.choose(found, train, labels, seed=seed + repeat, wanted=INNER_FOLDS, kinds=kinds)
            of = found[inner.best.candidate.blocks]
            weights, bias = chooser.fit(of, train, labels, inner.best.candidate)
            fitted = Calibration.of(inner.best, labels[train], classes)
            scores = of.coordinates[held_out] @ weights + bias
            probability[repeat, held_out] = fitted.probabilities(scores)
            uncalibrated[repeat, held_out] = np.exp(log_probabilities(scores))
            members[repeat, held_out] = probability[repeat, held_out] >= fitted.thresholds
    return Predictions(probability, uncalibrated, members, labels)


def scores(predictions: Predictions, names: Sequence[str]) -> dict[str, Any]:
    """The metrics of a card.

    Parameters
    ----------
    predictions
        Of all repeats. Every count is the mean over them, and an interval is one of as many examples, not predictions.
    names
        Of the classes.

    Returns
    -------
    dict
        As in a card.
    """
    labels, classes = predictions.labels, len(names)
    repeats = len(predictions.probability)
    predicted = predictions.probability.argmax(axis=2)
    seen = np.tile(labels, repeats)
    table = metrics.confusion(seen, predicted.ravel(), classes) / repeats
    flat = predictions.probability.reshape(-1, classes)
    calibrated = reliability(flat, seen)
    covered = predictions.members[:, np.arange(len(labels)), labels].mean(axis=0)
    return {
        "examples": len(labels),
        "split": _split(labels, repeats),
        **metrics.scores_of_few(table),
        "log_loss": round(float(-np.log(np.maximum(flat[np.arange(len(seen)), seen], 1e-12)).mean()), DIGITS),
        "ece": round(calibrated.expected_calibration_error, DIGITS),
        "ece_uncalibrated": round(
            reliability(predictions.uncalibrated.reshape(-1, classes), seen).expected_calibration_error, DIGITS
        ),
        "per_class": metrics.per_class(table, names),
        "confusion_matrix": np.round(table, 2).tolist(),
        "reliability": calibrated.document(),
        "coverage": {
            "wanted": COVERAGE,
            "value": round(float(covered.mean()), DIGITS),
            "by_class": {name: round(float(covered[labels == row].mean()), DIGITS) for row, name in enumerate(names)},
            "mean_set_size": round(float(predictions.members.sum(axis=2).mean()), DIGITS),
            "empty": round(float((~predictions.members.any(axis=2)).mean()), DIGITS),
        },
    }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The card's metrics, learning curve and forecast, and the predictions that they are of."""

    metrics: Mapping[str, Any]
    learning_curve: Sequence[Mapping[str, Any]]
    forecast: Mapping[str, Any]
    predictions: Predictions


def evaluate(
    blocks: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
    *,
    names: Sequence[str],
    seed: int,
    repeats: int = 0,
    spaces: Mapping[tuple[str, ...], Space] | None = None,
) -> Evaluation:
    """Evaluate the procedure of skysort.learning.fitting on these examples.

    Parameters
    ----------
    blocks, labels, seed, spaces
        As in skysort.learning.fitting.fit.
    names
        Of the classes.
    repeats
        How often the outer folds are drawn; 0: as many as the number of examples asks for.

    Returns
    -------
    Evaluation
        Of examples that neither choice nor calibration nor weights have seen.
    """
    found = spaces or chooser.spaces(blocks)
    predictions = predict(found, labels, seed=seed, repeats=repeats or repeats_of(len(labels)))
    # Of many examples the folds are drawn once: the curve is smooth enough, and each of its heads takes longer.
    learnt = curve.measure(found, labels, seed=seed, passes=curve.PASSES if len(labels) <= MANY else 1)
    return Evaluation(
        scores(predictions, names),
        learnt.document(),
        learnt.forecast(predictions.right),
        predictions,
    )


def _split(labels: NDArray[np.int64], repeats: int) -> str:
    count = folds.largest(labels, FOLDS)
    often = f", {repeats} times" if repeats > 1 else ""
    return f"out-of-fold, stratified {count}-fold{often}; choice and calibration inside each fold, on the rest"
