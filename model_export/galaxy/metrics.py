"""Scores specific to the galaxy classes: reweighted to the survey, by label source, and expected by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.galaxy.labels import CLASSES
from skysort.learning.calibration import calibration_error
from skysort.learning.metrics import DIGITS, recall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Class counts of all 209,293 Galaxy Zoo 2 galaxies by raw votes, in the order of CLASSES.
RAW_VOTE_MIX: Final = (9_246, 4_613, 4_295, 11_816, 19_734, 78_460, 54_997, 26_132)
# Raw votes class many edge-on discs as cigars. Under the rule of these labels there are about four edge-on discs per
# cigar: the same counts, with the sum of the two classes divided in this ratio.
EDGE_ON_TO_CIGAR: Final = 4.0
SIMULATIONS: Final = 500


def ece_of_perfect(probability: NDArray[np.float64], seed: int = 2) -> dict[str, float]:
    """The ECE that a perfectly calibrated model would show on as many pictures: mean and 95 % upper limit."""
    # The top label of each picture is drawn as correct with its predicted probability.
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
    """Recall weighted by the class shares in the full survey, under both definitions of the classes."""
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
    """Accuracy and number of pictures by source of the label."""
    names = np.array(source)
    return {
        str(name): {
            "rows": int((names == name).sum()),
            "accuracy": round(float((predicted == truth)[names == name].mean()), DIGITS),
        }
        for name in sorted(set(source))
    }


def agreement(
    probability: NDArray[np.float64], allowed: NDArray[np.bool_], source: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Share of the pictures whose likeliest class the label allows, over all that have a label and by its name."""
    telling = ~allowed.all(axis=1)
    agreed = allowed[np.arange(len(allowed)), probability.argmax(axis=1)]
    names = np.array([name.partition("_")[0] if name.startswith("spiral") else name for name in source])
    chosen = {"all": telling, **{str(name): telling & (names == name) for name in np.unique(names[telling])}}
    return {
        name: {"rows": int(rows.sum()), "agreement": round(float(agreed[rows].mean()), DIGITS)}
        for name, rows in chosen.items()
        if rows.any()
    }
