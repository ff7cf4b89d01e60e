"""A world in which everything goes wrong that can: workers that are killed or late, stores that refuse or lose answers.

Workers are threads of which one runs at a time; after operations on a store the next is drawn. So a seed gives the same
course of events every time.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import InfrastructureError
from skysort.registry.store import BYTES
from tests.fakes.bulk import MemoryJobStore, MemorySources, event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from skysort.bulk.manifest import PartItem
    from skysort.bulk.part import PartSteps
    from skysort.registry.store import ListedObject, StoredDocument

ATTEMPTS: Final = 6
# Turns that a late worker sleeps, at most: its part has long been done by another.
_SLEEP: Final = 2_000
# Share of operations after which another worker goes on.
_SWITCHES: Final = 0.3


class Fault(Enum):
    """What happens at an operation on a store."""

    REFUSED = auto()  # it fails, and did nothing
    ANSWER_LOST = auto()  # it was done, and fails
    REPEATED = auto()  # it is done twice, as by a client that got no first answer
    THROTTLED = auto()  # it fails, and so do the next ones of all workers
    KILLED_BEFORE = auto()
    KILLED_AFTER = auto()
    LATE_BEFORE = auto()  # the machine takes the worker for dead, and it goes on much later
    LATE_AFTER = auto()


class Killed(BaseException):
    """The worker's process ends here."""


@dataclass
class Task:
    """An attempt at a part. late: the machine has given it up."""

    item: PartItem
    attempt: int = 1
    late: bool = False


@dataclass
class Worker:
    number: int
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    wakes: int = 0
    ended: bool = False
    task: Task | None = None


class World:
    """faults: by the number of the operation. stops: the number of the operation at which all workers are killed."""

    def __init__(self, seed: int, faults: Mapping[int, Fault], stops: int | None = None) -> None:
        self.random = random.Random(seed)
        self.store, self.sources = FaultyStore(self), FaultySources(self)
        self.happened: Counter[Fault] = Counter()
        self.operations = 0
        self.given_up: list[int] = []
        self._faults, self._stops = faults, stops
        self._throttled = 0
        self._turn = 0
        self._tasks: deque[Task] = deque()
        self._workers: list[Worker] = []
        self._current: Worker | None = None
        self._errors: list[BaseException] = []

    @property
    def stopped(self) -> bool:
        """Whether all workers were killed at once."""
        return self._stops is not None and self.operations >= self._stops

    def run(self, items: Sequence[PartItem], steps: Callable[[], PartSteps], workers: int, duplicates: int = 0) -> None:
        """Do parts by some workers; the messages of some parts come twice."""
        self._tasks = deque(Task(item) for item in items)
        for item in self.random.sample(list(items), min(duplicates, len(items))):
            self._tasks.insert(self.random.randrange(len(self._tasks)), Task(item))
        self._workers = [Worker(number) for number in range(workers)]
        threads = [threading.Thread(target=self._work, args=(worker, steps()), daemon=True) for worker in self._workers]
        for thread in threads:
            thread.start()
        self._current = self._workers[0]
        self._current.turn.release()
        for thread in threads:
            thread.join()
        self._current = None
        if self._errors:
            raise self._errors[0]

    @contextmanager
    def operation(self, *, writes: bool = False) -> Iterator[bool]:
        """One operation on a store; gives whether it is to be done twice."""
        worker = self._current
        if worker is None:  # the test itself
            yield False
            return
        self.operations += 1
        if self.stopped:
            raise Killed
        fault = self._faults.get(self.operations)
        if fault is not None:
            self.happened[fault] += 1
        self._before(worker, fault)
        yield fault is Fault.REPEATED and writes
        self._after(worker, fault)

    def _before(self, worker: Worker, fault: Fault | None) -> None:
        if fault is Fault.THROTTLED:
            self._throttled = 5
        if self._throttled:
            self._throttled -= 1
            raise InfrastructureError("slow down")
        if fault is Fault.REFUSED:
            raise InfrastructureError("refused")
        if fault is Fault.KILLED_BEFORE:
            raise Killed
        if fault is Fault.LATE_BEFORE:
            self._sleep(worker)

    def _after(self, worker: Worker, fault: Fault | None) -> None:
        if fault is Fault.ANSWER_LOST:
            raise InfrastructureError("no answer")
        if fault is Fault.KILLED_AFTER:
            raise Killed
        if fault is Fault.LATE_AFTER:
            self._sleep(worker)
        elif self.random.random() < _SWITCHES:
            self._switch(worker)

    def _sleep(self, worker: Worker) -> None:
        task = worker.task
        assert task is not None
        if not task.late:
            task.late = True
            self._again(task)
        worker.wakes = self._turn + self.random.randint(1, _SLEEP)
        self._switch(worker)

    def _work(self, worker: Worker, steps: PartSteps) -> None:
        worker.turn.acquire()
        try:
            while self._tasks or any(other.task is not None for other in self._workers):
                if self.stopped:
                    break
                if self._tasks:
                    worker.task = self._tasks.popleft()
                    self._attempt(worker.task, steps)
                    worker.task = None
                self._switch(worker)
        except BaseException as error:
            self._errors.append(error)
        worker.task, worker.ended = None, True
        self._pass_on()

    def _attempt(self, task: Task, steps: PartSteps) -> None:
        try:
            steps.run(event("part", task.item))
        except (InfrastructureError, Killed):
            if not task.late:
                self._again(task)

    def _again(self, task: Task) -> None:
        """What the state machine does with an attempt that failed."""
        if task.attempt < ATTEMPTS:
            self._tasks.insert(self.random.randint(0, len(self._tasks)), Task(task.item, task.attempt + 1))
        else:
            self.given_up.append(task.item.part)

    def _next(self) -> Worker | None:
        self._turn += 1
        alive = [other for other in self._workers if not other.ended]
        awake = [other for other in alive if other.wakes <= self._turn]
        if not awake and alive:
            first = min(alive, key=lambda other: other.wakes)
            self._turn = first.wakes
            return first
        return self.random.choice(awake) if awake else None

    def _switch(self, worker: Worker) -> None:
        following = self._next()
        if following is None or following is worker:
            return
        self._current = following
        following.turn.release()
        worker.turn.acquire()

    def _pass_on(self) -> None:
        following = self._next()
        if following is not None:
            self._current = following
            following.turn.release()


class FaultyStore(MemoryJobStore):
    """The results bucket of a world."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def get(self, key: str) -> StoredDocument:
        with self._world.operation():
            return super().get(key)

    def get_range(self, key: str, start: int, size: int) -> bytes:
        with self._world.operation():
            return super().get_range(key, start, size)

    def list(self, prefix: str) -> Iterator[ListedObject]:
        with self._world.operation():
            return super().list(prefix)

    def put(self, key: str, body: bytes, *, content_type: str = BYTES, replaces: str | None = None) -> str:
        with self._world.operation(writes=True) as twice:
            etag = super().put(key, body, content_type=content_type, replaces=replaces)
            if twice:
                super().put(key, body, content_type=content_type, replaces=replaces)
            return etag


class FaultySources(MemorySources):
    """The source objects of a world."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def read(self, planned: Any, start: int, size: int) -> bytes:
        with self._world.operation():
            return super().read(planned, start, size)


def drawn(seed: int, count: int, operations: int) -> dict[int, Fault]:
    """So many faults among the first operations, of all kinds alike."""
    draw = random.Random(seed)
    places = draw.sample(range(1, operations), count)
    kinds = [list(Fault)[number % len(Fault)] for number in range(count)]
    return dict(zip(places, kinds, strict=True))
