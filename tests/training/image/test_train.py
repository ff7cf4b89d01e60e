from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from model_export.image import networks, train
from model_export.image.data import SIDE
from tests.factories_images import render

CLASSES = 4
RECIPE = train.Recipe(epochs=3, batch=4, rate=1e-2)


class Tiny(nn.Module):
    mean = std = (127.5, 127.5, 127.5)

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Conv2d(3, 6, 32, stride=32)
        self.head = nn.Linear(6, CLASSES)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(torch.relu(self.trunk(pictures)).mean(dim=(2, 3)))
        return 8 * logits


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(5)
    return Tiny().eval()


@pytest.fixture
def frames() -> np.ndarray:
    return np.stack([render(train.FRAME, train.FRAME, seed=seed) for seed in range(10)])


def test_a_whole_crop_is_the_square_scaled() -> None:
    frames = torch.full((2, train.FRAME, train.FRAME, 3), 9, dtype=torch.uint8)
    seen = train.crop(frames, 1.0, (0.5, 0.5), mirrored=False)
    assert seen.shape == (2, SIDE, SIDE, 3)
    assert (seen == 9).all()


def test_a_mirrored_crop_is_the_other_way_round() -> None:
    frames = torch.arange(train.FRAME, dtype=torch.int64).clamp(max=255).to(torch.uint8)
    frames = frames.view(1, 1, -1, 1).expand(1, train.FRAME, train.FRAME, 3)
    part = SIDE / train.FRAME
    left = train.crop(frames, part, (0.0, 0.0), mirrored=False)
    assert left[0, 0, 0, 0] == 0
    assert train.crop(frames, part, (0.0, 0.0), mirrored=True)[0, 0, -1, 0] == 0


def test_the_teacher_speaks_in_probabilities(network: nn.Module, frames: np.ndarray) -> None:
    def predict(pictures: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            answer: np.ndarray = torch.softmax(
                network(networks.normalised(network, torch.from_numpy(pictures))), dim=1
            ).numpy()
        return answer

    targets = train.teach(predict, frames, batch=4)
    assert targets.shape == (10, CLASSES)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-5)


def test_tuning_comes_nearer_to_its_targets_and_leaves_the_teacher_alone(
    network: nn.Module, frames: np.ndarray
) -> None:
    # Given targets that the network does not yet say
    before = network.head.bias.detach().clone()
    targets = np.tile(np.array([0.7, 0.1, 0.1, 0.1], np.float32), (10, 1))
    unseen = np.arange(10) % 5 == 0
    # When it is tuned
    tuned = train.tune(network, frames, targets, unseen, RECIPE)
    # Then the kept epoch is nearer on photographs that taught nothing
    assert tuned.distances[tuned.epoch] == min(tuned.distances) < tuned.distances[0]
    assert tuned.epoch > 0
    assert torch.equal(network.head.bias, before)


def test_a_network_that_cannot_gain_is_kept_as_it_is(network: nn.Module, frames: np.ndarray) -> None:
    # Given targets that are what it says already
    seen = train.crop(torch.from_numpy(frames), 1.0, (0.5, 0.5), mirrored=False)
    with torch.no_grad():
        targets = torch.softmax(network(networks.normalised(network, seen)), dim=1).numpy()
    # When it is tuned at a rate that can only harm
    tuned = train.tune(network, frames, targets, np.arange(10) % 5 == 0, replace(RECIPE, rate=5.0))
    # Then nothing changed
    assert tuned.epoch == 0
    assert torch.equal(tuned.network.head.weight, network.head.weight)


def test_the_same_seed_gives_the_same_network(network: nn.Module, frames: np.ndarray) -> None:
    targets = np.full((10, CLASSES), 1 / CLASSES, np.float32)
    twice = [train.tune(network, frames, targets, np.arange(10) % 5 == 0, RECIPE) for _ in range(2)]
    assert twice[0].distances == twice[1].distances
