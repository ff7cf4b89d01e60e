from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from model_export.common import onnx_file
from model_export.image import networks
from model_export.image.networks import Minimalistic, MobileNetV3Large, Served, to_onnx
from skysort.learning.calibration import log_probabilities
from tests.training.image.public_files import pixels

TEMPERATURE = 0.7
ASKED = np.array([3, 999], dtype=np.int64)


@pytest.fixture(scope="module", params=[Minimalistic, MobileNetV3Large])
def network(request: pytest.FixtureRequest) -> torch.nn.Module:
    torch.manual_seed(3)
    made: torch.nn.Module = request.param().eval()
    return made


@pytest.fixture(scope="module")
def content(network: torch.nn.Module) -> bytes:
    return to_onnx(Served(network, TEMPERATURE), 224)


@pytest.mark.parametrize("side", [224, 192])
def test_the_file_says_what_the_network_says(network: torch.nn.Module, content: bytes, side: int) -> None:
    pictures = np.ascontiguousarray(pixels()[:, :side, :side])
    wanted = np.exp(log_probabilities(networks.logits(network, pictures), TEMPERATURE))
    given = onnx_file.probabilities(onnx_file.session(content), pictures)
    assert np.abs(given - wanted).max() < 1e-6
    np.testing.assert_allclose(given.sum(axis=1), 1, rtol=1e-5)


def test_pictures_in_one_batch_are_judged_as_alone(content: bytes) -> None:
    session, pictures = onnx_file.session(content), pixels()
    together = session.run(["probabilities"], {"image": pictures})[0]
    np.testing.assert_allclose(together, onnx_file.probabilities(session, pictures), atol=1e-6)


def test_maps_add_up_to_the_logit_and_only_for_the_classes_asked_for(network: torch.nn.Module, content: bytes) -> None:
    # Given a picture, its tempered logits and its embedding
    session, picture = onnx_file.session(content), pixels(1)
    logits = networks.logits(network, picture)[0, ASKED] / TEMPERATURE
    # When maps of two classes are asked for
    maps, embedding = session.run(["activation", "embedding"], {"image": picture, "explain": ASKED})
    # Then the mean of each, and what the biases add through the same gate, is the logit
    with torch.no_grad():
        projected = network.projection(network.features(_normalised(network, picture)).mean(dim=(2, 3)))
        through = network.gate(projected) * network.projection.bias
        constant = network.classifier(through)[0, ASKED].numpy() / TEMPERATURE
    assert maps.shape == (1, 2, 7, 7)
    assert embedding.shape == (1, 1280)
    np.testing.assert_allclose(maps[0].mean(axis=(1, 2)) + constant, logits, rtol=1e-3, atol=1e-4)


def test_no_class_is_explained_unless_asked_for(content: bytes) -> None:
    session = onnx_file.session(content)
    assert session.run(["activation"], {"image": pixels(1)})[0].shape == (1, 0, 7, 7)
    assert [entry.name for entry in session.get_inputs()] == ["image"]
    assert [entry.name for entry in session.get_overridable_initializers()] == ["explain"]


def test_the_file_holds_standard_operators_and_nothing_of_this_machine(content: bytes) -> None:
    model = onnx.load_from_string(content)
    assert {entry.domain for entry in model.opset_import} <= {"", "ai.onnx"}
    assert all(node.domain in {"", "ai.onnx"} for node in model.graph.node)
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert b"site-packages" not in content
    assert onnx_file.facts(content)["bytes"] == len(content)


def test_exporting_again_gives_the_same_bytes(network: torch.nn.Module, content: bytes) -> None:
    assert to_onnx(Served(network, TEMPERATURE), 224) == content


def _normalised(network: torch.nn.Module, pictures: np.ndarray) -> torch.Tensor:
    values = (pictures.astype(np.float32) - np.array(network.mean, np.float32)) / np.array(network.std, np.float32)
    return torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))
