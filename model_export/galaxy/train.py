"""``train``: fit a candidate, then choose views and calibration on the validation part.

One learning rate schedule, averaged weights, and checkpoints from which an interrupted run resumes.
"""

from __future__ import annotations

import copy
import time
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from model_export.common import efficientnet
from model_export.common.cli import OK, log, progress
from model_export.common.efficientnet import EfficientNetLite
from model_export.common.files import write_json
from model_export.common.networks import convolutions, parameters, public_weights, update_ema
from model_export.galaxy import choice, coarse, instruments, metrics, networks, samples, split, teach
from model_export.galaxy.choice import MAX_VIEWS
from model_export.galaxy.curve import Curve
from model_export.galaxy.networks import HALF_RANGE
from model_export.galaxy.networks.mobilenet import MobileNet
from model_export.galaxy.predict import load, logits
from model_export.galaxy.recipe import Recipe
from model_export.galaxy.samples import total_loss, views
from model_export.galaxy.workspace import VALIDATION, Workspace
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import nn

    from model_export.galaxy.networks import Galaxy
    from model_export.galaxy.samples import Samples

CALIBRATION_BATCHES: Final = 8
TRIAL_STEPS: Final = 3
CHECKPOINT_SECONDS: Final = 90.0
CHECKS: Final = 30
CALIBRATION_BATCH: Final = 64
VALIDATION_LOGITS: Final = "validation_logits.npy"


def run(options: argparse.Namespace) -> int:
    """Write build/galaxy/runs/NAME/{weights.pt, run.json, validation.json}; resumes an interrupted run."""
    workspace = Workspace.of(options)
    recipe = Recipe(
        options.candidate,
        options.minutes,
        options.fraction,
        options.steps or 0,
        peak_rate=options.rate,
        seed=options.seed,
        averaging=options.averaging,
        without=options.without,
        coarse=options.coarse,
        instruments=options.instruments,
        teachers=tuple(options.teachers),
        start=options.start,
    )
    record = train_one(workspace, recipe, options.name or options.candidate, options.weights)
    scores = record["scores"]
    print(
        f"{options.name or options.candidate}: validation accuracy {scores['accuracy']['value']:.4f}, "
        f"macro F1 {scores['macro_f1']['value']:.4f}, ECE {scores['ece']:.4f}, views: {record['choice']['views']}"
    )
    return OK


def train_one(workspace: Workspace, recipe: Recipe, name: str, weights: Path | None = None) -> dict[str, Any]:
    """Train a recipe as a named run and choose on the validation part; returns the content of validation.json."""
    # weights: the published file from which a candidate starts that is not `compared`.
    if recipe.candidate not in networks.CANDIDATES:
        raise ConfigurationError(
            f"unknown candidate {recipe.candidate!r}; choose from {', '.join(networks.CANDIDATES)}"
        )
    if networks.CANDIDATES[recipe.candidate].pretrained:
        public_weights(workspace.data)  # fail early if they are missing
    first = load(recipe.candidate, workspace.run(recipe.start)) if recipe.start else published(recipe, weights)
    gz2, efigi = workspace.catalogues()
    crops = workspace.crops()
    parts = workspace.split()
    drawn = samples.training(gz2, efigi, crops, parts, fraction=recipe.fraction)
    if recipe.without:
        drawn = samples.without(drawn, recipe.without)
    further = coarse.load(workspace) if recipe.coarse else None
    if further:
        for which, table in enumerate(further.tables):
            drawn = samples.joined(drawn, table, further.crops[which], split.rows(further.parts.train, table))
    if recipe.teachers:
        drawn = samples.taught(drawn, teach.answers(workspace, recipe.teachers, further))
    folder = workspace.run(name)
    rows = split.rows(parts.validation, gz2)
    curve = Curve(folder, gz2, crops[0], rows, further)
    log(f"{name}: {int((drawn.weight > 0).sum()):,} pictures to draw from")
    with progress() as bar:
        task = bar.add_task(name, total=recipe.steps or None)

        def on_step(done: int, steps: int, loss: float) -> None:
            bar.update(task, total=steps, completed=done, description=f"{name}: loss {loss:.3f}")

        trained = train(recipe, drawn, folder, workspace.data, on_step=on_step, on_check=curve, first=first)
        task = bar.add_task("validation", total=len(rows))
        network = load(recipe.candidate, folder)
        side = networks.CANDIDATES[recipe.candidate].side
        validated = logits(network, crops[0], rows, side, on_batch=partial(bar.advance, task))
    np.save(folder / VALIDATION_LOGITS, validated)
    # What turned views know is in the teacher's answers already.
    chosen, record = choice.choose(validated, gz2.label[rows], drawn.prior, 1 if recipe.teachers else MAX_VIEWS)
    document = {"run": trained, "choice": chosen.document(), **record}
    if further:
        held = split.rows(further.parts.validation, further.gz1)
        gz1 = further.gz1
        seen = chosen.probabilities(logits(network, further.crops[0], held, side))
        document["coarse"] = metrics.agreement(seen, gz1.allowed[held], [gz1.source[row] for row in held])
    write_json(folder / VALIDATION, document)
    return document


