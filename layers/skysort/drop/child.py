"""The process in which a file is tried that may have ended its function before: alone, and within limits.

Started by skysort.drop.alone as a program of its own with a fresh interpreter, since neither the numeric libraries'
threads nor what they hold survive a fork. It imports the function's own handler module and works with its worker.
The work order comes on standard input, which stays open as a lifeline: it ends when the function's process does.
Standard output is kept for the answer, a JSON document a line.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import resource
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from skysort.drop.deadline import Deadline, OutOfTimeError
from skysort.drop.event import Upload
from skysort.errors import InputError, LimitExceededError, SkysortError
from skysort.guard import reading
from skysort.observability import logger

if TYPE_CHECKING:
    from typing import IO

    from skysort.drop.outcome import Outcome, Report
    from skysort.drop.worker import DropWorker

_PR_SET_PDEATHSIG: Final = 1  # of <linux/prctl.h>
READY: Final = "ready"
DONE: Final = "done"  # the file has its outcome
FINAL: Final = "final"  # the file cannot be classified, and its record is still to be written
LATE: Final = "late"  # the time was over
AGAIN: Final = "again"  # the infrastructure's fault
STATES: Final = frozenset({READY, DONE, FINAL, LATE, AGAIN})


@dataclass(frozen=True, slots=True)
class Order:
    """What the child is to do, and with how much.

    handler: path of the function's handler module, whose ``worker`` does the work. seconds: that the file may take.
    kill_s: when the kernel ends the process, should it not end the work itself. memory_bytes: of private memory.
    """

    handler: str
    upload: Upload
    seconds: float
    kill_s: int
    memory_bytes: int

    def encode(self) -> bytes:
        """One line of JSON."""
        fields = {name: getattr(self.upload, name) for name in Upload.__slots__}
        document = {name: getattr(self, name) for name in self.__slots__ if name != "upload"}
        return json.dumps({**document, "upload": fields}).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Order:
        """Read what encode wrote."""
        document = json.loads(line)
        return cls(**{**document, "upload": Upload(**document["upload"])})


def main() -> None:
    """Carry out the order on standard input."""
    # Whatever a library prints must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    began = monotonic()
    order = Order.decode(sys.stdin.buffer.readline())
    restrain(order)
    end_with_parent()
    threading.Thread(target=_end_with_parent, args=(sys.stdin.buffer.fileno(),), daemon=True).start()
    worker = load_worker(Path(order.handler))
    _tell(answers, {"state": READY})
    answer = carry_out(worker, order.upload, Deadline(order.seconds - (monotonic() - began)))
    _tell(answers, answer)
    # At once: a library's thread that hangs must not keep a process whose work is done.
    os._exit(0)


def restrain(order: Order) -> None:
    """Have the kernel enforce the limits, whatever the code does that is to be restrained.

    Memory is counted as RLIMIT_DATA counts it: private and writable, also where a library reserves it by mmap
    (setrlimit(2), Linux from 4.7 on). Should the whole function run out of memory, this process is to go first.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (order.memory_bytes, order.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(order.kill_s)
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        return  # not Linux, or not allowed: the limits above stand


def end_with_parent() -> None:
    """Have Linux end this process with its parent, whatever code holds the interpreter's lock (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def load_worker(handler: Path) -> DropWorker:
    """Import a handler module by its path, as the function did at its start, and return its worker."""
    spec = importlib.util.spec_from_file_location(handler.stem, handler)
    if spec is None or spec.loader is None:
        raise ImportError(f"{handler} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[handler.stem] = module
    spec.loader.exec_module(module)
    worker: DropWorker = module.worker
    return worker


def carry_out(worker: DropWorker, upload: Upload, deadline: Deadline) -> dict[str, Any]:
    """Bring an upload to its outcome; returns the answer, whatever happens.

    An exception that is nobody's on purpose is the file's: it came at each of three tries.
    """
    try:
        with reading("the file"):
            outcome, report = worker.process(upload, deadline)
    except OutOfTimeError as error:
        return {"state": LATE, "detail": error.detail}
    except InputError as error:
        logger.error("the file failed at its last try", exc_info=error)
        limit = isinstance(error, LimitExceededError)
        return {"state": FINAL, "detail": error.detail, "limit": limit}
    except SkysortError as error:
        return {"state": AGAIN, "detail": error.detail}
    return _done(outcome, report)


def _done(outcome: Outcome, report: Report) -> dict[str, Any]:
    return {"state": DONE, "outcome": outcome, "summary": dict(report.summary), "counts": dict(report.counts)}


def _tell(answers: IO[bytes], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
