"""What a stage says of the drop folder: of each queue its names, batches and patience, of files how long they stay.

What SQS or Lambda would refuse is refused here with a sentence: building the object is the check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from infra.stages.functions import in_range, require

# AWS quotas ("SQS event source scaling", "Using Lambda with Amazon SQS", "Amazon SQS quotas").
MAXIMUM_CONCURRENCY: Final = (2, 1_000)
BATCH_SIZE: Final = (1, 10_000)
BATCHING_WINDOW_S: Final = (0, 300)
VISIBILITY_TIMEOUT_S: Final = (0, 43_200)
# Above this batch size Lambda asks for a batching window.
BATCH_SIZE_WITHOUT_WINDOW: Final = 10
# A received message stays away for six function timeouts, so that a throttled batch is not
# delivered a second time while it waits.
VISIBILITY_TIMEOUTS: Final = 6
# SQS keeps a message for 14 days at most, and a dead letter's days count from the day on which its file was
# dropped: what waits for a week and then fails still has a week for somebody to look at it.
QUEUE_DAYS: Final = 7
DEAD_LETTER_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class DropQueue:
    """The queue between a model's drop folder and its drop function, and the mapping that reads it.

    prefix: keys in the drop bucket that belong here. batch_size messages, or what came within batching_window_s,
    make one invocation; maximum_concurrency invocations run at once. A message that was received
    max_receive_count times without success goes to the dead-letter queue.
    """

    function: str
    queue: str
    dead_letter_queue: str
    prefix: str
    batch_size: int
    batching_window_s: int
    visibility_timeout_s: int
    max_receive_count: int
    maximum_concurrency: int

    def __post_init__(self) -> None:
        """Refuse what SQS or Lambda would refuse."""
        in_range(self.batch_size, BATCH_SIZE, f"{self.queue}: batch_size")
        in_range(self.batching_window_s, BATCHING_WINDOW_S, f"{self.queue}: batching_window_s")
        in_range(self.visibility_timeout_s, VISIBILITY_TIMEOUT_S, f"{self.queue}: visibility_timeout_s")
        require(self.max_receive_count >= 1, f"{self.queue}: max_receive_count must be at least 1")
        require(self.maximum_concurrency >= 1, f"{self.queue}: maximum_concurrency must be at least 1")
        require(
            self.batch_size <= BATCH_SIZE_WITHOUT_WINDOW or self.batching_window_s >= 1,
            f"{self.queue}: a batch of more than {BATCH_SIZE_WITHOUT_WINDOW} needs a batching window of at least 1 s",
        )


@dataclass(frozen=True, slots=True)
class DropRetention:
    """How many days the drop folder keeps what.

    incoming: dropped files, and versions of them that were overwritten or deleted. results: results, None for ever,
    which whoever may drop files can make expensive. old_results: results that were overwritten or deleted.
    unfinished: uploads in parts that were never completed. access_logs: S3's own log of who read and wrote what.
    """

    incoming: int = 30
    results: int | None = 90
    old_results: int = 30
    unfinished: int = 1
    access_logs: int = 90

    def __post_init__(self) -> None:
        """Refuse days that would lose a file that a message still tells of."""
        require(
            self.incoming > DEAD_LETTER_DAYS,
            f"dropped files must stay longer than the {DEAD_LETTER_DAYS} days of a dead letter that tells of them; "
            f"incoming is {self.incoming} days",
        )
        for name in ("results", "old_results", "unfinished", "access_logs"):
            days = getattr(self, name)
            require(days is None or days >= 1, f"{name} must be at least 1 day, got {days}")
