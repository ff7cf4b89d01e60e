"""Google's public weights of MobileNetV3-Large minimalistic, as a network that can be trained.

The TF-Slim release has one 8-bit TFLite file; the data folder holds it and the same numbers as
fp32 ONNX. Output 0 of its 1,001 is "background", which no photograph of ImageNet has: it is
dropped, and the softmax over the rest renormalises.
"""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING, Final

import onnx
import torch
from onnx import numpy_helper

from model_export.image.minimalistic import Minimalistic, SameConv
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = ("image", "weights", "v3-large-minimalistic_224_1.0_dequantised_fp32.onnx.gz")
ORIGIN: Final = (
    "MobileNetV3-Large minimalistic 1.0 224, ImageNet-1k, 8-bit TFLite file of Google's TF-Slim release "
    "(tensorflow/models, research/slim/nets/mobilenet), dequantised to fp32"
)
LICENCE: Final = "Apache-2.0"


def content(data: Path) -> bytes:
    """The ONNX file; a ConfigurationError says where it was looked for."""
    path = data.joinpath(*FILE)
    try:
        return gzip.decompress(path.read_bytes())
    except OSError as problem:
        raise ConfigurationError(
            f"the public weights {path} cannot be read ({problem}); "
            f"set SKYSORT_DATA to the folder that holds {FILE[0]}/"
        ) from problem


def load(file: bytes) -> Minimalistic:
    """The network with the weights of the ONNX file; a ConfigurationError for a file of another shape."""
    graph = onnx.load_from_string(file).graph
    held = {tensor.name: torch.tensor(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    pairs = [(held[node.input[1]], held[node.input[2]]) for node in graph.node if node.op_type == "Conv"]
    network = Minimalistic()
    # The order of the file is the order of computation, and so is that of the modules.
    layers = [module for module in network.modules() if isinstance(module, SameConv)]
    layers += [network.projection, network.classifier]
    if len(pairs) != len(layers):
        raise ConfigurationError(f"the weights have {len(pairs)} convolutions, the network has {len(layers)}")
    with torch.no_grad():
        for layer, (weight, bias) in zip(layers, pairs, strict=True):
            kernel, offset = weight.reshape(weight.shape[0], *layer.weight.shape[1:]), bias
            if layer is network.classifier:
                kernel, offset = kernel[1:], offset[1:]
            if kernel.shape != layer.weight.shape:
                raise ConfigurationError(f"a kernel has shape {tuple(kernel.shape)}, not {tuple(layer.weight.shape)}")
            layer.weight.copy_(kernel)
            layer.bias.copy_(offset)
    return network.eval()


def sha256(file: bytes) -> str:
    """Of the uncompressed ONNX file."""
    return hashlib.sha256(file).hexdigest()
