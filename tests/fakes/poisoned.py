"""A classifier of dropped files that does what they say."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.drop.ledger import Report
from skysort.errors import InfrastructureError, MalformedInputError
from skysort.pictures.files import MemberRecords

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysort.drop.files import Draft, SourceFile

STORE: Final = "POISONED_STORE"  # the setting that names the store's file
PID: Final = ".pid"  # beside it: the process that works on a file


def allocate() -> None:
    """Take memory until there is none, holding on to it."""
    held = []
    while True:
        held.append(bytearray(64 * 2**20))


def hang() -> None:
    """Compute for ever, in C and with the interpreter's lock, so that no thread of Python's can end it."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def away() -> None:
    raise InfrastructureError("S3 is away")


def scribble() -> None:
    """Write into everything that is open, the way that answers take among it."""
    for descriptor in range(3, 64):
        with suppress(OSError):
            os.write(descriptor, b"no answer\n[]\n")


def start() -> None:
    """Start a process that outlives this one."""
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdout=subprocess.DEVNULL)
    os._exit(4)


def mistake() -> None:
    raise ZeroDivisionError("a mistake in the code")


def refuse() -> None:
    raise MalformedInputError("no table")


ACTIONS: Final[dict[bytes, Callable[[], object]]] = {
    b"allocates": allocate,
    b"aborts": os.abort,
    b"breaks": lambda: ctypes.string_at(0),
    b"exits": lambda: os._exit(3),
    b"killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    b"hangs": hang,
    b"waits": lambda: time.sleep(600),
    b"away": away,
    b"mistake": mistake,
    b"scribbles": scribble,
    b"starts": start,
    b"refused": refuse,
    b"prints": lambda: os.write(1, b"{}\n"),
}


class Obedient:
    """Does what the file says, and then finds that it is a table of one row."""

    name = "star"
    version = "1.0.0"
    suffixes = ("", ".csv")

    def classify(self, source: SourceFile, draft: Draft) -> Report:
        body = b"".join(source.blocks())
        Path(os.environ[STORE] + PID).write_text(str(os.getpid()))
        if body.startswith(b"archive "):
            MemberRecords(draft).put("m.jpg", {})
        ACTIONS.get(body.removeprefix(b"archive "), lambda: None)()
        draft.open("", "text/plain").write(body.upper())
        return Report({"rows": 1}, {"Rows": 1})
