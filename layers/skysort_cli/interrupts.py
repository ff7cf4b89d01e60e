"""Ctrl-C: the first asks the work to end and to say where it stands, the second leaves at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from skysort_cli.exits import Exit
from skysort_cli.terminal import is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOW_CURSOR = "\x1b[?25h"  # a progress bar hides it


@contextlib.contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets, after which KeyboardInterrupt rises in the main thread."""
    stop = threading.Event()

    def interrupted(_signal: int, _frame: object) -> None:
        if stop.is_set():
            if is_terminal(sys.stderr):
                os.write(2, _SHOW_CURSOR.encode())
            os._exit(Exit.INTERRUPTED)
        stop.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
