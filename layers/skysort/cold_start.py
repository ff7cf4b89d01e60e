"""What a cold start is made of, logged once a sandbox, so that a saved query can tell the parts apart."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter

from skysort.observability import logger


class Start:
    """A stopwatch, begun when a function's imports are done."""

    def __init__(self) -> None:
        self._imports_ms = process_age_ms()
        self._begun = perf_counter()

    def done(self) -> None:
        """Log how long the imports took, counted from the process's start, and how long everything since."""
        loading_ms = (perf_counter() - self._begun) * 1e3
        imports = {} if self._imports_ms is None else {"imports_ms": round(self._imports_ms)}
        logger.info("started", extra={**imports, "model_ms": round(loading_ms)})


def process_age_ms() -> float | None:
    """How long this process has lived, to 10 ms (proc(5): field 22 of stat, uptime); None where that is not told."""
    try:
        after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return None
    return (uptime - int(after_name[19]) / os.sysconf("SC_CLK_TCK")) * 1e3
