"""Where the model holds: the range of its training data, accuracy by brightness and redshift, on other magnitudes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.learning import metrics
from skysort.star.columns import LABELS
from skysort.star.cures import EXTINCTION, NAMES, VEGA

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from model_export.star.data import Dataset

    Magnitudes = NDArray[np.float64]

# Of training objects, beyond which at each end lie as many.
QUANTILES: Final = (0.005, 0.995)
R_EDGES: Final = (17.0, 18.0, 19.0, 20.0, 21.0, 22.0)
REDSHIFT_EDGES: Final = (0.005, 0.1, 0.3, 0.6, 0.9, 1.2, 2.2)
# A class with fewer objects in a range has no recall there.
FEW: Final = 30
# What is added to catalogued magnitudes.
OTHER_MAGNITUDES: Final = {
    **{f"dereddened, E(B-V) = {amount:g}": -amount * EXTINCTION for amount in (0.03, 0.1, 0.3)},
    "reddened further, E(B-V) = 0.3": 0.3 * EXTINCTION,
    "Vega magnitudes": -VEGA,
}
_R: Final = 2
_DIGITS: Final = 4


def training_range(training: Dataset) -> dict[str, list[float]]:
    """The quantiles of each magnitude, neighbouring colour and redshift of the training part."""
    magnitudes = training.photometry.magnitudes
    values = dict(zip(NAMES, magnitudes.T, strict=True))
    values |= {
        f"{left}-{right}": magnitudes[:, place] - magnitudes[:, place + 1]
        for place, (left, right) in enumerate(pairwise(NAMES))
    }
    values["redshift"] = training.photometry.redshift
    return {
        name: [round(float(edge), _DIGITS) for edge in np.quantile(each, QUANTILES)] for name, each in values.items()
    }


def by_range(test: Dataset, predicted: NDArray[np.int64]) -> dict[str, Any]:
    """Accuracy, and recall of each class, in ranges of r and of redshift."""
    photometry = test.photometry
    quantities = {"r": (photometry.magnitudes[:, _R], R_EDGES), "redshift": (photometry.redshift, REDSHIFT_EDGES)}
    return {
        name: [
            _scores(low, high, test.labels[inside], predicted[inside])
            for low, high in zip((-np.inf, *edges), (*edges, np.inf), strict=True)
            if (inside := (values >= low) & (values < high)).any()
        ]
        for name, (values, edges) in quantities.items()
    }


def _scores(low: float, high: float, truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, Any]:
    right = predicted == truth
    counts = np.bincount(truth, minlength=len(LABELS))
    return {
        "from": None if np.isinf(low) else low,
        "to": None if np.isinf(high) else high,
        "rows": len(truth),
        "classes": dict(zip(LABELS, counts.tolist(), strict=True)),
        "accuracy": metrics.share(float(right.mean()), len(truth)),
        "recall": {
            label: metrics.share(float(right[truth == place].mean()), int(counts[place]))
            for place, label in enumerate(LABELS)
            if counts[place] >= FEW
        },
    }


def on_other_magnitudes(
    test: Dataset, predict: Callable[[Magnitudes], NDArray[np.int64]]
) -> dict[str, dict[str, float]]:
    """The accuracy on the test part's objects if their magnitudes were of another kind."""
    magnitudes = test.photometry.magnitudes
    return {
        name: metrics.share(float((predict(magnitudes + offsets) == test.labels).mean()), len(test))
        for name, offsets in OTHER_MAGNITUDES.items()
    }
