"""Sampling, augmentation and losses of training.

Pictures of the training part are drawn with weights by survey and kind of label, and augmented with random
orientation, zoom and blur. The loss uses exact classes, sets of allowed classes where the class is unknown, and the
question tree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn import functional

from model_export.galaxy import split, targets
from model_export.galaxy.data import SIDE
from model_export.galaxy.labels import QUESTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from model_export.galaxy.catalogue import Catalogue


# Sampling weight of a picture relative to one with an exact Galaxy Zoo 2 label.
PARTIAL_SHARE: Final = 0.25
EFIGI_SHARE: Final = 0.25
EFIGI_SOFTNESS: Final = 0.1  # label smoothing: the classes are derived from attributes, not from votes
SOFTNESS: Final = 0.4
SMALLEST_SHARE: Final = 1e-4  # of a class; keeps the offset finite if a class is absent
CENTRE: Final = 128  # side of the part of a crop that the network sees, in pixels: half a Galaxy Zoo 2 frame
ZOOM: Final = 0.15
SHIFT: Final = 0.02
LIGHT: Final = 0.15
SATURATION: Final = 0.15
NOISE: Final = 4.0  # of 255
# Rotation blurs a picture slightly; this share is rotated by quarter turns only, as sharp as at inference.
SHARP: Final = 0.3
BLURRED: Final = 0.2
TREE_WEIGHT: Final = 0.3
SET_WEIGHT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Samples:
    """The pictures that training draws from, with their targets.

    crops: (survey, row) are indices into these two arrays. survey: 0 Galaxy Zoo 2, 1 EFIGI.
    target, allowed: (n, 8); answers: (n, 37); asked: (n, 11); weight: (n,) relative chance of being drawn.
    prior: (8,) class shares among the exact Galaxy Zoo 2 labels.
    """

    crops: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    survey: NDArray[np.int64]
    row: NDArray[np.intp]
    target: Tensor
    allowed: Tensor
    answers: Tensor
    asked: Tensor
    weight: NDArray[np.float64]
    prior: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.row)

    @property
    def offset(self) -> Tensor:
        """(8,) log of how much more often a class is drawn than it occurs; see total_loss."""
        target, allowed = self.target.numpy().astype(np.float64), self.allowed.numpy()
        spread = allowed * self.prior
        spread = spread / spread.sum(axis=1, keepdims=True)
        mass = np.where(target.sum(axis=1, keepdims=True) > 0, target, spread)
        drawn = (mass * self.weight[:, None]).sum(axis=0)
        shares = np.maximum(drawn / drawn.sum(), SMALLEST_SHARE)
        return torch.tensor(np.log(shares) - np.log(np.maximum(self.prior, SMALLEST_SHARE)), dtype=torch.float32)

    def pictures(self, chosen: NDArray[np.intp]) -> Tensor:
        """(len(chosen), 218, 218, 3) uint8 crops."""
        picked = [self.crops[self.survey[index]][self.row[index]] for index in chosen]
        return torch.from_numpy(np.stack(picked))


def training(
    gz2: Catalogue,
    efigi: Catalogue,
    crops: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    parts: split.Split,
    *,
    fraction: float = 1.0,
    seed: int = split.SEED,
) -> Samples:
    """The training part; for a learning curve, `fraction` keeps that share of each class."""
    kept = np.random.default_rng(seed)
    catalogues = (gz2, efigi)
    chosen = [_thinned(catalogue, split.rows(parts.train, catalogue), fraction, kept) for catalogue in catalogues]
    target = [targets.class_targets(gz2, SOFTNESS, seed), targets.class_targets(efigi, 0.0, seed)]
    target[1] = target[1] * (1 - EFIGI_SOFTNESS) + EFIGI_SOFTNESS / target[1].shape[1]
    trees = [targets.tree_targets(catalogue) for catalogue in catalogues]
    exact = gz2.exact[chosen[0]]
    label = gz2.label[chosen[0]][exact]
    return Samples(
        crops,
        np.repeat([0, 1], [len(rows) for rows in chosen]),
        np.concatenate(chosen),
        torch.from_numpy(np.concatenate([target[which][rows] for which, rows in enumerate(chosen)])),
        torch.from_numpy(np.concatenate([catalogues[which].allowed[rows] for which, rows in enumerate(chosen)])),
        torch.from_numpy(np.concatenate([trees[which][0][rows] for which, rows in enumerate(chosen)])),
        torch.from_numpy(np.concatenate([trees[which][1][rows] for which, rows in enumerate(chosen)])),
        np.concatenate([np.where(exact, 1.0, PARTIAL_SHARE), np.full(len(chosen[1]), EFIGI_SHARE)]),
        np.bincount(label, minlength=target[0].shape[1]) / len(label),
    )


def without(drawn: Samples, kind: str) -> Samples:
    """The same pictures with a kind of label left out (one of labels.KINDS); indices do not change."""
    if kind == "tree":
        return replace(drawn, asked=torch.zeros_like(drawn.asked))
    known = drawn.target.sum(dim=1) > 0
    if kind == "votes":
        # The catalogue's class has the largest share of the blend, in which votes have at most SOFTNESS.
        alone = torch.nn.functional.one_hot(drawn.target.argmax(dim=1), drawn.target.shape[1]).to(drawn.target)
        voted = known & torch.from_numpy(drawn.survey == 0)
        return replace(drawn, target=torch.where(voted[:, None], alone, drawn.target))
    left_out = drawn.survey == 1 if kind == "efigi" else ~known.numpy()
    return replace(drawn, weight=np.where(left_out, 0.0, drawn.weight))


def _thinned(
    catalogue: Catalogue, rows: NDArray[np.intp], fraction: float, generator: np.random.Generator
) -> NDArray[np.intp]:
    kept = []
    for label in np.unique(catalogue.label[rows]):
        members = generator.permutation(rows[catalogue.label[rows] == label])
        kept.append(members[: max(1, round(fraction * len(members)))])
    return np.sort(np.concatenate(kept)) if kept else rows


def centre(crops: Tensor, side: int) -> Tensor:
    """(n, 218, 218, 3) uint8 -> (n, 3, side, side) float, 0 to 255: the network's input at inference."""
    edge = (SIDE - CENTRE) // 2
    middle = crops[:, edge : edge + CENTRE, edge : edge + CENTRE].permute(0, 3, 1, 2).float()
    if side == CENTRE:
        return middle.contiguous(memory_format=torch.channels_last)
    return functional.interpolate(middle, (side, side), mode="bilinear", antialias=True)


