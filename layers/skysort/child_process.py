"""Starts a child process for work that may end it, and collects its answers until it ends or has to be killed.

The child runs in a new interpreter, since neither the threads nor the state of numeric libraries survive a fork. Its
program restrains itself (skysort.restrained).
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

from skysort.errors import InfrastructureError
from skysort.restrained import LATE, STATES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Until the kernel has ended a process by its alarm.
_KILL_WAIT_S: Final = 2.0
_READ_BYTES: Final = 65_536
# Extra time, as a share of what the child is given, for it to end the work itself: a fiftieth of at most 0.9 of an
# invocation is well inside what the deadline keeps back.
_GRACE: Final = 0.02
_GRACE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class ChildExit:
    """How a child ended. answers: its output, in order. code: its exit status, negative for a signal."""

    answers: Sequence[dict[str, Any]]
    code: int
    timed_out: bool

    @property
    def answer(self) -> dict[str, Any] | None:
        """The result, None if the work ended the process."""
        return self.answers[1] if len(self.answers) > 1 else None

    @property
    def late(self) -> bool:
        """Whether the work ran out of time, as reported or by force."""
        if self.answer is None:
            return self.timed_out or self.code == -signal.SIGALRM
        return bool(self.answer["state"] == LATE)

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel ended it: the function has no more memory."""
        return self.answer is None and self.code == -signal.SIGKILL

    @property
    def status(self) -> str:
        """The signal's name, or the exit status."""
        return signal.Signals(-self.code).name if self.code < 0 else f"exit status {self.code}"


def kill_after(seconds: float) -> int:
    """When the kernel should end a child that is to end its work after so many seconds."""
    return max(1, int(seconds + max(_GRACE_S, _GRACE * seconds)))


def run_child(module: str, order: bytes, kill_s: int, temporary: Path, subject: str) -> ChildExit:
    """Run a module as a child.

    Parameters
    ----------
    module
        Its name.
    order
        A line for its standard input.
    kill_s
        As the order has it; soon after, it is killed from here.
    temporary
        A folder for its files, so that a killed one leaves nothing elsewhere.
    subject
        What it works on, for a message.

    Returns
    -------
    How it ended.

    Raises
    ------
    InfrastructureError
        No process could be started.
    """
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-m", module],
            env=_environment(temporary),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # a group of its own, which ends as one
        )
    except OSError as error:
        raise InfrastructureError(f"no process could be started for {subject}: {error}") from error
    with process:
        try:
            return _converse(process, order, kill_s)
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


def _converse(process: subprocess.Popen[bytes], order: bytes, kill_s: int) -> ChildExit:
    """Send the order and collect the output until the process ends or has to be killed."""
    assert process.stdin is not None  # noqa: S101 - for the type checker
    assert process.stdout is not None  # noqa: S101
    end = monotonic() + kill_s + _KILL_WAIT_S
    output = bytearray()
    with suppress(BrokenPipeError):  # it ended at once, as its exit status will show
        process.stdin.write(order)
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
