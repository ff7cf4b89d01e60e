"""Shared by the PyTorch packages: weight averaging, learning rate schedule, export, and Google's public weights.

MobileNetV3-Large *minimalistic* (Howard et al. 2019, "Searching for MobileNetV3"; Google's TF-Slim release) has 3 x 3
kernels and ReLU instead of 5 x 5 and hard-swish, and no squeeze-and-excite. The release is an 8-bit TFLite file; the
data folder has the same weights as fp32 ONNX, with batch norm folded into the convolutions.
"""

from __future__ import annotations

import gzip
import logging
import math
import warnings
from typing import TYPE_CHECKING, Any, Final

import onnx
import onnx.numpy_helper
import torch
from torch import nn
from torch.nn import functional

from model_export.common.onnx_file import OPSET, OUTPUTS, optimised
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

PUBLIC_WEIGHTS: Final = ("image", "weights", "v3-large-minimalistic_224_1.0_dequantised_fp32.onnx.gz")
STEM: Final = 16
NORM_EPSILON: Final = 1e-3
# Expanded width, output width and stride of each inverted bottleneck; the first has no expansion.
BLOCKS: Final = (
    (16, 16, 1), (64, 24, 2), (72, 24, 1), (72, 40, 2), (120, 40, 1), (120, 40, 1), (240, 80, 2), (200, 80, 1),
    (184, 80, 1), (184, 80, 1), (480, 112, 1), (672, 112, 1), (672, 160, 2), (960, 160, 1), (960, 160, 1),
)  # fmt: skip
# They log every operator that they leave unchanged, and that torchvision is missing, which is not needed.
_CHATTY: Final = ("onnxscript", "onnx_ir", "torch.onnx")


class ConvNorm(nn.Module):
    """Convolution with TensorFlow's SAME padding, batch norm, and an activation if one is given."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1,
        activation: Callable[[Tensor], Tensor] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        # With a stride the padding depends on the size, and can differ from one side to the other.
        self.explicit = kernel > 1 and stride > 1
        padding = 0 if self.explicit else kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=NORM_EPSILON)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride), rounded up."""
        if self.explicit:
            (kernel, _), (stride, _) = self.conv.kernel_size, self.conv.stride
            rows, columns = (max(0, kernel - (size % stride or stride)) for size in x.shape[2:])
            x = functional.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        x = self.norm(self.conv(x))
        return x if self.activation is None else self.activation(x)


def multiple_of_8(width: float) -> int:
    """The nearest multiple of 8 that is at most 10 % smaller."""
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * width else rounded


def public_weights(data: Path) -> bytes:
    """The public ONNX file; a ConfigurationError names the missing file."""
    path = data.joinpath(*PUBLIC_WEIGHTS)
    try:
        return gzip.decompress(path.read_bytes())
    except OSError as problem:
        raise ConfigurationError(
            f"the ImageNet weights {path} cannot be read ({problem}); "
            f"set SKYSORT_DATA to the folder that holds {PUBLIC_WEIGHTS[0]}/"
        ) from problem


def convolutions(content: bytes) -> list[tuple[Tensor, Tensor]]:
    """(weight, bias) of every convolution of an ONNX file, in execution order."""
    graph = onnx.load_from_string(content).graph
    arrays = {tensor.name: torch.tensor(onnx.numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    return [(arrays[node.input[1]], arrays[node.input[2]]) for node in graph.node if node.op_type == "Conv"]


def parameters(network: nn.Module) -> int:
    """The number of parameters of a network."""
    return sum(value.numel() for value in network.parameters())


def warm_up_cosine(done: float, warm_up: float) -> float:
    """The learning rate factor after a share of the steps: linear to 1, then cosine to 0 (Loshchilov & Hutter 2017)."""
    if done < warm_up:
        return done / warm_up
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


@torch.no_grad()
def update_ema(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Update the exponential moving average of the weights; non-float tensors are copied."""
    for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


def to_onnx(served: nn.Module, inputs: Mapping[str, Tensor], shapes: Mapping[str, Any] | None = None) -> bytes:
    """A checked ONNX file with the outputs of every picture model (see onnx_file.optimised).

    Parameters
    ----------
    served
        The module whose forward is exported.
    inputs
        An example of each input, by the name of its argument.
    shapes
        The dynamic dimensions of each input; None if all are constant.

    Returns
    -------
    bytes
        The file, with standard operators only.
    """
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter
        program = torch.onnx.export(
            served.eval(), (), kwargs=dict(inputs), dynamo=True, opset_version=OPSET, dynamic_shapes=shapes,
            input_names=list(inputs), output_names=list(OUTPUTS), verbose=False,
        )  # fmt: skip
    assert program is not None  # noqa: S101 - without a file name the exporter returns the program
    return optimised(program.model_proto)
