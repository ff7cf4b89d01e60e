"""What a stage says of one drop queue: its names, its batches and its patience.

What SQS or Lambda would refuse is refused here with a sentence: building the object is the check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from infra.function_settings import in_range, require

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
