"""``ablate``: what each kind of label brings, by training the candidate that ships without it.

Every run has the same number of steps and the same seed. Scores are those of the validation part; the differences
are paired, picture by picture, since the intervals of two scores say little of how far they are apart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from model_export.common import calibration
from model_export.common.cli import OK, say
from model_export.common.files import read_json, write_json
from model_export.galaxy import fit, readme, split
from model_export.galaxy.choice import Choice
from model_export.galaxy.compare import finished
from model_export.galaxy.views import VIEW_SETS
from model_export.galaxy.workspace import ABLATION, COMPARISON, Workspace
from model_export.image.scores import with_interval

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from model_export.settings import Settings

WHOLE: Final = "ablation_whole"
LEAST: Final = 1e-12


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write results/ablation.json and its table in README.md; finished runs are not trained again."""
    torch.set_num_threads(options.threads)
    workspace = Workspace.of(options, settings)
    compared = read_json(workspace.results / COMPARISON, "galaxy compare")
    steps = options.steps or compared["candidates"][compared["winner"]]["steps"]
    recipe = fit.Recipe(compared["winner"], 0.0, steps=steps)
    whole = finished(workspace, recipe, WHOLE)
    truth = _truth(workspace)
    loss_of_whole, right_of_whole = _results(workspace, WHOLE, whole, truth)
    document: dict[str, Any] = {
        "part": "validation",
        "candidate": recipe.candidate,
        "steps": steps,
        "seed": recipe.seed,
        "whole": _scores(whole),
        "without": {},
    }
    for what in options.without:
        name = f"ablation_without_{what}"
        record = finished(workspace, replace(recipe, without=what), name)
        loss, right = _results(workspace, name, record, truth)
        document["without"][what] = {
            **_scores(record),
            "log_loss_gain": with_interval(loss - loss_of_whole),
            "accuracy_gain": with_interval(right_of_whole - right),
        }
        say(f"without {what}: accuracy {record['scores']['accuracy']['value']:.4f}")
        write_json(workspace.results / ABLATION, document)
    readme.fill(workspace.results)
    return OK


def _truth(workspace: Workspace) -> NDArray[np.int64]:
    gz2, _ = workspace.catalogues()
    return gz2.label[split.rows(workspace.split().validation, gz2)]


def _results(
    workspace: Workspace, name: str, record: dict[str, Any], truth: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each validation picture the loss in nats, and 1 where the answer was right.

    The loss is that before the logit adjustment, which every run chooses for itself and which gives some of it away
    for the rare classes.
    """
    logits, chosen = np.load(workspace.run(name) / fit.VALIDATION_LOGITS), Choice.of(record["choice"])
    right = chosen.probabilities(logits).argmax(axis=1) == truth
    mean = logits[:, VIEW_SETS[chosen.views]].mean(axis=1)
    own = calibration.probabilities(mean, calibration.fit_temperature(mean, truth))[np.arange(len(truth)), truth]
    return -np.log(np.maximum(own, LEAST)), right.astype(np.float64)


def _scores(record: dict[str, Any]) -> dict[str, Any]:
    return {key: record["scores"][key] for key in ("accuracy", "balanced_accuracy", "macro_f1", "ece")}
