"""MobileNetV3-Large *minimalistic* (see common/networks.py), with TensorFlow's SAME padding.

The public weights have their batch norms folded into the convolutions; for fine-tuning they are restored: each norm
gets the statistics of galaxies and the scale and shift that cancel them, so the network initially computes the same
function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import nn
from torch.nn import functional

from model_export.common.networks import BLOCKS, NORM_EPSILON, STEM, ConvNorm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

FULL: Final = len(BLOCKS)
STRIDE_16: Final = 12  # the last block before the feature map is halved for the fifth time
EXPANSION: Final = 6


class Bottleneck(nn.Module):
    """Inverted residual: expand, depthwise 3 x 3, project; with a shortcut if the shape is unchanged."""

    def __init__(self, inputs: int, expanded: int, outputs: int, stride: int) -> None:
        super().__init__()
        expand = [] if expanded == inputs else [ConvNorm(inputs, expanded, 1, activation=functional.relu)]
        self.layers = nn.Sequential(
            *expand,
            ConvNorm(expanded, expanded, 3, stride=stride, groups=expanded, activation=functional.relu),
            ConvNorm(expanded, outputs, 1),
        )
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        y: Tensor = self.layers(x)
        return x + y if self.shortcut else y


class MobileNet(nn.Module):
    """The trunk including the last 1x1 convolution, with the first `blocks` of the 15 bottlenecks."""

    def __init__(self, blocks: int = FULL) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvNorm(3, STEM, 3, stride=2, activation=functional.relu)]
        width = STEM
        for expanded, outputs, stride in BLOCKS[:blocks]:
            layers.append(Bottleneck(width, expanded, outputs, stride))
            width = outputs
        self.width = width * EXPANSION
        layers.append(ConvNorm(width, self.width, 1, activation=functional.relu))
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) in -1 to 1, h and w multiples of the stride -> (n, width, h / stride, w / stride)."""
        features: Tensor = self.layers(images)
        return features

    def load_imagenet(self, convolutions: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Load the public (weight, bias) pairs, from the first layer until a shape differs."""
        layers = [module for module in self.modules() if isinstance(module, ConvNorm)]
        with torch.no_grad():
            for layer, (weight, bias) in zip(layers, convolutions, strict=False):
                if layer.conv.weight.shape != weight.shape:
                    break  # the last convolution of a shortened trunk has no public weights
                layer.conv.weight.copy_(weight)
                layer.norm.bias.copy_(bias)
                layer.norm.running_var.fill_(1.0 - NORM_EPSILON)

    def calibrate_norms(self, batches: Iterable[Tensor]) -> None:
        """Set every norm to the statistics of these pictures without changing the network's output.

        batches: normalised pictures (n, 3, h, w).
        """
        norms = [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]
        seen: dict[nn.BatchNorm2d, list[tuple[Tensor, Tensor]]] = {norm: [] for norm in norms}

        def record(norm: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
            seen[norm].append((inputs[0].mean(dim=(0, 2, 3)), inputs[0].square().mean(dim=(0, 2, 3))))

        hooks = [norm.register_forward_pre_hook(record) for norm in norms]
        self.eval()
        with torch.no_grad():
            for batch in batches:
                self(batch)
            for norm in norms:
                mean = torch.stack([mean for mean, _ in seen[norm]]).mean(dim=0)
                square = torch.stack([square for _, square in seen[norm]]).mean(dim=0)
                # A channel that galaxies never activate keeps a trainable scale.
                variance = (square - mean.square()).clamp_min(1e-2)
                old_scale = norm.weight / (norm.running_var + norm.eps).sqrt()
                old_shift = norm.bias - norm.running_mean * old_scale
                norm.weight.copy_(old_scale * (variance + norm.eps).sqrt())
                norm.bias.copy_(old_shift + mean * old_scale)
                norm.running_mean.copy_(mean)
                norm.running_var.copy_(variance)
        for hook in hooks:
            hook.remove()
