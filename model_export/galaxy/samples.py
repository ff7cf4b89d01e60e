"""The pictures of the training part with their targets, drawn by survey and kind of label."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from model_export.galaxy import split, targets

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from model_export.galaxy.catalogue import Catalogue

# How often a picture is drawn, relative to one with an exact Galaxy Zoo 2 label.
PARTIAL_SHARE: Final = 0.25
EFIGI_SHARE: Final = 0.25
EFIGI_SOFTNESS: Final = 0.1  # label smoothing: the classes are derived from attributes, not from votes
SOFTNESS: Final = 0.4
SMALLEST_SHARE: Final = 1e-4  # of a class; keeps the offset finite where a class is not there


@dataclass(frozen=True, slots=True)
class Samples:
    """What can be drawn for training.

    crops: (survey, row) places are looked up in these two arrays. survey: 0 Galaxy Zoo 2, 1 EFIGI.
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
        """(8,) log of how much more often a class is drawn than it occurs; see losses.total_loss."""
        target, allowed = self.target.numpy().astype(np.float64), self.allowed.numpy()
        spread = allowed * self.prior
        spread = spread / spread.sum(axis=1, keepdims=True)
        mass = np.where(target.sum(axis=1, keepdims=True) > 0, target, spread)
        drawn = (mass * self.weight[:, None]).sum(axis=0)
        shares = np.maximum(drawn / drawn.sum(), SMALLEST_SHARE)
        return torch.tensor(np.log(shares) - np.log(np.maximum(self.prior, SMALLEST_SHARE)), dtype=torch.float32)

    def pictures(self, chosen: NDArray[np.intp]) -> Tensor:
        """(len(chosen), 218, 218, 3) uint8 crops."""
        picked = [self.crops[self.survey[place]][self.row[place]] for place in chosen]
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
    """The training part; `fraction` keeps that share of it for a learning curve, each class alike."""
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
    """The same pictures with a kind of label left out (one of labels.KINDS); what is not drawn stays in its place.

    partial, efigi: those pictures are never drawn. tree: no question counts. votes: the catalogue's class alone.
    """
    if kind == "tree":
        return replace(drawn, asked=torch.zeros_like(drawn.asked))
    known = drawn.target.sum(dim=1) > 0
    if kind == "votes":
        # The catalogue's class has the most of a blend that is at most SOFTNESS votes.
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
