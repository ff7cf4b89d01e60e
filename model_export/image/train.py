"""``train``: fine-tune the public network by self-distillation on the tuning half of the photographs.

The network learns to predict at one glance what it predicts on average over many. The teacher is the public network
itself, its probabilities averaged over crops and mirror images of a photograph (Hinton, Vinyals & Dean 2015; here with
equal architectures, as in Furlanello et al. 2018). No label is used, so a photograph's class cannot be learnt by heart,
and every class keeps its index although half of them have no photograph in the tuning.
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
from model_export.common.cli import OK, progress, say
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


FRAME: Final = 256  # pixels to a side of the central square that crops are taken from
# The teacher's crops: part of the square's side, and where they lie from 0 (left, top) to 1.
_CORNERS: Final = ((0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
# Every fifth photograph of the tuning half teaches nothing and chooses the epoch.
UNSEEN: Final = 5
VIEWS: Final = ((1.0, (0.5, 0.5)), *((part, centre) for part in (0.9375, 0.875) for centre in _CORNERS))


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a tuning.

    rate: relative step; a tensor's learning rate is this times its root mean square, since without batch norm the
    kernels' sizes differ a hundredfold. average: decay of the running mean of the weights, which is what is kept.
    smallest: the least part of the square's side that a student's crop has. light: standard deviation of the factor
    on brightness and contrast.
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
    given = {"epochs": options.epochs, "rate": options.rate}
    recipe = replace(Recipe(), **{name: value for name, value in given.items() if value is not None})
    tuning = data.chosen(data.find(workspace.data), part=TUNING)
    # The same geometry as a request's, a little larger: room for crops.
    geometry = InputSpec(FRAME, FRAME, FRAME, 1.0, "white")
    unseen = np.arange(len(tuning)) % UNSEEN == 0
    torch.manual_seed(recipe.seed)
    with progress() as bar:
        frames = data.pixels(tuning, geometry, partial(bar.advance, bar.add_task("decode", total=len(tuning))))
        # As an exported file, which takes a third of the time.
        teacher = onnx_file.session(to_onnx(Served(base.network), SIDE))
        on_batch = partial(bar.advance, bar.add_task("teacher", total=len(tuning)))
        targets = teach(partial(onnx_file.probabilities, teacher), frames, recipe.batch, on_batch)
        tuned = tune(
            base.network, frames, targets, unseen, recipe,
            on_batch=partial(bar.advance, bar.add_task("student", total=recipe.epochs * int((~unseen).sum()))),
            on_epoch=lambda epoch, far: say(f"epoch {epoch}: {far:.4f} nats from the teacher on unseen photographs"),
        )  # fmt: skip
    weights.Checkpoint(base.architecture, tuned.network, base.origin).save(workspace.network("tuned"))
    record = {
        "seed": recipe.seed,
        "recipe": asdict(recipe),
        "views_of_the_teacher": 2 * len(VIEWS),
        "data": {
            "photographs": len(tuning),
            "by_source": {source: len(data.chosen(tuning, source)) for source in data.SOURCES},
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
    say(f"kept epoch {tuned.epoch} of {recipe.epochs}: {kept:.4f} nats from the teacher, began at {first:.4f}")
    return OK


def crop(frames: Tensor, part: float, centre: tuple[float, float], *, mirrored: bool) -> Tensor:
    """(n, 256, 256, 3) uint8 -> (n, 224, 224, 3) uint8: a square part of each, scaled with antialiasing."""
    side = round(FRAME * part)
    left, top = (round((FRAME - side) * where) for where in centre)
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
    """(n, classes) the teacher's mean probabilities over all views and mirror images; `predict` gives a view's."""
    targets = []
    for start in range(0, len(frames), batch):
        some = torch.from_numpy(frames[start : start + batch])
        seen = (crop(some, part, centre, mirrored=m).numpy() for part, centre in VIEWS for m in (False, True))
        targets.append(np.mean([predict(view) for view in seen], axis=0, dtype=np.float32))
        if on_batch:
            on_batch(len(some))
    return np.concatenate(targets)


def student_view(frames: Tensor, recipe: Recipe, draw: np.random.Generator) -> Tensor:
    """One random crop of a batch, mirrored or not, a little lighter or darker; (n, 224, 224, 3) float32 of 0 to 255."""
    part = draw.uniform(recipe.smallest, 1.0)
    seen = crop(frames, part, (draw.uniform(), draw.uniform()), mirrored=bool(draw.integers(2))).to(torch.float32)
    contrast = torch.from_numpy(draw.normal(1.0, recipe.light, (len(frames), 1, 1, 1)).astype(np.float32))
    brightness = torch.from_numpy(draw.normal(0.0, 255 * recipe.light, (len(frames), 1, 1, 1)).astype(np.float32))
    middle = seen.mean(dim=(1, 2, 3), keepdim=True)
    return ((seen - middle) * contrast + middle + brightness).clamp(0, 255)


def distance(network: nn.Module, frames: NDArray[np.uint8], targets: NDArray[np.float32], batch: int) -> float:
    """Mean Kullback-Leibler divergence from the targets to what the network predicts of the whole square, in nats."""
    total = 0.0
    network.eval()
    for start in range(0, len(frames), batch):
        seen = crop(torch.from_numpy(frames[start : start + batch]), 1.0, (0.5, 0.5), mirrored=False)
        wanted = torch.from_numpy(targets[start : start + batch])
        with torch.no_grad():
            predicted = torch.log_softmax(network(normalised(network, seen)), dim=1)
        total += float(functional.kl_div(predicted, wanted, reduction="sum"))
    return total / len(frames)


@dataclass(frozen=True, slots=True)
class Tuned:
    """The network of the best epoch, which epoch it was (0: as it began), and the distances on unseen photographs."""

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
    """Tune a copy of the network on the frames that are not unseen; the unseen ones choose the epoch."""
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
            seen = student_view(torch.from_numpy(frames[batch]), recipe, draw)
            predicted = torch.log_softmax(student(normalised(student, seen)), dim=1)
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
