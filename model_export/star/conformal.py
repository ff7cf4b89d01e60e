"""Prediction sets that hold the true class in 90 % of cases, within each class.

Class-conditional (Mondrian) split-conformal prediction (Vovk, Gammerman & Shafer 2005; Vovk
2013). A label is in the set when its calibrated probability reaches that label's threshold; a
label's threshold is set by the objects that truly have it. So the promise holds for the rare
quasars as it does for galaxies: one common threshold would be kept by the galaxies, which are
most of the table, at the quasars' cost.

The promise of exactly 90 % needs scores of objects that the booster never saw. Out-of-fold
scores stand in for them (see calibration.py), which is cross-conformal prediction; the coverage
that is reported is measured on the test split.

The sets are made by skysort.probability.prediction_sets. The top label is always in, since an
empty set helps nobody. It makes the coverage of a good model larger than the 90 % that was asked
for: no set can cover less than the accuracy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COVERAGE: Final = 0.9
METHOD: Final = "class-conditional (Mondrian) conformal, out-of-fold probabilities; the top label is always in"


def thresholds(
    probability: NDArray[np.float64], labels: NDArray[np.int64], coverage: float = COVERAGE
) -> NDArray[np.float64]:
    """(classes,) the least probability that puts each label into the set.

    With n objects of a class, the floor((1 - coverage) (n + 1))-th smallest of their own
    probabilities: a new object falls below it with a chance of at most 1 - coverage.
    A class with too few objects for the promise gets 0, so it is in every set.
    """
    classes = probability.shape[1]
    limits = np.zeros(classes)
    for label in range(classes):
        scores = np.sort(probability[labels == label, label])
        rank = int(np.floor((1.0 - coverage) * (len(scores) + 1) + 1e-9))
        if rank >= 1:
            limits[label] = scores[rank - 1]
    return limits
