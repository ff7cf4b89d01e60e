"""Executions of the local stack: an object in a bucket starts one, as EventBridge does in AWS.

S3 notifies a queue of every such object; some executions of the state machine run at once, and their tasks invoke the
pools of their functions. A message is deleted when its execution has ended, however it did: the steps write what came
of it into a status.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from infra.local.event_source import LONG_POLL_S, POLL_AGAIN_S
from infra.local.events import encode
from infra.local.pool import CrashedError, InvocationError, ThrottledError, TimedOutError
from infra.local.process import StartFailedError
from infra.local.state_machine import UNREADABLE, StateError, StateMachine, no_objects
from infra.state_machine.bulk import Family, bulk_definition
from infra.state_machine.definition import training_definition
from infra.state_machine.states import THROTTLED
from skysort.drop.event import uploads
from skysort.errors import InfrastructureError, NotFoundError
from skysort.models import BULK, CUSTOM, TRAINED_ROWS
from skysort.s3.client import S3Client
from skysort.s3.signature import Addressing, Credentials, Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.event_source import Message, SqsQueue
    from infra.local.pool import Pool
    from infra.local.state_machine import Objects

LOGGER: Final = logging.getLogger(__name__)
EXECUTIONS: Final = 3  # at once; others wait in the queue


class PooledFunctions:
    """The functions of a state machine as its tasks invoke them.

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


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine of the stack.

    functions: by the names in the definition. objects: of which a Distributed Map reads its items.
    """

    name: str
    definition: Mapping[str, Any]
    functions: PooledFunctions
    objects: Objects = no_objects


class Executions:
    """Runs an execution for every message of the queue. log: called with a line for every state."""

    def __init__(self, queue: SqsQueue, machine: Machine, log: Callable[[str], None]) -> None:
        self._queue = queue
        self._machine = machine
        self._log = log
        self._threads = ThreadPoolExecutor(EXECUTIONS, thread_name_prefix=machine.name)

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
                LOGGER.warning(
                    "%s cannot be polled (%s: %s); trying again", self._machine.name, type(error).__name__, error
                )
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
            name = self._machine.name
            LOGGER.exception("an execution of %s ended unexpectedly; its message will be received again", name)

    async def _execute(self, key: str) -> None:
        # Of trainings/<owner>/<id>/request.json and bulk/<owner>/<id>/runs/<run>/start.json the id.
        name = next(iter(key.split("/")[2:]), key)

        def write(line: str) -> None:
            self._log(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {name} {line}")

        machine = StateMachine(
            self._machine.definition,
            self._machine.functions.invoke,
            lambda state, _: write(f"entered {state}"),
            objects=self._machine.objects,
        )
        try:
            await machine.run({"key": key})
        except StateError as error:
            write(f"failed: {error}")
        else:
            write("succeeded")


def trainings(queue: SqsQueue, pools: Mapping[str, Pool], log: Callable[[str], None]) -> Executions:
    """The executions of trainings."""
    names = (CUSTOM.train_function, TRAINED_ROWS.train_function)
    functions = PooledFunctions({name: pools[name] for name in names})
    return Executions(queue, Machine("trainings", training_definition(*names), functions), log)


def s3_client(endpoint: str, region: str) -> S3Client:
    """A client of the local S3."""
    # Not a secret: moto accepts any.
    return S3Client(Addressing(region, endpoint), Signer(Credentials("local", "local"), region))


def object_reader(read: Callable[[str, str], bytes]) -> Objects:
    """What reads objects, as a Distributed Map asks for them."""

    async def objects(bucket: str, key: str) -> bytes:
        try:
            return await asyncio.to_thread(read, bucket, key)
        except (NotFoundError, InfrastructureError) as error:
            raise StateError(UNREADABLE, str(error)) from error

    return objects


def bulk_jobs(
    queue: SqsQueue, pools: Mapping[str, Pool], parts: Mapping[str, int], objects: Objects, log: Callable[[str], None]
) -> Executions:
    """The executions of bulk jobs. parts: at once, by the function that classifies them."""
    functions = PooledFunctions({name: pools[name] for name in (BULK, *parts)})
    definition = bulk_definition(BULK, {name: Family(name, at_once) for name, at_once in parts.items()})
    return Executions(queue, Machine(BULK, definition, functions, objects), log)
