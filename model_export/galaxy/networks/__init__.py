"""The candidates: one builder a name, all with the same shape of answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from model_export.galaxy.networks.crossformer import CrossFormer
from model_export.galaxy.networks.heads import Galaxy
from model_export.galaxy.networks.mobilenet import FULL, STRIDE_16, MobileNet

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network that is trained and compared.

    name: as in the tables. side: pixels to a side of its input. pretrained: whether it starts from
    the public ImageNet weights of the data folder. build: makes the trunk, image -> feature map.
    """

    name: str
    about: str
    side: int
    pretrained: bool
    build: Callable[[], nn.Module]


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
    )
}  # fmt: skip


def build(name: str) -> Galaxy:
    """A candidate with fresh weights and the galaxy heads."""
    return Galaxy(CANDIDATES[name].build())
