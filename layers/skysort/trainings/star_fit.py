"""Fitting the boosters of a star model: hyperparameters, rounds, out-of-fold scores and their calibration."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from skysort.learning.calibration import COVERAGE, fit_temperature, log_loss, probabilities, thresholds
from skysort.limits import STAR_FIT_S, STAR_SEARCH_S
from skysort.star.booster import Booster
from skysort.star.booster_training import Matrix, fit
from skysort.star.features import FeatureSet
from skysort.star.model import PHOTOMETRY_ONLY, WITH_REDSHIFT
from skysort.trainings.star_rows import folds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from skysort.star.booster_training import Fitted
    from skysort.trainings.star_table import LabelledRows

    Floats = NDArray[np.float64]

# As model_export/star/hyperparameters.json has them, found by its search on SDSS17; a test compares them.
HYPERPARAMETERS: Final[Mapping[str, tuple[int, Mapping[str, float]]]] = {
    WITH_REDSHIFT: (
        53,
        {
            "max_depth": 10,
            "eta": 0.2342,
            "min_child_weight": 5.26,
            "subsample": 0.981,
            "colsample_bytree": 0.8144,
            "colsample_bynode": 0.9053,
            "lambda": 3.261,
            "alpha": 1.009,
            "gamma": 0.8221,
            "max_bin": 1024,
        },
    ),
    PHOTOMETRY_ONLY: (
        66,
        {
            "max_depth": 8,
            "eta": 0.116,
            "min_child_weight": 6.11,
            "subsample": 0.8699,
            "colsample_bytree": 0.8865,
            "colsample_bynode": 0.7649,
            "lambda": 2.094,
            "alpha": 0.08795,
            "gamma": 0.4153,
            "max_bin": 1024,
        },
    ),
}
PATIENCE: Final = 10
# A small table needs more of its rows for training; a large one is measured well by few folds.
_MANY_ROWS: Final = 5_000
_FOLDS, _FOLDS_OF_MANY = 5, 3
# A round grows a tree per class: of many classes there are fewer rounds, each of larger steps.
_CLASSES: Final = 10
_LEAST_ROUNDS: Final = 30
_LARGEST_STEP: Final = 0.3
# The search: candidates, the rows that they are compared on, and their ranges.
_CANDIDATES: Final = 12
_SEARCH_ROWS: Final = 20_000
_SEARCH_ROUNDS: Final = 150
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Boosting rounds at most, and XGBoost's own parameters."""

    rounds: int
    parameters: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class VariantFit:
    """A fitted variant.

    model: UBJSON. document: what its card says of it, without metrics.
    """

    model: bytes
    document: dict[str, Any]

    def save(self) -> bytes:
        """Serialise: the document as a line of JSON, then the model."""
        return json.dumps(self.document).encode() + b"\n" + self.model

    @classmethod
    def load(cls, content: bytes) -> Self:
        """Parse the output of `save`."""
        document, _, model = content.partition(b"\n")
        return cls(model, json.loads(document))


def variants(rows: LabelledRows) -> tuple[str, ...]:
    """The boosters that a table's model has."""
    return (WITH_REDSHIFT, PHOTOMETRY_ONLY) if rows.schema.has_redshift else (PHOTOMETRY_ONLY,)


