"""Trainings of the local stack: a request in the models bucket starts an execution, as EventBridge does in AWS.

S3 notifies a queue of every request; some executions of the state machine run at once, and their tasks invoke the pools
of the training functions. A message is deleted when its execution has ended, however it did: the steps write what came
of it into the training's status.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from infra.local.event_source import LONG_POLL_S, POLL_AGAIN_S
from infra.local.events import encode
from infra.local.pool import CrashedError, InvocationError, ThrottledError, TimedOutError
from infra.local.process import StartFailedError
from infra.local.state_machine import StateError, StateMachine
from infra.state_machine.definition import training_definition
from infra.state_machine.states import THROTTLED
from skysort.drop.event import uploads
from skysort.models import CUSTOM, TRAINED_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.event_source import Message, SqsQueue
    from infra.local.pool import Pool

LOGGER: Final = logging.getLogger(__name__)
EXECUTIONS: Final = 3  # at once; others wait in the queue


class TrainingFunctions:
    """The training functions as tasks of a state machine invoke them.

    A call waits for one of its function's sandboxes instead of being throttled, since there are as few as cores.
    """

    def __init__(self, pools: Mapping[str, Pool]) -> None:
        self._pools = pools
        self._slots = {name: asyncio.Semaphore(pool.maximum) for name, pool in pools.items()}

    async def invoke(self, name: str, payload: Any) -> Any:
        """The result of a function; raises StateError, named as Step Functions names the failure of a Lambda task."""
        async with self._slots[name]:
            try:
                reply = await self._pools[name].submit(str(uuid.uuid4()), encode(payload).encode())
            except (InvocationError, StartFailedError) as error:
                raise StateError(_name(error), json.dumps({"errorMessage": str(error)})) from error
        if reply.failed:
            raise StateError(json.loads(reply.payload)["errorType"], reply.payload.decode())
        return json.loads(reply.payload)


def _name(error: InvocationError | StartFailedError) -> str:
    match error:
        case ThrottledError():
            return THROTTLED
        case TimedOutError():
            return "Sandbox.Timedout"
        case CrashedError():
            return "Runtime.ExitError"
    return "Lambda.Unknown"


class Trainings:
    """Runs an execution for every message of the queue. log: called with a line for every state."""

    def __init__(self, queue: SqsQueue, pools: Mapping[str, Pool], log: Callable[[str], None]) -> None:
        self._queue = queue
        self._log = log
        names = (CUSTOM.train_function, TRAINED_ROWS.train_function)
        self._definition = training_definition(*names)
        self._functions = TrainingFunctions({name: pools[name] for name in names})
        self._threads = ThreadPoolExecutor(EXECUTIONS, thread_name_prefix="trainings")

    async def run(self) -> None:
        """Poll until cancelled, while fewer than EXECUTIONS executions run."""
        slots = asyncio.Semaphore(EXECUTIONS)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await slots.acquire()
                    message = await self._receive()
                    group.create_task(self.process(message)).add_done_callback(lambda _: slots.release())
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _receive(self) -> Message:
        while True:
            try:
                messages: list[Message] = await self._call(self._queue.receive, 1, LONG_POLL_S)
                if messages:
                    return messages[0]
            except Exception as error:
                LOGGER.warning("trainings cannot be polled (%s: %s); trying again", type(error).__name__, error)
                await asyncio.sleep(POLL_AGAIN_S)

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def process(self, message: Message) -> None:
        """Run the executions that a message starts, and delete it."""
        try:
            for upload in uploads(message["Body"]):
                await self._execute(upload.key)
            await self._call(self._queue.delete, [message])
        except Exception:  # the next one is started all the same
            LOGGER.exception("a training ended unexpectedly; its message will be received again")

    async def _execute(self, key: str) -> None:
        training = key.split("/")[-2]

        def write(line: str) -> None:
            self._log(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {training} {line}")

        machine = StateMachine(self._definition, self._functions.invoke, lambda state, _: write(f"entered {state}"))
        try:
            await machine.run({"key": key})
        except StateError as error:
            write(f"failed: {error}")
        else:
            write("succeeded")
