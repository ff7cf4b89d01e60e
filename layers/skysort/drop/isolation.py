"""A file that may have ended its function is tried alone, in a process that it cannot take the function along with.

Lambda says nothing of a function that was killed: its messages come again. A file that kills would come as often as
its queue allows, and each time take along those that are worked on beside it.

The child process is this module run as a program, with a fresh interpreter, since neither the numeric libraries'
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
import select
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, Final

from skysort.drop.deadline import Deadline, OutOfTimeError
from skysort.drop.event import Upload
from skysort.drop.files import temporary_folder
from skysort.drop.ledger import Outcome, Report
from skysort.errors import InfrastructureError, InputError, LimitExceededError, MalformedInputError, SkysortError
from skysort.guard import reading
from skysort.limits import DROP_ALONE_MEMORY_SHARE, DROP_FILE_S, MIB
from skysort.observability import logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.drop.worker import DropWorker

MODULE: Final = "skysort.drop.isolation"
# Of the time that a file may have, how much longer its process lives to end the work itself: a fiftieth of at most
# 0.9 of an invocation is well inside what the deadline keeps back.
_GRACE: Final = 0.02
_GRACE_S: Final = 1.0
# Until the kernel has ended a process that its alarm went to.
_KILL_WAIT_S: Final = 2.0
_READ_BYTES: Final = 65_536
_PR_SET_PDEATHSIG: Final = 1  # of <linux/prctl.h>
_ADVICE: Final = "split it, or convert it to another format, and drop it again"

# What a child says: that it begins, and then what came of the file.
READY: Final = "ready"
DONE: Final = "done"  # the file has its outcome
FINAL: Final = "final"  # the file cannot be classified, and its record is still to be written
LATE: Final = "late"  # the time was over
RETRYABLE: Final = "retryable"  # the infrastructure's fault
STATES: Final = frozenset({READY, DONE, FINAL, LATE, RETRYABLE})


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
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Order:
        """Read what encode wrote."""
        document = json.loads(line)
        return cls(**{**document, "upload": Upload(**document["upload"])})


@dataclass(frozen=True, slots=True)
class ChildExit:
    """How a child ended. answers: what it said, in order. code: its exit status, below 0 for a signal."""

    answers: Sequence[dict[str, Any]]
    code: int
    timed_out: bool

    @property
    def answer(self) -> dict[str, Any] | None:
        """What came of the file, None where it ended the process."""
        return self.answers[1] if len(self.answers) > 1 else None

    @property
    def late(self) -> bool:
        """Whether the file's time was over, by its own account or by force."""
        if self.answer is None:
            return self.timed_out or self.code == -signal.SIGALRM
        return bool(self.answer["state"] == LATE)

    @property
    def status(self) -> str:
        """The signal's name, or the exit status."""
        return signal.Signals(-self.code).name if self.code < 0 else f"exit status {self.code}"


class IsolatedWorker:
    """Tries one file at a time in a child process, in one invocation.

    worker: of the function, for what must be done outside of the child. handler: path of the function's handler
    module, which the child imports. memory_bytes: the function's memory, of which the child gets a share.
    """

    def __init__(self, worker: DropWorker, handler: str, memory_bytes: int) -> None:
        self._worker = worker
        self._handler = handler
        self._first = True
        self._memory = int(memory_bytes * DROP_ALONE_MEMORY_SHARE)

    def process(self, upload: Upload, deadline: Deadline) -> tuple[Outcome, Report]:
        """Bring one upload to its outcome, or find that it has one; a file that ends its process is refused.

        Returns
        -------
        tuple[Outcome, Report]
            What became of it and what the model reports, which is empty where the upload had its outcome.

        Raises
        ------
        InfrastructureError
            The upload should be delivered again.
        OutOfTimeError
            The same, since the invocation ends before a file that had less than a whole invocation's time is done.
        """
        settled = self._worker.settled(upload)
        if settled is not None:
            return settled, Report({})
        deadline.begin()
        # No later invocation has more time for a file than this one has for its first.
        whole, self._first = self._first, False
        allowed = min(deadline.left(), DROP_FILE_S)
        ended = self._run(upload, allowed)
        if not ended.answers:
            raise InfrastructureError(f"the process for {upload.key} did not start: it ended with {ended.status}")
        answer = ended.answer
        if ended.late and not whole and allowed < DROP_FILE_S:
            raise OutOfTimeError("the invocation ended before the file was done; it is tried again in the next one")
        if answer is not None and answer["state"] == DONE:
            return Outcome(answer["outcome"]), Report(answer["summary"], answer["counts"])
        if answer is not None and answer["state"] == RETRYABLE:
            raise InfrastructureError(answer["detail"])
        return self._worker.refuse(upload, self._fault(ended, allowed))

    def _fault(self, ended: ChildExit, allowed: float) -> InputError:
        """What is wrong with a file that was not classified."""
        if ended.late:
            return LimitExceededError(
                f"the file was not done after {allowed:,.0f} s, alone and at the third try; "
                "split it and drop the parts as files of their own"
            )
        if ended.answer is not None:
            detail = ended.answer["detail"]
            if ended.answer["limit"]:
                return LimitExceededError(f"{detail}; {_ADVICE}")
            return MalformedInputError(f"{detail}, as at two tries before; {_ADVICE}")
        if ended.code == -signal.SIGKILL:  # by the kernel: the function has no more memory
            return LimitExceededError(
                f"the file needs more memory than is available for one, {self._memory // MIB:,} MiB; {_ADVICE}"
            )
        return MalformedInputError(
            f"the file stopped the process that worked on it, alone and at the third try ({ended.status}); {_ADVICE}"
        )

    def _run(self, upload: Upload, allowed: float) -> ChildExit:
        kill_s = int(allowed + max(_GRACE_S, _GRACE * allowed))
        order = Order(self._handler, upload, allowed, max(1, kill_s), self._memory)
        # Its own, so that nothing stays in /tmp of what a killed process had there.
        with temporary_folder() as temporary:
            try:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-s", "-m", MODULE],
                    env=_environment(temporary),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    bufsize=0,
                    start_new_session=True,  # a group of its own, which ends as one
                )
            except OSError as error:
                raise InfrastructureError(f"no process could be started for {upload.key}: {error}") from error
            with process:
                try:
                    return _converse(process, order)
                finally:
                    _kill(process)


