"""Operations settings of a stage: prices, alarm thresholds, notifications and budget.

Thresholds that could never fire, or that would notify nobody, raise StageError on construction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from infra.stages.functions import in_range, require
from skysort.models import CUSTOM, MODELS, ROWS
from skysort.prices import Prices

if TYPE_CHECKING:
    from collections.abc import Mapping


# AWS Budgets: a threshold in percent of the budget.
STOP_AT_PERCENT: Final = (1, 1_000)
# Requests of maximum size take longer than usual: many pictures, a thousand rows, a cold start.
P99_MS: Final = {
    **{name: 1_000 if model.input is ROWS else 3_000 for name, model in MODELS.items()},
    CUSTOM.name: 3_000,
    "control": 2_000,
}


@dataclass(frozen=True, slots=True)
class Alarms:
    """Alarm thresholds and recipients.

    p99_ms: by function; fires if the 99th percentile of its duration is above this in 5 of 5 minutes. failed_share: of
    5xx responses over 5 minutes, if there are at least failed_at_least. queue_age_s: maximum age of the oldest message,
    None for one that no redelivery explains (DropQueue.overdue_s).
    mail: addresses notified of alarms and the budget; each must confirm once.
    """

    p99_ms: Mapping[str, int] = field(default_factory=lambda: P99_MS)
    failed_share: float = 0.01
    failed_at_least: int = 3
    queue_age_s: int | None = None
    mail: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Reject thresholds that always or never fire, and invalid addresses."""
        require(0 < self.failed_share < 1, f"failed_share must be between 0 and 1 (got {self.failed_share})")
        require(self.failed_at_least >= 1, f"failed_at_least must be at least 1 (got {self.failed_at_least})")
        age_s = self.queue_age_s
        require(age_s is None or age_s >= 1, f"queue_age_s must be at least 1 second (got {age_s})")
        for function, milliseconds in self.p99_ms.items():
            require(milliseconds >= 1, f"p99_ms of {function} must be at least 1 ms (got {milliseconds})")
        for address in self.mail:
            require(
                re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address) is not None,
                f"invalid email address {address!r}; use one like someone@example.org",
            )


@dataclass(frozen=True, slots=True)
class Flood:
    """Limits beyond any legitimate use, above which the stage is stopped within minutes.

    S3 does not limit how often a presigned request is repeated while it is valid, and its owner pays for each.
    writes_in_5_minutes: write requests to the drop bucket. uploaded_gb_in_5_minutes: into it, where files are kept for
    weeks. downloaded_gb_in_5_minutes: from the results bucket.
    """

    writes_in_5_minutes: int = 300_000
    uploaded_gb_in_5_minutes: float = 100
    downloaded_gb_in_5_minutes: float = 20

    def __post_init__(self) -> None:
        """Reject limits that would stop a stage at the first file."""
        require(
            self.writes_in_5_minutes >= 1_000,  # noqa: PLR2004 - a small batch
            f"writes_in_5_minutes must be at least 1,000 (got {self.writes_in_5_minutes})",
        )
        require(
            self.uploaded_gb_in_5_minutes >= 1,
            f"uploaded_gb_in_5_minutes must be at least 1 (got {self.uploaded_gb_in_5_minutes})",
        )
        require(
            self.downloaded_gb_in_5_minutes >= 1,
            f"downloaded_gb_in_5_minutes must be at least 1 (got {self.downloaded_gb_in_5_minutes})",
        )


@dataclass(frozen=True, slots=True)
class Operations:
    """Monitoring of a stage.

    alarms: None for dashboard and saved queries only.
    monthly_budget_usd: of the whole account, see infra/constructs/brake.py; None for no budget.
    stop_at_percent: share of the budget at which uploads and drop functions stop (infra/constructs/brake.py); None for
    notifications only.
    flood: limits above which they stop within minutes; None for no such brake.
    """

    prices: Prices = field(default_factory=Prices)
    alarms: Alarms | None = None
    monthly_budget_usd: float | None = None
    stop_at_percent: float | None = None
    flood: Flood | None = None

    def __post_init__(self) -> None:
        """Reject a budget or brake that would notify nobody."""
        if self.monthly_budget_usd is not None:
            require(self.monthly_budget_usd > 0, f"a budget must be above 0 dollars (got {self.monthly_budget_usd})")
            require(self.alarms is not None, "a budget needs alarms: its notifications go to their topic")
        require(
            self.flood is None or self.alarms is not None,
            "a flood brake needs alarms: its notifications go to their topic",
        )
        if self.stop_at_percent is not None:
            require(self.monthly_budget_usd is not None, "stop_at_percent needs a monthly_budget_usd")
            in_range(self.stop_at_percent, STOP_AT_PERCENT, "stop_at_percent")

    def check_recipients(self, stage: str) -> None:
        """Reject alarms that nobody gets, for a stage that is to be deployed; raises StageError."""
        require(
            self.alarms is None or bool(self.alarms.mail),
            f"stage {stage} has alarms, but they would notify nobody: name recipients with -c mail=sky@example.org, or "
            "as mail of operations.alarms in its configuration",
        )
