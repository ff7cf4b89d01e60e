"""MobileNetV3-Large in the layout of torchvision's published weights.

Howard et al. (2019), "Searching for MobileNetV3", table 1. The modules are named as the weights
are (features.N.block.M...), so a published state dictionary loads without translation.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

EMBEDDING: Final = 1280
STEM: Final = 16
NORM_EPSILON: Final = 1e-3
NORM_MOMENTUM: Final = 0.01
# Kernel, expansion, output channels, squeeze-and-excite, hard-swish (else ReLU), stride.
BLOCKS: Final = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1),
)  # fmt: skip
_IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
_IMAGENET_STD: Final = (0.229, 0.224, 0.225)


class MobileNetV3Large(nn.Module):
    """(n, 3, h, w) float32 RGB -> (n, classes) logits; pixels are (value - mean) / std of 0 to 255."""

    name: Final = "MobileNetV3-Large"
    mean: Final = tuple(255 * value for value in _IMAGENET_MEAN)
    std: Final = tuple(255 * value for value in _IMAGENET_STD)

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv_norm(3, STEM, 3, stride=2, activation=nn.Hardswish())]
        width = STEM
        for kernel, expansion, out, excite, swish, stride in BLOCKS:
            layers.append(InvertedResidual(width, kernel, expansion, out, excite=excite, swish=swish, stride=stride))
            width = out
        layers.append(conv_norm(width, 6 * width, 1, activation=nn.Hardswish()))
        # Not called `features`, which is the method that every network here has; the state keeps the published name.
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Linear(6 * width, EMBEDDING), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(EMBEDDING, classes)
        )

    @property
    def projection(self) -> nn.Linear:
        """Pooled features -> embedding before its gate."""
        return self.head[0]

    @property
    def classifier(self) -> nn.Linear:
        """Embedding -> logits."""
        return self.head[3]

    def stem_convolution(self) -> nn.Conv2d:
        """The convolution that sees the pixels."""
        return self.layers[0][0]

    def features(self, pixels: Tensor) -> Tensor:
        """(n, 960, h / 32, w / 32)."""
        found: Tensor = self.layers(pixels)
        return found

    @staticmethod
    def gate(projected: Tensor) -> Tensor:
        """The factor by which the activation lets each projected value through: hard-swish's hard sigmoid."""
        return functional.hardsigmoid(projected)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of normalised pixels."""
        logits: Tensor = self.head(self.features(pixels).mean(dim=(2, 3)))
        return logits

    def load_published(self, state: dict[str, Tensor]) -> None:
        """Take a published state dictionary; RuntimeError names what does not fit."""
        renamed = {
            name.replace("features.", "layers.", 1).replace("classifier.", "head.", 1): value
            for name, value in state.items()
        }
        self.load_state_dict(renamed)

    def published_state(self) -> dict[str, Tensor]:
        """The state dictionary under the published names."""
        return {
            name.replace("layers.", "features.", 1).replace("head.", "classifier.", 1): value
            for name, value in self.state_dict().items()
        }


class InvertedResidual(nn.Module):
    """Expand, depthwise, squeeze-and-excite, project; the input is added where shapes agree."""

    def __init__(
        self, width: int, kernel: int, expansion: int, out: int, *, excite: bool, swish: bool, stride: int
    ) -> None:
        super().__init__()
        activation = nn.Hardswish() if swish else nn.ReLU()
        layers: list[nn.Module] = []
        if expansion != width:
            layers.append(conv_norm(width, expansion, 1, activation=activation))
        layers.append(conv_norm(expansion, expansion, kernel, stride=stride, groups=expansion, activation=activation))
        if excite:
            layers.append(SqueezeExcitation(expansion))
        layers.append(conv_norm(expansion, out, 1, activation=None))
        self.block = nn.Sequential(*layers)
        self.residual = stride == 1 and width == out

    def forward(self, inputs: Tensor) -> Tensor:
        """(n, width, h, w) -> (n, out, h / stride, w / stride)."""
        hidden: Tensor = self.block(inputs)
        return inputs + hidden if self.residual else hidden


class SqueezeExcitation(nn.Module):
    """Each channel times a factor of 0 to 1 that the means of all channels decide."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = multiple_of_8(channels / 4)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        means = inputs.mean(dim=(2, 3), keepdim=True)
        return inputs * functional.hardsigmoid(self.fc2(functional.relu(self.fc1(means))))


def conv_norm(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, activation: nn.Module | None
) -> nn.Sequential:
    """Convolution, batch norm, activation."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=NORM_EPSILON, momentum=NORM_MOMENTUM),
    ]
    if activation is not None:
        layers.append(activation)
    return nn.Sequential(*layers)


def multiple_of_8(width: float) -> int:
    """The nearest multiple of 8 that is not more than 10 % smaller."""
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * width else rounded


def parameters_of(state: dict[str, Tensor]) -> int:
    """How many trainable numbers a published state dictionary holds."""
    return sum(
        torch.numel(value)
        for name, value in state.items()
        if not name.endswith(("running_mean", "running_var", "tracked"))
    )
