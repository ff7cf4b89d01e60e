"""The exported file against PyTorch."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from model_export.common import latency, onnx_file
from model_export.common.onnx_file import INPUT, OUTPUTS
from model_export.galaxy import networks
from model_export.galaxy.choice import VIEW_SETS, views
from model_export.galaxy.graph import Served, to_onnx

SHIFT = torch.linspace(-1, 1, 8)


def served(name: str = "mobilenetv3_stride16", view_set: str = "quarter turns") -> Served:
    torch.manual_seed(1)
    network = networks.build(name)
    for head in (network.classes, network.tree):
        torch.nn.init.normal_(head.weight, std=0.3)
    return Served(network, views(view_set), shift=SHIFT, temperature=1.5).eval()


def picture(seed: int = 1, batch: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (batch, 128, 128, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def content() -> bytes:
    return to_onnx(served(), 128)


@pytest.mark.parametrize("name", ["mobilenetv3_stride16", "crossformer"])
def test_the_file_agrees_with_pytorch(name: str) -> None:
    # Given
    model = served(name)
    session = onnx_file.session(to_onnx(model, 128))
    # When
    outputs = session.run(list(OUTPUTS), {INPUT: picture()})
    with torch.inference_mode():
        reference = model(torch.from_numpy(picture()))
    # Then
    for got, wanted in zip(outputs, reference, strict=True):
        assert np.abs(got - wanted.numpy()).max() < 1e-4


def test_probabilities_are_a_distribution(content: bytes) -> None:
    probabilities = onnx_file.session(content).run(["probabilities"], {INPUT: picture()})[0]
    assert probabilities.shape == (1, 8)
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)


def test_the_activation_map_adds_up_to_the_logits(content: bytes) -> None:
    # Given
    session = onnx_file.session(content)
    # When
    probabilities, activation, _ = session.run(list(OUTPUTS), {INPUT: picture()})
    logits = torch.from_numpy(activation.mean(axis=(2, 3)))
    # Then
    assert np.allclose(torch.softmax((logits + SHIFT) / 1.5, dim=1).numpy(), probabilities, atol=1e-5)


def test_a_turned_picture_gets_the_same_answer_with_a_turned_map(content: bytes) -> None:
    # Given: all quarter turns are averaged, so a turn changes only their order
    session = onnx_file.session(content)
    turned = np.ascontiguousarray(np.rot90(picture(), axes=(1, 2)))
    # When
    straight = session.run(list(OUTPUTS), {INPUT: picture()})
    other = session.run(list(OUTPUTS), {INPUT: turned})
    # Then
    assert np.allclose(straight[0], other[0], atol=1e-5)
    assert np.allclose(np.rot90(straight[1], axes=(2, 3)), other[1], atol=1e-3)


def test_a_batch_gives_what_single_pictures_give() -> None:
    # Given
    model = served()
    one = onnx_file.session(to_onnx(model, 128))
    three = onnx_file.session(to_onnx(model, 128, batch=3))
    batch = picture(2, batch=3)
    # When
    together = three.run(list(OUTPUTS), {INPUT: batch})
    # Then
    for place in range(3):
        alone = one.run(list(OUTPUTS), {INPUT: batch[place : place + 1]})
        for got, wanted in zip(together, alone, strict=True):
            assert np.allclose(got[place], wanted[0], atol=1e-3)


def test_the_file_is_bound_to_no_machine(content: bytes) -> None:
    model = onnx.load_from_string(content)
    assert {entry.domain for entry in model.opset_import} == {""}
    assert {node.domain for node in model.graph.node} == {""}
    assert (model.ir_version, model.opset_import[0].version) == (onnx_file.IR_VERSION, onnx_file.OPSET)


def test_shapes_are_constant_and_pixels_are_bytes(content: bytes) -> None:
    entry = onnx.load_from_string(content).graph.input[0]
    assert entry.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [dimension.dim_value for dimension in entry.type.tensor_type.shape.dim] == [1, 128, 128, 3]


def test_the_position_bias_of_crossformer_is_folded() -> None:
    # Given: 20 blocks with a network of four layers each; none of it depends on the picture
    model = onnx.load_from_string(to_onnx(served("crossformer", "as it is"), 128))
    kinds = [node.op_type for node in model.graph.node]
    # Then one matrix product for each of qkv, weights, values, out and two in feed-forward is left
    assert kinds.count("MatMul") + kinds.count("Gemm") <= 20 * 6 + 1


def test_facts_count_what_is_there(content: bytes) -> None:
    facts = onnx_file.facts(content)
    assert facts["bytes"] == len(content)
    assert facts["parameters"] * 4 == pytest.approx(len(content), rel=0.05)


@pytest.mark.parametrize("view_set", VIEW_SETS)
def test_multiply_adds_grow_with_the_views(view_set: str) -> None:
    one = latency.multiply_adds(to_onnx(served(view_set="as it is"), 128), 128)
    several = latency.multiply_adds(to_onnx(served(view_set=view_set), 128), 128)
    assert several == pytest.approx(one * len(VIEW_SETS[view_set]), rel=0.01)


def test_eight_bits_still_answer(content: bytes) -> None:
    small = latency.to_int8(content, picture(3, batch=8))
    assert len(small) < 0.5 * len(content)
    probabilities = onnx_file.session(small).run(["probabilities"], {INPUT: picture()})[0]
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-3)
