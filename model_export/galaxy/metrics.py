"""Scores of the eight classes; intervals and formulas are those of the star model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common import calibration
from model_export.common.metrics import DIGITS, f1, precision, recall, with_intervals
from model_export.galaxy.labels import CLASSES, NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Class counts of all 209,293 Galaxy Zoo 2 galaxies by raw votes, in the order of CLASSES.
RAW_VOTE_MIX: Final = (9_246, 4_613, 4_295, 11_816, 19_734, 78_460, 54_997, 26_132)
# Raw votes call many edge-on discs cigars. By the rule of the labels here there are about four
# edge-on discs to a cigar: the same counts with the two classes' sum divided so.
EDGE_ON_TO_CIGAR: Final = 4.0
SIMULATIONS: Final = 500


def confusion(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    """(8, 8) counts: a row a true class, a column a predicted one."""
    width = len(CLASSES)
    return np.bincount(truth * width + predicted, minlength=width * width).reshape(width, width)


def summary(probability: NDArray[np.float64], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Accuracy, balanced accuracy and macro F1 with 95 % intervals, and the calibration error."""
    table = confusion(truth, probability.argmax(axis=1))
    return {"rows": len(truth), **with_intervals(table), "ece": ece(probability, truth)}


def ece(probability: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Expected calibration error of the top label, 15 bins."""
    return round(calibration.reliability(probability, truth).expected_calibration_error, DIGITS)


def ece_of_perfect(probability: NDArray[np.float64], seed: int = 2) -> dict[str, float]:
    """The ECE that a perfectly calibrated model would show on so few pictures: mean, and 95 % limit.

    The top labels are right by chance, each with the probability that it was given.
    """
    generator = np.random.default_rng(seed)
    confidence = probability.max(axis=1)
    top = probability.argmax(axis=1)
    other = (top + 1) % probability.shape[1]
    shown = [
        ece(probability, np.where(generator.random(len(top)) < confidence, top, other)) for _ in range(SIMULATIONS)
    ]
    return {
        "mean": round(float(np.mean(shown)), DIGITS),
        "upper": round(float(np.percentile(shown, 95)), DIGITS),
    }


def per_class(table: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and the number of pictures of each class, by readable name."""
    columns = {"precision": precision(table), "recall": recall(table), "f1": f1(table)}
    return {
        name: {
            **{column: round(float(values[place]), DIGITS) for column, values in columns.items()},
            "rows": int(table[place].sum()),
        }
        for place, name in enumerate(NAMES)
    }


def reweighted_accuracy(table: NDArray[np.int64]) -> dict[str, float]:
    """Recall of each class weighted by its share in the full survey, under both definitions of the classes."""
    raw = np.array(RAW_VOTE_MIX, dtype=np.float64)
    edge_on, cigar = CLASSES.index("edge_on_disk"), CLASSES.index("smooth_cigar")
    debiased = raw.copy()
    both = raw[edge_on] + raw[cigar]
    debiased[edge_on], debiased[cigar] = (
        both * EDGE_ON_TO_CIGAR / (1 + EDGE_ON_TO_CIGAR),
        both / (1 + EDGE_ON_TO_CIGAR),
    )
    found = recall(table)
    return {
        "raw_votes": round(float(found @ raw / raw.sum()), DIGITS),
        "decision_path": round(float(found @ debiased / debiased.sum()), DIGITS),
    }


def by_source(
    predicted: NDArray[np.int64], truth: NDArray[np.int64], source: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Accuracy and number of pictures for each origin of the label."""
    names = np.array(source)
    return {
        str(name): {
            "rows": int((names == name).sum()),
            "accuracy": round(float((predicted == truth)[names == name].mean()), DIGITS),
        }
        for name in sorted(set(source))
    }
