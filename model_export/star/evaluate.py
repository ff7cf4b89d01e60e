"""``evaluate``: what the trained boosters do on the test split, which nothing before this has seen."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common import calibration, metrics
from model_export.common.cli import OK, progress, say
from model_export.common.files import read_json, sha256, write_json
from model_export.star import boosters, in_place, plots, readme, references
from model_export.star.split import split
from model_export.star.train import TRAINING, describe
from model_export.star.workspace import ARTEFACT, Workspace
from skysort.errors import ConfigurationError
from skysort.probability import prediction_sets
from skysort.star.booster import Booster
from skysort.star.columns import LABELS
from skysort.star.features import feature_matrix

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.settings import Settings
    from model_export.star.data import Dataset

EVALUATION: Final = "evaluation.json"
RELIABILITY_PLOT: Final = "reliability.png"
CONFUSION_PLOT: Final = "confusion.png"
ROUNDED: Final = 6
BATCH_ROWS: Final = 100_000
TIMES: Final = 7


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write evaluation.json and the plots to the results folder, and fill the README's tables.

    With the boosters' own scores come those of what they are held against (references.py).
    """
    workspace = Workspace.of(options, settings)
    training = read_json(workspace.build / TRAINING, "star train")
    dataset = workspace.dataset()
    data = describe(dataset)
    if data["splits"] != training["data"]["splits"]:
        raise ConfigurationError(
            f"the boosters in {workspace.build} were trained on other rows than {dataset.file_name} gives; train anew"
        )
    parts = split(dataset)
    train, test = dataset.take(parts.train), dataset.take(parts.test)
    results = {}
    curves = {}
    contents = {name: trained(workspace.build, name, training["variants"][name]) for name in boosters.VARIANTS}
    with progress() as bar:
        task = bar.add_task("evaluate", total=len(boosters.VARIANTS) * references.FITS)
        for name in boosters.VARIANTS:
            bar.update(task, description=name)
            variant = training["variants"][name]
            content = contents[name]
            chosen = boosters.fitted_with(variant)
            results[name] = {
                "sha256": variant["sha256"],
                "metrics": measure(content, variant, name, test),
                "parity": parity(content, name, test),
                "latency": latency(content, name, test),
                "references": references.measure(
                    train, test, name, chosen, threads=options.threads, on_fit=partial(bar.advance, task)
                ),
            }
            curves[name] = reliability_curves(content, variant, name, test)
    write_json(
        workspace.results / EVALUATION,
        {
            "test_split": data["splits"]["test"],
            "variants": results,
            "in_place": in_place.measure(options.against or ARTEFACT, contents, test, dataset.take(parts.unmeasured)),
        },
    )
    plots.reliability(curves, workspace.results / RELIABILITY_PLOT)
    plots.confusion(
        {name: np.array(result["metrics"]["confusion_matrix"]) for name, result in results.items()},
        workspace.results / CONFUSION_PLOT,
    )
    readme.fill(workspace.results)
    for name, result in results.items():
        _report(name, result["metrics"])
    say(f"written to {workspace.results}")
    return OK


def trained(folder: Path, name: str, variant: Mapping[str, Any]) -> bytes:
    """The bytes of a trained booster; a ConfigurationError when they are not what train wrote, or not for this code."""
    if variant["features"] != list(boosters.FEATURES[name]):
        raise ConfigurationError(f"{name} was trained on other features than this code computes; run `train` again")
    path: Path = folder / variant["file"]
    content = path.read_bytes() if path.is_file() else b""
    if sha256(content) != variant["sha256"]:
        raise ConfigurationError(f"{path} is not the booster that {TRAINING} beside it describes; run `train` again")
    return content


