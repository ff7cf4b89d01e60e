"""Which features pay: the same booster on growing sets of columns, cross-validated on the training part.

The set that ships is marked; those after it add to it or take from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common import calibration, metrics
from model_export.star import boosters
from model_export.star.split import FOLDS, folds, held_out
from skysort.star.columns import LABELS
from skysort.star.features import BEND_NAMES, COLOUR_NAMES, DISTANCE_MAGNITUDE
from skysort.star.spellings import BANDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from model_export.star.data import Dataset
    from skysort.star.columns import Photometry

NEIGHBOURS: Final = COLOUR_NAMES[: len(BANDS) - 1]
SHIPPED: Final = "+ curvatures (shipped)"
OTHER_COLOURS: Final = ((0, 3), (0, 4), (1, 4), (2, 4))


def feature_sets(photometry: Photometry) -> dict[str, dict[str, NDArray[np.float32]]]:
    """(n, columns) of each set, by variant and by a name that says what it adds to the one before."""
    magnitudes = photometry.magnitudes
    others = np.column_stack([magnitudes[:, a] - magnitudes[:, b] for a, b in OTHER_COLOURS]).astype(np.float32)
    thirds = np.diff(magnitudes, n=3, axis=1).astype(np.float32)
    sets = {}
    for variant, names in boosters.FEATURES.items():
        whole = boosters.matrix(photometry, variant)
        at_distance = () if DISTANCE_MAGNITUDE not in names else (DISTANCE_MAGNITUDE,)
        plain = tuple(name for name in names if name not in (*COLOUR_NAMES, *BEND_NAMES, *at_distance))
        grown = {
            "measured values": plain,
            "+ neighbouring colours": (*plain, *NEIGHBOURS),
            "+ two wide colours": (*plain, *COLOUR_NAMES),
            **({"+ brightness at distance": (*plain, *COLOUR_NAMES, *at_distance)} if at_distance else {}),
        }
        shrunk = {
            "two wide colours": [name for name in names if name not in COLOUR_NAMES[len(NEIGHBOURS) :]],
            **({"brightness at distance": [name for name in names if name not in at_distance]} if at_distance else {}),
        }
        sets[variant] = {
            **{name: _columns(whole, names, columns) for name, columns in grown.items()},
            SHIPPED: whole,
            "shipped + the other four colours": np.column_stack([whole, others]),
            "shipped + third differences": np.column_stack([whole, thirds]),
            **{f"shipped - {name}": _columns(whole, names, columns) for name, columns in shrunk.items()},
        }
    return sets


def compare(
    training: Dataset,
    chosen: Mapping[str, boosters.Hyperparameters],
    threads: int,
    on_set: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Log loss, accuracy and macro F1 of every set, each with its variant's hyperparameters."""
    fold = folds(training)
    results: dict[str, Any] = {}
    for variant, sets in feature_sets(training.photometry).items():
        results[variant] = {}
        for name, features in sets.items():
            margins = np.empty((len(training), len(LABELS)))
            for seen, unseen in held_out(fold):
                booster = boosters.fit(features[seen], training.labels[seen], chosen[variant], threads=threads)
                margins[unseen] = boosters.margins(booster, features[unseen])
            table = metrics.confusion(training.labels, margins.argmax(axis=1))
            results[variant][name] = {
                "columns": features.shape[1],
                "log_loss": round(calibration.log_loss(margins, training.labels), 6),
                "accuracy": round(float(metrics.accuracy(table)), 6),
                "macro_f1": round(float(metrics.macro_f1(table)), 6),
            }
            on_set()
    return {"rows": len(training), "folds": FOLDS, "variants": results}


def _columns(whole: NDArray[np.float32], names: Sequence[str], chosen: Sequence[str]) -> NDArray[np.float32]:
    return np.ascontiguousarray(whole[:, [names.index(name) for name in chosen]])
