"""MobileNetV3-Large as trainable networks, minimalistic and full, and the graph that is exported.

Howard et al. (2019), "Searching for MobileNetV3". Minimalistic: at stride 2, TensorFlow's SAME padding pads after the
picture only, PyTorch's on both sides, so the padding here is explicit. Batch norm stays folded into the kernels, as
published: at the low learning rates of fine-tuning, batch statistics would only add noise. Full (table 1 of the
paper): the modules are named as in torchvision (features.N.block.M...), so a published state dictionary loads as is.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from model_export.common import networks
from model_export.common.networks import BLOCKS, NORM_EPSILON, STEM, multiple_of_8
from model_export.common.onnx_file import EXPLAIN, INPUT, with_any_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor


CHANNELS: Final = 960
EMBEDDING: Final = 1280
NORM_MOMENTUM: Final = 0.01
# The full network: kernel, expansion, output channels, squeeze-and-excite, hard-swish (else ReLU), stride.
LARGE_BLOCKS: Final = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1),
)  # fmt: skip
BATCH: Final = 16
_IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
_IMAGENET_STD: Final = (0.229, 0.224, 0.225)


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
        """(n, 960, h / 32, w / 32) feature map, not negative."""
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


def normalised(network: nn.Module, pixels: Tensor) -> Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) float32, normalised for the network."""
    channels = pixels.permute(0, 3, 1, 2).to(torch.float32)
    mean = torch.tensor(network.mean).view(1, 3, 1, 1)
    return (channels - mean) / torch.tensor(network.std).view(1, 3, 1, 1)


class MobileNetV3Large(nn.Module):
    """(n, 3, h, w) float32 RGB -> (n, classes) logits; pixels are (value - mean) / std of 0 to 255."""

    name: Final = "MobileNetV3-Large"
    mean: Final = tuple(255 * value for value in _IMAGENET_MEAN)
    std: Final = tuple(255 * value for value in _IMAGENET_STD)

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv_norm(3, STEM, 3, stride=2, activation=nn.Hardswish())]
        width = STEM
        for kernel, expansion, out, excite, swish, stride in LARGE_BLOCKS:
            layers.append(InvertedResidual(width, kernel, expansion, out, excite=excite, swish=swish, stride=stride))
            width = out
        layers.append(conv_norm(width, 6 * width, 1, activation=nn.Hardswish()))
        # Not named `features`, which is a method of every network here; the state keeps the published name.
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
        """(n, 960, h / 32, w / 32) feature map."""
        features: Tensor = self.layers(pixels)
        return features

    @staticmethod
    def gate(projected: Tensor) -> Tensor:
        """The factor by which the activation lets each projected value through: hard-swish's hard sigmoid."""
        return functional.hardsigmoid(projected)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of normalised pixels."""
        logits: Tensor = self.head(self.features(pixels).mean(dim=(2, 3)))
        return logits

    def load_published(self, state: dict[str, Tensor]) -> None:
        """Load a published state dictionary; a RuntimeError names mismatched keys and shapes."""
        renamed = {
            name.replace("features.", "layers.", 1).replace("classifier.", "head.", 1): value
            for name, value in state.items()
        }
        self.load_state_dict(renamed)


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
    """Scale each channel by a factor of 0 to 1 computed from the means of all channels."""

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


class Served(nn.Module):
    """The complete inference graph.

    The standard deviation of the pixels is folded into the first kernel and the temperature into the classifier; the
    mean is subtracted, since folding it would be wrong at the zero-padded edges.

    The outputs are calibrated probabilities, an activation map for each requested class, and the embedding. The maps of
    all classes would cost half as much as the network, and ONNX Runtime computes every output, fetched or not; without
    a requested class the maps cost nothing. They are exact: both activations of these heads are a gate times their
    input, so with the picture's gate the logit is a sum over positions. The mean of a map is the class's logit (divided
    by the temperature) minus the contribution of the biases.
    """

    def __init__(self, network: nn.Module, temperature: float = 1.0) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval()
        self.register_buffer("mean", torch.tensor(network.mean).view(1, 3, 1, 1))
        with torch.no_grad():
            self.network.stem_convolution().weight.div_(torch.tensor(network.std).view(1, 3, 1, 1))
        # Both matrices are stored in the layout of the activation map, so that the file has each only once.
        self.register_buffer("projection", network.projection.weight.detach().t().contiguous())
        self.register_buffer("classifier", (network.classifier.weight.detach() / temperature).t().contiguous())
        self.register_buffer("bias", network.classifier.bias.detach() / temperature)

    def forward(self, image: Tensor, explain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, h, w, 3) uint8 and (k,) int64 class numbers -> (n, classes), (n, k, h/32, w/32) and (n, 1280)."""
        features = self.network.features(image.permute(0, 3, 1, 2).to(torch.float32) - self.mean)
        projected = features.mean(dim=(2, 3)) @ self.projection + self.network.projection.bias
        gate = self.network.gate(projected)
        embedding = gate * projected
        probabilities = torch.softmax(embedding @ self.classifier + self.bias, dim=1)
        asked = gate.unsqueeze(1) * self.classifier.index_select(1, explain).t()
        weights = functional.linear(asked.flatten(0, 1), self.projection).unflatten(0, asked.shape[:2])
        activation = (weights @ features.flatten(2)).unflatten(2, features.shape[2:])
        return probabilities, activation, embedding


def logits(
    network: nn.Module, pixels: NDArray[np.uint8], on_batch: Callable[[int], object] | None = None
) -> NDArray[np.float32]:
    """(n, h, w, 3) uint8 -> (n, classes) logits of a network in evaluation mode."""
    network.eval()
    parts = []
    for start in range(0, len(pixels), BATCH):
        batch = pixels[start : start + BATCH]
        with torch.no_grad():
            parts.append(network(normalised(network, torch.from_numpy(batch))).numpy())
        if on_batch:
            on_batch(len(batch))
    return np.concatenate(parts)


def to_onnx(served: Served, side: int, batch: int | None = None) -> bytes:
    """A checked ONNX file for pictures of any size, tried with side x side; batch None for any number of pictures."""
    inputs = {INPUT: torch.zeros((batch or 2, side, side, 3), dtype=torch.uint8), EXPLAIN: torch.arange(2)}
    shapes = {INPUT: None if batch else {0: torch.export.Dim("n")}, EXPLAIN: {0: torch.export.Dim("k")}}
    return with_any_size(networks.to_onnx(served, inputs, shapes))
