"""The candidates, and what is common to them: normalisation in, classes and question tree out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from torch import nn

from model_export.common.efficientnet import EfficientNetLite
from model_export.galaxy.labels import ANSWERS, CLASSES
from model_export.galaxy.networks.crossformer import CrossFormer
from model_export.galaxy.networks.mobilenet import FULL, STRIDE_16, MobileNet

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

HALF_RANGE: Final = 127.5
DROPOUT: Final = 0.2


class Galaxy(nn.Module):
    """A trunk with two linear heads on its pooled features.

    The class head is linear in the feature map, so the map weighted by it is an exact class
    activation map (Zhou et al. 2016): its mean over the picture is the logit minus the bias.
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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network that is trained and compared.

    name: as in the tables. side: side of its input in pixels. pretrained: whether it starts from
    the public ImageNet weights of the data folder. build: creates the trunk, image -> feature map.
    compared: False for a teacher, which starts from weights that the user fetches.
    """

    name: str
    about: str
    side: int
    pretrained: bool
    build: Callable[[], nn.Module]
    compared: bool = True


CANDIDATES: Final = {
    candidate.name: candidate
    for candidate in (
        Candidate(
            "mobilenetv3", "MobileNetV3-Large minimalistic, convolutional, from ImageNet", 128, True,
            lambda: MobileNet(FULL),
        ),
        Candidate(
            "mobilenetv3_stride16", "the same network cut off at stride 16: 11 of 15 blocks, from ImageNet", 128, True,
            lambda: MobileNet(STRIDE_16),
        ),
        Candidate(
            "crossformer", "CrossFormer with CosmoFormer's widths and depths, windows of 4, from scratch", 128, False,
            CrossFormer,
        ),
        Candidate(
            "efficientnet_lite0", "EfficientNet-Lite0, convolutional, from ImageNet", 128, False,
            lambda: EfficientNetLite("efficientnet-lite0"), compared=False,
        ),
    )
}  # fmt: skip


def build(name: str) -> Galaxy:
    """A candidate with random weights and the galaxy heads."""
    return Galaxy(CANDIDATES[name].build())
