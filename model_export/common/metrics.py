"""Scores from a confusion matrix, with bootstrap intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.star.split import SEED
from skysort.star.columns import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

REPLICATES: Final = 10_000
INTERVAL: Final = (2.5, 97.5)  # percentiles: 95 %
DIGITS: Final = 6


def confusion(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    """(3, 3) counts: a row a true class, a column a predicted one, in the order of LABELS."""
    width = len(LABELS)
    return np.bincount(truth * width + predicted, minlength=width * width).reshape(width, width)


def accuracy(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """The share on the diagonal; (..., 3, 3) -> (...)."""
    return np.asarray(_diagonal(table).sum(axis=-1) / table.sum(axis=(-2, -1)))


def recall(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """(..., 3) found among those that are; 0 for a class without objects."""
    return _ratio(_diagonal(table), table.sum(axis=-1))


def precision(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """(..., 3) right among those called so; 0 for a class that was never called."""
    return _ratio(_diagonal(table), table.sum(axis=-2))


def f1(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """(..., 3) the harmonic mean of precision and recall."""
    return _ratio(2 * _diagonal(table), table.sum(axis=-1) + table.sum(axis=-2))


def balanced_accuracy(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean recall of the classes."""
    return np.asarray(recall(table).mean(axis=-1))


def macro_f1(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean F1 of the classes."""
    return np.asarray(f1(table).mean(axis=-1))


SCORES: Final[Mapping[str, Callable[[NDArray[np.int64]], NDArray[np.float64]]]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
}


def with_intervals(
    table: NDArray[np.int64], seed: int = SEED, replicates: int = REPLICATES
) -> dict[str, dict[str, float]]:
    """Accuracy, balanced accuracy and macro F1, each with value, low and high (95 %).

    Drawing n objects with replacement and counting them again is one draw from a multinomial
    over the cells of the confusion matrix, so that is what is drawn.
    """
    total = int(table.sum())
    cells = np.random.default_rng(seed).multinomial(total, table.ravel() / total, size=replicates)
    drawn = cells.reshape(-1, *table.shape)
    scores = {}
    for name, score in SCORES.items():
        low, high = np.percentile(score(drawn), INTERVAL)
        values = {"value": float(score(table)), "low": float(low), "high": float(high)}
        scores[name] = {key: round(value, DIGITS) for key, value in values.items()}
    return scores


def per_class(table: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and the number of objects of each class."""
    columns = {"precision": precision(table), "recall": recall(table), "f1": f1(table)}
    return {
        label: {
            **{name: round(float(values[place]), DIGITS) for name, values in columns.items()},
            "rows": int(table[place].sum()),
        }
        for place, label in enumerate(LABELS)
    }


def _diagonal(table: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.diagonal(table, axis1=-2, axis2=-1)


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
