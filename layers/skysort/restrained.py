"""What a child process does that works alone on something that may end it (skysort.child_process starts it).

The order comes on standard input, which stays open as a lifeline: it closes when the parent ends. Standard output has
the answers, a JSON document per line.
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
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import ModuleType

_PR_SET_PDEATHSIG: Final = 1  # of <linux/prctl.h>

# States that a child reports: that it is ready, and then how it ended.
READY: Final = "ready"
DONE: Final = "done"
FINAL: Final = "final"  # what it works on is at fault
LATE: Final = "late"  # the time was over
RETRYABLE: Final = "retryable"  # the infrastructure failed
STATES: Final = frozenset({READY, DONE, FINAL, LATE, RETRYABLE})


class Answers:
    """The way of the answers; what libraries print goes to standard error from now on."""

    def __init__(self) -> None:
        self._file: IO[bytes] = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def write(self, answer: dict[str, Any]) -> None:
        """Send an answer."""
        self._file.write(json.dumps(answer).encode() + b"\n")


def restrain(kill_s: int, memory_bytes: int) -> None:
    """Have the kernel enforce limits, whatever the code does, and end this process with its parent.

    RLIMIT_DATA counts private writable memory, including mmap (setrlimit(2), Linux 4.7 or later). If the function runs
    out of memory, this process is killed first. Linux ends it with its parent, even while code holds the interpreter's
    lock (prctl(2)).

    Parameters
    ----------
    kill_s
        When the kernel kills the process, in seconds from now.
    memory_bytes
        Limit on private memory.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(kill_s)
    with suppress(OSError):  # not Linux, or not allowed: the limits above still hold
        Path("/proc/self/oom_score_adj").write_text("1000")
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_parent, args=(sys.stdin.buffer.fileno(),), daemon=True).start()


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def load_module(path: Path) -> ModuleType:
    """Import a function's handler module by its path; raises ImportError if that is not a Python module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
