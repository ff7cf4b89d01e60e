"""Scores of classifiers with 95 % intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.learning.calibration import calibration_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Score = dict[str, float]

TABLE_SEED: Final = 17
VALUES_SEED: Final = 20260101
REPLICATES: Final = 10_000
INTERVAL: Final = (2.5, 97.5)  # percentiles: 95 %
_Z_95: Final = 1.959964
DIGITS: Final = 6


def confusion(truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """(classes, classes) counts; rows: true class, columns: predicted class."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def accuracy(table: NDArray[Any]) -> NDArray[np.float64]:
    """The share of objects on the diagonal; (..., classes, classes) -> (...)."""
    return np.asarray(_diagonal(table).sum(axis=-1) / table.sum(axis=(-2, -1)))


def recall(table: NDArray[Any]) -> NDArray[np.float64]:
    """(..., classes) true positives among the objects of each class; 0 for a class without objects."""
    return _ratio(_diagonal(table), table.sum(axis=-1))


def precision(table: NDArray[Any]) -> NDArray[np.float64]:
    """(..., classes) true positives among the predictions of each class; 0 for a class never predicted."""
    return _ratio(_diagonal(table), table.sum(axis=-2))


def f1(table: NDArray[Any]) -> NDArray[np.float64]:
    """(..., classes) the harmonic mean of precision and recall."""
    return _ratio(2 * _diagonal(table), table.sum(axis=-1) + table.sum(axis=-2))


def balanced_accuracy(table: NDArray[Any]) -> NDArray[np.float64]:
    """The mean recall of the classes."""
    return np.asarray(recall(table).mean(axis=-1))


def macro_f1(table: NDArray[Any]) -> NDArray[np.float64]:
    """The mean F1 of the classes."""
    return np.asarray(f1(table).mean(axis=-1))


SCORES: Final[Mapping[str, Callable[[NDArray[Any]], NDArray[np.float64]]]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
}


def scores_of_table(table: NDArray[Any], replicates: int = REPLICATES) -> dict[str, Score]:
    """Accuracy, balanced accuracy and macro F1 of a confusion matrix, each with value, low and high."""
    # Counting n objects drawn with replacement is one draw from a multinomial distribution over the cells.
    total = int(table.sum())
    cells = np.random.default_rng(TABLE_SEED).multinomial(total, table.ravel() / total, size=replicates)
    drawn = cells.reshape(-1, *table.shape)
    return {name: interval(float(score(table)), score(drawn)) for name, score in SCORES.items()}


def share(value: float, count: float) -> Score:
    """A share of some examples with Wilson's 95 % interval (1927)."""
    low, high = _wilson(np.array([value]), np.array([count]))
    return _score(value, float(low[0]), float(high[0]))


def scores_of_few(table: NDArray[Any]) -> dict[str, Score]:
    """The scores of scores_of_table, of as few examples as there may be.

    Where all are right a bootstrap knows of no error, however few they are: ten of ten would be 1 from 1 to 1. Here
    intervals are Wilson's; of a mean over classes they are put together from those of the classes (MOVER, Zou & Donner
    2008). F1 is 2 j / (1 + j) of the share j of true positives among the objects that are or are said to be of a class;
    every error is in two classes, which doubles the variance of their mean.

    Parameters
    ----------
    table
        A confusion matrix, of counts or of their means over repeats, in which every example counts once.

    Returns
    -------
    Accuracy, balanced accuracy and macro F1, each with value, low and high.
    """
    rows, columns, right = table.sum(axis=1), table.sum(axis=0), _diagonal(table)
    either = rows + columns - right
    # A class without an example in the table says nothing of the others.
    seen, named = rows > 0, either > 0
    low, high = _wilson(recall(table), rows)
    joint_low, joint_high = _wilson(_ratio(right, either), either)
    f1_low, f1_high = (2 * end / (1 + end) for end in (joint_low, joint_high))
    return {
        "accuracy": share(float(accuracy(table)), float(table.sum())),
        "balanced_accuracy": _of_classes(recall(table)[seen], low[seen], high[seen]),
        "macro_f1": _of_classes(f1(table)[named], f1_low[named], f1_high[named], shared=2.0),
    }


