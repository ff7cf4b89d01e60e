"""Time limits of one invocation and of each of its files.

Lambda ends a function at its timeout without any record of what was done, and every message of the batch would be
delivered again. So work stops before that, file by file.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from skysort.errors import InfrastructureError, LimitExceededError
from skysort.limits import DROP_FILE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Lock

    from aws_lambda_powertools.utilities.typing import LambdaContext

# The rest is for finishing pictures in progress, and for removing the records of half an archive.
SHARE_FOR_WORK: Final = 0.9
_MAX_WAIT_S: Final = 3_600.0


class OutOfTimeError(InfrastructureError):
    """The invocation ends before the file is done; the next one may have more time."""


class Deadline:
    """When an invocation stops working on files. seconds: from now. clock: a monotonic clock, in seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.ends = clock() + seconds

    @classmethod
    def of(cls, context: LambdaContext, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """The deadline of the invocation with this context."""
        return cls(SHARE_FOR_WORK * context.get_remaining_time_in_millis() / 1000, clock)

    def left(self) -> float:
        """Seconds left, 0 when it is over."""
        return max(0.0, self.ends - self.clock())

    def begin(self) -> FileDeadline:
        """Start a file's time; raises OutOfTimeError when the deadline is over."""
        if not self.left():
            raise OutOfTimeError("the invocation ended before the file was started; the next one tries again")
        return FileDeadline(self)


class FileDeadline:
    """The time limit of one file, from its start."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._started = deadline.clock()

    def check(self) -> None:
        """Check the file's time and the invocation's; which ended first decides, however late that is noticed.

        Raises
        ------
        LimitExceededError
            The file's time is over.
        OutOfTimeError
            The invocation's time is over, and it ended before the file's.
        """
        now = self._deadline.clock()
        file_ends = self._started + DROP_FILE_S
        if now >= file_ends and file_ends <= self._deadline.ends:
            raise LimitExceededError(
                f"the file was not done after {DROP_FILE_S:,} s, the maximum for one file; "
                "split it and drop the parts as separate files"
            )
        if now >= self._deadline.ends:
            raise OutOfTimeError("the invocation ended before the file was done; the next one tries again")

    @contextmanager
    def turn(self, lock: Lock) -> Iterator[None]:
        """Hold a lock; the file's time starts once it is acquired. Raises OutOfTimeError if that takes too long."""
        if not lock.acquire(timeout=min(self._deadline.left(), _MAX_WAIT_S)):
            raise OutOfTimeError("the invocation ended before the file was started; the next one tries again")
        try:
            self._started = self._deadline.clock()
            yield
        finally:
            lock.release()


# For work outside an invocation: only the limit per file applies.
ENDLESS: Final = Deadline(math.inf)
