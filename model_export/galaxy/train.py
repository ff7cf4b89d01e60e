"""``train``: fit one candidate, then decide on the validation part how its logits become an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from model_export.common.cli import OK, progress, say
from model_export.common.files import write_json
from model_export.galaxy import choice, fit, networks, samples, split
from model_export.galaxy.networks.mobilenet import WEIGHTS
from model_export.galaxy.workspace import VALIDATION, Workspace
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from model_export.settings import Settings


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write build/galaxy/runs/NAME/{weights.pt, run.json, validation.json}; goes on with a run that was stopped."""
    torch.set_num_threads(options.threads)
    workspace = Workspace.of(options, settings)
    recipe = fit.Recipe(options.candidate, options.minutes, options.fraction, options.steps or 0)
    record = train_one(workspace, recipe, options.name or options.candidate)
    scores = record["scores"]
    print(
        f"{options.name or options.candidate}: validation accuracy {scores['accuracy']['value']:.4f}, "
        f"macro F1 {scores['macro_f1']['value']:.4f}, ECE {scores['ece']:.4f}, views: {record['choice']['views']}"
    )
    return OK


def train_one(workspace: Workspace, recipe: fit.Recipe, name: str) -> dict[str, Any]:
    """Train a recipe into a named run and choose on validation; returns what validation.json says."""
    if recipe.candidate not in networks.CANDIDATES:
        raise ConfigurationError(
            f"there is no candidate {recipe.candidate!r}; there is {', '.join(networks.CANDIDATES)}"
        )
    if not workspace.data.joinpath(*WEIGHTS).is_file() and networks.CANDIDATES[recipe.candidate].pretrained:
        raise ConfigurationError(f"the ImageNet weights {workspace.data.joinpath(*WEIGHTS)} are not there")
    gz2, efigi = workspace.catalogues()
    crops = workspace.crops()
    parts = workspace.split()
    drawn = samples.training(gz2, efigi, crops, parts, fraction=recipe.fraction)
    if recipe.without:
        drawn = samples.without(drawn, recipe.without)
    folder = workspace.run(name)
    say(f"{name}: {len(drawn):,} pictures to draw from")
    with progress() as bar:
        task = bar.add_task(name, total=recipe.steps or None)

        def on_step(done: int, steps: int, loss: float) -> None:
            bar.update(task, total=steps, completed=done, description=f"{name}: loss {loss:.3f}")

        trained = fit.train(recipe, drawn, folder, workspace.data, on_step=on_step)
        rows = split.rows(parts.validation, gz2)
        task = bar.add_task("validation", total=len(rows))
        network = fit.load(recipe.candidate, folder)
        side = networks.CANDIDATES[recipe.candidate].side
        logits = fit.logits(network, crops[0], rows, side, on_batch=lambda count: bar.advance(task, count))
    np.save(folder / fit.VALIDATION_LOGITS, logits)
    chosen, record = choice.choose(logits, gz2.label[rows], drawn.prior)
    whole = {"run": trained, "choice": chosen.document(), **record}
    write_json(folder / VALIDATION, whole)
    return whole
