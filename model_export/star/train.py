"""``train``: fit both boosters on the training part, and calibrate them on out-of-fold margins."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common import calibration
from model_export.common.cli import OK, progress, say
from model_export.common.files import sha256, write_json
from model_export.star import boosters, conformal
from model_export.star.split import FOLDS, SEED, folds, split
from model_export.star.workspace import Workspace, libraries
from skysort.star.columns import LABELS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from model_export.settings import Settings
    from model_export.star.data import Dataset

TRAINING: Final = "training.json"


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write build/star/{with_redshift,photometry_only}.ubj and training.json."""
    workspace = Workspace.of(options, settings)
    chosen = boosters.hyperparameters(workspace.hyperparameters)
    dataset = workspace.dataset()
    training = dataset.take(split(dataset).train)
    say(f"{dataset.file_name}: {len(dataset):,} objects, {len(training):,} to train on")
    with progress() as bar:
        variants = {}
        for name in boosters.VARIANTS:
            task = bar.add_task(name, total=chosen[name].rounds * (FOLDS + 1))
            variants[name] = train_variant(
                training,
                name,
                chosen[name],
                workspace.build,
                threads=options.threads,
                on_round=partial(bar.advance, task),
            )
    record = {"data": describe(dataset), "seed": SEED, "folds": FOLDS, "libraries": libraries(), "variants": variants}
    write_json(workspace.build / TRAINING, record)
    for name, variant in variants.items():
        say(f"{name}: {variant['trees']} trees, {variant['bytes']:,} bytes, temperature {variant['temperature']:.3f}")
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
    """Fit, calibrate and save one booster; returns what the card says of it."""
    fold = folds(training)
    unseen = boosters.out_of_fold(training, name, chosen, fold, threads=threads, on_round=on_round)
    temperature = calibration.fit_temperature(unseen, training.labels)
    limits = conformal.thresholds(calibration.probabilities(unseen, temperature), training.labels)
    features = boosters.matrix(training.photometry, name)
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
            "coverage": conformal.COVERAGE,
            "method": conformal.METHOD,
            "thresholds": {label: round(float(limit), 6) for label, limit in zip(LABELS, limits, strict=True)},
        },
        "out_of_fold_log_loss": round(calibration.log_loss(unseen, training.labels, temperature), 6),
    }


def describe(dataset: Dataset) -> dict[str, Any]:
    """What the card says of the data: counts, hashes and the split."""
    parts = split(dataset)
    named = {"train": dataset.take(parts.train), "test": dataset.take(parts.test)}
    used = dataset.take(dataset.has_redshift)
    return {
        "name": "SDSS17",
        "file": dataset.file_name,
        "sha256": dataset.sha256,
        "rows": len(used),
        "dropped": {**dataset.dropped, "without_redshift": len(dataset) - len(used)},
        "classes": used.counts(),
        "splits": {
            name: {
                "rows": len(part),
                "classes": part.counts(),
                "sha256": fingerprint(part),
            }
            for name, part in named.items()
        },
    }


def fingerprint(part: Dataset) -> str:
    """A hash of the objects, whatever their order and file: tells whether two test splits are the same."""
    values = np.column_stack([part.photometry.magnitudes, part.photometry.redshift, part.labels]).astype("<f8")
    return sha256(values[np.lexsort(values.T)].tobytes())
