"""What a fitted star model is worth on its held-out rows, and its card."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.learning import metrics
from skysort.learning.calibration import COVERAGE, calibration_error, log_loss, probabilities, reliability
from skysort.limits import STAR_FIT_S
from skysort.probability import prediction_sets
from skysort.registry.names import Kind
from skysort.registry.promotion import HeldOut
from skysort.star.booster import Booster
from skysort.star.booster_training import Matrix, fit
from skysort.star.model import PHOTOMETRY_ONLY, TYPICALITY_FILE
from skysort.star.typicality import METHOD, THRESHOLD, Typicality
from skysort.trainings.star_fit import features_of, rows_of, variants
from skysort.trainings.star_rows import HELD_OUT_SHARE, folds, identifiers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from skysort.trainings.star_fit import VariantFit
    from skysort.trainings.star_table import LabelledRows

    Floats = NDArray[np.float64]

ARCHITECTURE: Final = "gradient-boosted decision trees (XGBoost, multi:softprob)"
SPLIT: Final = f"held out, {HELD_OUT_SHARE:.0%} of each class by a hash of the row"
# Shares of the training rows, of the learning curve; and what a forecast asks for.
_SHARES: Final = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
_MIN_OF_CURVE: Final = 50
_TWICE: Final = 2
_EXPLAINED: Final = 500
_DIGITS: Final = 6


def evaluate(
    rows: LabelledRows,
    fits: Mapping[str, VariantFit],
    held: NDArray[np.bool_],
    *,
    seed: int,
    threads: int = 1,
    check: Callable[[], object] = bool,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[dict[str, Any], dict[str, bytes], HeldOut]:
    """Evaluate a model.

    Parameters
    ----------
    rows, fits
        The table and the fitted variants.
    held
        (n,) bool: the held-out rows.
    seed
        Of the learning curve's draws and of the sample for typicality.
    threads
        Threads of the library.
    check
        Called between fits; raises when the time is over.
    clock
        The time in seconds.

    Returns
    -------
    tuple
        The card, without name, time and training; the version's other files; and the held-out examples for comparisons.
    """
    test = np.flatnonzero(held)
    truth = rows.classes[test]
    documents: dict[str, dict[str, Any]] = {}
    files: dict[str, bytes] = {}
    shape = (len(test), len(rows.labels))
    answered, raw, sets = np.empty(shape), np.empty(shape), np.empty(shape, np.bool_)
    # The photometric booster answers all rows, then the spectroscopic one those with a redshift, as when served.
    for variant in reversed(variants(rows)):
        check()
        fitted = fits[variant]
        booster = Booster(fitted.model, threads)
        own = np.isin(test, rows_of(rows, variant, held))
        features = np.ascontiguousarray(features_of(rows, variant)[test[own]])
        document = {**fitted.document, "file": f"{variant}.ubj", "bytes": len(fitted.model)}
        document["sha256"] = hashlib.sha256(fitted.model).hexdigest()
        scores = booster.margins(features).astype(np.float64)
        limits = np.array([document["conformal"]["thresholds"][label] for label in rows.labels])
        calibrated = probabilities(scores, document["temperature"])
        inside = prediction_sets(calibrated.astype(np.float32), limits.astype(np.float32))
        answered[own], raw[own], sets[own] = calibrated, probabilities(scores), inside
        document["metrics"] = _metrics(calibrated, probabilities(scores), inside, truth[own], rows.labels)
        document["metrics"]["log_loss"] = round(log_loss(scores, truth[own], document["temperature"]), _DIGITS)
        document["feature_importance"] = _importance(booster, features, document["features"])
        documents[variant] = document
        files[document["file"]] = fitted.model
    typicality = Typicality.fit(
        rows.photometry.magnitudes[~held],
        rows.photometry.magnitudes[test],
        len(rows.schema.bands),
        np.random.default_rng(seed),
    )
    files[TYPICALITY_FILE] = typicality.save()
    held_out = HeldOut(
        rows.labels,
        identifiers(rows.photometry.take(held)),
        truth.tolist(),
        answered.argmax(axis=1).tolist(),
        answered[np.arange(len(test)), truth].tolist(),
    )
    curve = _curve(rows, fits, held, seed=seed, threads=threads, check=check, clock=clock)
    overall = _metrics(answered, raw, sets, truth, rows.labels)
    curve.append({"examples": int((~held).sum()), "accuracy": overall["accuracy"]})
    card = {
        "kind": Kind.STAR.value,
        "architecture": f"{ARCHITECTURE}, {'two boosters' if len(documents) > 1 else 'one booster'}",
        "labels": list(rows.labels),
        "input": {
            "columns": rows.schema.document(),
            "magnitudes": "as in the training table",
            "normalisation": "none",
            "missing_redshift": f"the variant {PHOTOMETRY_ONLY} answers",
        },
        "variants": {name: documents[name] for name in variants(rows)},
        "bytes": sum(map(len, files.values())),
        "conformal": {"coverage": COVERAGE, "method": "class-conditional; the thresholds are each variant's"},
        "typicality": {"threshold": THRESHOLD, "method": METHOD},
        "metrics": {"examples": len(test), "split": SPLIT, **overall},
        "learning_curve": curve,
        "forecast": forecast(curve),
        "hyperparameters": {
            name: {"parameters": document["parameters"], "tried": document.pop("tried")}
            for name, document in documents.items()
        },
        "training_data": dict(rows.report),
        "limitations": [
            "Knows the classes of its training table only, in that table's photometric system.",
            "Held-out rows are from the same table: on another survey or depth it may do worse.",
        ],
    }
    return card, files, held_out


def _metrics(
    calibrated: Floats, raw: Floats, sets: NDArray[np.bool_], truth: NDArray[np.int64], labels: tuple[str, ...]
) -> dict[str, Any]:
    """Scores of answers, as in a card."""
    table = metrics.confusion(truth, calibrated.argmax(axis=1), len(labels))
    inside = sets[np.arange(len(truth)), truth]
    return {
        "rows": len(truth),
        **metrics.scores_of_few(table),
        "ece": calibration_error(calibrated, truth),
        "ece_uncalibrated": calibration_error(raw, truth),
        "per_class": metrics.per_class(table, labels),
        "confusion_matrix": table.tolist(),
        "reliability": reliability(calibrated, truth).document(),
        "coverage": {
            "wanted": COVERAGE,
            "value": round(float(inside.mean()), _DIGITS),
            "mean_set_size": round(float(sets.sum(axis=1).mean()), _DIGITS),
            "empty": round(float((~sets.any(axis=1)).mean()), _DIGITS),
            "by_class": {
                name: round(float(inside[truth == index].mean()), _DIGITS)
                for index, name in enumerate(labels)
                if (truth == index).any()
            },
        },
    }


def _importance(booster: Booster, features: NDArray[np.float32], names: list[str]) -> dict[str, float]:
    """The mean absolute SHAP value of each feature over some rows and all classes, the largest first."""
    step = max(1, len(features) // _EXPLAINED)
    shap = booster.contributions(np.ascontiguousarray(features[::step][:_EXPLAINED]))
    mean = np.abs(shap[:, :, :-1]).mean(axis=(0, 1))
    return {names[index]: round(float(mean[index]), 4) for index in np.argsort(-mean, kind="stable").tolist()}


def _curve(
    rows: LabelledRows,
    fits: Mapping[str, VariantFit],
    held: NDArray[np.bool_],
    *,
    seed: int,
    threads: int,
    check: Callable[[], object],
    clock: Callable[[], float],
) -> list[dict[str, Any]]:
    """Accuracy on the held-out rows after fitting on shares of the others, while there is time."""
    began = clock()
    halves = round(1 / _SHARES[0])
    training = np.flatnonzero(~held)
    part_of = np.empty(len(rows.classes), np.int64)
    part_of[training] = folds(rows.photometry.take(training), rows.classes[training], halves, seed)
    test = np.flatnonzero(held)
    points = []
    for share in _SHARES:
        drawn = ~held & (part_of < round(share * halves))
        if int(drawn.sum()) < _MIN_OF_CURVE or clock() - began > STAR_FIT_S / 4:
            continue
        right = np.zeros(len(test), np.bool_)
        for variant in reversed(variants(rows)):
            check()
            chosen = rows_of(rows, variant, drawn)
            if not len(chosen):
                continue
            features = features_of(rows, variant)
            parameters = fits[variant].document["parameters"]
            fitted = fit(
                Matrix(features[chosen], rows.classes[chosen], threads=threads),
                {name: value for name, value in parameters.items() if name not in {"rounds", "seed"}},
                parameters["rounds"],
                classes=len(rows.labels),
                seed=seed,
                threads=threads,
                seconds=STAR_FIT_S / 8,
                clock=clock,
            )
            own = np.isin(test, rows_of(rows, variant, held))
            scores = Booster(fitted.model, threads).margins(np.ascontiguousarray(features[test[own]]))
            right[own] = scores.argmax(axis=1) == rows.classes[test[own]]
        points.append({"examples": int(drawn.sum()), "accuracy": metrics.share(float(right.mean()), len(right))})
    return points


def forecast(curve: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The accuracy with twice the rows: the error is taken to fall as a + b / sqrt(rows)."""
    if len(curve) < _TWICE + 1:
        return None
    sizes = np.array([point["examples"] for point in curve], np.float64)
    last = curve[-1]["accuracy"]
    errors = np.array([1.0 - point["accuracy"]["value"] for point in curve])
    slope, _ = np.polyfit(1.0 / np.sqrt(sizes), errors, 1)
    rows = _TWICE * sizes[-1]
    # At best all of the error falls with 1 / sqrt(rows): a is not below zero.
    steepness = np.clip(float(slope), 0.0, errors[-1] * np.sqrt(sizes[-1]))
    gain = steepness * (1.0 / np.sqrt(sizes[-1]) - 1.0 / np.sqrt(rows))
    accuracy = {name: round(min(1.0, value + float(gain)), _DIGITS) for name, value in last.items()}
    return {"examples": int(rows), "accuracy": accuracy, "of": "training rows in all, with the same mix of classes"}
