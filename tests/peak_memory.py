"""The peak of a test's own child process."""

from __future__ import annotations

import resource
from pathlib import Path


def peak_kib() -> int:
    """Peak resident memory of this process, KiB.

    Linux carries the parent's peak over into ru_maxrss: below a large pytest every child would look as large. The
    kernel's high-water mark is of this program alone.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return int(status.partition("VmHWM:")[2].split()[0])
