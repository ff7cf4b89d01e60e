from __future__ import annotations

import numpy as np
import pytest
import torch

from model_export.common import onnx_file
from model_export.common.networks import parameters
from model_export.image import networks, weights
from model_export.image.networks import Minimalistic, MobileNetV3Large, normalised
from skysort.errors import ConfigurationError
from tests.training.image.public_files import minimalistic_onnx, pixels, published_state


def test_public_weights_compute_what_the_public_file_computes() -> None:
    # Given a file in the public form
    file = minimalistic_onnx()
    pictures = pixels()
    # When it becomes a network
    ours = networks.logits(weights.minimalistic(file), pictures)
    # Then its logits are the file's, less the background's
    scaled = (pictures.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 127.5
    theirs = onnx_file.session(file).run(["logits"], {"input": scaled})[0][:, 1:]
    assert ours.shape == (3, 1000)
    assert np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()


def test_weights_without_a_background_class_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="shape"):
        weights.minimalistic(minimalistic_onnx(background=0))


@pytest.mark.parametrize(("network", "expected"), [(Minimalistic, 3_912_088), (MobileNetV3Large, 5_483_032)])
def test_networks_have_the_published_number_of_parameters(network: type[torch.nn.Module], expected: int) -> None:
    assert parameters(network()) == expected


@pytest.mark.parametrize("kind", [Minimalistic, MobileNetV3Large])
def test_the_gate_times_its_input_is_the_activation(kind: type[torch.nn.Module]) -> None:
    # Given the head of a network, and its plain forward computation
    torch.manual_seed(0)
    network = kind().eval()
    seen = normalised(network, torch.from_numpy(pixels(2)))
    with torch.no_grad():
        plain = network(seen)
        # When the embedding is a gate times what was projected
        projected = network.projection(network.features(seen).mean(dim=(2, 3)))
        gated = network.classifier(network.gate(projected) * projected)
    # Then the logits are the same
    torch.testing.assert_close(gated, plain)


def test_published_names_fit_and_come_back() -> None:
    state = published_state(MobileNetV3Large())
    assert {
        "features.0.0.weight",
        "features.4.block.2.fc1.bias",
        "features.16.1.running_var",
        "classifier.3.bias",
    } <= set(state)
    MobileNetV3Large().load_published(state)
