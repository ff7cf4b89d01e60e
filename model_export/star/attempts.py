"""``attempts``: what was tried for the photometric booster, measured as the shipped one is.

Each attempt is fitted on four folds of the training part and measured on the fifth, for as many of the five as asked.
Whatever it needs beside its booster (mixtures, networks, the search) is fitted on the same four. Of the attempts that a
row may cost, the one with the lowest log loss is then, with --test, fitted on the whole training part and measured on
the test split, which no other attempt sees.

Not tried: errors of magnitudes, which SDSS17 does not have; monotone constraints, which XGBoost sets for the trees of
all classes alike, so that what rises for one class would have to rise for its rivals; thresholds or shifts of margins
that raise the macro F1, which would contradict the probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xgboost

from model_export.common.cli import OK, log, progress
from model_export.common.files import read_json, write_json
from model_export.star import boosters, readme
from model_export.star.boosters import PHOTOMETRY_ONLY, Hyperparameters
from model_export.star.columns_tried import flux_ratios, locus_distances, log_densities, rotated_colours
from model_export.star.data import Workspace, folds, held_out, split
from model_export.star.evaluate import paired
from model_export.star.network import Network
from skysort.errors import ConfigurationError
from skysort.learning import calibration, metrics
from skysort.star.columns import LABELS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from model_export.star.data import Dataset
    from skysort.star.columns import Photometry

    Margins = NDArray[np.float64]
    Columns = Callable[[Dataset, Photometry], tuple[NDArray[np.float64], NDArray[np.float64]]]

ATTEMPTS: Final = "attempts.json"
SHIPPED: Final = "booster"
# A row may cost 1.3 times as much as with the booster.
COST: Final = 1.3
DRAWS: Final = 8
DRAWN: Final[Mapping[str, tuple[float, float]]] = {
    "min_child_weight": (0.5, 30.0),
    "lambda": (0.05, 30.0),
    "alpha": (1e-3, 5.0),
    "gamma": (1e-3, 3.0),
    "max_delta_step": (0.3, 10.0),
}
NORMAL_95: Final = 1.96
SHARES: Final = ("subsample", "colsample_bytree", "colsample_bynode")


@dataclass(frozen=True, slots=True)
class Settings:
    """What is common to the attempts: the shipped hyperparameters and the threads."""

    shipped: Hyperparameters
    threads: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """A way to get margins of objects from a training set, and whether a row may cost what it costs."""

    margins: Callable[[Dataset, Photometry, Settings], Margins]
    affordable: bool = True


def run(options: argparse.Namespace) -> int:
    """Measure all attempts, or those named; write results/attempts.json and fill the README's table."""
    workspace = Workspace.of(options)
    chosen = boosters.hyperparameters(workspace.hyperparameters)[PHOTOMETRY_ONLY]
    settings = Settings(chosen, options.threads)
    dataset = workspace.dataset()
    parts = split(dataset)
    training = dataset.take(parts.train)
    path = workspace.results / ATTEMPTS
    content: dict[str, Any] = read_json(path, "star attempts") if path.exists() else {}
    if content.get("folds") != options.folds:
        content = {}
    tried: dict[str, Any] = content.get("attempts", {})
    fold = folds(training)
    measured_on = np.flatnonzero(fold < options.folds)
    names = tuple(by_name() if options.only is None else options.only)
    unknown = [name for name in names if name not in by_name()]
    if unknown:
        raise ConfigurationError(f"no attempt {', '.join(unknown)}; choose from {', '.join(by_name())}")
    with progress() as bar:
        task = bar.add_task("attempts", total=(len(names) + 1) * options.folds)
        on_fold = partial(bar.advance, task)
        labels = training.labels[measured_on]
        reference = out_of_fold(SHIPPED, training, settings, options.folds if names else 0, on_fold)
        for name in names:
            margins = reference if name == SHIPPED else out_of_fold(name, training, settings, options.folds, on_fold)
            tried[name] = {"affordable": by_name()[name].affordable, **measured(margins, reference, labels)}
            log(f"{name}: log loss {tried[name]['log_loss']:.5f}")
            tried = {each: tried[each] for each in by_name() if each in tried}
            content |= {"rows": len(measured_on), "folds": options.folds, "attempts": tried}
            write_json(path, content)
    if options.test:
        best = min((name for name in tried if tried[name]["affordable"]), key=lambda name: tried[name]["log_loss"])
        content["test"] = {"attempt": best, **tested(best, training, dataset.take(parts.test), settings)}
        log(f"{best}: test accuracy {content['test']['accuracy']['value']:.4f}")
    write_json(path, content)
    readme.PAGE.fill(workspace.results)
    return OK


