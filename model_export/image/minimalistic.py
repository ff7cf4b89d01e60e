"""MobileNetV3-Large "minimalistic" as a trainable network.

Howard et al. (2019), "Searching for MobileNetV3"; the minimalistic variant of Google's TF-Slim
release replaces 5 x 5 by 3 x 3 kernels and hard-swish by ReLU, and has no squeeze-and-excite.
TensorFlow's SAME padding puts the odd pixel of a stride of 2 after the picture, PyTorch's would
put one on both sides, so the padding here is explicit. Batch norm stays folded into the kernels,
as it is published: at the low rates of a fine-tuning the statistics would only add noise.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS: Final = 960
EMBEDDING: Final = 1280
# Expansion, output channels and stride of each block; the input channels are the last block's output.
BLOCKS: Final = (
    (16, 16, 1),
    (64, 24, 2), (72, 24, 1),
    (72, 40, 2), (120, 40, 1), (120, 40, 1),
    (240, 80, 2), (200, 80, 1), (184, 80, 1), (184, 80, 1),
    (480, 112, 1), (672, 112, 1),
    (672, 160, 2), (960, 160, 1), (960, 160, 1),
)  # fmt: skip
STEM: Final = 16


class Minimalistic(nn.Module):
    """(n, 3, h, w) float32 RGB -> (n, classes) logits.

    Pixels are (value - mean) / std of 0 to 255. The head is pooled features -> projection -> gate -> classifier.
    """

    name: Final = "MobileNetV3-Large minimalistic 1.0"
    mean: Final = (127.5, 127.5, 127.5)
    std: Final = (127.5, 127.5, 127.5)

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = SameConv(3, STEM, 3, stride=2)
        blocks: list[nn.Module] = []
        width = STEM
        for expansion, out, stride in BLOCKS:
            blocks.append(Block(width, expansion, out, stride))
            width = out
        self.blocks = nn.Sequential(*blocks)
        self.last = SameConv(width, CHANNELS, 1)
        self.projection = nn.Linear(CHANNELS, EMBEDDING)
        self.classifier = nn.Linear(EMBEDDING, classes)

    def features(self, pixels: Tensor) -> Tensor:
        """(n, 960, h / 32, w / 32), not negative."""
        return functional.relu(self.last(self.blocks(functional.relu(self.stem(pixels)))))

    def stem_convolution(self) -> nn.Conv2d:
        """The convolution that sees the pixels."""
        return self.stem

    @staticmethod
    def gate(projected: Tensor) -> Tensor:
        """The factor by which the activation lets each projected value through: ReLU's 0 or 1."""
        return (projected > 0).to(projected.dtype)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of normalised pixels."""
        projected = self.projection(self.features(pixels).mean(dim=(2, 3)))
        logits: Tensor = self.classifier(functional.relu(projected))
        return logits


class Block(nn.Module):
    """Inverted residual: expand, depthwise 3 x 3, project without activation; the input is added where shapes agree."""

    def __init__(self, width: int, expansion: int, out: int, stride: int) -> None:
        super().__init__()
        self.expand = SameConv(width, expansion, 1) if expansion != width else None
        self.depthwise = SameConv(expansion, expansion, 3, stride=stride, groups=expansion)
        self.project = SameConv(expansion, out, 1)
        self.residual = stride == 1 and width == out

    def forward(self, inputs: Tensor) -> Tensor:
        """(n, width, h, w) -> (n, out, h / stride, w / stride)."""
        hidden = inputs if self.expand is None else functional.relu(self.expand(inputs))
        hidden = self.project(functional.relu(self.depthwise(hidden)))
        return inputs + hidden if self.residual else hidden


class SameConv(nn.Conv2d):
    """A convolution with bias and TensorFlow's SAME padding, for even input sizes."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, groups=groups, padding=(kernel - stride + 1) // 2)
        self.one_sided = stride > 1
        if self.one_sided:
            self.padding = (0, 0)

    def forward(self, inputs: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        return super().forward(functional.pad(inputs, (0, 1, 0, 1)) if self.one_sided else inputs)


def parameters(network: nn.Module) -> int:
    """How many numbers a network holds."""
    return sum(value.numel() for value in network.parameters())


def normalised(network: nn.Module, pixels: Tensor) -> Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) float32 as the network takes it."""
    channels = pixels.permute(0, 3, 1, 2).to(torch.float32)
    mean = torch.tensor(network.mean).view(1, 3, 1, 1)
    return (channels - mean) / torch.tensor(network.std).view(1, 3, 1, 1)
