"""The local interpreter against moto's, an independent one: same states, same inputs, same outcome.

moto's interpreter runs a Lambda task by its own Lambda, in a container. Here its call of that Lambda is replaced by the
same function that the local interpreter invokes, and the pauses of its retriers by none; all else is moto's.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils

from infra.local.state_machine import StateError, StateMachine
from infra.state_machine.definition import REFUSED, training_definition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ARNS = [f"arn:aws:lambda:us-east-1:123456789012:function:{name}" for name in ("custom-train", "star-train")]
PICTURES = "trainings/shared/pictures-20261128-084500-1a2b3c/request.json"
STAR = "trainings/shared/star-20261128-084500-1a2b3c/request.json"
WAIT_S = 20.0


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


@dataclass
class Walk:
    """What an interpreter did: states with inputs, calls, and how it ended."""

    states: list[tuple[str, Any]]
    calls: list[tuple[str, Any]]
    outcome: tuple[str, Any]


def locally(key: str, steps: Steps) -> Walk:
    """The walk of the interpreter of the local stack."""
    states: list[tuple[str, Any]] = []

    async def invoke(name: str, payload: Any) -> Any:
        answer = steps.call(name, payload)
        if "errorType" in answer:
            raise StateError(answer["errorType"], json.dumps(answer, separators=(",", ":")))
        return answer

    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    def entered(name: str, document: Any) -> None:
        states.append((name, document))

    machine = StateMachine(training_definition(*ARNS), invoke, entered, sleep)
    try:
        output = asyncio.run(machine.run({"key": key}))
    except StateError as error:
        return Walk(states, steps.calls, ("FAILED", error.error))
    return Walk(states, steps.calls, ("SUCCEEDED", output))


@pytest.fixture(scope="module")
def stepfunctions() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.setattr(retrier_decl, "time", SimpleNamespace(sleep=lambda _: None))
        yield boto3.client("stepfunctions", region_name="us-east-1")


def in_moto(key: str, steps: Steps, client: Any, monkeypatch: pytest.MonkeyPatch) -> Walk:
    """The walk of moto's interpreter."""

    def invoke(parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        answer = steps.call(parameters["FunctionName"], json.loads(parameters["Payload"]))
        failed = {"FunctionError": "Unhandled"} if "errorType" in answer else {}
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": answer, **failed}

    monkeypatch.setattr(lambda_eval_utils, "_invoke_lambda_function", invoke)
    machine = client.create_state_machine(
        name=f"trainings-{uuid.uuid4()}",
        definition=json.dumps(training_definition(*ARNS)),
        roleArn="arn:aws:iam::123456789012:role/states",
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input=json.dumps({"key": key}))["executionArn"]
    deadline = time.monotonic() + WAIT_S
    while (found := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline, client.get_execution_history(executionArn=execution)
        time.sleep(0.01)
    events = client.get_execution_history(executionArn=execution)["events"]
    entered = [event["stateEnteredEventDetails"] for event in events if "stateEnteredEventDetails" in event]
    states = [(each["name"], json.loads(each["input"])) for each in entered]
    if found["status"] == "FAILED":
        return Walk(states, steps.calls, ("FAILED", found["error"]))
    return Walk(states, steps.calls, (found["status"], json.loads(found["output"])))


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
    # When
    here, there = locally(key, Steps(errors, error)), in_moto(key, Steps(errors, error), stepfunctions, monkeypatch)
    # Then in the same order, but for the shards, which run side by side
    assert in_order(here.states) == in_order(there.states)
    assert Counter(map(repr, here.states)) == Counter(map(repr, there.states))
    assert Counter(map(repr, here.calls)) == Counter(map(repr, there.calls))
    assert here.outcome == there.outcome
    assert here.states[-1][0] == last


def in_order(states: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [state for state in states if state[0] != "ShardFeatures"]