@cache
def by_name() -> dict[str, Attempt]:
    """All attempts, by the name in the table."""
    return {
        SHIPPED: Attempt(_boosted),
        "1.3 times the trees": Attempt(partial(_boosted, trees=COST)),
        "depth 10": Attempt(partial(_boosted, max_depth=10), affordable=False),
        f"wider search, {DRAWS} draws": Attempt(_searched),
        "one tree for all classes": Attempt(partial(_boosted, trees=2.0, multi_strategy="multi_output_tree")),
        "classes weighted": Attempt(partial(_boosted, weighted=True)),
        "+ 16 rotated colours": Attempt(partial(_with_columns, rotated_colours)),
        "+ flux ratios": Attempt(partial(_with_columns, flux_ratios)),
        "+ distances from the stellar locus": Attempt(partial(_with_columns, locus_distances)),
        "+ log densities of mixtures": Attempt(partial(_with_columns, log_densities)),
        "soft labels of booster and network": Attempt(_distilled),
        "network": Attempt(_of_network),
        "booster and network, sum of margins": Attempt(_sum),
    }


def out_of_fold(
    name: str, training: Dataset, settings: Settings, count: int, on_fold: Callable[[], object] = lambda: None
) -> Margins:
    """(n, 3) margins of the objects of the first folds, each from an attempt fitted without its fold."""
    fold = folds(training)
    margins = np.empty((len(training), len(LABELS)))
    for fitted, rows in islice(held_out(fold), count):
        margins[rows] = by_name()[name].margins(training.take(fitted), training.photometry.take(rows), settings)
        on_fold()
    return margins[fold < count]


def measured(margins: Margins, reference: Margins, labels: NDArray[np.int64]) -> dict[str, Any]:
    """Scores, log loss at the best temperature, and the paired difference from the booster."""
    predicted = margins.argmax(axis=1)
    own = _losses(margins, labels)
    gain = own - _losses(reference, labels)
    mean, half = float(gain.mean()), NORMAL_95 * float(gain.std()) / len(gain) ** 0.5
    return {
        **metrics.scores_of_table(metrics.confusion(labels, predicted, len(LABELS))),
        "log_loss": round(float(own.mean()), 6),
        "minus_booster": {
            "log_loss": {"value": round(mean, 6), "low": round(mean - half, 6), "high": round(mean + half, 6)},
            **paired(labels, predicted, reference.argmax(axis=1)),
        },
    }


