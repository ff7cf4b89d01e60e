"""What readers of foreign bytes were seen to raise, for tests in which one does."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from pyarrow import ArrowInvalid

READER_FAULTS: Final[dict[str, Exception]] = {
    type(error).__name__: error
    for error in (
        MemoryError(),
        OSError("cannot seek"),
        ValueError("no such value"),
        TypeError("'NoneType' object is not subscriptable"),
        IndexError("list index out of range"),
        KeyError(259),
        OverflowError("Python int too large to convert to C long"),
        struct.error("unpack requires a buffer of 4 bytes"),
        RecursionError("maximum recursion depth exceeded"),
        ArrowInvalid("not a table"),
        zlib.error("incorrect header check"),
        EOFError("too early"),
        SystemError("returned NULL without setting an exception"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    )
}