def views(crops: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """(n, 218, 218, 3) uint8 -> (n, 3, side, side) float, 0 to 255: a random view of each picture."""
    count = len(crops)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand((count, *shape), generator=generator) * (high - low) + low

    sharp = uniform(0, 1) < SHARP
    angle = uniform(0, 2 * math.pi)
    angle = torch.where(sharp, torch.round(angle / (math.pi / 2)) * (math.pi / 2), angle)
    zoom = torch.where(sharp, 1.0, torch.exp(uniform(-ZOOM, ZOOM))) * (CENTRE / SIDE)
    flip = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)  # noqa: PLR2004 - a fair coin
    shift = torch.where(sharp[:, None], 0.0, uniform(-SHIFT, SHIFT, 2)) * 2 * (CENTRE / SIDE)
    cosine, sine = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    rows = torch.stack([cosine * flip, -sine, shift[:, 0], sine * flip, cosine, shift[:, 1]], dim=1)
    grid = functional.affine_grid(rows.view(-1, 2, 3), [count, 3, side, side], align_corners=False)
    pictures = functional.grid_sample(crops.permute(0, 3, 1, 2).float(), grid, align_corners=False)
    softened = functional.avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)
    blur = torch.where(uniform(0, 1) < BLURRED, uniform(0, 1), 0.0)[:, None, None, None]
    pictures = torch.lerp(pictures, softened, blur)
    grey = pictures.mean(dim=1, keepdim=True)
    pictures = torch.lerp(grey, pictures, uniform(1 - SATURATION, 1 + SATURATION, 1, 1, 1))
    pictures = pictures * uniform(1 - LIGHT, 1 + LIGHT, 1, 1, 1)
    noise = torch.where(uniform(0, 1) < BLURRED, uniform(0, NOISE), 0.0)[:, None, None, None]
    pictures = pictures + noise * torch.randn(pictures.shape, generator=generator)
    return pictures.clamp(0, 255).contiguous(memory_format=torch.channels_last)


def class_loss(logits: Tensor, target: Tensor, allowed: Tensor) -> Tensor:
    """(n,) cross-entropy with the (n, 8) target, or -log P(allowed classes) where its row is zero."""
    logs = functional.log_softmax(logits, dim=1)
    known = target.sum(dim=1) > 0
    exact = -(target * logs).sum(dim=1)
    partial = -torch.logsumexp(logs.masked_fill(~allowed, -torch.inf), dim=1)
    return torch.where(known, exact, SET_WEIGHT * partial)


def tree_loss(logits: Tensor, answers: Tensor, asked: Tensor) -> Tensor:
    """(n,) cross-entropy of the (n, 37) answers, weighted by the (n, 11) shares asked; 0 masks a question."""
    total = torch.zeros(len(logits))
    start = 0
    for index, names in enumerate(QUESTIONS.values()):
        part = slice(start, start + len(names))
        logs = functional.log_softmax(logits[:, part], dim=1)
        total = total - asked[:, index] * (answers[:, part] * logs).sum(dim=1)
        start += len(names)
    return total


def total_loss(
    outputs: tuple[Tensor, Tensor], *, target: Tensor, allowed: Tensor, answers: Tensor, asked: Tensor, offset: Tensor
) -> Tensor:
    """The mean loss of a batch; offset: (8,) log ratio of the class shares as drawn to those in the survey."""
    # Adding the offset to the logits in training gives the network the survey's prior (Menon et al. 2021).
    classes, tree = (output.float() for output in outputs)
    return (class_loss(classes + offset, target, allowed) + TREE_WEIGHT * tree_loss(tree, answers, asked)).mean()
