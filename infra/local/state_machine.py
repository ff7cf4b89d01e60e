"""Step Functions on this machine: runs one execution of a state machine, whose tasks invoke functions of the stack.

Semantics: the Amazon States Language specification, of which `infra.local.asl` names the known part.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from infra.local import asl

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

RUNTIME: Final = "States.Runtime"
NO_CHOICE: Final = "States.NoChoiceMatched"
TASK_FAILED: Final = "States.TaskFailed"
TIMEOUT: Final = "States.Timeout"
UNREADABLE: Final = "States.ItemReaderFailed"
PART_FAILED: Final = "States.ExceedToleratedFailureThreshold"
# The specification's defaults of a retrier.
INTERVAL_S: Final = 1.0
MAX_ATTEMPTS: Final = 3
BACKOFF_RATE: Final = 2.0


class StateError(Exception):
    """A named error, of a task or of the interpreter; cause is for people."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class Function(Protocol):
    """What a task invokes."""

    def __call__(self, name: str, payload: Any, /) -> Awaitable[Any]:
        """The result of a function; raises StateError, named as Step Functions names it."""


class Objects(Protocol):
    """What a Distributed Map reads its items from."""

    def __call__(self, bucket: str, key: str, /) -> Awaitable[bytes]:
        """The content of an object; raises StateError."""


async def no_objects(bucket: str, key: str) -> bytes:
    """Know no object."""
    raise StateError(UNREADABLE, f"There is no object {key} in {bucket}.")


def ignore(name: str, document: Any) -> None:
    """Observe nothing."""


