"""``train``: fine-tune the public network by self-distillation on the tuning half of the photographs.

The network learns to predict from a single view what it predicts on average over many. The teacher is the public
network itself, its probabilities averaged over crops and mirror images (Hinton, Vinyals & Dean 2015; with equal
architectures, as in Furlanello et al. 2018). Labels are not used, so a photograph's class cannot be memorised, and
classes without a photograph in the tuning half are kept.
"""

from __future__ import annotations

import copy
import math
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn import functional

from model_export.common import onnx_file
from model_export.common.cli import OK, log, progress
from model_export.common.files import versions, write_json
from model_export.common.networks import update_ema, warm_up_cosine
from model_export.image import data, readme, weights
from model_export.image.data import LIBRARIES, SIDE, TRAINING, TUNING, Workspace
from model_export.image.networks import Served, normalised, to_onnx
from skysort.pictures.decode import InputSpec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor, nn


FRAME: Final = 256  # side of the central square that crops are taken from, in pixels
# The teacher's crops: side relative to the square, and position from 0 (left, top) to 1.
_CORNERS: Final = ((0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
# Every fifth photograph of the tuning half is not trained on, but chooses the epoch.
UNSEEN: Final = 5
VIEWS: Final = ((1.0, (0.5, 0.5)), *((part, centre) for part in (0.9375, 0.875) for centre in _CORNERS))


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of the fine-tuning.

    rate: relative step; a tensor's learning rate is this times its root mean square, since without batch norm the
    scales of the kernels differ a hundredfold. average: decay of the moving average of the weights, which is kept.
    smallest: minimum side of a student's crop relative to the square. light: standard deviation of the random
    brightness and contrast.
    """

    seed: int = 20260101
    epochs: int = 6
    batch: int = 32
    rate: float = 2e-4
    warm_up: float = 0.1
    average: float = 0.98
    smallest: float = 0.75
    light: float = 0.1


def run(options: argparse.Namespace) -> int:
    """Write build/image/tuned.pt and results/training.json."""
    workspace = Workspace.of(options)
    base = weights.load(workspace, "base")
    overrides = {"epochs": options.epochs, "rate": options.rate}
    recipe = replace(Recipe(), **{name: value for name, value in overrides.items() if value is not None})
    tuning = data.select(data.find(workspace.data), part=TUNING)
    # The geometry of a request, slightly larger to leave room for crops.
    geometry = InputSpec(FRAME, FRAME, FRAME, 1.0, "white")
    unseen = np.arange(len(tuning)) % UNSEEN == 0
    torch.manual_seed(recipe.seed)
    with progress() as bar:
        frames = data.pixels(tuning, geometry, partial(bar.advance, bar.add_task("decode", total=len(tuning))))
        # As an exported file, which takes a third of the time of PyTorch.
        teacher = onnx_file.session(to_onnx(Served(base.network), SIDE))
        on_batch = partial(bar.advance, bar.add_task("teacher", total=len(tuning)))
        targets = teach(partial(onnx_file.probabilities, teacher), frames, recipe.batch, on_batch)
        tuned = tune(
            base.network, frames, targets, unseen, recipe,
            on_batch=partial(bar.advance, bar.add_task("student", total=recipe.epochs * int((~unseen).sum()))),
            on_epoch=lambda epoch, far: log(f"epoch {epoch}: {far:.4f} nats from the teacher on unseen photographs"),
        )  # fmt: skip
    weights.Checkpoint(base.architecture, tuned.network, base.origin).save(workspace.network("tuned"))
    record = {
        "seed": recipe.seed,
        "recipe": asdict(recipe),
        "views_of_the_teacher": 2 * len(VIEWS),
        "data": {
            "photographs": len(tuning),
            "by_source": {source: len(data.select(tuning, source)) for source in data.SOURCES},
            "choosing_the_epoch": int(unseen.sum()),
            "sha256": data.digest(tuning),
        },
        "distance_to_teacher": [round(value, 6) for value in tuned.distances],
        "epoch": tuned.epoch,
        "libraries": versions(LIBRARIES),
    }
    write_json(workspace.results / TRAINING, record)
    readme.PAGE.fill(workspace.results)
    first, kept = tuned.distances[0], tuned.distances[tuned.epoch]
    log(f"kept epoch {tuned.epoch} of {recipe.epochs}: {kept:.4f} nats from the teacher, initially {first:.4f}")
    return OK


def crop(frames: Tensor, part: float, centre: tuple[float, float], *, mirrored: bool) -> Tensor:
    """(n, 256, 256, 3) uint8 -> (n, 224, 224, 3) uint8: a square crop, resized with antialiasing."""
    side = round(FRAME * part)
    left, top = (round((FRAME - side) * position) for position in centre)
    window = frames[:, top : top + side, left : left + side].permute(0, 3, 1, 2)
    if mirrored:
        window = window.flip(3)
    if side != SIDE:
        window = functional.interpolate(window, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
    return window.permute(0, 2, 3, 1)


def teach(
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    frames: NDArray[np.uint8],
    batch: int,
    on_batch: Callable[[int], object] | None = None,
) -> NDArray[np.float32]:
    """(n, classes) the teacher's mean probabilities over all views and mirror images; `predict` classifies a view."""
    targets = []
    for start in range(0, len(frames), batch):
        squares = torch.from_numpy(frames[start : start + batch])
        views = (crop(squares, part, centre, mirrored=m).numpy() for part, centre in VIEWS for m in (False, True))
        targets.append(np.mean([predict(view) for view in views], axis=0, dtype=np.float32))
        if on_batch:
            on_batch(len(squares))
    return np.concatenate(targets)


def student_view(frames: Tensor, recipe: Recipe, draw: np.random.Generator) -> Tensor:
    """A random crop of a batch with random mirroring, brightness and contrast; (n, 224, 224, 3) float32, 0 to 255."""
    part = draw.uniform(recipe.smallest, 1.0)
    view = crop(frames, part, (draw.uniform(), draw.uniform()), mirrored=bool(draw.integers(2))).to(torch.float32)
    contrast = torch.from_numpy(draw.normal(1.0, recipe.light, (len(frames), 1, 1, 1)).astype(np.float32))
    brightness = torch.from_numpy(draw.normal(0.0, 255 * recipe.light, (len(frames), 1, 1, 1)).astype(np.float32))
    mean = view.mean(dim=(1, 2, 3), keepdim=True)
    return ((view - mean) * contrast + mean + brightness).clamp(0, 255)


def distance(network: nn.Module, frames: NDArray[np.uint8], targets: NDArray[np.float32], batch: int) -> float:
    """Mean Kullback-Leibler divergence of the network's predictions on whole squares from the targets, in nats."""
    total = 0.0
    network.eval()
    for start in range(0, len(frames), batch):
        squares = crop(torch.from_numpy(frames[start : start + batch]), 1.0, (0.5, 0.5), mirrored=False)
        expected = torch.from_numpy(targets[start : start + batch])
        with torch.no_grad():
            predicted = torch.log_softmax(network(normalised(network, squares)), dim=1)
        total += float(functional.kl_div(predicted, expected, reduction="sum"))
    return total / len(frames)


@dataclass(frozen=True, slots=True)
class Tuned:
    """The network of the best epoch, that epoch (0: untrained), and the distances on unseen photographs by epoch."""

    network: nn.Module
    epoch: int
    distances: tuple[float, ...]


def tune(
    network: nn.Module,
    frames: NDArray[np.uint8],
    targets: NDArray[np.float32],
    unseen: NDArray[np.bool_],
    recipe: Recipe,
    *,
    on_batch: Callable[[int], object] | None = None,
    on_epoch: Callable[[int, float], object] | None = None,
) -> Tuned:
    """Tune a copy of the network on all but the unseen frames, which choose the epoch."""
    student, average = copy.deepcopy(network), copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(
        [{"params": [value], "scale": float(value.detach().square().mean().sqrt())} for value in student.parameters()],
        weight_decay=0.0,
    )
    draw = np.random.default_rng(recipe.seed)
    rows = np.flatnonzero(~unseen)
    steps = recipe.epochs * math.ceil(len(rows) / recipe.batch)
    best, chosen, step = copy.deepcopy(average), 0, 0
    distances = [distance(average, frames[unseen], targets[unseen], recipe.batch)]
    for epoch in range(1, recipe.epochs + 1):
        student.train()
        for batch in np.array_split(draw.permutation(rows), math.ceil(len(rows) / recipe.batch)):
            for group in optimiser.param_groups:
                group["lr"] = group["scale"] * recipe.rate * warm_up_cosine(step / steps, recipe.warm_up)
            view = student_view(torch.from_numpy(frames[batch]), recipe, draw)
            predicted = torch.log_softmax(student(normalised(student, view)), dim=1)
            loss = functional.kl_div(predicted, torch.from_numpy(targets[batch]), reduction="batchmean")
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
            update_ema(average, student, min(recipe.average, step / (step + 9)))
            if on_batch:
                on_batch(len(batch))
        distances.append(distance(average, frames[unseen], targets[unseen], recipe.batch))
        if on_epoch:
            on_epoch(epoch, distances[-1])
        if distances[-1] < min(distances[:-1]):
            best, chosen = copy.deepcopy(average), epoch
    return Tuned(best, chosen, tuple(distances))