def _wilson(share_of: NDArray[np.float64], count: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's intervals of shares, from 0 to 1 of nothing."""
    shrunk = count + _Z_95**2
    centre = (share_of * count + _Z_95**2 / 2) / shrunk
    spread = _Z_95 / shrunk * np.sqrt(share_of * (1 - share_of) * count + _Z_95**2 / 4)
    return np.clip(centre - spread, 0.0, share_of), np.clip(centre + spread, share_of, 1.0)


def _of_classes(
    values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], shared: float = 1.0
) -> Score:
    """The mean of the classes' values, with its interval; shared: in how many classes an error counts."""
    mean = float(values.mean())
    below, above = (float(np.sqrt(shared * np.square(values - end).sum())) / len(values) for end in (low, high))
    return _score(mean, max(0.0, mean - below), min(1.0, mean + above))


def _score(value: float, low: float, high: float) -> Score:
    return {key: round(number, DIGITS) for key, number in (("value", value), ("low", low), ("high", high))}


def with_interval(values: NDArray[Any]) -> Score:
    """The mean of (n,) values, with the bootstrap interval over them."""
    numbers = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(VALUES_SEED).integers(0, len(numbers), size=(REPLICATES, len(numbers)))
    return interval(float(numbers.mean()), numbers[drawn].mean(axis=1))


def interval(value: float, drawn: NDArray[np.float64] | Sequence[float]) -> Score:
    """A value and the 95 % interval of its bootstrap replicates."""
    low, high = np.percentile(drawn, INTERVAL)
    return _score(float(value), float(low), float(high))


def summary(probability: NDArray[np.float64], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Rows, accuracy, balanced accuracy and macro F1 with intervals, and the calibration error."""
    table = confusion(truth, probability.argmax(axis=1), probability.shape[1])
    return {"rows": len(truth), **scores_of_table(table), "ece": calibration_error(probability, truth)}


def per_class(table: NDArray[Any], names: Sequence[str]) -> dict[str, Score]:
    """Precision, recall, F1 and the number of objects of each class, by name."""
    columns = {"precision": precision(table), "recall": recall(table), "f1": f1(table)}
    return {
        name: {
            **{column: round(float(values[index]), DIGITS) for column, values in columns.items()},
            "rows": round(float(table[index].sum())),
        }
        for index, name in enumerate(names)
    }


def sets_summary(prediction_sets: NDArray[np.bool_], truth: NDArray[np.int64], names: Sequence[str]) -> dict[str, Any]:
    """Coverage, mean size and share of empty ones of (n, classes) prediction sets, and the coverage of each class."""
    covered = prediction_sets[np.arange(len(truth)), truth]
    return {
        "coverage": round(float(covered.mean()), DIGITS),
        "mean_set_size": round(float(prediction_sets.sum(axis=1).mean()), DIGITS),
        "empty": round(float((~prediction_sets.any(axis=1)).mean()), DIGITS),
        "coverage_by_class": {
            name: share(float(covered[truth == index].mean()), int((truth == index).sum()))
            for index, name in enumerate(names)
        },
    }


def hits(scores: NDArray[np.floating[Any]], labels: NDArray[np.int64], places: int) -> NDArray[np.bool_]:
    """(n,) whether the true class is among the `places` highest scores."""
    own = scores[np.arange(len(labels)), labels][:, np.newaxis]
    return np.asarray((scores > own).sum(axis=1) < places, dtype=np.bool_)


def top_1_and_5(scores: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> dict[str, Any]:
    """Rows, top-1 and top-5 accuracy with intervals."""
    top_1, top_5 = (with_interval(hits(scores, labels, places)) for places in (1, 5))
    return {"rows": len(labels), "top_1": top_1, "top_5": top_5}


def _diagonal(table: NDArray[Any]) -> NDArray[Any]:
    return np.diagonal(table, axis1=-2, axis2=-1)


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0))