def rows_of(rows: LabelledRows, variant: str, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The chosen rows that a variant is fitted on: all of them, or those with a redshift."""
    usable = chosen & ~np.isnan(rows.photometry.redshift) if variant == WITH_REDSHIFT else chosen
    return np.flatnonzero(usable)


def features_of(rows: LabelledRows, variant: str) -> NDArray[np.float32]:
    """(n, features) of all rows, by the code that serves them."""
    of = FeatureSet.of(rows.schema, with_redshift=variant == WITH_REDSHIFT)
    return of.matrix(rows.photometry.magnitudes, rows.photometry.redshift)


def start(variant: str, classes: int) -> Hyperparameters:
    """The committed hyperparameters, with fewer rounds for many classes."""
    rounds, parameters = HYPERPARAMETERS[variant]
    if classes <= _CLASSES:
        return Hyperparameters(rounds, parameters)
    fewer = max(_LEAST_ROUNDS, rounds * _CLASSES // classes)
    step = min(_LARGEST_STEP, parameters["eta"] * rounds / fewer)
    return Hyperparameters(fewer, {**parameters, "eta": round(step, 4)})


def fit_variant(
    rows: LabelledRows,
    variant: str,
    training: NDArray[np.bool_],
    *,
    seed: int,
    search: bool = False,
    threads: int = 1,
    check: Callable[[], object] = bool,
    clock: Callable[[], float] = time.perf_counter,
) -> VariantFit:
    """Fit a variant on the training rows.

    Out-of-fold scores give the rounds, the temperature and the thresholds; the booster itself is fitted on all of them.

    Parameters
    ----------
    rows, variant, training
        The table, the variant, and (n,) bool: the rows that are not held out.
    seed
        Of folds and samples.
    search
        Whether to search hyperparameters first.
    threads
        Threads of the library.
    check
        Called between fits; raises when the time is over.
    clock
        The time in seconds.

    Returns
    -------
    VariantFit
        The same for the same rows and seed, unless a time limit ended it.
    """
    began = clock()
    chosen = rows_of(rows, variant, training)
    features, labels = features_of(rows, variant)[chosen], rows.classes[chosen]
    classes = len(rows.labels)
    count = _FOLDS_OF_MANY if len(labels) > _MANY_ROWS else _FOLDS
    fold_of = folds(rows.photometry.take(chosen), labels, count, seed)
    hyperparameters = start(variant, classes)
    tried: list[dict[str, Any]] = []
    if search:
        hyperparameters, tried = _searched(
            features, labels, fold_of, hyperparameters, classes, seed=seed, threads=threads, check=check, clock=clock
        )
    limit = STAR_FIT_S / (count + 1) / len(variants(rows))
    settings: dict[str, Any] = {"classes": classes, "seed": seed, "threads": threads, "seconds": limit, "clock": clock}
    scores = np.empty((len(labels), classes))
    rounds, timed_out = hyperparameters.rounds, False
    for fold in range(count):
        check()
        held = fold_of == fold
        matrix = Matrix(features[~held], labels[~held], threads=threads)
        # The first fold says after how many rounds the loss no longer falls.
        first: dict[str, Any] = {}
        if fold == 0:
            first = {"validation": Matrix(features[held], labels[held], threads=threads), "patience": PATIENCE}
        fitted = fit(matrix, hyperparameters.parameters, rounds, **settings, **first)
        rounds, timed_out = min(rounds, fitted.rounds), timed_out or fitted.timed_out
        scores[held] = _margins(fitted, features[held], threads)
    check()
    final = fit(Matrix(features, labels, threads=threads), hyperparameters.parameters, rounds, **settings)
    temperature = fit_temperature(scores, labels)
    limits = thresholds(probabilities(scores, temperature), labels)
    document = {
        "features": list(FeatureSet.of(rows.schema, with_redshift=variant == WITH_REDSHIFT).names),
        "rows": len(labels),
        "classes": dict(zip(rows.labels, np.bincount(labels, minlength=classes).tolist(), strict=True)),
        "trees": final.rounds * classes,
        "max_depth": int(hyperparameters.parameters["max_depth"]),
        "parameters": {**hyperparameters.parameters, "rounds": final.rounds, "seed": seed},
        "temperature": round(temperature, _DIGITS),
        "conformal": {
            "coverage": COVERAGE,
            "method": f"class-conditional (Mondrian) conformal, out-of-fold probabilities ({count} folds); a set may "
            "be empty",
            "thresholds": {
                label: round(float(value), _DIGITS) for label, value in zip(rows.labels, limits, strict=True)
            },
        },
        "out_of_fold_log_loss": round(log_loss(scores, labels, temperature), _DIGITS),
        "tried": tried,
        "ended_by_time": timed_out or final.timed_out,
        "seconds": round(clock() - began, 1),
    }
    return VariantFit(final.model, document)


def _searched(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    fold_of: NDArray[np.int64],
    committed: Hyperparameters,
    classes: int,
    *,
    seed: int,
    threads: int,
    check: Callable[[], object],
    clock: Callable[[], float],
) -> tuple[Hyperparameters, list[dict[str, Any]]]:
    """The best of the committed hyperparameters and some seeded draws, by the log loss of one fold."""
    generator = np.random.default_rng(seed)
    rows = np.sort(generator.permutation(len(labels))[:_SEARCH_ROWS])
    held = fold_of[rows] == 0
    training, validation = rows[~held], rows[held]
    matrix = Matrix(features[training], labels[training], threads=threads)
    measured = Matrix(features[validation], labels[validation], threads=threads)
    settings: dict[str, Any] = {"classes": classes, "seed": seed, "threads": threads, "clock": clock}
    began = clock()
    best, lowest, tried = committed, np.inf, []
    for number in range(_CANDIDATES):
        check()
        left = STAR_SEARCH_S - (clock() - began)
        if number and left <= 0:
            break
        candidate = committed if not number else _drawn(generator, committed)
        result = fit(
            matrix,
            candidate.parameters,
            candidate.rounds,
            validation=measured,
            patience=PATIENCE,
            seconds=max(left, 1.0),
            **settings,
        )
        loss = min(result.losses)
        tried.append({**candidate.parameters, "rounds": result.rounds, "log_loss": round(loss, _DIGITS)})
        if loss < lowest:
            best, lowest = candidate, loss
    return best, tried


def _drawn(generator: np.random.Generator, committed: Hyperparameters) -> Hyperparameters:
    """A draw from the ranges that model_export searches."""
    depth = int(generator.integers(3, 11))
    step = float(np.exp(generator.uniform(np.log(0.05), np.log(0.3))))
    parameters = {
        **committed.parameters,
        "max_depth": depth,
        "eta": round(step, 4),
        "min_child_weight": round(float(np.exp(generator.uniform(0.0, np.log(10.0)))), 3),
        "subsample": round(float(generator.uniform(0.7, 1.0)), 4),
        "colsample_bytree": round(float(generator.uniform(0.6, 1.0)), 4),
        "lambda": round(float(np.exp(generator.uniform(np.log(0.5), np.log(8.0)))), 3),
        "gamma": round(float(generator.uniform(0.0, 1.0)), 4),
        "max_bin": 256,
    }
    return Hyperparameters(_SEARCH_ROUNDS, parameters)


def _margins(fitted: Fitted, features: NDArray[np.float32], threads: int) -> Floats:
    return Booster(fitted.model, threads).margins(np.ascontiguousarray(features)).astype(np.float64)