@dataclass(frozen=True, slots=True)
class StateMachine:
    """An interpreter of one definition.

    invoke: calls a function. entered: called with every state's name and input. sleep, jitter: for retries. objects: of
    which a Distributed Map reads its items.
    """

    definition: Mapping[str, Any]
    invoke: Function
    entered: Callable[[str, Any], None] = ignore
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    jitter: Callable[[float, float], float] = random.uniform  # noqa: S311 - no secret
    objects: Objects = no_objects

    def __post_init__(self) -> None:
        """Refuse what is not known; raises DefinitionError."""
        asl.check(self.definition)

    async def run(self, document: Any) -> Any:
        """Run an execution.

        Parameters
        ----------
        document
            The execution's input.

        Returns
        -------
        The output.

        Raises
        ------
        StateError
            If the execution fails.
        """
        return await self._machine(self.definition, document, {"Execution": {"Input": document}})

    async def _machine(self, machine: Mapping[str, Any], document: Any, context: Mapping[str, Any]) -> Any:
        name: str | None = machine["StartAt"]
        while name is not None:
            state = machine["States"][name]
            self.entered(name, document)
            name, document = await self._handled(state, document, context)
        return document

    async def _handled(
        self, state: Mapping[str, Any], document: Any, context: Mapping[str, Any]
    ) -> tuple[str | None, Any]:
        """The next state and its input, after the state's own retries and catchers."""
        retries = _Retries(state.get("Retry", ()), self.jitter)
        while True:
            try:
                return await self._state(state, document, context)
            except asl.PathError as error:  # no handler's business: it would fail again
                raise StateError(RUNTIME, str(error)) from error
            except StateError as error:
                if error.error == RUNTIME:
                    raise
                pause = retries.pause(error.error)
                if pause is not None:
                    await self.sleep(pause)
                    continue
                catcher = _matching(state.get("Catch", ()), error.error)
                if catcher is None:
                    raise
                caught = {"Error": error.error, "Cause": error.cause}
                return catcher["Next"], asl.place(catcher.get("ResultPath", "$"), document, caught)

    async def _state(
        self, state: Mapping[str, Any], document: Any, context: Mapping[str, Any]
    ) -> tuple[str | None, Any]:
        kind = state["Type"]
        if kind == "Fail":
            raise StateError(state.get("Error", ""), state.get("Cause", ""))
        raw = _selected(state, "InputPath", document, context)
        if kind == "Choice":
            return _choose(state, raw), _selected(state, "OutputPath", raw, context)
        if kind == "Succeed":
            output = raw
        else:
            result = await self._result(state, raw, context)
            if "ResultSelector" in state:
                result = asl.fill(state["ResultSelector"], result, context)
            output = asl.place(state.get("ResultPath", "$"), raw, result)
        return state.get("Next"), _selected(state, "OutputPath", output, context)

    async def _result(self, state: Mapping[str, Any], document: Any, context: Mapping[str, Any]) -> Any:
        if state["Type"] == "Map":
            return await self._map(state, document, context)
        given = asl.fill(state["Parameters"], document, context) if "Parameters" in state else document
        if state["Type"] == "Pass":
            return state.get("Result", given)
        payload = await self.invoke(given["FunctionName"], given.get("Payload", {}))
        return {"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200}

    async def _map(self, state: Mapping[str, Any], document: Any, context: Mapping[str, Any]) -> list[Any]:
        distributed = asl.is_distributed(state)
        items = await self._items(state, document, context)
        slots = asyncio.Semaphore(state.get("MaxConcurrency", 0) or len(items) or 1)

        async def one(index: int, item: Any) -> Any:
            inner = {**context, "Map": {"Item": {"Index": index, "Value": item}}}
            given = asl.fill(state["ItemSelector"], document, inner) if "ItemSelector" in state else item
            async with slots:
                # An item of a Distributed Map is an execution of its own, which knows nothing of the Map.
                own = {"Execution": {"Input": given}} if distributed else inner
                return await self._machine(state["ItemProcessor"], given, own)

        try:
            return await _all([asyncio.ensure_future(one(index, item)) for index, item in enumerate(items)])
        except StateError as error:
            if distributed:
                raise StateError(PART_FAILED, f"An item failed, and none may: {error}") from error
            raise

    async def _items(self, state: Mapping[str, Any], document: Any, context: Mapping[str, Any]) -> list[Any]:
        if "ItemReader" not in state:
            items = asl.resolve(state.get("ItemsPath", "$"), document, context)
            if not isinstance(items, list):
                raise asl.PathError(f"ItemsPath must lead to a list (got {items!r:.60}).")
            return items
        place = asl.fill(state["ItemReader"]["Parameters"], document, context)
        try:
            items = json.loads(await self.objects(place["Bucket"], place["Key"]))
        except ValueError as error:
            raise StateError(UNREADABLE, f"{place['Key']} is no JSON: {error}") from error
        if not isinstance(items, list):
            raise StateError(UNREADABLE, f"{place['Key']} must be a JSON array.")
        return items


async def _all(tasks: Sequence[asyncio.Future[Any]]) -> list[Any]:
    """The results of all tasks; the first error cancels the others and is raised as it is."""
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _selected(state: Mapping[str, Any], name: str, document: Any, context: Mapping[str, Any]) -> Any:
    path = state.get(name, "$")
    return {} if path is None else asl.resolve(path, document, context)


def _choose(state: Mapping[str, Any], document: Any) -> str:
    for choice in state["Choices"]:
        value = asl.resolve(choice["Variable"], document, {})
        if "StringEquals" in choice:
            holds = value == choice["StringEquals"]
        elif "BooleanEquals" in choice:
            holds = value is choice["BooleanEquals"]
        else:
            pattern = ".*".join(map(re.escape, choice["StringMatches"].split("*")))
            holds = isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None
        if holds:
            following: str = choice["Next"]
            return following
    if "Default" not in state:
        raise StateError(NO_CHOICE, "No choice matched, and the state has no default.")
    default: str = state["Default"]
    return default


def _matching(handlers: Sequence[Mapping[str, Any]], error: str) -> Mapping[str, Any] | None:
    """The first handler of an error."""
    for handler in handlers:
        names = handler["ErrorEquals"]
        if error in names or asl.ALL in names or (TASK_FAILED in names and error != TIMEOUT):
            return handler
    return None


class _Retries:
    """The retriers of a state while it is tried: each counts its own attempts."""

    def __init__(self, retriers: Sequence[Mapping[str, Any]], jitter: Callable[[float, float], float]) -> None:
        self._retriers = retriers
        self._jitter = jitter
        self._attempts: dict[int, int] = {}

    def pause(self, error: str) -> float | None:
        """Seconds until the next attempt after an error; None for no further one."""
        retrier = _matching(self._retriers, error)
        if retrier is None:
            return None
        done = self._attempts.get(id(retrier), 0)
        if done >= retrier.get("MaxAttempts", MAX_ATTEMPTS):
            return None
        self._attempts[id(retrier)] = done + 1
        seconds: float = retrier.get("IntervalSeconds", INTERVAL_S) * retrier.get("BackoffRate", BACKOFF_RATE) ** done
        seconds = min(seconds, retrier.get("MaxDelaySeconds", seconds))
        return self._jitter(0.0, seconds) if retrier.get("JitterStrategy") == "FULL" else seconds
