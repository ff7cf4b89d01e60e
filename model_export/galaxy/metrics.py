"""Scores that the eight classes alone have: by the survey's mix, by the label's origin, and against chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.common.calibration import calibration_error
from model_export.common.metrics import DIGITS, recall
from model_export.galaxy.labels import CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Class counts of all 209,293 Galaxy Zoo 2 galaxies by raw votes, in the order of CLASSES.
RAW_VOTE_MIX: Final = (9_246, 4_613, 4_295, 11_816, 19_734, 78_460, 54_997, 26_132)
# Raw votes call many edge-on discs cigars. By the rule of the labels here there are about four
# edge-on discs to a cigar: the same counts with the two classes' sum divided so.
EDGE_ON_TO_CIGAR: Final = 4.0
SIMULATIONS: Final = 500


def ece_of_perfect(probability: NDArray[np.float64], seed: int = 2) -> dict[str, float]:
    """The ECE that a perfectly calibrated model would show on so few pictures: mean, and 95 % limit."""
    # The top labels are right by chance, each with the probability that it was given.
    generator = np.random.default_rng(seed)
    confidence = probability.max(axis=1)
    top = probability.argmax(axis=1)
    other = (top + 1) % probability.shape[1]
    shown = [
        calibration_error(probability, np.where(generator.random(len(top)) < confidence, top, other))
        for _ in range(SIMULATIONS)
    ]
    return {"mean": round(float(np.mean(shown)), DIGITS), "upper": round(float(np.percentile(shown, 95)), DIGITS)}


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
    recalls = recall(table)
    return {
        "raw_votes": round(float(recalls @ raw / raw.sum()), DIGITS),
        "decision_path": round(float(recalls @ debiased / debiased.sum()), DIGITS),
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
