"""The same execution in two interpreters: the local stack's, and moto's, an independent one.

moto's interpreter runs a Lambda task by its own Lambda, in a container. Here its call of that Lambda is replaced by the
same function that the local interpreter invokes, and the pauses of its retriers by none; all else is moto's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Protocol

import boto3
import pytest
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils

from infra.local.state_machine import StateError, StateMachine, no_objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.local.state_machine import Objects

WAIT_S: Final = 20.0


class Functions(Protocol):
    """What the tasks of an execution invoke; notes its calls."""

    calls: list[tuple[str, Any]]

    def call(self, name: str, payload: Any) -> Any:
        """The result, or Lambda's document of an error."""


@dataclass
class Walk:
    """What an interpreter did: states with inputs, calls, and how it ended."""

    states: list[tuple[str, Any]]
    calls: list[tuple[str, Any]]
    outcome: tuple[str, Any]


def locally(definition: Mapping[str, Any], document: Any, functions: Functions, objects: Objects = no_objects) -> Walk:
    """The walk of the interpreter of the local stack."""
    states: list[tuple[str, Any]] = []

    async def invoke(name: str, payload: Any) -> Any:
        answer = functions.call(name, payload)
        if "errorType" in answer:
            raise StateError(answer["errorType"], json.dumps(answer, separators=(",", ":")))
        return answer

    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    def entered(name: str, given: Any) -> None:
        states.append((name, given))

    machine = StateMachine(definition, invoke, entered, sleep, objects=objects)
    try:
        output = asyncio.run(machine.run(document))
    except StateError as error:
        return Walk(states, functions.calls, ("FAILED", error.error))
    return Walk(states, functions.calls, ("SUCCEEDED", output))


@contextlib.contextmanager
def moto() -> Iterator[Any]:
    """A client of moto's Step Functions, whose executions run."""
    with pytest.MonkeyPatch.context() as patch, mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.setattr(retrier_decl, "time", SimpleNamespace(sleep=lambda _: None))
        yield boto3.client("stepfunctions", region_name="us-east-1")


def in_moto(
    definition: Mapping[str, Any], document: Any, functions: Functions, client: Any, monkeypatch: pytest.MonkeyPatch
) -> Walk:
    """The walk of moto's interpreter."""

    def invoke(parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        answer = functions.call(parameters["FunctionName"], json.loads(parameters["Payload"]))
        failed = {"FunctionError": "Unhandled"} if "errorType" in answer else {}
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": answer, **failed}

    monkeypatch.setattr(lambda_eval_utils, "_invoke_lambda_function", invoke)
    machine = client.create_state_machine(
        name=f"machine-{uuid.uuid4()}",
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::123456789012:role/states",
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input=json.dumps(document))["executionArn"]
    deadline = time.monotonic() + WAIT_S
    while (found := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline, client.get_execution_history(executionArn=execution)
        time.sleep(0.01)
    events = client.get_execution_history(executionArn=execution)["events"]
    entered = [event["stateEnteredEventDetails"] for event in events if "stateEnteredEventDetails" in event]
    states = [(each["name"], json.loads(each["input"])) for each in entered]
    if found["status"] == "FAILED":
        return Walk(states, functions.calls, ("FAILED", found["error"]))
    return Walk(states, functions.calls, (found["status"], json.loads(found["output"])))


def with_floats(document: Any) -> Any:
    """The same document with the one number that moto reads only if it has a decimal point."""
    if isinstance(document, list):
        return [with_floats(each) for each in document]
    if isinstance(document, dict):
        return {
            name: float(value) if name == "ToleratedFailurePercentage" else with_floats(value)
            for name, value in document.items()
        }
    return document
