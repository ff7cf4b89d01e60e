"""Processes that do one call at a time each, and are replaced when they are killed.

A pool of the standard library is of no use once one of its processes is killed. Here the call of that process is
answered as killed, and a new process takes the next one.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    # Made once in each process; does a call, and returns what can be pickled.
    Work = Callable[[Mapping[str, Any]], Mapping[str, Any]]

Token = TypeVar("Token")
# Neither the threads nor the state of numeric libraries survive a fork.
_SPAWN: Final = multiprocessing.get_context("spawn")
_END_S: Final = 5.0


class Answer(NamedTuple):
    """What became of a call.

    result: what it returned. error, message: the exception's name and text. killed: whether its process ended.
    """

    result: Mapping[str, Any]
    error: str = ""
    message: str = ""
    killed: bool = False


@dataclass
class _Worker(Generic[Token]):
    process: SpawnProcess
    connection: Connection
    token: Token | None = None


@dataclass
class WorkerProcesses(Generic[Token]):
    """Up to so many processes, started when there are calls for them; a context manager, which ends them.

    make: called in each process with `order`, returns what does its calls; an error there fails the first call.
    """

    make: Callable[[Any], Work]
    order: Any
    count: int
    _workers: list[_Worker[Token]] = field(default_factory=list)
    _free: deque[_Worker[Token]] = field(default_factory=deque)

    def __enter__(self) -> Self:
        """Nothing is started before the first call."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every process, and what it does: it leaves nothing behind that counts as done."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_END_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.connection.close()
        self._workers.clear()
        self._free.clear()

    @property
    def is_free(self) -> bool:
        """Whether a call would be begun at once."""
        return bool(self._free) or len(self._workers) < self.count

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that run."""
        return [worker.process.pid for worker in self._workers if worker.process.pid is not None]

    def give(self, token: Token, call: Mapping[str, Any]) -> None:
        """Begin a call; `answers` names it by the token. Only while `is_free`."""
        worker = self._free.popleft() if self._free else self._started()
        worker.token = token
        # A process that was killed while it was free is noticed by `answers`.
        with suppress(BrokenPipeError, ConnectionResetError):
            worker.connection.send(call)

    def answers(self, timeout_s: float) -> Iterator[tuple[Token, Answer]]:
        """The calls that are done, after waiting up to so long for the first."""
        by_handle: dict[Any, _Worker[Token]] = {}
        for worker in self._workers:
            by_handle |= {worker.connection: worker, worker.process.sentinel: worker}
        ready = wait(list(by_handle), timeout_s)
        for worker in {id(by_handle[handle]): by_handle[handle] for handle in ready}.values():
            answer = self._received(worker)
            token, worker.token = worker.token, None
            if token is not None:
                yield token, answer

    def _received(self, worker: _Worker[Token]) -> Answer:
        try:
            # An answer that was sent before the process ended counts.
            if worker.connection.poll():
                answer: Answer = worker.connection.recv()
                self._free.append(worker)
                return answer
        except (EOFError, OSError):
            pass
        self._workers.remove(worker)
        with suppress(ValueError):
            self._free.remove(worker)
        worker.process.join(_END_S)
        code = worker.process.exitcode
        worker.connection.close()
        return Answer({}, "ProcessEnded", f"the process that did it ended with {_named(code)}", killed=True)

    def _started(self) -> _Worker[Token]:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_serve, args=(theirs, self.make, self.order))
        process.start()
        theirs.close()
        worker = _Worker[Token](process, ours)
        self._workers.append(worker)
        return worker


def _named(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit status {code}"
    return signal.Signals(-code).name


def _serve(connection: Connection, make: Callable[[Any], Work], order: Any) -> None:
    """Do calls until the other end is closed, as it is when the command has ended in any way."""
    # Ctrl-C is for the command, which ends its processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work: Work | None = None
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            call = connection.recv()
            try:
                work = work or make(order)
                answer = Answer(work(call))
            except Exception as error:
                answer = Answer({}, type(error).__name__, str(error))
            connection.send(answer)
