"""One process that tries inputs, within a limit of memory, and tells what it found."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import ALLOWED, targets

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.sharedctypes import Synchronized

    from tests.fuzz.targets import Target

_TOLD_EVERY: Final = 200
_KEPT: Final = 5


@dataclass(frozen=True, slots=True)
class Task:
    """Which inputs a process tries, and what each may take.

    numbers: of the inputs, every one of which is made of the seed and its number alone. folder: for models, and for
    inputs that were found. seconds: of wall time. memory_bytes: of private memory, on top of what the start takes.
    """

    seed: int
    numbers: range
    folder: Path
    seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Found:
    """An input that came to something else than an answer or a refusal. file: where its bytes are kept."""

    number: int
    target: str
    what: str
    file: Path


@dataclass(frozen=True, slots=True, order=True)
class Costly:
    """What one input took: seconds of processor time, or MiB by which the peak of memory grew."""

    cost: float
    number: int
    target: str
    size: int


@dataclass(slots=True)
class Tally:
    """What a process has to tell since it last told."""

    tried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    found: list[Found] = field(default_factory=list)
    slowest: list[Costly] = field(default_factory=list)
    hungriest: list[Costly] = field(default_factory=list)
    peak_mib: float = 0.0

    def add(self, other: Tally) -> None:
        """Take in what another one has."""
        self.tried += other.tried
        self.refused += other.refused
        self.found += other.found
        self.slowest = sorted(self.slowest + other.slowest, reverse=True)[:_KEPT]
        self.hungriest = sorted(self.hungriest + other.hungriest, reverse=True)[:_KEPT]
        self.peak_mib = max(self.peak_mib, other.peak_mib)


class TooSlowError(BaseException):
    """No Exception, so that no reader's guard takes it for its own."""


def work(task: Task, current: Synchronized[int], connection: Connection) -> None:
    """Try a task's inputs; current: the number of the one that is being tried."""
    ways = targets(task.folder / f"models-{task.numbers.start}-{time.monotonic_ns()}")
    restrain(task)
    logging.getLogger("skysort").setLevel(logging.CRITICAL)  # each refusal would have its traceback
    tally = Tally(peak_mib=peak_mib())
    for count, number in enumerate(task.numbers, start=1):
        current.value = number
        _try(task, number, ways, tally)
        if count % _TOLD_EVERY == 0 or number == task.numbers[-1]:
            connection.send(tally)
            tally = Tally(peak_mib=peak_mib())
    connection.send(None)


def restrain(task: Task) -> None:
    """Hold this process to its task's memory, and let an alarm be an exception."""
    status = Path("/proc/self/status").read_text()
    own = int(status.partition("VmData:")[2].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (own + task.memory_bytes, own + task.memory_bytes))

    # What C libraries print of damage is of no interest here, and would be most of the output.
    os.dup2(os.open(task.folder / "stderr.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)

    def late(_number: int, _frame: object) -> None:
        raise TooSlowError

    signal.signal(signal.SIGALRM, late)


def kept(folder: Path, start: int) -> Path:
    """Where a process keeps the input that it is trying, should that be its last."""
    return folder / f"current-{start}"


def _try(task: Task, number: int, ways: list[Target], tally: Tally) -> None:
    chance = Random(f"{task.seed}:{number}")
    (target,) = chance.choices(ways, [way.weight for way in ways])
    content = mutated(target.seeds, chance)
    kept(task.folder, task.numbers.start).write_bytes(target.name.encode() + b"\n" + content)
    before, began = peak_mib(), time.process_time()
    what = ""
    lost: list[BaseException | None] = []  # what was raised where nothing could catch it, and so changed nothing
    sys.unraisablehook = lambda unraisable: lost.append(unraisable.exc_value)
    signal.setitimer(signal.ITIMER_REAL, task.seconds)
    try:
        target.run(content, chance)
    except ALLOWED:
        tally.refused[target.name] += 1
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        what = "".join(traceback.format_exception(error))[-2_000:]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    tally.tried[target.name] += 1
    if lost and not what:
        what = f"raised where nothing could catch it: {lost[0]!r}"
    if what:
        tally.found.append(Found(number, target.name, what, save(task.folder, target.name, number, content)))
    spent, grown = time.process_time() - began, peak_mib() - before
    one = Tally(slowest=[Costly(round(spent, 3), number, target.name, len(content))])
    if grown > 1:
        one.hungriest.append(Costly(round(grown, 1), number, target.name, len(content)))
    tally.add(one)


def save(folder: Path, target: str, number: int, content: bytes) -> Path:
    """Keep an input; returns where."""
    file = folder / f"{target.replace(' ', '-')}-{number}.bin"
    file.write_bytes(content)
    return file


def peak_mib() -> float:
    """The most memory that this process has had, in MiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
