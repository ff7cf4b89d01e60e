"""The comparison of a trained model's time with the shipped models' compares what it says."""

from __future__ import annotations

import pytest

from skysort.custom.networks import INPUTS
from tests.bench.custom_latency import SMALL, Shape, compare, trained
from tests.factories_custom import networks
from tests.factories_images import encode, render


def test_each_model_is_timed_and_compared() -> None:
    times = compare(networks(), Shape(3, 12), encode(render(64, 64)), rounds=2)
    assert times.keys() == {"galaxy", "image", "trained", "ratio"}
    assert all(value > 0 for value in times.values())


@pytest.mark.parametrize("shape", [Shape(3, 12), SMALL._replace(classes=3, pictures=12)])
def test_the_measured_model_uses_both_networks_and_is_complete(shape: Shape) -> None:
    model = trained(networks(), shape)
    assert len(model.labels) == 3
    assert {INPUTS[name].network for name in model._used} == set(networks().models)
