"""Probabilities that mean what they say: temperature scaling, and the error that it mends.

Guo, Pleiss, Sun & Weinberger (2017), "On Calibration of Modern Neural Networks": dividing the
margins by one number T leaves the order of the classes, and so every label, as it was.

The temperature and the conformal thresholds are fitted on out-of-fold margins of the training
part: each object is judged by a booster that did not see it. A separate calibration part would
cost the boosters a share of their rows; this costs nothing but five more fits. The shipped
booster saw all of the training part, a quarter more than each fold's, so its own margins are
slightly better than those that it was calibrated on: the error is on the careful side, and the
test split, which neither saw, says how large it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import minimize_scalar

from skysort.probability import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS: Final = 15  # as in Guo et al.
LARGEST_LOG_TEMPERATURE: Final = np.log(20.0)


def probabilities(margins: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """(n, classes) softmax(margins / T), by the code that serves, in its float32."""
    return softmax(margins.astype(np.float32), temperature).astype(np.float64)


def log_loss(margins: NDArray[np.float64], labels: NDArray[np.int64], temperature: float = 1.0) -> float:
    """Mean negative log likelihood of the true classes, in nats."""
    scaled = margins / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    true = scaled[np.arange(len(labels)), labels]
    return float((np.log(np.exp(scaled).sum(axis=1)) - true).mean())


def fit_temperature(margins: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The T > 0 of the least log loss; searched in log T, where the loss has one valley."""
    found = minimize_scalar(
        lambda log_t: log_loss(margins, labels, float(np.exp(log_t))),
        bounds=(-LARGEST_LOG_TEMPERATURE, LARGEST_LOG_TEMPERATURE),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return round(float(np.exp(found.x)), 6)


@dataclass(frozen=True, slots=True)
class Reliability:
    """Objects binned by the probability of their top label.

    count: (bins,) objects. confidence, accuracy: (bins,) means, NaN in an empty bin.
    """

    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def expected_calibration_error(self) -> float:
        """ECE: the mean gap between confidence and accuracy, weighted by objects."""
        gaps = np.abs(self.confidence - self.accuracy) * self.count
        return float(np.nansum(gaps) / self.count.sum())


def reliability(probability: NDArray[np.float64], labels: NDArray[np.int64], bins: int = BINS) -> Reliability:
    """Bin by confidence in equal steps from 0 to 1, as in Guo et al."""
    confidence = probability.max(axis=1)
    correct = probability.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    filled = np.where(count > 0, count, np.nan)
    return Reliability(
        count,
        np.bincount(place, confidence, minlength=bins) / filled,
        np.bincount(place, correct, minlength=bins) / filled,
    )


def listed(curve: Reliability) -> list[dict[str, float]]:
    """The filled bins of a curve, as a card shows them: count, mean confidence, accuracy."""
    return [
        {
            "count": int(curve.count[place]),
            "confidence": round(float(curve.confidence[place]), 4),
            "accuracy": round(float(curve.accuracy[place]), 4),
        }
        for place in np.flatnonzero(curve.count)
    ]
