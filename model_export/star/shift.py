"""Other class shares than the training data's: what re-weighting by known and by estimated shares is worth.

Tables with one quasar to 1,000 other objects are drawn from the test part with replacement, and classified by the
boosters as they are, with the true shares, and with the shares estimated from the table itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.star.data import SEED
from skysort import priors
from skysort.learning import metrics
from skysort.star.columns import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

QUASAR: Final = LABELS.index("QSO")
OTHERS_TO_A_QUASAR: Final = 1_000
TABLES: Final = 40
QUASARS_A_TABLE: Final = 16
# Mixes of classes at which estimated shares are compared with the true ones: sizes and shares of LABELS.
SIZES: Final = (200, 1_000, 10_000)
MIXES: Final = ((0.59, 0.19, 0.22), (0.2, 0.05, 0.75), (0.05, 0.9, 0.05), (0.98, 0.01, 0.01))
_DIGITS: Final = 6


def rare_quasars(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], trained: NDArray[np.float64], tables: int = TABLES
) -> dict[str, Any]:
    """Purity and completeness of quasars at one to 1,000, unadjusted, with given and with estimated shares."""
    draw = np.random.default_rng(SEED)
    quasars, others = np.flatnonzero(labels == QUASAR), np.flatnonzero(labels != QUASAR)
    true = np.bincount(labels[others], minlength=len(LABELS)) / len(others) * OTHERS_TO_A_QUASAR
    true[QUASAR] = 1.0
    true /= true.sum()
    counts: dict[str, list[tuple[int, int]]] = {"unadjusted": [], "given": [], "estimated": []}
    inside, found = 0, []
    for _ in range(tables):
        rows = np.concatenate(
            [draw.choice(quasars, QUASARS_A_TABLE), draw.choice(others, QUASARS_A_TABLE * OTHERS_TO_A_QUASAR)]
        )
        at_hand, truth = probabilities[rows], labels[rows] == QUASAR
        estimate = priors.estimated(at_hand, trained)
        found.append(float(estimate.values[QUASAR]))
        inside += bool(estimate.low[QUASAR] <= true[QUASAR] <= estimate.high[QUASAR])
        for name, shares in (("unadjusted", trained), ("given", true), ("estimated", estimate.values)):
            called = priors.reweighted(at_hand, trained, shares).argmax(axis=1) == QUASAR
            counts[name].append((int((called & truth).sum()), int(called.sum())))
    return {
        "tables": tables,
        "rows": QUASARS_A_TABLE * (OTHERS_TO_A_QUASAR + 1),
        **{name: _scores(np.array(each)) for name, each in counts.items()},
        "estimated_share": {
            "true": round(float(true[QUASAR]), _DIGITS),
            **metrics.interval(float(np.mean(found)), found),
            "within_interval": metrics.share(inside / tables, tables),
        },
    }


def _scores(counts: NDArray[np.int64]) -> dict[str, Any]:
    """Purity and completeness of all tables together, with the 95 % range of single tables."""
    right, called = counts.T
    return {
        "purity": metrics.interval(float(right.sum() / max(1, called.sum())), right / np.maximum(1, called)),
        "completeness": metrics.interval(float(right.mean() / QUASARS_A_TABLE), right / QUASARS_A_TABLE),
    }


def shares(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], trained: NDArray[np.float64], tables: int = TABLES
) -> list[Mapping[str, Any]]:
    """How far estimated shares lie from the true ones, and how often these are within the intervals."""
    draw = np.random.default_rng(SEED)
    places = [np.flatnonzero(labels == label) for label in range(len(LABELS))]
    report: list[Mapping[str, Any]] = []
    for size in SIZES:
        for mix in MIXES:
            errors, inside = [], 0
            for _ in range(tables):
                counts = draw.multinomial(size, mix)
                rows = np.concatenate([draw.choice(each, count) for each, count in zip(places, counts, strict=True)])
                estimate = priors.estimated(probabilities[rows], trained)
                errors.append(estimate.values - np.array(mix))
                inside += int(((estimate.low <= mix) & (mix <= estimate.high)).sum())
            report.append(
                {
                    "rows": size,
                    "shares": dict(zip(LABELS, mix, strict=True)),
                    "mean_error": np.mean(errors, axis=0).round(4).tolist(),
                    "root_mean_square_error": np.sqrt(np.mean(np.square(errors), axis=0)).round(4).tolist(),
                    "within_interval": round(inside / (tables * len(LABELS)), 3),
                }
            )
    return report


def set_coverage(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    trained: NDArray[np.float64],
    thresholds: NDArray[np.float32],
    mix: NDArray[np.float64],
) -> dict[str, dict[str, float]]:
    """Coverage of each class by its threshold on unadjusted, and on re-weighted probabilities."""
    weighted = priors.reweighted(probabilities, trained, mix)
    return {
        name: {
            label: round(float((values[labels == place, place] >= thresholds[place]).mean()), 4)
            for place, label in enumerate(LABELS)
        }
        for name, values in (("unadjusted", probabilities), ("reweighted", weighted))
    }
