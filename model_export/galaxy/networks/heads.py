"""What is common to all candidates: normalisation in, classes and question tree out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from torch import nn

from model_export.galaxy.labels import ANSWERS, CLASSES

if TYPE_CHECKING:
    from torch import Tensor

HALF_RANGE: Final = 127.5
DROPOUT: Final = 0.2


class Galaxy(nn.Module):
    """A trunk with two linear heads on its pooled features.

    The class head is linear in the feature map, so the map weighted by it is an exact class
    activation map (Zhou et al. 2016): its mean over the picture is the logit less the bias.
    """

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        width: int = trunk.width
        self.dropout = nn.Dropout(DROPOUT)
        self.classes = nn.Linear(width, len(CLASSES))
        self.tree = nn.Linear(width, len(ANSWERS))
        for head in (self.classes, self.tree):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)

    def feature_map(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) values from 0 to 255 -> (n, width, h', w')."""
        features: Tensor = self.trunk(images / HALF_RANGE - 1.0)
        return features

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, h, w) values from 0 to 255 -> class logits (n, 8) and tree logits (n, 37)."""
        pooled = self.dropout(self.feature_map(images).mean(dim=(2, 3)))
        return self.classes(pooled), self.tree(pooled)
