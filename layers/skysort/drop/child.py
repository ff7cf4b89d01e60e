"""The program of a child process that works on one dropped file alone (skysort.drop.isolation).

It imports the function's own handler module and uses its worker.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from skysort.drop.deadline import Deadline, OutOfTimeError
from skysort.drop.event import Upload
from skysort.errors import InputError, LimitExceededError, SkysortError
from skysort.guard import reading
from skysort.observability import logger
from skysort.restrained import DONE, FINAL, LATE, READY, RETRYABLE, Answers, load_module, restrain

if TYPE_CHECKING:
    from skysort.drop.worker import DropWorker

MODULE: Final = "skysort.drop.child"


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
    answers = Answers()
    started = monotonic()
    order = Order.decode(sys.stdin.buffer.readline())
    restrain(order.kill_s, order.memory_bytes)
    worker = load_worker(Path(order.handler))
    answers.write({"state": READY})
    answers.write(_process(worker, order.upload, Deadline(order.seconds - (monotonic() - started))))
    # At once: a hanging thread of a library must not keep the process alive.
    os._exit(0)


def load_worker(handler: Path) -> DropWorker:
    """The ``worker`` of a handler module; raises ImportError if the path is not a Python module."""
    worker: DropWorker = load_module(handler).worker
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
