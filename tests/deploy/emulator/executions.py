"""Step Functions: executions by the interpreter of the local stack, started by rules of EventBridge.

moto keeps state machines and rules, matches events with rules, and runs no state. Here a machine's tasks invoke the
deployed functions, and moto's execution says what came of it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.core.utils import unix_time
from moto.events.models import Rule
from moto.events.utils import EventTemplateParser
from moto.stepfunctions.models import stepfunctions_backends
from moto.utilities.arns import parse_arn

from infra.local.executions import object_reader
from infra.local.state_machine import StateError, StateMachine
from tests.deploy.emulator.resources import client

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGGER = logging.getLogger(__name__)


def run_state_machines() -> None:
    """Have rules start executions that run."""
    send = Rule.send_to_targets

    def send_or_start(self: Rule, original_event: Any, transform_input: bool = True) -> None:
        machines = [target for target in self.targets if ":states:" in target["Arn"]]
        if not machines:
            send(self, original_event, transform_input)
        elif self.event_pattern.matches_event(original_event):
            for target in machines:
                _start(target["Arn"], _transformed(target, original_event))

    Rule.send_to_targets = send_or_start  # type: ignore[method-assign]


def _transformed(target: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    """The input of a target: strings go into the template with their quotes, which moto leaves out."""
    given = target["InputTransformer"]
    template = given["InputTemplate"]
    for name in given["InputPathsMap"]:
        template = template.replace(f"<{name}>", f'"<{name}>"')
    return EventTemplateParser.parse(template, given["InputPathsMap"], {"ingestion-time": unix_time(), **event})  # type: ignore[typeddict-item]


def _start(machine: str, document: Any) -> None:
    where = parse_arn(machine)
    backend = stepfunctions_backends[where.account][where.region]
    execution = backend.start_execution(machine, str(uuid.uuid4()), json.dumps(document))
    definition = json.loads(backend.describe_state_machine(machine).definition)
    # The interpreter keeps no time.
    definition.pop("TimeoutSeconds", None)

    def read(bucket: str, key: str) -> bytes:
        found: bytes = client("s3", where.region).get_object(Bucket=bucket, Key=key)["Body"].read()
        return found

    def run() -> None:
        try:
            machine = StateMachine(definition, _Functions(where.region), objects=object_reader(read))
            output = asyncio.run(machine.run(document))
        except StateError as error:
            LOGGER.warning("execution failed: %s", error)
            execution.status, execution.error, execution.cause = "FAILED", error.error, error.cause
        except Exception:
            LOGGER.exception("execution cannot be interpreted")
            execution.status = "ABORTED"
        else:
            execution.status, execution.output = "SUCCEEDED", json.dumps(output)
        execution.stop_date = datetime.now(UTC)

    threading.Thread(target=run, daemon=True).start()


class _Functions:
    """The deployed functions of a region, as tasks invoke them."""

    def __init__(self, region: str) -> None:
        self._region = region

    async def __call__(self, name: str, payload: Any, /) -> Any:
        return await asyncio.to_thread(self._invoke, name, payload)

    def _invoke(self, name: str, payload: Any) -> Any:
        # function:alias, by which moto finds the version; it does not find it by the alias' whole ARN.
        function = name.rpartition(":function:")[2]
        reply = client("lambda", self._region).invoke(FunctionName=function, Payload=json.dumps(payload))
        answer = json.loads(reply["Payload"].read())
        if "FunctionError" in reply:
            raise StateError(answer["errorType"], json.dumps(answer))
        return answer
