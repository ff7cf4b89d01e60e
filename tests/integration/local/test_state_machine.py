"""The trainings' state machine in the local interpreter and in moto's: same states, same inputs, same outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from infra.state_machine.definition import REFUSED, training_definition
from tests.integration.local.interpreters import in_moto, locally, moto

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ARNS = [f"arn:aws:lambda:us-east-1:123456789012:function:{name}" for name in ("custom-train", "star-train")]
PICTURES = "trainings/shared/pictures-20261128-084500-1a2b3c/request.json"
STAR = "trainings/shared/star-20261128-084500-1a2b3c/request.json"


@dataclass
class Steps:
    """The functions of a training. errors: names to fail a step with, before it succeeds."""

    errors: Mapping[str, int]
    error: str
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def call(self, name: str, payload: Any) -> dict[str, Any]:
        """The result, or Lambda's document of an error."""
        self.calls.append((name, payload))
        step = payload["step"]
        if sum(called["step"] == step for _, called in self.calls) <= self.errors.get(step, 0):
            return {"errorType": self.error, "errorMessage": "no picture can be read", "stackTrace": []}
        # Of several shards at once, which one fails would be chance.
        shards = [0] if "features" in self.errors else [0, 1, 2]
        return {"shards": shards} if step == "read" else {"step": step}


@pytest.fixture(scope="module")
def stepfunctions() -> Iterator[Any]:
    with moto() as client:
        yield client


@pytest.mark.parametrize(
    ("key", "errors", "error", "last"),
    [
        (PICTURES, {}, "", "Done"),
        (STAR, {}, "", "Done"),
        (PICTURES, {"read": 2, "fit": 3}, "Runtime.ExitError", "Done"),
        (STAR, {"publish": 1}, "ConflictError", "Done"),
        (PICTURES, {"read": 1}, REFUSED, "Refused"),
        (STAR, {"evaluate": 1}, REFUSED, "Refused"),
        (PICTURES, {"features": 3}, "Runtime.ExitError", "Done"),
        (PICTURES, {"features": 4}, "Runtime.ExitError", "Failed"),
        (PICTURES, {"features": 1}, REFUSED, "Refused"),
        (PICTURES, {"publish": 4}, "MemoryError", "Failed"),
        (STAR, {"read": 1}, "Sandbox.Timedout", "Done"),
        (STAR, {"read": 2}, "Sandbox.Timedout", "Failed"),
        (PICTURES, {"read": 1, "fail": 4}, REFUSED, "RecordPicturesFailure"),
        ("trainings/shared/poem-1/request.json", {}, "", "UnknownKind"),
    ],
)
def test_both_interpreters_walk_the_same_states_with_the_same_inputs(
    stepfunctions: Any, monkeypatch: pytest.MonkeyPatch, key: str, errors: dict[str, int], error: str, last: str
) -> None:
    definition, document = training_definition(*ARNS), {"key": key}
    # When
    here = locally(definition, document, Steps(errors, error))
    there = in_moto(definition, document, Steps(errors, error), stepfunctions, monkeypatch)
    # Then in the same order, but for the shards, which run side by side
    assert in_order(here.states) == in_order(there.states)
    assert Counter(map(repr, here.states)) == Counter(map(repr, there.states))
    assert Counter(map(repr, here.calls)) == Counter(map(repr, there.calls))
    assert here.outcome == there.outcome
    assert here.states[-1][0] == last


def in_order(states: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [state for state in states if state[0] != "ShardFeatures"]
