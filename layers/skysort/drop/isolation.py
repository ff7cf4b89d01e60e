"""Runs a file that may have killed its function alone, in a child process.

Lambda does not report a killed function; its messages are delivered again. A file that kills would come as often as its
queue allows, and each time fail the files processed beside it.

The child (skysort.drop.child) runs in a new interpreter, since neither the threads nor the state of numeric libraries
survive a fork.
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

from skysort.drop.child import DONE, LATE, MODULE, RETRYABLE, STATES, Order
from skysort.drop.deadline import OutOfTimeError
from skysort.drop.files import temporary_folder
from skysort.drop.ledger import Outcome, Report
from skysort.errors import InfrastructureError, InputError, LimitExceededError, MalformedInputError
from skysort.limits import DROP_ALONE_MEMORY_SHARE, DROP_FILE_S, MIB

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skysort.drop.deadline import Deadline
    from skysort.drop.event import Upload
    from skysort.drop.worker import DropWorker

# Extra time, as a share of the file's, for the process to end the work itself: a fiftieth of at most 0.9 of an
# invocation is well inside what the deadline keeps back.
_GRACE: Final = 0.02
_GRACE_S: Final = 1.0
# Until the kernel has ended a process by its alarm.
_KILL_WAIT_S: Final = 2.0
_READ_BYTES: Final = 65_536
_ADVICE: Final = "split it, or convert it to another format, and drop it again"


@dataclass(frozen=True, slots=True)
class ChildExit:
    """How a child ended. answers: its output, in order. code: its exit status, negative for a signal."""

    answers: Sequence[dict[str, Any]]
    code: int
    timed_out: bool

    @property
    def answer(self) -> dict[str, Any] | None:
        """The result for the file, None if it ended the process."""
        return self.answers[1] if len(self.answers) > 1 else None

    @property
    def late(self) -> bool:
        """Whether the file ran out of time, as reported or by force."""
        if self.answer is None:
            return self.timed_out or self.code == -signal.SIGALRM
        return bool(self.answer["state"] == LATE)

    @property
    def status(self) -> str:
        """The signal's name, or the exit status."""
        return signal.Signals(-self.code).name if self.code < 0 else f"exit status {self.code}"


class IsolatedWorker:
    """Processes one file at a time in a child process, within one invocation.

    worker: the function's, for work outside the child. handler: path of the function's handler module, which the child
    imports. memory_bytes: the function's memory, of which the child gets a share.
    """

    def __init__(self, worker: DropWorker, handler: str, memory_bytes: int) -> None:
        self._worker = worker
        self._handler = handler
        self._first = True
        self._memory = int(memory_bytes * DROP_ALONE_MEMORY_SHARE)

    def process(self, upload: Upload, deadline: Deadline) -> tuple[Outcome, Report]:
        """Process one upload unless it has an outcome; a file that ends its process is refused.

        Returns
        -------
        tuple[Outcome, Report]
            The outcome and the model's report, which is empty if the upload already had its outcome.

        Raises
        ------
        InfrastructureError
            The upload should be delivered again.
        OutOfTimeError
            The same: the file had less than a full invocation's time.
        """
        settled = self._worker.settled(upload)
        if settled is not None:
            return settled, Report({})
        deadline.begin()
        # No later invocation has more time for a file than this one has for its first.
        full_time, self._first = self._first, False
        allowed_s = min(deadline.left(), DROP_FILE_S)
        child = self._run(upload, allowed_s)
        if not child.answers:
            raise InfrastructureError(f"the process for {upload.key} did not start: it ended with {child.status}")
        answer = child.answer
        if child.late and not full_time and allowed_s < DROP_FILE_S:
            raise OutOfTimeError("the invocation ended before the file was done; the next one tries again")
        if answer is not None and answer["state"] == DONE:
            return Outcome(answer["outcome"]), Report(answer["summary"], answer["counts"])
        if answer is not None and answer["state"] == RETRYABLE:
            raise InfrastructureError(answer["detail"])
        return self._worker.refuse(upload, self._fault(child, allowed_s))

    def _fault(self, child: ChildExit, allowed_s: float) -> InputError:
        """The error of a file that was not classified."""
        if child.late:
            return LimitExceededError(
                f"the file was not done after {allowed_s:,.0f} s, alone and at the third attempt; "
                "split it and drop the parts as separate files"
            )
        if child.answer is not None:
            detail = child.answer["detail"]
            if child.answer["limit"]:
                return LimitExceededError(f"{detail}; {_ADVICE}")
            return MalformedInputError(f"{detail}, as in two attempts before; {_ADVICE}")
        if child.code == -signal.SIGKILL:  # by the kernel: the function has no more memory
            return LimitExceededError(
                f"the file needs more memory than is available for one, {self._memory // MIB:,} MiB; {_ADVICE}"
            )
        return MalformedInputError(
            f"the file crashed its process, alone and at the third attempt ({child.status}); {_ADVICE}"
        )

    def _run(self, upload: Upload, allowed_s: float) -> ChildExit:
        kill_s = int(allowed_s + max(_GRACE_S, _GRACE * allowed_s))
        order = Order(self._handler, upload, allowed_s, max(1, kill_s), self._memory)
        # Its own folder, so that a killed process leaves nothing in /tmp.
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
    """The function's variables, for a process that finds the same modules and logs warnings only."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TMPDIR": str(temporary),
        "POWERTOOLS_LOG_LEVEL": "WARNING",
        # Arenas of the C library count as used memory although they are only reserved.
        "MALLOC_ARENA_MAX": "2",
    }


def _converse(process: subprocess.Popen[bytes], order: Order) -> ChildExit:
    """Send the order and collect the output until the process ends or has to be killed."""
    assert process.stdin is not None  # noqa: S101 - for the type checker
    assert process.stdout is not None  # noqa: S101
    end = monotonic() + order.kill_s + _KILL_WAIT_S
    output = bytearray()
    with suppress(BrokenPipeError):  # it ended at once, as its exit status will show
        process.stdin.write(order.encode())
    poller = select.poll()
    poller.register(process.stdout, select.POLLIN | select.POLLHUP)
    while ready := poller.poll(max(0.0, end - monotonic()) * 1_000):
        part = os.read(process.stdout.fileno(), _READ_BYTES)
        if not part:
            break
        output += part
    else:
        _kill(process)
    answers = [answer for line in bytes(output).split(b"\n")[:-1] if (answer := _answer(line)) is not None]
    return ChildExit(answers, process.wait(), timed_out=not ready)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and its children."""
    with suppress(ProcessLookupError, PermissionError):  # already ended, which macOS reports in its own way
        os.killpg(process.pid, signal.SIGKILL)


def _answer(line: bytes) -> dict[str, Any] | None:
    """The answer on a line, None for output of a library."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) and answer.get("state") in STATES else None
