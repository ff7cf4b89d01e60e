"""The log of a function: Lambda's INIT_REPORT and REPORT lines, and the function's own output."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROTATE_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Report:
    """A finished invocation.

    duration_ms: time in the handler. init_ms: start time of the sandbox in a cold start, otherwise None.
    status: timeout or error if the platform ended the invocation; None if the handler returned.
    """

    request_id: str
    duration_ms: float
    memory_mb: int
    peak_memory_mb: int
    init_ms: float | None = None
    status: str | None = None

    def line(self) -> str:
        """The line as in Lambda; billed duration is init and duration, rounded up to full milliseconds."""
        billed = math.ceil(self.duration_ms + (self.init_ms or 0.0))
        parts = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {billed} ms",
            f"Memory Size: {self.memory_mb} MB",
            f"Max Memory Used: {self.peak_memory_mb} MB",
        ]
        if self.init_ms is not None:
            parts.append(f"Init Duration: {self.init_ms:.2f} ms (cold)")
        if self.status is not None:
            parts.append(f"Status: {self.status}")
        return "\t".join(parts)


class FunctionLog:
    """The log file of a function, shared by its sandboxes.

    show: also called with each REPORT line, for a console.
    """

    def __init__(self, path: Path, show: Callable[[str], None] | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._show = show
        # Unbuffered in append mode: lines of several processes stay intact and in order.
        self._file = path.open("ab", buffering=0)

    def fileno(self) -> int:
        """Return the descriptor that sandboxes inherit as standard output and error."""
        return self._file.fileno()

    def write(self, line: str) -> None:
        """Append a line."""
        self._file.write(line.encode() + b"\n")

    def report(self, report: Report) -> None:
        """Append a REPORT line, and show it if requested."""
        line = report.line()
        self.write(line)
        if self._show is not None:
            self._show(f"{self.path.stem}: {line}")

    def rotate(self, limit: int = ROTATE_BYTES) -> None:
        """Above the limit, copy the log to `<name>.1` and truncate it.

        It is truncated in place, because the sandboxes have it open.
        """
        if self.path.stat().st_size > limit:
            shutil.copyfile(self.path, self.path.with_name(self.path.name + ".1"))
            self._file.truncate(0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