def _environment(temporary: Path) -> dict[str, str]:
    """The function's own variables, for a process that finds the same modules, and logs what is not of every day."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TMPDIR": str(temporary),
        "POWERTOOLS_LOG_LEVEL": "WARNING",
        # Arenas of the C library count as used memory where they are only reserved.
        "MALLOC_ARENA_MAX": "2",
    }


def _converse(process: subprocess.Popen[bytes], order: Order) -> ChildExit:
    """Hand over the order and collect what the process says until it ends, or has to be ended."""
    assert process.stdin is not None  # noqa: S101 - for the type checker
    assert process.stdout is not None  # noqa: S101
    end = monotonic() + order.kill_s + _KILL_WAIT_S
    said = bytearray()
    with suppress(BrokenPipeError):  # it ended at its start, as its exit status will tell
        process.stdin.write(order.encode())
    waiting = select.poll()
    waiting.register(process.stdout, select.POLLIN | select.POLLHUP)
    while ready := waiting.poll(max(0.0, end - monotonic()) * 1_000):
        part = os.read(process.stdout.fileno(), _READ_BYTES)
        if not part:
            break
        said += part
    else:
        _kill(process)
    answers = [answer for line in bytes(said).split(b"\n")[:-1] if (answer := _answer(line)) is not None]
    return ChildExit(answers, process.wait(), timed_out=not ready)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process, and what it has started."""
    with suppress(ProcessLookupError, PermissionError):  # gone already, which macOS tells in its own way
        os.killpg(process.pid, signal.SIGKILL)


def _answer(line: bytes) -> dict[str, Any] | None:
    """What a line says; None for one that a library wrote, whatever way it found."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) and answer.get("state") in STATES else None


def main() -> None:
    """Carry out the order on standard input, as the child."""
    # Whatever a library prints must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    began = monotonic()
    order = Order.decode(sys.stdin.buffer.readline())
    _restrain(order)
    threading.Thread(target=_end_with_parent, args=(sys.stdin.buffer.fileno(),), daemon=True).start()
    worker = load_worker(Path(order.handler))
    _write(answers, {"state": READY})
    _write(answers, _process(worker, order.upload, Deadline(order.seconds - (monotonic() - began))))
    # At once: a library's thread that hangs must not keep a process whose work is done.
    os._exit(0)


def _write(answers: IO[bytes], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")


def _restrain(order: Order) -> None:
    """Have the kernel enforce the limits, whatever the code does that is to be restrained.

    Memory is counted as RLIMIT_DATA counts it: private and writable, also where a library reserves it by mmap
    (setrlimit(2), Linux from 4.7 on). Should the whole function run out of memory, this process is to go first.
    Linux ends it with its parent, whatever code holds the interpreter's lock (prctl(2)).
    """
    resource.setrlimit(resource.RLIMIT_DATA, (order.memory_bytes, order.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(order.kill_s)
    with suppress(OSError):  # not Linux, or not allowed: the limits above stand
        Path("/proc/self/oom_score_adj").write_text("1000")
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def load_worker(handler: Path) -> DropWorker:
    """Import a handler module by its path, as the function did at its start.

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
    """Bring an upload to its outcome; an exception that nobody raised on purpose is the fault of the file."""
    try:
        with reading("the file"):
            outcome, report = worker.process(upload, deadline)
    except OutOfTimeError as error:
        return {"state": LATE, "detail": error.detail}
    except InputError as error:
        logger.error("the file failed at its last try", exc_info=error)
        return {"state": FINAL, "detail": error.detail, "limit": isinstance(error, LimitExceededError)}
    except SkysortError as error:
        return {"state": RETRYABLE, "detail": error.detail}
    return {"state": DONE, "outcome": outcome, "summary": dict(report.summary), "counts": dict(report.counts)}


if __name__ == "__main__":
    main()
