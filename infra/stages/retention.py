"""How long a stage keeps files, results and models.

A retention shorter than what refers to an object raises StageError on construction.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.stages.functions import require
from infra.stages.queues import DEAD_LETTER_DAYS


@dataclass(frozen=True, slots=True)
class DropRetention:
    """Retention of the drop folder in days.

    incoming: dropped files, and their overwritten or deleted versions. results: results, None for ever, which clients
    can make expensive. old_results: overwritten or deleted results. unfinished: incomplete multipart uploads.
    access_logs: S3's access logs. bulk: bulk jobs with their results.
    """

    incoming: int = 30
    results: int | None = 90
    bulk: int = 30
    old_results: int = 30
    unfinished: int = 1
    access_logs: int = 90

    def __post_init__(self) -> None:
        """Reject a retention shorter than that of a message about the file."""
        require(
            self.incoming > DEAD_LETTER_DAYS,
            f"dropped files must be kept longer than the {DEAD_LETTER_DAYS} days of their dead letters "
            f"(incoming is {self.incoming} days)",
        )
        for name in ("results", "old_results", "unfinished", "access_logs"):
            days = getattr(self, name)
            require(days is None or days >= 1, f"{name} must be at least 1 day (got {days})")
        require(
            self.bulk > DEAD_LETTER_DAYS,
            f"bulk jobs must be kept longer than the {DEAD_LETTER_DAYS} days of their dead letters "
            f"(bulk is {self.bulk} days)",
        )


@dataclass(frozen=True, slots=True)
class ModelRetention:
    """Retention of the models bucket in days; versions of trained models and their pointers stay until deleted.

    intermediates: results of a training's steps. trainings: requests and their status. old: overwritten or deleted
    objects.
    """

    intermediates: int = 7
    trainings: int = 90
    old: int = 30

    def __post_init__(self) -> None:
        """Reject a retention shorter than a training, or than the message that starts one."""
        for name in ("intermediates", "old"):
            require(getattr(self, name) >= 1, f"{name} must be at least 1 day (got {getattr(self, name)})")
        require(
            self.trainings > DEAD_LETTER_DAYS,
            f"requests of trainings must be kept longer than the {DEAD_LETTER_DAYS} days of their dead letters "
            f"(trainings is {self.trainings} days)",
        )
