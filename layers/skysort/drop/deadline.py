"""How long one invocation works on files, and how long on one of them.

Lambda ends a function at its timeout without a word of what it had done: every message of the batch
would come again. So work stops before that, file by file.
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

# The rest is for pictures in work to come to their end, and for the records of half an archive to be removed.
SHARE_FOR_WORK: Final = 0.9
_LONGEST_WAIT_S: Final = 3_600.0


class OutOfTimeError(InfrastructureError):
    """The invocation ends before the file is done; the next one may have more time for it."""


class Deadline:
    """When an invocation stops to work on files. seconds: from now. clock: seconds of a monotonic clock."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._end = clock() + seconds

    @classmethod
    def of(cls, context: LambdaContext, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """Of the invocation that this context was handed to."""
        return cls(SHARE_FOR_WORK * context.get_remaining_time_in_millis() / 1000, clock)

    def left(self) -> float:
        """Seconds that are left, 0 when it is over."""
        return max(0.0, self._end - self.clock())

    def begin(self) -> FileDeadline:
        """The time of a file whose turn it is; raises OutOfTimeError when it comes too late for any."""
        if not self.left():
            raise OutOfTimeError("the invocation ended before the file's turn; it is tried in the next one")
        return FileDeadline(self)


class FileDeadline:
    """The time of one file, from its turn on."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._began = deadline.clock()

    def check(self) -> None:
        """Raise LimitExceededError when the file had all the time of one, OutOfTimeError when the invocation ends."""
        if self._deadline.clock() - self._began >= DROP_FILE_S:
            raise LimitExceededError(
                f"the file was not done after {DROP_FILE_S:,} s, the most that one may take; "
                "split it and drop the parts as files of their own"
            )
        if not self._deadline.left():
            raise OutOfTimeError("the invocation ended before the file was done; it is tried again in the next one")

    @contextmanager
    def turn(self, lock: Lock) -> Iterator[None]:
        """Hold a lock; time counts from when it is had. Raises OutOfTimeError when it is not had in time."""
        if not lock.acquire(timeout=min(self._deadline.left(), _LONGEST_WAIT_S)):
            raise OutOfTimeError("the invocation ended before the file's turn; it is tried in the next one")
        try:
            self._began = self._deadline.clock()
            yield
        finally:
            lock.release()


# Where nobody ends the work: a limit for one file remains.
ENDLESS: Final = Deadline(math.inf)
