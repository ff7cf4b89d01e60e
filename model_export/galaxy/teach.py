"""``teach``: the answers of trained runs to every picture that trains, for a network that learns from them.

A teacher is the mean over runs and over all eight views of a picture, at the temperature of each run. Its answers let
the pictures without labels train (self-training), and let a network learn what the turned views know, so that it needs
one view (distillation; Hinton et al. 2015, arXiv 1503.02531).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.common.cli import OK, progress
from model_export.common.files import read_json
from model_export.galaxy import coarse, networks, predict, split
from model_export.galaxy.workspace import VALIDATION, Workspace
from skysort.errors import ConfigurationError
from skysort.learning import calibration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from model_export.galaxy.coarse import Coarse

ANSWERS: Final = "answers.npz"
# The catalogues' names in the file, and their survey numbers in samples.py: EFIGI, which is 1, is not taught.
SURVEYS: Final = {"gz2": 0, "gz1": 2, "unlabelled": 3}


def run(options: argparse.Namespace) -> int:
    """Write answers.npz beside the weights of each run; runs that have it already keep it."""
    workspace = Workspace.of(options)
    further = coarse.load(workspace)
    gz2, _ = workspace.catalogues()
    gz2_crops, _ = workspace.crops()
    tables = {
        "gz2": (gz2_crops, split.rows(workspace.split().train, gz2)),
        "gz1": (further.crops[0], split.rows(further.parts.train, further.gz1)),
        "unlabelled": (further.crops[1], split.rows(further.parts.train, further.unlabelled)),
    }
    for name in options.names:
        path = workspace.run(name) / ANSWERS
        if path.exists():
            continue
        record = read_json(workspace.run(name) / VALIDATION, "galaxy train")
        candidate, temperature = networks.CANDIDATES[record["run"]["candidate"]], record["choice"]["temperature"]
        network = predict.load(candidate.name, workspace.run(name))
        said = {}
        with progress() as bar:
            for survey, (crops, rows) in tables.items():
                on_batch = partial(bar.advance, bar.add_task(f"{name}: {survey}", total=len(rows)))
                mean = predict.logits(network, crops, rows, candidate.side, on_batch=on_batch).mean(axis=1)
                said[survey] = np.zeros((len(crops), mean.shape[1]), dtype=np.float32)
                said[survey][rows] = calibration.probabilities(mean, temperature)
        unfinished = path.with_suffix(".part.npz")
        np.savez_compressed(unfinished, gz2=said["gz2"], gz1=said["gz1"], unlabelled=said["unlabelled"])
        unfinished.rename(path)
        print(f"{name}: {sum(len(rows) for _, rows in tables.values()):,} pictures")
    return OK


def answers(workspace: Workspace, names: Sequence[str], further: Coarse | None) -> dict[int, NDArray[np.float64]]:
    """The mean of the runs' answers: survey number -> (pictures, 8), zero rows of pictures that do not train."""
    known = ["gz2", "gz1", "unlabelled"] if further else ["gz2"]
    read: list[Mapping[str, NDArray[np.float32]]] = []
    for name in names:
        try:
            with np.load(workspace.run(name) / ANSWERS) as file:
                read.append({survey: file[survey] for survey in known})
        except OSError as problem:
            raise ConfigurationError(
                f"{problem.filename} is missing; run `python -m model_export galaxy teach {name}` first"
            ) from problem
    return {SURVEYS[survey]: np.mean([said[survey] for said in read], axis=0, dtype=np.float64) for survey in known}
