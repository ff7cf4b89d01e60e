"""``train``: fit both boosters on the training part, and calibrate them on out-of-fold margins.

Temperature and conformal thresholds are fitted on out-of-fold margins of the training part: each object is predicted
by a booster fitted without it (cross-conformal prediction). A separate calibration part would take rows from training;
this costs only five more fits. The shipped booster is fitted on the full training part, a quarter more rows than each
fold's booster, so its margins are slightly better than those used for calibration: the error is conservative, and the
test split shows its size.

The conformal sets are class-conditional, so that the coverage also holds for the rare quasars: a common threshold
would be dominated by the galaxies, the majority of the table.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from model_export.common.cli import OK, log, progress
from model_export.common.files import sha256, versions, write_json
from model_export.star import boosters
from model_export.star.data import FOLDS, SEED, Workspace, description, folds, split
from skysort.learning import calibration
from skysort.star.columns import LABELS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from model_export.star.data import Dataset

TRAINING: Final = "training.json"
METHOD: Final = "class-conditional (Mondrian) conformal, out-of-fold probabilities; a set may be empty"
LIBRARIES: Final = ("numpy", "xgboost-cpu", "pandas", "scikit-learn", "scipy", "optuna")


def run(options: argparse.Namespace) -> int:
    """Write build/star/{with_redshift,photometry_only}.ubj and training.json."""
    workspace = Workspace.of(options)
    chosen = boosters.hyperparameters(workspace.hyperparameters)
    dataset = workspace.dataset()
    training = dataset.take(split(dataset).train)
    log(f"{dataset.file_name}: {len(dataset):,} objects, {len(training):,} to train on")
    with progress() as bar:
        variants = {}
        for name in boosters.VARIANTS:
            task = bar.add_task(name, total=chosen[name].rounds * (FOLDS + 1))
            on_round = partial(bar.advance, task)
            variants[name] = train_variant(
                training, name, chosen[name], workspace.build, threads=options.threads, on_round=on_round
            )
    record: dict[str, Any] = {"data": description(dataset), "seed": SEED, "folds": FOLDS}
    record |= {"libraries": versions(LIBRARIES), "variants": variants}
    write_json(workspace.build / TRAINING, record)
    for name, variant in variants.items():
        log(f"{name}: {variant['trees']} trees, {variant['bytes']:,} bytes, temperature {variant['temperature']:.3f}")
    return OK


def train_variant(
    training: Dataset,
    name: str,
    chosen: boosters.Hyperparameters,
    folder: Path,
    *,
    threads: int,
    on_round: Callable[[], object] | None = None,
) -> dict[str, Any]:
    """Fit, calibrate and save a booster; returns its entry in the card."""
    features, fold = boosters.matrix(training.photometry, name), folds(training)
    margins = boosters.out_of_fold(features, training.labels, chosen, fold, threads=threads, on_round=on_round)
    temperature = calibration.fit_temperature(margins, training.labels)
    limits = calibration.thresholds(calibration.probabilities(margins, temperature), training.labels)
    booster = boosters.fit(features, training.labels, chosen, threads=threads, on_round=on_round)
    content = boosters.to_bytes(booster)
    (folder / f"{name}.ubj").write_bytes(content)
    return {
        "file": f"{name}.ubj",
        "sha256": sha256(content),
        "bytes": len(content),
        "features": list(boosters.FEATURES[name]),
        "trees": chosen.rounds * len(LABELS),
        "max_depth": int(chosen.parameters["max_depth"]),
        "nodes_per_row": chosen.nodes_per_row,
        "parameters": {**boosters.FIXED, **chosen.parameters, "rounds": chosen.rounds},
        "temperature": temperature,
        "conformal": {
            "coverage": calibration.COVERAGE,
            "method": METHOD,
            "thresholds": {label: round(float(limit), 6) for label, limit in zip(LABELS, limits, strict=True)},
        },
        "out_of_fold_log_loss": round(calibration.log_loss(margins, training.labels, temperature), 6),
    }
