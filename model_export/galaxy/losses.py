"""The loss: classes where they are known, sets of classes where they are not, and the question tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional

from model_export.galaxy.labels import QUESTIONS

if TYPE_CHECKING:
    from torch import Tensor

TREE_WEIGHT: Final = 0.3
SET_WEIGHT: Final = 0.5


def class_loss(logits: Tensor, target: Tensor, allowed: Tensor) -> Tensor:
    """(n,) cross-entropy where the target is known, -log P(allowed classes) where it is not.

    logits, target, allowed: (n, 8); a target row of zeros means "not known".
    """
    logs = functional.log_softmax(logits, dim=1)
    known = target.sum(dim=1) > 0
    exact = -(target * logs).sum(dim=1)
    partial = -torch.logsumexp(logs.masked_fill(~allowed, -torch.inf), dim=1)
    return torch.where(known, exact, SET_WEIGHT * partial)


def tree_loss(logits: Tensor, answers: Tensor, asked: Tensor) -> Tensor:
    """(n,) cross-entropy of each question's answers, weighted by the share of volunteers asked it.

    logits, answers: (n, 37); asked: (n, 11), 0 masks a question whose answers are not known.
    """
    total = torch.zeros(len(logits))
    start = 0
    for place, names in enumerate(QUESTIONS.values()):
        part = slice(start, start + len(names))
        logs = functional.log_softmax(logits[:, part], dim=1)
        total = total - asked[:, place] * (answers[:, part] * logs).sum(dim=1)
        start += len(names)
    return total


def total_loss(
    outputs: tuple[Tensor, Tensor],
    *,
    target: Tensor,
    allowed: Tensor,
    answers: Tensor,
    asked: Tensor,
    offset: Tensor,
) -> Tensor:
    """The mean loss of a batch.

    offset: (8,) log ratio of the classes' shares in what is drawn for training to those in the
    survey. Added to the logits while training, it leaves the network with the survey's prior
    (Menon et al. 2021, logit adjustment).
    """
    classes, tree = (output.float() for output in outputs)
    return (class_loss(classes + offset, target, allowed) + TREE_WEIGHT * tree_loss(tree, answers, asked)).mean()