def published(recipe: Recipe, weights: Path | None) -> Galaxy | None:
    """The candidate with published weights and new heads; None if it starts from the data folder's or from none."""
    torch.manual_seed(recipe.seed)
    network = networks.build(recipe.candidate)
    takes = isinstance(network.trunk, EfficientNetLite)
    if takes != (weights is not None):
        raise ConfigurationError(
            f"{recipe.candidate} starts from a published file: name it with --weights"
            if takes
            else f"{recipe.candidate} takes no file of weights; leave out --weights"
        )
    if weights is None:
        return None
    network.trunk.load_published(efficientnet.published(weights, network.trunk.variant.name).weights)
    return network


def train(
    recipe: Recipe,
    samples: Samples,
    folder: Path,
    data: Path,
    *,
    on_step: Callable[[int, int, float], object],
    on_check: Callable[[Galaxy, int, Mapping[str, float]], object] | None = None,
    first: Galaxy | None = None,
) -> dict[str, Any]:
    """Train, or resume from `folder`; writes weights.pt and run.json there and returns the record."""
    # `on_check` is called some CHECKS times; `first` is the network to start from, instead of public weights.
    folder.mkdir(parents=True, exist_ok=True)
    training = Training(recipe, samples, folder / "checkpoint.pt", data, first)
    training.resume()
    training.plan()
    every = max(1, training.steps // CHECKS)
    saved, before = time.monotonic(), time.process_time()
    while training.step < training.steps:
        loss = training.advance()
        training.core_seconds += time.process_time() - before
        before = time.process_time()
        on_step(training.step, training.steps, loss)
        if on_check and training.step % every == 0:
            spent = {"step": training.step, "core_seconds": round(training.core_seconds)}
            on_check(training.averaged, training.side, spent)
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            training.save()
            saved = time.monotonic()
    torch.save(training.averaged.state_dict(), folder / "weights.pt")
    record = {
        **asdict(recipe),
        "steps": training.steps,
        "core_seconds": round(training.core_seconds, 1),
        "pictures_seen": training.steps * recipe.batch,
        "pictures_held": len(samples),
        "parameters": parameters(training.network),
        "torch": torch.__version__,
    }
    write_json(folder / "run.json", record)
    training.checkpoint.unlink(missing_ok=True)
    return record


class Training:
    """A run in progress: networks, optimiser, random states and step."""

    def __init__(
        self, recipe: Recipe, samples: Samples, checkpoint: Path, data: Path, first: Galaxy | None = None
    ) -> None:
        if len(samples) < recipe.batch:
            raise ConfigurationError(f"a batch needs {recipe.batch} different pictures (got {len(samples)})")
        torch.manual_seed(recipe.seed)
        self.recipe, self.samples, self.checkpoint = recipe, samples, checkpoint
        self.draws = np.random.default_rng(recipe.seed)
        self.noise = torch.Generator().manual_seed(recipe.seed)
        self.network = (
            first.to(memory_format=torch.channels_last)
            if first
            else prepare(recipe.candidate, samples, data, seed=recipe.seed)
        )
        self.averaged = copy.deepcopy(self.network).eval()
        self.network.train()
        self.optimiser = torch.optim.AdamW(_groups(self.network, recipe.weight_decay), lr=recipe.peak_rate)
        # Without oneDNN's bfloat16 kernels PyTorch falls back to loops a hundred times slower than float32, and without
        # tile registers these kernels are a sixth slower.
        self.half_precision = torch.cpu._is_amx_tile_supported()  # noqa: SLF001 - there is no public one
        self.side = networks.CANDIDATES[recipe.candidate].side
        self.drawn_shares = samples.weight / samples.weight.sum()
        self.offset = samples.offset
        self.step, self.steps, self.core_seconds = 0, recipe.steps, 0.0

    def plan(self) -> None:
        """Convert the budget into a number of steps, unless the recipe or an earlier start gave it.

        The speed is measured by a few steps at the lowest rate.
        """
        if self.steps:
            return
        self._train_step(self.recipe.rate(0, 1))
        started = time.process_time()
        for _ in range(TRIAL_STEPS):
            self._train_step(self.recipe.rate(0, 1))
        per_step = (time.process_time() - started) / TRIAL_STEPS
        self.steps = max(1, round(60 * self.recipe.minutes / per_step))

    def advance(self) -> float:
        """Run a step; returns its loss."""
        loss = self._train_step(self.recipe.rate(self.step, self.steps))
        self.step += 1
        update_ema(self.averaged, self.network, min(self.recipe.averaging, (1 + self.step) / (10 + self.step)))
        return loss

    def _train_step(self, rate: float) -> float:
        chosen = self.draws.choice(len(self.samples), self.recipe.batch, replace=False, p=self.drawn_shares)
        pictures = views(self.samples.pictures(chosen), self.side, self.noise)
        if self.recipe.instruments:
            pictures = instruments.changed(pictures, self.noise)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half_precision):
            outputs = self.network(pictures)
        loss = total_loss(outputs, self.samples, chosen, self.offset)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        return float(loss.detach())

    def save(self) -> None:
        """Write a checkpoint for `resume`; an interrupted write keeps the previous checkpoint."""
        state = {
            "recipe": asdict(self.recipe),
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "draws": self.draws.bit_generator.state,
            "noise": self.noise.get_state(),
            "dropout": torch.get_rng_state(),
            "at": (self.step, self.steps, self.core_seconds),
        }
        unfinished = self.checkpoint.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.rename(self.checkpoint)

    def resume(self) -> None:
        """Resume from the checkpoint, if there is one with the same recipe."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=False)  # our own file
        if state["recipe"] != asdict(self.recipe):
            return
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.draws.bit_generator.state = state["draws"]
        self.noise.set_state(state["noise"])
        torch.set_rng_state(state["dropout"])
        self.step, self.steps, self.core_seconds = state["at"]


def prepare(name: str, samples: Samples, data: Path, seed: int) -> Galaxy:
    """A candidate before training, with public weights if it is pretrained."""
    network = networks.build(name)
    if isinstance(network.trunk, MobileNet):
        network.trunk.load_imagenet(convolutions(public_weights(data)))
        generator = torch.Generator().manual_seed(seed)
        draws = np.random.default_rng(seed)
        side = networks.CANDIDATES[name].side
        chosen = [draws.choice(len(samples), CALIBRATION_BATCH, replace=False) for _ in range(CALIBRATION_BATCHES)]
        batches = [views(samples.pictures(rows), side, generator) / HALF_RANGE - 1.0 for rows in chosen]
        network.trunk.calibrate_norms(batches)
    return network.to(memory_format=torch.channels_last)


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    matrices = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
