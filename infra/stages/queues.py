"""Settings of the drop folder's queues.

A queue that SQS or Lambda would reject raises StageError on construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.stages.functions import TIMEOUT_S, in_range, require
from skysort.drop.keys import INCOMING
from skysort.limits import DROP_ALONE_RECEIVES

if TYPE_CHECKING:
    from skysort.models import Model

# AWS quotas ("SQS event source scaling", "Using Lambda with Amazon SQS", "Amazon SQS quotas").
MAXIMUM_CONCURRENCY: Final = (2, 1_000)
BATCH_SIZE: Final = (1, 10_000)
BATCHING_WINDOW_S: Final = (0, 300)
VISIBILITY_TIMEOUT_S: Final = (0, 43_200)
# Above this batch size Lambda requires a batching window.
BATCH_SIZE_WITHOUT_WINDOW: Final = 10
# Visibility timeout in function timeouts, so that a throttled batch is not delivered again while it waits.
VISIBILITY_TIMEOUTS: Final = 6
# SQS keeps messages for at most 14 days, and a dead letter's retention counts from its original enqueueing: a message
# that fails after a week in the queue still leaves a week to handle it.
QUEUE_DAYS: Final = 7
DEAD_LETTER_DAYS: Final = 14
# Dropped pictures and archives per invocation, which finishes at least the first of them: pictures side by side,
# archives one by one. What it has no time for counts as delivered, so slow archives must not meet too often.
DROP_BATCH: Final = 4
# Dropped tables per invocation: they are classified one by one, and the next one need not wait where a sandbox is free.
DROP_TABLES: Final = 1
# Deliveries of a message before it becomes a dead letter.
DROP_RECEIVES: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DropQueue:
    """The queue between a model's drop folder and its drop function, and its event source mapping.

    stage: part of the queues' names. An invocation gets batch_size messages, or those received within
    batching_window_s; maximum_concurrency invocations run at once. A message received max_receive_count times without
    success goes to the dead-letter queue: by default more than enough for each file of a batch to get its own
    invocation (skysort.drop.deadline), even if all are always delivered together and it was killed on them before.
    folders: of its files in the drop bucket, by default that of the model's name.
    """

    model: Model
    stage: str
    maximum_concurrency: int
    batching_window_s: int
    batch_size: int = DROP_BATCH
    visibility_timeout_s: int = VISIBILITY_TIMEOUTS * TIMEOUT_S[1]
    max_receive_count: int = DROP_RECEIVES
    folders: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Reject what SQS or Lambda would reject."""
        in_range(self.batch_size, BATCH_SIZE, f"{self.queue}: batch_size")
        in_range(self.batching_window_s, BATCHING_WINDOW_S, f"{self.queue}: batching_window_s")
        in_range(self.visibility_timeout_s, VISIBILITY_TIMEOUT_S, f"{self.queue}: visibility_timeout_s")
        require(self.maximum_concurrency >= 1, f"{self.queue}: maximum_concurrency must be at least 1")
        require(
            self.batch_size <= BATCH_SIZE_WITHOUT_WINDOW or self.batching_window_s >= 1,
            f"{self.queue}: a batch of more than {BATCH_SIZE_WITHOUT_WINDOW} needs a batching window of at least 1 s",
        )
        least = DROP_ALONE_RECEIVES - 1 + self.batch_size
        require(
            self.max_receive_count >= least,
            f"{self.queue}: max_receive_count must be at least {least} (got {self.max_receive_count}): after two "
            f"deliveries that ended the function each of {self.batch_size} files needs one for itself",
        )

    @property
    def overdue_s(self) -> int:
        """An age of its oldest message that no redelivery explains: throttled once, for as long as Lambda holds it."""
        return self.visibility_timeout_s + self.visibility_timeout_s // VISIBILITY_TIMEOUTS

    @property
    def function(self) -> str:
        """The name of its drop function in the stage."""
        return self.model.drop_function

    @property
    def queue(self) -> str:
        """The queue's name."""
        return f"skysort-{self.model.name}-drop-{self.stage}"

    @property
    def dead_letter_queue(self) -> str:
        """The name of its dead-letter queue."""
        return f"skysort-{self.model.name}-drop-dlq-{self.stage}"

    @property
    def served(self) -> tuple[str, ...]:
        """The folders of its files in the drop bucket, and of their results."""
        return self.folders or (self.model.name,)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The key prefixes of its files in the drop bucket."""
        return tuple(f"{INCOMING}{folder}/" for folder in self.served)
