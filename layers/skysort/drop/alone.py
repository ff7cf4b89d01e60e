"""A file that may have ended its function is tried alone, in a process that it cannot take the function along with.

Lambda says nothing of a function that was killed: its messages come again. A file that kills would come as often as
its queue allows, and each time take along those that are worked on beside it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from skysort.drop import child, scratch
from skysort.drop.deadline import OutOfTimeError
from skysort.drop.outcome import Outcome, Report
from skysort.errors import InfrastructureError, LimitExceededError, MalformedInputError
from skysort.limits import DROP_ALONE_MEMORY_SHARE, DROP_FILE_S, MIB

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skysort.drop.deadline import Deadline
    from skysort.drop.event import Upload
    from skysort.drop.worker import DropWorker
    from skysort.errors import InputError

# Of the time that a file may have, how much longer its process lives to end the work itself: a fiftieth of at most
# 0.9 of an invocation is well inside what the deadline keeps back.
_GRACE: Final = 0.02
_GRACE_S: Final = 1.0
# Until the kernel has ended a process that its alarm went to.
_KILL_WAIT_S: Final = 2.0
_READ_BYTES: Final = 65_536
_ADVICE: Final = "split it, or convert it to another format, and drop it again"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended. answers: what it said, in order. code: its exit status, below 0 for a signal."""

    answers: Sequence[dict[str, Any]]
    code: int
    timed_out: bool

    @property
    def began(self) -> bool:
        """Whether it came to the file."""
        return bool(self.answers)

    @property
    def answer(self) -> dict[str, Any] | None:
        """What came of the file, None where it ended the process."""
        return self.answers[1] if len(self.answers) > 1 else None

    @property
    def late(self) -> bool:
        """Whether the file's time was over, by its own account or by force."""
        if self.answer is None:
            return self.timed_out or self.code == -signal.SIGALRM
        return bool(self.answer["state"] == child.LATE)


class Alone:
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

        Raises InfrastructureError (OutOfTimeError among them) when it should be delivered again.
        """
        settled = self._worker.settled(upload)
        if settled is not None:
            return settled, Report({})
        deadline.begin()
        # No later invocation has more time for a file than this one has for its first.
        whole, self._first = self._first, False
        allowed = min(deadline.left(), DROP_FILE_S)
        ended = self._run(upload, allowed)
        if not ended.began:
            raise InfrastructureError(f"the process for {upload.key} did not start: it ended with {_how(ended.code)}")
        answer = ended.answer
        if ended.late:
            if not whole and allowed < DROP_FILE_S:
                raise OutOfTimeError("the invocation ended before the file was done; it is tried again in the next one")
            return self._worker.refuse(upload, _out_of_time(allowed))
        if answer is None:
            return self._worker.refuse(upload, self._killer(ended.code))
        if answer["state"] == child.DONE:
            return Outcome(answer["outcome"]), Report(answer["summary"], answer["counts"])
        if answer["state"] == child.AGAIN:
            raise InfrastructureError(answer["detail"])
        return self._worker.refuse(upload, _final(answer))

    def _killer(self, code: int) -> InputError:
        """What is wrong with a file that ended its process."""
        if code == -signal.SIGKILL:  # by the kernel: the function has no more memory
            return LimitExceededError(
                f"the file needs more memory than there is for one, {self._memory // MIB:,} MiB; {_ADVICE}"
            )
        return MalformedInputError(
            f"the file stopped the process that worked on it, alone and at the third try ({_how(code)}); {_ADVICE}"
        )

    def _run(self, upload: Upload, allowed: float) -> Ended:
        kill_s = int(allowed + max(_GRACE_S, _GRACE * allowed))
        order = child.Order(self._handler, upload, allowed, max(1, kill_s), self._memory)
        # Its own, so that nothing stays in /tmp of what a killed process had there.
        with scratch.folder() as temporary:
            try:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-s", "-m", child.__name__],
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
                    _end(process)


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


def _converse(process: subprocess.Popen[bytes], order: child.Order) -> Ended:
    """Hand over the order and collect what the process says until it ends, or has to be ended."""
    assert process.stdin is not None  # noqa: S101 - for the type checker
    assert process.stdout is not None  # noqa: S101
    end = monotonic() + order.kill_s + _KILL_WAIT_S
    said = bytearray()
    timed_out = False
    with suppress(BrokenPipeError):  # it ended at its start, as its exit status will tell
        process.stdin.write(order.encode())
    waiting = select.poll()
    waiting.register(process.stdout, select.POLLIN | select.POLLHUP)
    while True:
        if not waiting.poll(max(0.0, end - monotonic()) * 1_000):
            timed_out = True
            _end(process)
            break
        part = os.read(process.stdout.fileno(), _READ_BYTES)
        if not part:
            break
        said += part
    answers = [answer for line in bytes(said).split(b"\n")[:-1] if (answer := _answer(line)) is not None]
    return Ended(answers, process.wait(), timed_out)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process, and what it has started."""
    with suppress(ProcessLookupError, PermissionError):  # gone already, which macOS tells in its own way
        os.killpg(process.pid, signal.SIGKILL)


def _answer(line: bytes) -> dict[str, Any] | None:
    """What a line says; None for one that a library wrote, whatever way it found."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) and answer.get("state") in child.STATES else None


def _final(answer: dict[str, Any]) -> InputError:
    if answer["limit"]:
        return LimitExceededError(f"{answer['detail']}; {_ADVICE}")
    return MalformedInputError(f"{answer['detail']}, as at two tries before; {_ADVICE}")


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def _out_of_time(seconds: float) -> LimitExceededError:
    return LimitExceededError(
        f"the file was not done after {seconds:,.0f} s, alone and at the third try; "
        "split it and drop the parts as files of their own"
    )
