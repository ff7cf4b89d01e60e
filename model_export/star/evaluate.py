"""``evaluate``: measure the trained boosters on the test split, which no earlier step uses.

The published boosters are measured on the same split, as a training set with other rows has another split than the
card in place. Objects without a redshift, which are in neither part, are reported separately: how often each version
predicts their label GALAXY, and the scores including them.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common.cli import OK, log, progress
from model_export.common.files import artefact, read_json, sha256, write_json
from model_export.star import boosters, plots, readme, validity
from model_export.star.boosters import Hyperparameters
from model_export.star.data import SEED, Workspace, description, split
from model_export.star.train import TRAINING
from skysort.errors import ConfigurationError
from skysort.learning import calibration, metrics
from skysort.learning.calibration import calibration_error
from skysort.model_card import CARD_FILE
from skysort.probability import prediction_sets
from skysort.star.booster import Booster
from skysort.star.columns import LABELS, Photometry
from skysort.star.features import BEND_NAMES, DISTANCE_MAGNITUDE, feature_matrix

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.star.data import Dataset


EVALUATION: Final = "evaluation.json"
RELIABILITY_PLOT: Final = "reliability.png"
CONFUSION_PLOT: Final = "confusion.png"
ROUNDED: Final = 6
BATCH_ROWS: Final = 100_000
TIMES: Final = 7
# The redshift of a failed fit, which earlier versions of the service accepted as measured.
FAILED_FIT: Final = 0.0
BASELINE: Final = Hyperparameters(100, {"max_depth": 6, "eta": 0.3, "max_bin": 256})
CEILING_FACTOR: Final = 5
FRACTIONS: Final = (0.1, 0.25, 0.5, 1.0)
PAIRED_REPLICATES: Final = 2_000
FITS: Final = 2 + len(FRACTIONS)


def run(options: argparse.Namespace) -> int:
    """Write evaluation.json and the plots to the results folder, and fill the README's tables."""
    workspace = Workspace.of(options)
    training = read_json(workspace.build / TRAINING, "star train")
    dataset = workspace.dataset()
    data = description(dataset)
    if data["splits"] != training["data"]["splits"]:
        raise ConfigurationError(
            f"the boosters in {workspace.build} were not trained on the rows of {dataset.file_name}; run `train` again"
        )
    parts = split(dataset)
    train, test = dataset.take(parts.train), dataset.take(parts.test)
    results: dict[str, Any] = {}
    curves = {}
    contents = {name: trained(workspace.build, name, training["variants"][name]) for name in boosters.VARIANTS}
    with progress() as bar:
        task = bar.add_task("evaluate", total=len(boosters.VARIANTS) * FITS)
        for name, content in contents.items():
            bar.update(task, description=name)
            variant = training["variants"][name]
            scores, curves[name] = measure(content, variant, name, test)
            hyperparameters, on_fit = boosters.fitted_with(variant), partial(bar.advance, task)
            results[name] = {
                "sha256": variant["sha256"],
                "metrics": scores,
                "parity": parity(content, name, test),
                "latency": latency(content, name, test),
                "references": references(train, test, name, hyperparameters, threads=options.threads, on_fit=on_fit),
            }
    in_place = measure_in_place(options.against or artefact("star"), contents, test, dataset.take(parts.unmeasured))
    document = {
        "test_split": data["splits"]["test"],
        "training_range": validity.training_range(train),
        "variants": results,
        "in_place": in_place,
    }
    write_json(workspace.results / EVALUATION, document)
    plots.reliability(curves, workspace.results / RELIABILITY_PLOT)
    tables = {name: np.array(result["metrics"]["confusion_matrix"]) for name, result in results.items()}
    plots.confusion(tables, workspace.results / CONFUSION_PLOT)
    readme.PAGE.fill(workspace.results)
    for name, result in results.items():
        _report(name, result["metrics"])
    log(f"written to {workspace.results}")
    return OK


def trained(folder: Path, name: str, variant: Mapping[str, Any]) -> bytes:
    """The bytes of a trained booster; a ConfigurationError if it is not the file written by train, or outdated."""
    if variant["features"] != list(boosters.FEATURES[name]):
        raise ConfigurationError(f"{name} was trained on different features; run `train` again")
    return _booster(folder, variant, f"described by {TRAINING} in the same folder; run `train` again")


