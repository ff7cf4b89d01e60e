"""Model families side by side: fitted on four folds of the training part, measured on the fifth.

The test split stays out of it: a choice between families is a choice too. Every family gets the
same features; none is tuned beyond what its own documentation suggests for a table of this size.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from model_export.common import calibration, metrics
from model_export.star import boosters
from model_export.star.split import SEED, folds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from model_export.star.data import Dataset

ROWS_TIMED: Final = 10_000


class Classifier(Protocol):
    """What is asked of a model family."""

    def fit(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> object:
        """Learn from (n, features) and (n,) labels."""

    def predict_proba(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, 3) probabilities."""


@dataclass
class XGBoost:
    """The family that ships, behind the same two methods as the others."""

    chosen: boosters.Hyperparameters
    threads: int

    def fit(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> XGBoost:
        """Fit with the committed hyperparameters."""
        self.booster = boosters.fit(features, labels, self.chosen, threads=self.threads)
        return self

    def predict_proba(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, 3) probabilities, before calibration."""
        return calibration.probabilities(boosters.margins(self.booster, features))


def families(chosen: boosters.Hyperparameters, threads: int) -> dict[str, Callable[[], Classifier]]:
    """A maker for each family by the name that tables show."""
    return {
        "XGBoost": lambda: XGBoost(chosen, threads),
        "Histogram gradient booster": lambda: HistGradientBoostingClassifier(random_state=SEED),
        "Random forest": lambda: RandomForestClassifier(300, n_jobs=threads, random_state=SEED),
        "Logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000)),
    }


def compare(
    training: Dataset,
    chosen: Mapping[str, boosters.Hyperparameters],
    threads: int,
    on_fit: Callable[[str], object] = lambda _: None,
) -> dict[str, Any]:
    """Scores, log loss and times of every family, by variant and family."""
    fold = folds(training)
    seen, unseen = np.flatnonzero(fold != 0), np.flatnonzero(fold == 0)
    results: dict[str, dict[str, Any]] = {}
    for variant in boosters.VARIANTS:
        features = boosters.matrix(training.photometry, variant)
        results[variant] = {}
        for name, make in families(chosen[variant], threads).items():
            on_fit(f"{variant}: {name}")
            model = make()
            started = time.perf_counter()
            model.fit(features[seen], training.labels[seen])
            fitted = time.perf_counter()
            model.predict_proba(features[unseen[:ROWS_TIMED]])
            predicted = time.perf_counter()
            probability = model.predict_proba(features[unseen])
            results[variant][name] = {
                **metrics.with_intervals(metrics.confusion(training.labels[unseen], probability.argmax(axis=1))),
                "log_loss": _log_loss(probability, training.labels[unseen]),
                "fit_seconds": round(fitted - started, 2),
                "rows_per_second": round(ROWS_TIMED / (predicted - fitted)),
            }
    return {"rows": {"fitted": len(seen), "measured": len(unseen)}, "threads": threads, "variants": results}


def _log_loss(probability: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    # A forest says 0 where no tree voted; a floor keeps one such object from deciding the mean.
    true = np.maximum(probability[np.arange(len(labels)), labels], 1e-6)
    return round(float(-np.log(true).mean()), 6)
