"""What the shipped booster is held against on the test split: where it started, and where it could end.

- the baseline: XGBoost as it comes, 100 rounds, on ugriz, six colours and the redshift;
- the ceiling: the shipped features with five times the trees at a fifth of the learning rate,
  which is far too slow to serve. What it adds is what speed costs.
- the learning curve: the shipped booster on growing parts of the training rows. Where it is
  flat, more of the same data would not help.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common import metrics
from model_export.star import boosters
from model_export.star.boosters import Hyperparameters
from model_export.star.data import SEED
from skysort.star.columns import LABELS
from skysort.star.features import BEND_NAMES, DISTANCE_MAGNITUDE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from model_export.star.data import Dataset

BASELINE: Final = Hyperparameters(100, {"max_depth": 6, "eta": 0.3, "max_bin": 256})
CEILING_FACTOR: Final = 5
FRACTIONS: Final = (0.1, 0.25, 0.5, 1.0)
PAIRED_REPLICATES: Final = 2_000
FITS: Final = 2 + len(FRACTIONS)


def measure(
    training: Dataset,
    test: Dataset,
    variant: str,
    chosen: Hyperparameters,
    *,
    threads: int,
    on_fit: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Scores of the baseline and the ceiling on the test split, and the learning curve of the shipped booster."""
    names = boosters.FEATURES[variant]
    plain = [index for index, name in enumerate(names) if name not in (*BEND_NAMES, DISTANCE_MAGNITUDE)]
    slow = {**chosen.parameters, "eta": float(chosen.parameters["eta"]) / CEILING_FACTOR}
    ceiling = replace(chosen, rounds=chosen.rounds * CEILING_FACTOR, parameters=slow)
    train_matrix, test_matrix = (boosters.matrix(part.photometry, variant) for part in (training, test))

    def predicted(hyper: Hyperparameters, rows: NDArray[np.intp], columns: list[int]) -> NDArray[np.int64]:
        booster = boosters.fit(train_matrix[rows][:, columns], training.labels[rows], hyper, threads=threads)
        answer: NDArray[np.int64] = boosters.margins(booster, np.ascontiguousarray(test_matrix[:, columns])).argmax(1)
        on_fit()
        return answer

    every, whole = np.arange(len(training)), list(range(len(names)))
    order = np.random.default_rng(SEED).permutation(len(training))
    curve = {
        count: predicted(chosen, np.sort(order[:count]), whole)
        for count in (round(fraction * len(training)) for fraction in FRACTIONS)
    }
    shipped = curve[len(training)]
    answers = {"baseline": predicted(BASELINE, every, plain), "ceiling": predicted(ceiling, every, whole)}
    return {
        **{
            name: {
                **metrics.scores_of_table(metrics.confusion(test.labels, answer, len(LABELS))),
                "shipped_minus_this": paired(test.labels, shipped, answer),
            }
            for name, answer in answers.items()
        },
        "learning_curve": [
            {"rows": count, **metrics.scores_of_table(metrics.confusion(test.labels, answer, len(LABELS)))}
            for count, answer in curve.items()
        ],
    }


def paired(
    truth: NDArray[np.int64], one: NDArray[np.int64], other: NDArray[np.int64], replicates: int = PAIRED_REPLICATES
) -> dict[str, dict[str, float]]:
    """The difference of two models' scores on the same objects, with a 95 % paired bootstrap interval."""
    draw = np.random.default_rng(SEED)
    differences: dict[str, list[float]] = {name: [] for name in ("accuracy", "macro_f1")}
    for replicate in range(replicates + 1):
        # The first is no draw: all objects once give the value itself.
        rows = np.arange(len(truth)) if replicate == 0 else draw.integers(len(truth), size=len(truth))
        tables = [metrics.confusion(truth[rows], answer[rows], len(LABELS)) for answer in (one, other)]
        for name, values in differences.items():
            first, second = (float(metrics.SCORES[name](table)) for table in tables)
            values.append(first - second)
    return {name: metrics.interval(values[0], values[1:]) for name, values in differences.items()}