def measure(
    content: bytes, variant: Mapping[str, Any], name: str, test: Dataset
) -> tuple[dict[str, Any], dict[str, calibration.Reliability]]:
    """Scores, calibration error and coverage on the test split; reliability before and after temperature scaling."""
    margins = boosters.margins(boosters.from_bytes(content, 1), boosters.matrix(test.photometry, name))
    temperature = float(variant["temperature"])
    before, after = calibration.probabilities(margins), calibration.probabilities(margins, temperature)
    limits = np.array([variant["conformal"]["thresholds"][label] for label in LABELS], np.float32)

    def predict(magnitudes: NDArray[np.float64]) -> NDArray[np.int64]:
        return predicted(content, name, replace(test, photometry=Photometry(magnitudes, test.photometry.redshift)))

    sets = prediction_sets(after.astype(np.float32), limits)
    table = metrics.confusion(test.labels, after.argmax(axis=1), len(LABELS))
    curves = {
        "before": calibration.reliability(before, test.labels),
        "after": calibration.reliability(after, test.labels),
    }
    return {
        "split": "test",
        "rows": len(test),
        **metrics.scores_of_table(table),
        "log_loss": round(calibration.log_loss(margins, test.labels, temperature), ROUNDED),
        "ece_before": calibration_error(before, test.labels),
        "ece_after": calibration_error(after, test.labels),
        "per_class": metrics.per_class(table, LABELS),
        "confusion_matrix": table.tolist(),
        "reliability": curves["after"].document(),
        "conformal": metrics.sets_summary(sets, test.labels, LABELS),
        "by_range": validity.by_range(test, after.argmax(axis=1)),
        "on_other_magnitudes": validity.on_other_magnitudes(test, predict),
    }, curves


def parity(content: bytes, name: str, test: Dataset) -> dict[str, Any]:
    """The largest difference between the margins of the serving code and of XGBoost."""
    features = boosters.matrix(test.photometry, name)
    framework = boosters.margins(boosters.from_bytes(content, 1), features)
    served = Booster(content, 1).margins(features)
    return {"max_abs_margin_difference": float(np.abs(framework - served).max()), "rows": len(test)}


def latency(content: bytes, name: str, test: Dataset) -> dict[str, Any]:
    """Rows per second in batches and milliseconds for a single row, including features, in CPU time of one thread."""
    booster = Booster(content, 1)
    rows = np.arange(BATCH_ROWS) % len(test)
    magnitudes = test.photometry.magnitudes[rows]
    redshift = test.photometry.redshift[rows] if name == boosters.WITH_REDSHIFT else None

    def seconds(count: int) -> float:
        start = time.thread_time()
        booster.margins(feature_matrix(magnitudes[:count], None if redshift is None else redshift[:count]))
        return time.thread_time() - start

    batch = min(seconds(BATCH_ROWS) for _ in range(TIMES))
    one_row = float(np.median([seconds(1) for _ in range(1_000)]))
    return {
        "rows_per_second": round(BATCH_ROWS / batch),
        "one_row_ms": round(one_row * 1e3, 4),
        "with": "processor time of one thread, features included: best of 7 x 100,000 rows, median of 1,000 rows",
    }


def measure_in_place(
    folder: Path, candidate: Mapping[str, bytes], test: Dataset, unmeasured: Dataset
) -> dict[str, Any] | None:
    """Scores of the published version, and of both versions on objects without a redshift; None if none is in place."""
    if not (folder / CARD_FILE).exists():
        return None
    card = read_json(folder / CARD_FILE, "star export")
    published = {
        name: _booster(folder, card["variants"][name], "described by the card in the same folder")
        for name in boosters.VARIANTS
    }
    photometric = boosters.PHOTOMETRY_ONLY
    as_zero = {name: predicted(content, name, unmeasured) for name, content in published.items()}
    without = predicted(candidate[photometric], photometric, unmeasured)

    def scores(content: bytes, name: str, others: NDArray[np.int64]) -> dict[str, Any]:
        table = metrics.confusion(test.labels, predicted(content, name, test), len(LABELS))
        with_unmeasured = table + metrics.confusion(unmeasured.labels, others, len(LABELS))
        return {
            "sha256": sha256(content),
            "metrics": metrics.scores_of_table(table),
            "with_unmeasured": metrics.scores_of_table(with_unmeasured),
        }

    return {
        "version": card["version"],
        "variants": {name: scores(content, name, as_zero[name]) for name, content in published.items()},
        "candidate": {name: scores(content, name, without) for name, content in candidate.items()},
        "unmeasured": {
            "rows": len(unmeasured),
            "called": {name: _counts(predictions) for name, predictions in as_zero.items()},
            "called_by_candidate": _counts(without),
        },
    }


