"""What is reported: top-1, top-5 and calibration with bootstrap intervals, temperature and conformal sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED: Final = 20260101
REPLICATES: Final = 10_000
INTERVAL: Final = (2.5, 97.5)  # percentiles: 95 %
BINS: Final = 15  # as in Guo et al. (2017)
COVERAGE: Final = 0.9
FOLDS: Final = 10
DIGITS: Final = 6
METHOD: Final = (
    "marginal split-conformal prediction with the score 1 - p of the true class (LAC; Sadinle, Lei & Wasserman 2019); "
    "one threshold for all labels; the top label is always in"
)
_GRID: Final = np.exp(np.linspace(np.log(0.25), np.log(4.0), 1001))


def log_softmax(logits: NDArray[np.floating[Any]], temperature: float = 1.0) -> NDArray[np.float64]:
    """(n, classes) log probabilities of logits / temperature."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)), dtype=np.float64)


def log_loss(logits: NDArray[np.floating[Any]], labels: NDArray[np.int64], temperature: float = 1.0) -> float:
    """Mean negative log likelihood of the true classes, in nats."""
    return float(-log_softmax(logits, temperature)[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> float:
    """The T of the least log loss (Guo et al. 2017) on a grid of 0.3 % steps from 1/4 to 4."""
    # The loss has one valley in T, so a search by thirds on the grid finds its floor.
    low, high = 0, len(_GRID) - 1
    while high - low >= 3:  # noqa: PLR2004 - thirds
        left, right = low + (high - low) // 3, high - (high - low) // 3
        if log_loss(logits, labels, float(_GRID[left])) <= log_loss(logits, labels, float(_GRID[right])):
            high = right
        else:
            low = left
    losses = {place: log_loss(logits, labels, float(_GRID[place])) for place in range(low, high + 1)}
    return round(float(_GRID[min(losses, key=losses.__getitem__)]), DIGITS)


def conformal_threshold(
    probabilities: NDArray[np.floating[Any]], labels: NDArray[np.int64], coverage: float = COVERAGE
) -> float:
    """The probability that a label must reach to be in the set.

    The floor((1 - coverage) (n + 1))-th smallest probability of a true class: a new photograph's falls below it
    with a chance of at most 1 - coverage. With too few photographs for the promise it is 0: every label is in.
    """
    own = np.sort(probabilities[np.arange(len(labels)), labels])
    rank = int(np.floor((1.0 - coverage) * (len(own) + 1) + 1e-9))
    return float(own[rank - 1]) if rank >= 1 else 0.0


def prediction_sets(probabilities: NDArray[np.floating[Any]], threshold: float) -> NDArray[np.bool_]:
    """(n, classes) whether a label is in each photograph's set; the top label always is."""
    inside = probabilities >= threshold
    inside[np.arange(len(probabilities)), probabilities.argmax(axis=1)] = True
    return np.asarray(inside, dtype=np.bool_)


def calibration_error(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.int64], bins: int = BINS) -> float:
    """ECE: the mean gap between confidence and accuracy over equal steps of confidence."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    gap = confidence - (probabilities.argmax(axis=1) == labels)
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    return float(np.abs(np.bincount(place, gap, minlength=bins)).sum() / len(labels))


def hits(scores: NDArray[np.floating[Any]], labels: NDArray[np.int64], places: int) -> NDArray[np.bool_]:
    """(n,) whether the true class is among the best so many."""
    own = scores[np.arange(len(labels)), labels][:, np.newaxis]
    return np.asarray((scores > own).sum(axis=1) < places, dtype=np.bool_)


def with_interval(values: NDArray[Any], seed: int = SEED) -> dict[str, float]:
    """The mean and its 95 % bootstrap interval over photographs."""
    numbers = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(numbers), size=(REPLICATES, len(numbers)))
    low, high = np.percentile(numbers[drawn].mean(axis=1), INTERVAL)
    return {
        "value": round(float(numbers.mean()), DIGITS),
        "low": round(float(low), DIGITS),
        "high": round(float(high), DIGITS),
    }


def accuracy(scores: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> dict[str, Any]:
    """Rows, top-1 and top-5 of one split."""
    return {
        "rows": len(labels),
        "top_1": with_interval(hits(scores, labels, 1)),
        "top_5": with_interval(hits(scores, labels, 5)),
    }


def cross_fitted(logits: NDArray[np.floating[Any]], labels: NDArray[np.int64], seed: int = SEED) -> dict[str, Any]:
    """Calibration as it is on photographs that did not set it.

    In ten folds, temperature and threshold are fitted on nine and judged on the tenth.
    """
    fold = np.random.default_rng(seed).permutation(len(labels)) % FOLDS
    calibrated = np.empty(logits.shape, dtype=np.float64)
    covered = np.empty(len(labels), dtype=np.bool_)
    sizes = np.empty(len(labels), dtype=np.int64)
    for place in range(FOLDS):
        out = fold == place
        temperature = fit_temperature(logits[~out], labels[~out])
        threshold = conformal_threshold(np.exp(log_softmax(logits[~out], temperature)), labels[~out])
        calibrated[out] = np.exp(log_softmax(logits[out], temperature))
        sets = prediction_sets(calibrated[out], threshold)
        covered[out] = sets[np.arange(int(out.sum())), labels[out]]
        sizes[out] = sets.sum(axis=1)
    own = np.log(calibrated[np.arange(len(labels)), labels])
    return {
        "ece_before": round(calibration_error(np.exp(log_softmax(logits)), labels), DIGITS),
        "ece_after": round(calibration_error(calibrated, labels), DIGITS),
        "log_loss_before": round(log_loss(logits, labels), DIGITS),
        "log_loss_after": round(float(-own.mean()), DIGITS),
        "conformal_coverage": with_interval(covered),
        "conformal_set_size": {**with_interval(sizes), "median": float(np.median(sizes))},
    }
