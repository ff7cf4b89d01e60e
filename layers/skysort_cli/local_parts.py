"""The steps of a bulk job on this machine, in the order of the state machine (infra/state_machine/bulk.py).

What belongs to the whole job is done in this process, parts in others. A part whose step fails, or whose process is
killed, is tried again, then split, then given up.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from skysort_cli.worker_processes import Answer, WorkerProcesses

PROBE: Final = "probe"
PART: Final = "part"
SPLIT: Final = "split"
GIVE_UP: Final = "give-up"
END: Final = "end"
# How often a step is tried: a part's as often as by the state machine, a split's once more.
_ATTEMPTS: Final = {PROBE: 3, PART: 3, SPLIT: 2}
# Errors after which no other part is tried, by the names that the state machine knows.
_STOPPING: Final = frozenset({"BulkRefused", "BulkCancelled"})
_TICK_S: Final = 0.5
_log: Final = logging.getLogger(__name__)


class StepError(Exception):
    """A step in another process failed. name: of the exception there."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class JobSteps(Protocol):
    """The steps that belong to the whole job: plan, price, give-up, finish, end."""

    def run(self, event: Mapping[str, Any], /) -> Mapping[str, Any]:
        """Do a step."""


@dataclass(slots=True)
class _Call:
    event: Mapping[str, Any]
    attempt: int = 1

    @property
    def step(self) -> str:
        return str(self.event["step"])


@dataclass
class LocalMachine:
    """Runs a job's steps.

    workers: the processes that do the steps of parts. read: a document of the job by its key. tick: called now and then
    while parts are done.
    """

    steps: JobSteps
    workers: WorkerProcesses[_Call]
    read: Callable[[str], bytes]
    tick: Callable[[], None] = lambda: None

    def run(self, key: str) -> None:
        """Do all steps; an error of one is recorded as the end of the job."""
        try:
            if not self.steps.run({"key": key, "step": "plan"})["planned"]:
                probe = {"key": key, "step": PROBE}
                # Cores that all work are slower than one that works alone, and it is those that do the parts.
                self._all([_Call(probe), *[_Call({**probe, "beside": True})] * (self.workers.count - 1)])
            price = self.steps.run({"key": key, "step": "price"})
            if price["go"] == "no":
                return
            if price["go"] == "yes":
                items = json.loads(self.read(price["parts_key"]))
                self._all(_Call({"key": key, "step": PART, "part": item}) for item in items)
            self.steps.run({"key": key, "step": "finish"})
        except Exception as error:
            name = error.name if isinstance(error, StepError) else type(error).__name__
            if name not in _STOPPING:
                _log.debug("a step failed", exc_info=True)
            cause = json.dumps({"errorMessage": str(error), "errorType": name})
            self.steps.run({"key": key, "step": END, "error": {"Error": name, "Cause": cause}})

    def _all(self, calls: Iterable[_Call]) -> None:
        """Do calls in the other processes; raises StepError for the first that stops the job."""
        waiting = deque(calls)
        running = 0
        while waiting or running:
            while waiting and self.workers.is_free:
                call = waiting.popleft()
                self.workers.give(call, call.event)
                running += 1
            for call, answer in self.workers.answers(_TICK_S):
                running -= 1
                waiting.extend(self._following(call, answer))
            self.tick()

    def _following(self, call: _Call, answer: Answer) -> list[_Call]:
        """What is to be done after a call: nothing, the same again, or the next step of a part that cannot be done."""
        if not answer.error or call.event.get("beside"):
            return []
        if answer.error in _STOPPING:
            raise StepError(answer.error, answer.message)
        _log.debug("%s failed: %s: %s", call.event, answer.error, answer.message)
        if call.attempt < _ATTEMPTS[call.step]:
            return [_Call(call.event, call.attempt + 1)]
        if call.step == PART:
            return [_Call({**call.event, "step": SPLIT})]
        if call.step != SPLIT:
            raise StepError(answer.error, answer.message)
        cause = json.dumps({"errorMessage": answer.message, "errorType": answer.error})
        self.steps.run({**call.event, "step": GIVE_UP, "error": {"Error": answer.error, "Cause": cause}})
        return []