def _losses(margins: Margins, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) log loss of each object, at the temperature that is best for all."""
    temperature = calibration.fit_temperature(margins, labels)
    return -calibration.log_probabilities(margins, temperature)[np.arange(len(labels)), labels]


def tested(name: str, training: Dataset, test: Dataset, settings: Settings) -> dict[str, Any]:
    """An attempt fitted on the whole training part, on the test split."""
    margins, reference = (by_name()[each].margins(training, test.photometry, settings) for each in (name, SHIPPED))
    return measured(margins, reference, test.labels)


def _matrix(objects: Photometry) -> NDArray[np.float32]:
    return boosters.matrix(objects, PHOTOMETRY_ONLY)


def _boosted(
    fitted: Dataset,
    objects: Photometry,
    settings: Settings,
    *,
    trees: float = 1.0,
    weighted: bool = False,
    **parameters: Any,
) -> Margins:
    """The booster with some parameters changed; trees: how many times the rounds, with smaller steps."""
    shipped = settings.shipped
    changed = {**shipped.parameters, "eta": float(shipped.parameters["eta"]) / trees, **parameters}
    chosen = Hyperparameters(round(trees * shipped.rounds), changed)
    features, labels = _matrix(fitted.photometry), fitted.labels
    if not weighted:
        booster = boosters.fit(features, labels, chosen, threads=settings.threads)
    else:
        weights = 1 / np.sqrt(np.bincount(labels, minlength=len(LABELS)))[labels]
        rows = xgboost.QuantileDMatrix(features, labels, weight=weights / weights.mean(), max_bin=_bins(chosen))
        booster = xgboost.train(_parameters(chosen, settings), rows, chosen.rounds)
    return boosters.margins(booster, _matrix(objects))


def _with_columns(columns: Columns, fitted: Dataset, objects: Photometry, settings: Settings) -> Margins:
    """The booster on more features."""
    more = columns(fitted, objects)
    matrices = (_matrix(each) for each in (fitted.photometry, objects))
    own, others = (np.column_stack(pair).astype(np.float32) for pair in zip(matrices, more, strict=True))
    return boosters.margins(boosters.fit(own, fitted.labels, settings.shipped, threads=settings.threads), others)


def _searched(fitted: Dataset, objects: Photometry, settings: Settings) -> Margins:
    """The best of seeded draws from a wider space, by the log loss of a fifth of the rows to fit."""
    features, fold = _matrix(fitted.photometry), folds(fitted)
    rows, others = np.flatnonzero(fold != 0), np.flatnonzero(fold == 0)

    def loss(chosen: Hyperparameters) -> float:
        booster = boosters.fit(features[rows], fitted.labels[rows], chosen, threads=settings.threads)
        return calibration.log_loss(boosters.margins(booster, features[others]), fitted.labels[others])

    best = min((settings.shipped, *draws(settings.shipped)), key=loss)
    booster = boosters.fit(features, fitted.labels, best, threads=settings.threads)
    return boosters.margins(booster, _matrix(objects))


def draws(shipped: Hyperparameters, count: int = DRAWS) -> list[Hyperparameters]:
    """Points of the wider space, each within 1.3 times the nodes of the booster."""
    draw = np.random.default_rng(boosters.FIXED["seed"])
    nodes = COST * shipped.nodes_per_row
    points = []
    for _ in range(count):
        depth = int(draw.integers(5, 11))
        rounds = int(nodes / (len(LABELS) * depth))
        parameters = {
            **shipped.parameters,
            "max_depth": depth,
            "eta": float(draw.uniform(5, 12) / rounds),
            **{name: float(np.exp(draw.uniform(*np.log(limits)))) for name, limits in DRAWN.items()},
            **{name: float(draw.uniform(0.5, 1.0)) for name in SHARES},
        }
        points.append(Hyperparameters(rounds, parameters))
    return points


def _distilled(fitted: Dataset, objects: Photometry, settings: Settings) -> Margins:
    """The booster on the mean of labels and what a booster and the network, summed, say of its rows."""
    chosen = settings.shipped
    features = _matrix(fitted.photometry)
    teacher = boosters.margins(boosters.fit(features, fitted.labels, chosen, threads=settings.threads), features)
    taught = (teacher + _network(fitted).margins(features)) / 2
    targets = (calibration.probabilities(taught) + np.eye(len(LABELS))[fitted.labels]) / 2

    def objective(margins: NDArray[np.float32], _: xgboost.DMatrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        said = calibration.probabilities(margins.astype(np.float64))
        return said - targets, np.maximum(2 * said * (1 - said), 1e-16)

    rows = xgboost.QuantileDMatrix(features, fitted.labels, max_bin=_bins(chosen), nthread=settings.threads)
    student = xgboost.train(_parameters(chosen, settings), rows, chosen.rounds, obj=objective)
    return boosters.margins(student, _matrix(objects))


def _sum(fitted: Dataset, objects: Photometry, settings: Settings) -> Margins:
    return _boosted(fitted, objects, settings) + _of_network(fitted, objects, settings)


_networks: Final[dict[bytes, Network]] = {}


def _network(fitted: Dataset) -> Network:
    """The network of a training set, which several attempts need."""
    key = fitted.photometry.magnitudes.tobytes()
    if key not in _networks:
        _networks[key] = Network.fit(_matrix(fitted.photometry), fitted.labels)
    return _networks[key]


def _of_network(fitted: Dataset, objects: Photometry, _: Settings) -> Margins:
    return _network(fitted).margins(_matrix(objects))


def _bins(chosen: Hyperparameters) -> int:
    return int(chosen.parameters.get("max_bin", 256))


def _parameters(chosen: Hyperparameters, settings: Settings) -> dict[str, Any]:
    return {**boosters.FIXED, **chosen.parameters, "nthread": settings.threads}
