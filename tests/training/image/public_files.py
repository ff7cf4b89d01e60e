"""Files in the form of the public ones, with random weights and rendered photographs."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model_export.common.networks import BLOCKS, PUBLIC_WEIGHTS, STEM
from model_export.image import data
from model_export.image.networks import CHANNELS, EMBEDDING
from tests.factories_images import encode, render

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn


def minimalistic_onnx(seed: int = 7, background: int = 1) -> bytes:
    """The public file's graph, drawn from the paper's table and not from our network."""
    chance = np.random.default_rng(seed)
    nodes: list[onnx.NodeProto] = []
    held: list[onnx.TensorProto] = []

    def convolve(source: str, shape: tuple[int, ...], stride: int = 1, *, relu: bool = True) -> str:
        number = len(nodes)
        weight = chance.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        held.append(numpy_helper.from_array(weight.astype(np.float32), f"w{number}"))
        held.append(numpy_helper.from_array(chance.normal(0, 0.1, shape[0]).astype(np.float32), f"b{number}"))
        grouped = shape[0] if shape[1] == 1 and shape[2] > 1 else 1
        nodes.append(
            helper.make_node(
                "Conv", [source, f"w{number}", f"b{number}"], [f"c{number}"], auto_pad="SAME_UPPER", group=grouped,
                kernel_shape=shape[2:], strides=[stride, stride],
            )
        )  # fmt: skip
        return node("Relu", f"c{number}") if relu else f"c{number}"

    def node(kind: str, *sources: str) -> str:
        nodes.append(helper.make_node(kind, list(sources), [f"{kind}{len(nodes)}"]))
        return nodes[-1].output[0]

    value, width = convolve("input", (STEM, 3, 3, 3), 2), STEM
    for expansion, out, stride in BLOCKS:
        hidden = value if expansion == width else convolve(value, (expansion, width, 1, 1))
        hidden = convolve(hidden, (expansion, 1, 3, 3), stride)
        hidden = convolve(hidden, (out, expansion, 1, 1), relu=False)
        value = node("Add", hidden, value) if stride == 1 and width == out else hidden
        width = out
    value = node("GlobalAveragePool", convolve(value, (CHANNELS, width, 1, 1)))
    value = convolve(value, (EMBEDDING, CHANNELS, 1, 1))
    value = convolve(value, (data.CLASSES + background, EMBEDDING, 1, 1), relu=False)
    nodes.append(helper.make_node("Flatten", [value], ["logits"]))
    nodes.append(helper.make_node("Softmax", ["logits"], ["prob"], axis=1))
    classes = data.CLASSES + background
    graph = helper.make_graph(
        nodes, "public", [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", classes]) for name in ("logits", "prob")], held,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model.SerializeToString()


def published_state(network: nn.Module) -> dict[str, Tensor]:
    """The state of our own network under the names of torchvision's weights."""
    return {
        name.replace("layers.", "features.", 1).replace("head.", "classifier.", 1): value
        for name, value in network.state_dict().items()
    }


def data_folder(folder: Path, photographs: int = 12) -> Path:
    """A data folder with the weights and some rendered photographs of both sources."""
    path = folder.joinpath(*PUBLIC_WEIGHTS)
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(minimalistic_onnx(), 1))
    named = data.load_labels()
    sample, imagenette = folder / "image" / "imagenet_sample_1000", folder / "image" / "imagenette160"
    sample.mkdir()
    for place in range(photographs):
        wordnet_id = named.wordnet_ids[37 * place]
        (sample / f"{wordnet_id}_thing.jpg").write_bytes(encode(render(300, 256, seed=place), "JPEG"))
        origin = "ILSVRC2012_val" if place % 3 == 0 else "n"
        picture = imagenette / named.wordnet_ids[place % 2] / f"{origin}_{place:08}.JPEG"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(encode(render(160, 200, seed=100 + place), "JPEG"))
    return folder


def pixels(count: int = 3) -> NDArray[np.uint8]:
    """(count, 224, 224, 3) rendered."""
    return np.stack([render(224, 224, seed=seed) for seed in range(count)])
