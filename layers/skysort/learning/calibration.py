"""Calibrated probabilities by temperature scaling, their reliability, and conformal prediction sets.

Guo, Pleiss, Sun & Weinberger (2017), "On Calibration of Modern Neural Networks": dividing the logits by one number
T does not change the order of the classes, and so changes no label.

Split-conformal prediction (Vovk, Gammerman & Shafer 2005): a label is in the prediction set when its calibrated
probability reaches a threshold fitted on objects with that true label. skysort.probability.prediction_sets makes the
sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.probability import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

BINS: Final = 15  # as in Guo et al.
LARGEST_LOG_TEMPERATURE: Final = np.log(20.0)
PRECISION: Final = 1e-8  # of log T
COVERAGE: Final = 0.9


def probabilities(logits: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """(n, classes) softmax(logits / T), computed in float32 by the serving code."""
    return softmax(logits.astype(np.float32), temperature).astype(np.float64)


def log_probabilities(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """(n, classes) log softmax(logits / T), in float64."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))


def log_loss(logits: Floats, labels: NDArray[np.int64], temperature: float = 1.0) -> float:
    """Mean negative log likelihood of the true classes, in nats."""
    return float(-log_probabilities(logits, temperature)[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: Floats, labels: NDArray[np.int64], doubt: float = 0.0) -> float:
    """The temperature T, from 1/20 to 20, that minimises the log loss.

    Parameters
    ----------
    logits, labels
        (n, classes) and (n,).
    doubt
        The share of each label that is spread over all classes.

    Returns
    -------
    float
        To six digits.
    """
    # In 1 / T the loss is convex: its slope, the mean of (expected logit - logit of the true class), changes sign once.
    margins = logits.astype(np.float64)
    true_class = (1 - doubt) * margins[np.arange(len(labels)), labels] + doubt * margins.mean(axis=1)
    low, high = -LARGEST_LOG_TEMPERATURE, LARGEST_LOG_TEMPERATURE
    while high - low > PRECISION:
        middle = (low + high) / 2
        expected = (np.exp(log_probabilities(margins, float(np.exp(middle)))) * margins).sum(axis=1)
        low, high = (low, middle) if (expected - true_class).mean() < 0 else (middle, high)
    return round(float(np.exp((low + high) / 2)), 6)


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

    def document(self) -> list[dict[str, float]]:
        """The non-empty bins as listed in a card: count, mean confidence, accuracy."""
        return [
            {"count": int(count), "confidence": round(float(confidence), 4), "accuracy": round(float(accuracy), 4)}
            for count, confidence, accuracy in zip(self.count, self.confidence, self.accuracy, strict=True)
            if count
        ]


def reliability(probability: Floats, labels: NDArray[np.int64], bins: int = BINS) -> Reliability:
    """Bin by confidence in equal steps from 0 to 1, as in Guo et al."""
    confidence = probability.max(axis=1).astype(np.float64)
    correct = probability.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    filled = np.where(count > 0, count, np.nan)
    means = (np.bincount(bin_of, values, minlength=bins) / filled for values in (confidence, correct))
    return Reliability(count, *means)


def calibration_error(probability: Floats, labels: NDArray[np.int64]) -> float:
    """The expected calibration error of the top label in 15 bins, to six digits."""
    return round(reliability(probability, labels).expected_calibration_error, 6)


def threshold(true_class: Floats, coverage: float = COVERAGE) -> float:
    """The least probability with which a label is in the prediction set.

    Parameters
    ----------
    true_class
        (n,) probabilities of the true class of the calibration objects.
    coverage
        The share of objects whose set is to contain the true class.

    Returns
    -------
    float
        The floor((1 - coverage) (n + 1))-th smallest: a new object falls below it with a probability of at most
        1 - coverage. With too few objects for that guarantee it is 0, so the label is in every set.
    """
    rank = int(np.floor((1.0 - coverage) * (len(true_class) + 1) + 1e-9))
    return float(np.sort(true_class)[rank - 1]) if rank >= 1 else 0.0


def thresholds(
    probability: NDArray[np.float64], labels: NDArray[np.int64], coverage: float = COVERAGE
) -> NDArray[np.float64]:
    """(classes,) class-conditional (Mondrian) thresholds, each from the objects of that class (Vovk 2013)."""
    return np.array([threshold(probability[labels == label, label], coverage) for label in range(probability.shape[1])])