def measure(content: bytes, variant: Mapping[str, Any], name: str, test: Dataset) -> dict[str, Any]:
    """Scores with 95 % intervals, calibration error, and coverage, on the test split."""
    margins = boosters.margins(boosters.from_bytes(content, 1), boosters.matrix(test.photometry, name))
    temperature = float(variant["temperature"])
    before, after = calibration.probabilities(margins), calibration.probabilities(margins, temperature)
    limits = np.array([variant["conformal"]["thresholds"][label] for label in LABELS], np.float32)
    sets = prediction_sets(after.astype(np.float32), limits)
    table = metrics.confusion(test.labels, after.argmax(axis=1))
    covered = sets[np.arange(len(test)), test.labels]
    return {
        "split": "test",
        "rows": len(test),
        **metrics.with_intervals(table),
        "log_loss": round(calibration.log_loss(margins, test.labels, temperature), ROUNDED),
        "ece_before": _ece(before, test.labels),
        "ece_after": _ece(after, test.labels),
        "per_class": metrics.per_class(table),
        "confusion_matrix": table.tolist(),
        "reliability": calibration.listed(calibration.reliability(after, test.labels)),
        "conformal": {
            "coverage": round(float(covered.mean()), ROUNDED),
            "mean_set_size": round(float(sets.sum(axis=1).mean()), ROUNDED),
            "coverage_by_class": {
                label: round(float(covered[test.labels == place].mean()), ROUNDED) for place, label in enumerate(LABELS)
            },
            # What the thresholds alone give, without the rule that the top label is always in.
            "coverage_of_thresholds": {
                label: round(float((after[test.labels == place, place] >= limits[place]).mean()), ROUNDED)
                for place, label in enumerate(LABELS)
            },
        },
    }


def reliability_curves(
    content: bytes, variant: Mapping[str, Any], name: str, test: Dataset
) -> dict[str, calibration.Reliability]:
    """The reliability of the top label before and after temperature scaling."""
    margins = boosters.margins(boosters.from_bytes(content, 1), boosters.matrix(test.photometry, name))
    temperatures = {"before": 1.0, "after": float(variant["temperature"])}
    return {
        when: calibration.reliability(calibration.probabilities(margins, temperature), test.labels)
        for when, temperature in temperatures.items()
    }


def parity(content: bytes, name: str, test: Dataset) -> dict[str, Any]:
    """The largest difference between the margins of the serving code and those of the training framework."""
    features = boosters.matrix(test.photometry, name)
    framework = boosters.margins(boosters.from_bytes(content, 1), features)
    served = Booster(content, 1).margins(features)
    return {"max_abs_margin_difference": float(np.abs(framework - served).max()), "rows": len(test)}


def latency(content: bytes, name: str, test: Dataset) -> dict[str, Any]:
    """Rows a second in batches and milliseconds for one row, features included, on one thread.

    The thread's own processor time is measured, since the machine may have other work to do.
    """
    booster = Booster(content, 1)
    rows = np.arange(BATCH_ROWS) % len(test)
    magnitudes = test.photometry.magnitudes[rows]
    redshift = test.photometry.redshift[rows] if name == boosters.WITH_REDSHIFT else None

    def seconds(count: int) -> float:
        start = time.thread_time()
        booster.margins(feature_matrix(magnitudes[:count], None if redshift is None else redshift[:count]))
        return time.thread_time() - start

    batch = min(seconds(BATCH_ROWS) for _ in range(TIMES))
    one = float(np.median([seconds(1) for _ in range(1_000)]))
    return {
        "rows_per_second": round(BATCH_ROWS / batch),
        "one_row_ms": round(one * 1e3, 4),
        "with": "processor time of one thread, features included: best of 7 x 100,000 rows, median of 1,000 rows",
    }


def _ece(probability: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    return round(calibration.reliability(probability, labels).expected_calibration_error, ROUNDED)


def _report(name: str, scores: Mapping[str, Any]) -> None:
    shown = (
        "{} {value:.4f} ({low:.4f} to {high:.4f})".format(score.replace("_", " "), **scores[score])
        for score in metrics.SCORES
    )
    print(f"{name}: {', '.join(shown)}, ECE {scores['ece_before']:.4f} before and {scores['ece_after']:.4f} after")