def predicted(content: bytes, name: str, objects: Dataset) -> NDArray[np.int64]:
    """(n,) class index predicted by a booster; a missing redshift is passed as 0, as the failed fit left it."""
    redshift = np.nan_to_num(objects.photometry.redshift, nan=FAILED_FIT)
    features = boosters.matrix(Photometry(objects.photometry.magnitudes, redshift), name)
    if not len(features):
        return np.zeros(0, np.int64)
    margins = boosters.margins(boosters.from_bytes(content, 1), features)
    return np.asarray(margins.argmax(axis=1), np.int64)


def _booster(folder: Path, variant: Mapping[str, Any], described: str) -> bytes:
    path: Path = folder / variant["file"]
    content = path.read_bytes() if path.is_file() else b""
    if sha256(content) != variant["sha256"]:
        raise ConfigurationError(f"{path} is not the booster {described}")
    return content


def _counts(predictions: NDArray[np.int64]) -> dict[str, int]:
    return dict(zip(LABELS, np.bincount(predictions, minlength=len(LABELS)).tolist(), strict=True))


def _report(name: str, scores: Mapping[str, Any]) -> None:
    shown = ", ".join(f"{score.replace('_', ' ')} {readme.interval(scores[score])}" for score in metrics.SCORES)
    print(f"{name}: {shown}, ECE {scores['ece_before']:.4f} before and {scores['ece_after']:.4f} after")


def references(
    training: Dataset,
    test: Dataset,
    variant: str,
    chosen: Hyperparameters,
    *,
    threads: int,
    on_fit: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Scores of baseline and ceiling on the test split, and the learning curve of the shipped booster."""
    # The baseline is XGBoost with its defaults, on ugriz, six colours and the redshift. The ceiling, five times the
    # trees at a fifth of the learning rate, is far too slow to serve: its gain is the price of speed. Where the
    # learning curve is flat, more of the same data would not help.
    names = boosters.FEATURES[variant]
    plain = [index for index, name in enumerate(names) if name not in (*BEND_NAMES, DISTANCE_MAGNITUDE)]
    slow = {**chosen.parameters, "eta": float(chosen.parameters["eta"]) / CEILING_FACTOR}
    ceiling = replace(chosen, rounds=chosen.rounds * CEILING_FACTOR, parameters=slow)
    train_matrix, test_matrix = (boosters.matrix(part.photometry, variant) for part in (training, test))

    def predict(hyper: Hyperparameters, rows: NDArray[np.intp], columns: list[int]) -> NDArray[np.int64]:
        booster = boosters.fit(train_matrix[rows][:, columns], training.labels[rows], hyper, threads=threads)
        labels: NDArray[np.int64] = boosters.margins(booster, np.ascontiguousarray(test_matrix[:, columns])).argmax(1)
        on_fit()
        return labels

    all_rows, all_columns = np.arange(len(training)), list(range(len(names)))
    order = np.random.default_rng(SEED).permutation(len(training))
    curve = {
        count: predict(chosen, np.sort(order[:count]), all_columns)
        for count in (round(fraction * len(training)) for fraction in FRACTIONS)
    }
    shipped = curve[len(training)]
    predictions = {"baseline": predict(BASELINE, all_rows, plain), "ceiling": predict(ceiling, all_rows, all_columns)}
    return {
        **{
            name: {
                **metrics.scores_of_table(metrics.confusion(test.labels, prediction, len(LABELS))),
                "shipped_minus_this": paired(test.labels, shipped, prediction),
            }
            for name, prediction in predictions.items()
        },
        "learning_curve": [
            {"rows": count, **metrics.scores_of_table(metrics.confusion(test.labels, prediction, len(LABELS)))}
            for count, prediction in curve.items()
        ],
    }


def paired(
    truth: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64], replicates: int = PAIRED_REPLICATES
) -> dict[str, dict[str, float]]:
    """The difference of two models' scores on the same objects, with a 95 % paired bootstrap interval."""
    draw = np.random.default_rng(SEED)
    differences: dict[str, list[float]] = {name: [] for name in ("accuracy", "macro_f1")}
    for replicate in range(replicates + 1):
        # The first is not a draw: all objects once give the value itself.
        rows = np.arange(len(truth)) if replicate == 0 else draw.integers(len(truth), size=len(truth))
        tables = [metrics.confusion(truth[rows], prediction[rows], len(LABELS)) for prediction in (first, second)]
        for name, values in differences.items():
            left, right = (float(metrics.SCORES[name](table)) for table in tables)
            values.append(left - right)
    return {name: metrics.interval(values[0], values[1:]) for name, values in differences.items()}
