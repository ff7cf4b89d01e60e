"""Settings of a Lambda function: code, size, limits and warm strategy.

Settings that Lambda would reject raise StageError on construction.
"""

from __future__ import annotations

import math
import re
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skysort.settings import MEMORY_MB_PER_VCPU

if TYPE_CHECKING:
    from collections.abc import Mapping

# AWS Lambda quotas ("Lambda quotas", "Configuring ephemeral storage").
MEMORY_MB: Final = (128, 10_240)
TIMEOUT_S: Final = (1, 900)
SCRATCH_MB: Final = (512, 10_240)
# The hook that watches a deployment is a function with a maximum of 15 minutes.
WATCH_MINUTES: Final = (0, 12)
CANARY_PERCENT: Final = (1, 99)
CANARY_MINUTES: Final = (1, 60)
# Maximum size of /tmp with SnapStart.
SNAPSHOT_SCRATCH_MB: Final = 512
# Application Auto Scaling, target tracking of provisioned concurrency utilisation.
UTILISATION: Final = (0.1, 0.9)
_HOURS_A_DAY: Final = 24


class StageError(ValueError):
    """Settings of a stage contradict each other or the limits of AWS; the message says how."""


def require(condition: bool, message: str) -> None:
    """Raise StageError with the message unless the condition holds."""
    if not condition:
        raise StageError(message)


def in_range(value: float, bounds: tuple[float, float], name: str) -> None:
    """Raise StageError unless low <= value <= high."""
    low, high = bounds
    require(low <= value <= high, f"{name} must be from {low} to {high} (got {value})")


