"""The program of a child process that works on one dropped file alone (skysort.drop.isolation).

It imports the function's own handler module and uses its worker. The order comes on standard input, which stays open as
a lifeline: it closes when the function's process ends. Standard output has the answers, a JSON document per line.
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
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, Final

from skysort.drop.deadline import Deadline, OutOfTimeError
from skysort.drop.event import Upload
from skysort.errors import InputError, LimitExceededError, SkysortError
from skysort.guard import reading
from skysort.observability import logger

if TYPE_CHECKING:
    from skysort.drop.worker import DropWorker

MODULE: Final = "skysort.drop.child"
_PR_SET_PDEATHSIG: Final = 1  # of <linux/prctl.h>

# States that a child reports: that it is ready, and then how it ended.
READY: Final = "ready"
DONE: Final = "done"  # the file has its outcome
FINAL: Final = "final"  # the file cannot be classified; its error record is still to be written
LATE: Final = "late"  # the time was over
RETRYABLE: Final = "retryable"  # the infrastructure failed
STATES: Final = frozenset({READY, DONE, FINAL, LATE, RETRYABLE})


@dataclass(frozen=True, slots=True)
class Order:
    """A child's work and limits.

    handler: path of the function's handler module, whose ``worker`` does the work. seconds: the file's time.
    kill_s: when the kernel kills the process. memory_bytes: limit on private memory.
    """

    handler: str
    upload: Upload
    seconds: float
    kill_s: int
    memory_bytes: int

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Order:
        """Parse an encoded order."""
        document = json.loads(line)
        return cls(**{**document, "upload": Upload(**document["upload"])})


def main() -> None:
    """Carry out the order on standard input, as the child."""
    # Output of libraries must not mix with the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    started = monotonic()
    order = Order.decode(sys.stdin.buffer.readline())
    _restrain(order)
    threading.Thread(target=_end_with_parent, args=(sys.stdin.buffer.fileno(),), daemon=True).start()
    worker = load_worker(Path(order.handler))
    _write(answers, {"state": READY})
    _write(answers, _process(worker, order.upload, Deadline(order.seconds - (monotonic() - started))))
    # At once: a hanging thread of a library must not keep the process alive.
    os._exit(0)


def _write(answers: IO[bytes], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")


def _restrain(order: Order) -> None:
    """Have the kernel enforce the limits, whatever the code does.

    RLIMIT_DATA counts private writable memory, including mmap (setrlimit(2), Linux 4.7 or later). If the function runs
    out of memory, this process is killed first. Linux ends it with its parent, even while code holds the interpreter's
    lock (prctl(2)).
    """
    resource.setrlimit(resource.RLIMIT_DATA, (order.memory_bytes, order.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(order.kill_s)
    with suppress(OSError):  # not Linux, or not allowed: the limits above still hold
        Path("/proc/self/oom_score_adj").write_text("1000")
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def load_worker(handler: Path) -> DropWorker:
    """Import a handler module by its path.

    Returns
    -------
    DropWorker
        The module's ``worker``.

    Raises
    ------
    ImportError
        The path is not a Python module.
    """
    spec = importlib.util.spec_from_file_location(handler.stem, handler)
    if spec is None or spec.loader is None:
        raise ImportError(f"{handler} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[handler.stem] = module
    spec.loader.exec_module(module)
    worker: DropWorker = module.worker
    return worker


def _process(worker: DropWorker, upload: Upload, deadline: Deadline) -> dict[str, Any]:
    """Process an upload; an unexpected exception counts as the file's fault."""
    try:
        with reading("the file"):
            outcome, report = worker.process(upload, deadline)
    except OutOfTimeError as error:
        return {"state": LATE, "detail": error.detail}
    except InputError as error:
        logger.error("the file failed at its last attempt", exc_info=error)
        return {"state": FINAL, "detail": error.detail, "limit": isinstance(error, LimitExceededError)}
    except SkysortError as error:
        return {"state": RETRYABLE, "detail": error.detail}
    return {"state": DONE, "outcome": outcome, "summary": dict(report.summary), "counts": dict(report.counts)}


if __name__ == "__main__":
    main()
