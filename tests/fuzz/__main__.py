"""Harm sound files and bodies, hand them to whatever reads them, and see that each is answered or refused.

Every input is made of the seed and its number alone. What is looked for: an exception that is no refusal, a process
that dies, one that hangs, and what takes much memory or processor time. What was found is kept in a folder.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skysort.limits import MIB
from tests.fuzz.work import Costly, Found, Tally, Task, kept, save, work

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

# So many times what an input may take, after which a process that does not come back is ended.
_HANGS: Final = 3
_START_S: Final = 120.0
_SPAWN: Final = multiprocessing.get_context("spawn")


@dataclass(slots=True)
class Worker:
    """A process, what it is to do, and when it last came to another input."""

    task: Task
    process: BaseProcess
    connection: Connection
    current: Any
    seen: int
    since: float


def main() -> int:
    """Run; exits with 1 where anything was found."""
    chosen = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="skysort-fuzz-") as scratch:
        folder = chosen.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        first, end = chosen.first, chosen.first + chosen.inputs
        tasks = [
            Task(chosen.seed, range(first + at, end, chosen.processes), folder, chosen.seconds, chosen.memory_mib * MIB)
            for at in range(min(chosen.processes, chosen.inputs))
        ]
        began = time.monotonic()
        whole = run(tasks, chosen.inputs)
        report(whole, time.monotonic() - began)
    return 1 if whole.found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="how many to try (default 10,000)")
    parser.add_argument("--seed", type=int, default=1, help="another one makes other inputs (default 1)")
    parser.add_argument("--first", type=int, default=0, help="number of the first input, to try one again (default 0)")
    parser.add_argument("--processes", type=int, default=2, help="how many try inputs at the same time (default 2)")
    parser.add_argument("--seconds", type=float, default=20, help="that one input may take (default 20)")
    parser.add_argument("--memory-mib", type=int, default=1_024, help="that one input may take (default 1,024)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where inputs that were found are kept")
    return parser


def run(tasks: Sequence[Task], inputs: int) -> Tally:
    """Do all tasks, each in a process of its own; one that dies or hangs is found, and goes on behind its input."""
    whole = Tally()
    workers = [_start(task) for task in tasks]
    began = shown = time.monotonic()
    while workers:
        for ready in wait([worker.connection for worker in workers], timeout=1):
            worker = next(worker for worker in workers if worker.connection is ready)
            told = _receive(worker)
            if told is not None:
                whole.add(told)
                continue
            workers.remove(worker)
            worker.process.join()
            if worker.process.exitcode:
                workers += _after_death(worker, f"the process died: exit code {worker.process.exitcode}", whole)
        for worker in _hanging(workers):
            worker.process.kill()
            worker.process.join()
            workers.remove(worker)
            workers += _after_death(worker, "the process did not come back, and was ended", whole)
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            _progress(whole, inputs, shown - began)
    return whole


def _start(task: Task) -> Worker:
    ours, theirs = _SPAWN.Pipe(duplex=False)
    current = _SPAWN.Value("q", -1)
    process = _SPAWN.Process(target=work, args=(task, current, theirs), daemon=True)
    process.start()
    theirs.close()
    return Worker(task, process, ours, current, -1, time.monotonic())


def _receive(worker: Worker) -> Tally | None:
    try:
        told: Tally | None = worker.connection.recv()
    except EOFError:
        return None
    return told


def _hanging(workers: Sequence[Worker]) -> list[Worker]:
    now = time.monotonic()
    found = []
    for worker in workers:
        if worker.current.value != worker.seen:
            worker.seen, worker.since = worker.current.value, now
        elif now - worker.since > (_START_S if worker.seen < 0 else _HANGS * worker.task.seconds):
            found.append(worker)
    return found


def _after_death(worker: Worker, what: str, whole: Tally) -> list[Worker]:
    """Keep the input that ended a process; another process for those behind it."""
    number = worker.current.value
    if number < 0:
        raise SystemExit(f"a process could not start: {what}")
    target, _, content = kept(worker.task.folder, worker.task.numbers.start).read_bytes().partition(b"\n")
    whole.found.append(Found(number, target.decode(), what, save(worker.task.folder, target.decode(), number, content)))
    numbers = worker.task.numbers
    rest = numbers[numbers.index(number) + 1 :]
    return [_start(replace(worker.task, numbers=rest))] if rest else []


def _progress(whole: Tally, inputs: int, seconds: float) -> None:
    done = whole.tried.total()
    rate = done / seconds
    print(
        f"{done:,} of {inputs:,} inputs, {rate:,.0f} a second, {len(whole.found)} found, "
        f"peak {whole.peak_mib:,.0f} MiB",
        file=sys.stderr,
        flush=True,
    )


def report(whole: Tally, seconds: float) -> None:
    """Print what was tried and what came of it."""
    done = whole.tried.total()
    print(f"{done:,} inputs in {seconds:,.0f} s ({done / seconds:,.0f} a second), peak {whole.peak_mib:,.0f} MiB")
    for name, count in whole.tried.most_common():
        print(f"  {name:15} {count:>9,} tried {whole.refused[name]:>9,} refused")
    _costly("most processor time (s)", whole.slowest)
    _costly("most memory on top (MiB)", whole.hungriest)
    print(f"found: {len(whole.found)}")
    for one in whole.found:
        print(f"- {one.target}, input {one.number}, kept as {one.file}\n{one.what}")


def _costly(title: str, found: Sequence[Costly]) -> None:
    told = "; ".join(f"{one.cost:g} ({one.target}, input {one.number:,}, {one.size:,} B)" for one in found)
    print(f"{title}: {told or 'none'}")


if __name__ == "__main__":
    sys.exit(main())