@dataclass(frozen=True, slots=True)
class ScheduledMinimum:
    """A minimum of provisioned concurrency from a scheduled time, as an EventBridge cron expression in UTC."""

    cron: str
    concurrency: int

    def __post_init__(self) -> None:
        """Reject a minimum of zero: AWS would remove the configuration, and the next deployment would fail."""
        require(self.concurrency >= 1, f"a scheduled minimum must be at least 1 (got {self.concurrency})")


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Provisioned concurrency: `concurrency` always, up to `maximum` by target tracking on utilisation."""

    concurrency: int
    maximum: int | None = None
    target_utilisation: float = 0.7
    schedule: tuple[ScheduledMinimum, ...] = ()

    def __post_init__(self) -> None:
        """Reject inconsistent counts."""
        require(self.concurrency >= 1, f"provisioned concurrency must be at least 1 (got {self.concurrency})")
        in_range(self.target_utilisation, UTILISATION, "target utilisation")
        for count in (self.concurrency, *(minimum.concurrency for minimum in self.schedule)):
            require(count <= self.ceiling, f"provisioned concurrency {count} is above its maximum of {self.ceiling}")
        least = min((self.concurrency, *(minimum.concurrency for minimum in self.schedule)))
        if self.scales:
            # A single call takes up 1/least of the sandboxes.
            require(
                least * self.target_utilisation >= 1,
                f"scaling at a utilisation of {self.target_utilisation:g} needs at least "
                f"{math.ceil(1 / self.target_utilisation)} sandboxes at any time (got {least}): a single call would be "
                "above it, and sandboxes would be added and removed in turn",
            )

    @property
    def scales(self) -> bool:
        """Whether the number of provisioned sandboxes changes."""
        return self.ceiling > self.concurrency or bool(self.schedule)

    @property
    def average(self) -> float:
        """Sandboxes over a day, on average, before target tracking adds any; the schedule is hours of every day.

        A scheduled minimum below the configured count takes its place.
        """
        if not self.schedule:
            return float(self.concurrency)
        floors = {int(entry.cron.removeprefix("cron(").split()[1]): entry.concurrency for entry in self.schedule}
        hours = sorted(floors)
        return statistics.fmean(
            floors[max((at for at in hours if at <= hour), default=hours[-1])] for hour in range(_HOURS_A_DAY)
        )

    @property
    def ceiling(self) -> int:
        """The maximum number of provisioned sandboxes."""
        return self.concurrency if self.maximum is None else self.maximum


@dataclass(frozen=True, slots=True)
class SnapStart:
    """Sandboxes restored from a snapshot that is taken when a version is published.

    Available for container images since 2026 (aws/aws-cdk #38265, #38680), also on arm64; not with provisioned
    concurrency, a file system, or more than 512 MB of /tmp ("Lambda SnapStart", supported features and limitations).
    """


@dataclass(frozen=True, slots=True)
class OnDemand:
    """Sandboxes started on demand."""


Warm = Provisioned | SnapStart | OnDemand


@dataclass(frozen=True, slots=True)
class AllAtOnce:
    """The new version is verified by the release hook, then gets all requests.

    watch_minutes: how long the deployment then watches the function's alarm, and rolls back if it fires.
    """

    watch_minutes: int = 0

    def __post_init__(self) -> None:
        """Reject a watch longer than the timeout of the hook function."""
        in_range(self.watch_minutes, WATCH_MINUTES, "watch_minutes")


@dataclass(frozen=True, slots=True)
class Canary:
    """CodeDeploy gives the verified version a share of the requests, then all if no alarm fires.

    percent: the share. minutes: its duration.
    """

    percent: int = 10
    minutes: int = 5

    def __post_init__(self) -> None:
        """Reject a share of 0 or 100 percent, and durations that would block a deployment for hours."""
        in_range(self.percent, CANARY_PERCENT, "a canary's percent")
        in_range(self.minutes, CANARY_MINUTES, "a canary's minutes")


RollOut = AllAtOnce | Canary


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """A deployed function.

    folder: relative to the project's root. handler: module.function in it. warm: its warm strategy.
    image: its container image (infra.containers).
    reserved_concurrency: maximum concurrency, None for the account's unreserved concurrency.
    scratch_mb: size of /tmp. buckets: environment variables (skysort.settings) of the buckets that it uses.
    environment: additional variables. roll_out: how traffic moves to a new version.
    signs: whether it presigns with its initial credentials, which a snapshot does not have.
    isolated: whether it runs in a network that reaches only the stage's buckets (constructs/network.py).
    bulk: whether it takes part in bulk jobs, and so is told of their sources.
    """

    folder: str
    handler: str
    image: str
    memory_mb: int
    timeout_s: int
    warm: Warm = field(default_factory=OnDemand)
    reserved_concurrency: int | None = None
    scratch_mb: int = 512
    buckets: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    roll_out: RollOut = field(default_factory=AllAtOnce)
    signs: bool = False
    isolated: bool = False
    bulk: bool = False

    def __post_init__(self) -> None:
        """Reject what Lambda would reject."""
        name = f"{self.folder} ({self.handler})"
        require(
            re.fullmatch(r"\w+\.\w+", self.handler) is not None,
            f"{name}: the handler must read like app.handler",
        )
        in_range(self.memory_mb, MEMORY_MB, f"{name}: memory_mb")
        in_range(self.timeout_s, TIMEOUT_S, f"{name}: timeout_s")
        in_range(self.scratch_mb, SCRATCH_MB, f"{name}: scratch_mb")
        reserved = self.reserved_concurrency
        require(
            reserved is None or reserved >= 1,
            f"{name}: reserved concurrency must be at least 1 (got {reserved}); 0 would switch the function off",
        )
        if isinstance(self.warm, Provisioned):
            self._check_provisioned(name, self.warm)
        if isinstance(self.warm, SnapStart):
            self._check_snapshot(name)

    def _check_provisioned(self, name: str, warm: Provisioned) -> None:
        reserved = self.reserved_concurrency
        require(
            reserved is None or warm.ceiling <= reserved,
            f"{name}: provisioned concurrency {warm.ceiling} is above the maximum concurrency of {reserved}",
        )
        require(
            not isinstance(self.roll_out, Canary),
            f"{name}: a canary splits the alias by weights, and Lambda rejects provisioned concurrency on such an "
            "alias; use AllAtOnce(watch_minutes=...), which verifies before and rolls back after",
        )

    def _check_snapshot(self, name: str) -> None:
        require(
            self.scratch_mb <= SNAPSHOT_SCRATCH_MB,
            f"{name}: SnapStart supports at most {SNAPSHOT_SCRATCH_MB} MB of /tmp (scratch_mb is {self.scratch_mb}); "
            "use OnDemand or Provisioned, or a smaller /tmp",
        )
        require(
            not self.signs,
            f"{name}: it presigns with its initial credentials, and a function restored from a snapshot gets its "
            "credentials later, elsewhere; use OnDemand or Provisioned",
        )

    @property
    def provisioned(self) -> int:
        """The number of provisioned sandboxes."""
        return self.warm.concurrency if isinstance(self.warm, Provisioned) else 0

    @property
    def committed(self) -> int:
        """The maximum of the account's concurrency that is reserved or provisioned for it."""
        return self.reserved_concurrency or (self.warm.ceiling if isinstance(self.warm, Provisioned) else 0)

    @property
    def vcpus(self) -> int:
        """The number of full vCPUs for its memory, at least one."""
        return max(1, self.memory_mb // MEMORY_MB_PER_VCPU)
