"""Self-distillation: the network learns to say at one glance what it says on average over many.

The teacher is the public network itself, its probabilities averaged over crops and mirror images
of a photograph (Hinton, Vinyals & Dean 2015; here with equal architectures, as in Furlanello et
al. 2018). No label is used, so a photograph's class cannot be learnt by heart, and every class
keeps its place although half of them have no photograph in the tuning.
"""

from __future__ import annotations

import copy
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch.nn import functional

from model_export.image.minimalistic import normalised

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor, nn

FRAME: Final = 256  # pixels to a side of the central square that crops are taken from
SIDE: Final = 224
# The teacher's crops: part of the square's side, and where they lie from 0 (left, top) to 1.
_CORNERS: Final = ((0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
VIEWS: Final = ((1.0, (0.5, 0.5)), *((part, place) for part in (0.9375, 0.875) for place in _CORNERS))


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

    def document(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def crop(frames: Tensor, part: float, place: tuple[float, float], *, mirrored: bool) -> Tensor:
    """(n, 256, 256, 3) uint8 -> (n, 224, 224, 3) uint8: a square part of each, scaled with antialiasing."""
    side = round(FRAME * part)
    left, top = (round((FRAME - side) * where) for where in place)
    window = frames[:, top : top + side, left : left + side].permute(0, 3, 1, 2)
    if mirrored:
        window = window.flip(3)
    if side != SIDE:
        window = functional.interpolate(window, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
    return window.permute(0, 2, 3, 1)


def teach(
    says: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    frames: NDArray[np.uint8],
    batch: int,
    on_batch: Callable[[int], object] | None = None,
) -> NDArray[np.float32]:
    """(n, classes) the teacher's mean probabilities over all views and their mirror images.

    says: (n, 224, 224, 3) uint8 -> (n, classes) probabilities.
    """
    found = []
    for start in range(0, len(frames), batch):
        some = torch.from_numpy(frames[start : start + batch])
        seen = (crop(some, part, place, mirrored=m).numpy() for part, place in VIEWS for m in (False, True))
        found.append(np.mean([says(view) for view in seen], axis=0, dtype=np.float32))
        if on_batch:
            on_batch(len(some))
    return np.concatenate(found)


def student_view(frames: Tensor, recipe: Recipe, draw: np.random.Generator) -> Tensor:
    """One random crop of a batch, mirrored or not, a little lighter or darker; (n, 224, 224, 3) float32 of 0 to 255."""
    part = draw.uniform(recipe.smallest, 1.0)
    seen = crop(frames, part, (draw.uniform(), draw.uniform()), mirrored=bool(draw.integers(2))).to(torch.float32)
    contrast = torch.from_numpy(draw.normal(1.0, recipe.light, (len(frames), 1, 1, 1)).astype(np.float32))
    brightness = torch.from_numpy(draw.normal(0.0, 255 * recipe.light, (len(frames), 1, 1, 1)).astype(np.float32))
    middle = seen.mean(dim=(1, 2, 3), keepdim=True)
    return ((seen - middle) * contrast + middle + brightness).clamp(0, 255)


def distance(network: nn.Module, frames: NDArray[np.uint8], targets: NDArray[np.float32], batch: int) -> float:
    """Mean Kullback-Leibler divergence from the targets to what the network says of the whole square, in nats."""
    total = 0.0
    network.eval()
    for start in range(0, len(frames), batch):
        seen = crop(torch.from_numpy(frames[start : start + batch]), 1.0, (0.5, 0.5), mirrored=False)
        wanted = torch.from_numpy(targets[start : start + batch])
        with torch.no_grad():
            said = torch.log_softmax(network(normalised(network, seen)), dim=1)
        total += float(functional.kl_div(said, wanted, reduction="sum"))
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
                group["lr"] = group["scale"] * recipe.rate * _schedule(step / steps, recipe.warm_up)
            seen = student_view(torch.from_numpy(frames[batch]), recipe, draw)
            said = torch.log_softmax(student(normalised(student, seen)), dim=1)
            loss = functional.kl_div(said, torch.from_numpy(targets[batch]), reduction="batchmean")
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
            _follow(average, student, min(recipe.average, step / (step + 9)))
            if on_batch:
                on_batch(len(batch))
        distances.append(distance(average, frames[unseen], targets[unseen], recipe.batch))
        if on_epoch:
            on_epoch(epoch, distances[-1])
        if distances[-1] < min(distances[:-1]):
            best, chosen = copy.deepcopy(average), epoch
    return Tuned(best, chosen, tuple(distances))


def _schedule(done: float, warm_up: float) -> float:
    """A straight rise to 1, then a cosine to 0 (Loshchilov & Hutter 2017)."""
    if done < warm_up:
        return done / warm_up
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


def _follow(average: nn.Module, student: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for kept, new in zip(average.state_dict().values(), student.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)
