"""The function that trains star models, as Step Functions invokes it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from skysort.registry.keys import TrainingKeys
from skysort.registry.names import Kind
from skysort.trainings.request import Training
from skysort.trainings.status import StatusFile
from skysort.trainings.steps import Steps
from tests.fakes.model_store import MemoryModelStore
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from types import ModuleType

CONTEXT = SimpleNamespace(
    function_name="star-train", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r"
)
TRAINING = TrainingKeys("shared", "star-20261128-084500-1a2b3c")


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("SKYSORT_MODELS_BUCKET", "models")
    return load_function("star", "train")


def test_it_says_that_it_is_ready(function: ModuleType) -> None:
    assert function.handler({"step": "ready"}, CONTEXT) == {"ready": True}


def test_a_table_that_is_not_there_ends_the_training_with_a_sentence(
    function: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a training whose table was deleted
    store = MemoryModelStore()
    source = {"s3_key": "incoming/training/t/gone.csv"}
    request = Training(TRAINING.id, "shared", Kind.STAR, "mine", "2026-11-28T08:45:00Z", source)
    store.put(TRAINING.request, request.to_json())
    monkeypatch.setattr(function.stars, "_uploads", store)
    monkeypatch.setattr(function, "steps", Steps(store, [function.stars]))
    # When
    event: dict[str, Any] = {"key": TRAINING.request, "step": "read"}
    with pytest.raises(Exception, match=r"gone\.csv") as refused:
        function.handler(event, CONTEXT)
    # Then the state machine knows the error by its name, and the owner reads the sentence
    assert type(refused.value).__name__ == "TrainingRefused"
    assert "gone.csv" in StatusFile(store, TRAINING).read()["problem"]["detail"]
