"""The training function of pictures: one event of the state machine a step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from infra.state_machine.definition import REFUSED
from skysort.trainings.steps import TrainingRefused
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

KEY = "trainings/shared/pictures-20261128-084500-1a2b3c/request.json"
CONTEXT = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r")


class FakeSteps:
    """Refuses to read, and does any other step."""

    def run(self, event: Mapping[str, object]) -> dict[str, object]:
        if event["step"] == "read":
            raise TrainingRefused("one class only")
        return {"did": event["step"]}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("SKYSORT_MODELS_BUCKET", "models")
    loaded = load_function("custom", "train")
    monkeypatch.setattr(loaded, "steps", FakeSteps())
    return loaded


def test_an_event_is_a_step(function: ModuleType) -> None:
    assert function.handler({"key": KEY, "step": "fit"}, CONTEXT) == {"did": "fit"}


def test_a_refusal_leaves_the_function_under_the_name_that_the_state_machine_knows(function: ModuleType) -> None:
    with pytest.raises(TrainingRefused, match="one class only") as refusal:
        function.handler({"key": KEY, "step": "read"}, CONTEXT)
    assert refusal.type.__name__ == REFUSED


def test_networks_are_loaded_by_the_step_that_needs_them(function: ModuleType) -> None:
    assert set(function.load().sha256) == {"galaxy", "image"}
