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
    from collections.abc import Mapping

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
COARSE_SHARE: Final = 0.4
# A coarse class is drawn more often the rarer it is, up to this factor: by the root of its rarity, as a compromise
# between the survey's mix and equal shares. Samples.offset takes the mix out again.
RARE: Final = 2.5
# Of a picture without a label, which only a teacher makes useful.
BLANK_SHARE: Final = 0.4
# What a teacher says against the label, where there are both.
TAUGHT_WEIGHT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Samples:
    """The pictures that training draws from, with their targets.

    crops: (survey, row) are indices into these arrays. survey: 0 Galaxy Zoo 2, 1 EFIGI, more as they are joined.
    target, allowed: (n, 8); answers: (n, 37); asked: (n, 11); weight: (n,) relative chance of being drawn.
    prior: (8,) class shares among the exact Galaxy Zoo 2 labels.
    taught: (n, 8) probabilities that a teacher gives, zero rows where it gives none; None without a teacher.
    """

    crops: tuple[NDArray[np.uint8], ...]
    survey: NDArray[np.int64]
    row: NDArray[np.intp]
    target: Tensor
    allowed: Tensor
    answers: Tensor
    asked: Tensor
    weight: NDArray[np.float64]
    prior: NDArray[np.float64]
    taught: Tensor | None = None

    def __len__(self) -> int:
        return len(self.row)

    @property
    def offset(self) -> Tensor:
        """(n, 8) log of how much more often a class is drawn than it occurs, in the picture's survey; see total_loss.

        A joined survey has an offset of its own: the network could tell its pictures from the others, and would learn
        its class mix with them. A class that a survey never names is thus not learnt to be absent from it.
        """
        target, allowed = self.target.numpy().astype(np.float64), self.allowed.numpy()
        spread = allowed * self.prior
        spread = spread / spread.sum(axis=1, keepdims=True)
        known = target.sum(axis=1) > 0
        mass = np.where(known[:, None], target, spread) * self.weight[:, None]
        telling = known | ~allowed.all(axis=1)
        out = np.zeros_like(mass)
        family = np.maximum(self.survey, 1)  # EFIGI's pictures are corrected with those of Galaxy Zoo 2
        for member in np.unique(family):
            rows = family == member
            drawn = mass[rows & telling].sum(axis=0)
            if drawn.sum() > 0:
                shares = np.maximum(drawn / drawn.sum(), SMALLEST_SHARE)
                out[rows] = np.log(shares) - np.log(np.maximum(self.prior, SMALLEST_SHARE))
        return torch.tensor(out, dtype=torch.float32)

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


def joined(
    drawn: Samples, table: Catalogue, crops: NDArray[np.uint8], rows: NDArray[np.intp], share: float = COARSE_SHARE
) -> Samples:
    """The same with these rows of another survey that has no exact labels; those without any are never drawn."""
    count = len(rows)
    none = torch.zeros(count, drawn.target.shape[1])
    allowed = table.allowed[rows]
    known = ~allowed.all(axis=1)
    _, kind, counts = np.unique(allowed[known], axis=0, return_inverse=True, return_counts=True)
    weight = np.zeros(count)
    if len(counts):
        weight[known] = share * np.minimum(RARE, np.sqrt(counts.max() / counts))[kind.ravel()]
    return replace(
        drawn,
        crops=(*drawn.crops, crops),
        survey=np.concatenate([drawn.survey, np.full(count, len(drawn.crops))]),
        row=np.concatenate([drawn.row, rows]),
        target=torch.cat([drawn.target, none]),
        allowed=torch.cat([drawn.allowed, torch.from_numpy(allowed)]),
        answers=torch.cat([drawn.answers, torch.zeros(count, drawn.answers.shape[1])]),
        asked=torch.cat([drawn.asked, torch.zeros(count, drawn.asked.shape[1])]),
        weight=np.concatenate([drawn.weight, weight]),
        taught=None if drawn.taught is None else torch.cat([drawn.taught, none]),
    )


def taught(drawn: Samples, teacher: Mapping[int, NDArray[np.float64]]) -> Samples:
    """The same with a teacher: for each survey that it knows, (pictures, 8) probabilities."""
    # What it says is limited to the classes that the label allows. Pictures without a label are drawn too.
    said = np.zeros(drawn.target.shape)
    for survey, probability in teacher.items():
        chosen = drawn.survey == survey
        said[chosen] = probability[drawn.row[chosen]]
    said = said * drawn.allowed.numpy()
    total = said.sum(axis=1, keepdims=True)
    said = np.where(total > 0, said / np.where(total > 0, total, 1.0), 0.0)
    blank = (total[:, 0] > 0) & drawn.allowed.numpy().all(axis=1) & (drawn.target.numpy().sum(axis=1) == 0)
    return replace(
        drawn,
        taught=torch.tensor(said, dtype=torch.float32),
        weight=np.where(blank, BLANK_SHARE, drawn.weight),
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


def taught_loss(logits: Tensor, labelled: Tensor, taught: Tensor) -> Tensor:
    """(n,) the loss of the labels blended with the cross-entropy with the teacher's (n, 8), where it says something."""
    said = -(taught * functional.log_softmax(logits, dim=1)).sum(dim=1)
    return torch.where(taught.sum(dim=1) > 0, torch.lerp(labelled, said, TAUGHT_WEIGHT), labelled)


def total_loss(outputs: tuple[Tensor, Tensor], drawn: Samples, chosen: NDArray[np.intp], offset: Tensor) -> Tensor:
    """The mean loss of a batch; offset: (n, 8) of all samples, as of Samples.offset."""
    # Adding the offset to the logits in training gives the network the survey's prior (Menon et al. 2021). A teacher
    # has that prior already.
    classes, tree = (output.float() for output in outputs)
    loss = class_loss(classes + offset[chosen], drawn.target[chosen], drawn.allowed[chosen])
    if drawn.taught is not None:
        loss = taught_loss(classes, loss, drawn.taught[chosen])
    return (loss + TREE_WEIGHT * tree_loss(tree, drawn.answers[chosen], drawn.asked[chosen])).mean()
