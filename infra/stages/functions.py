"""What a stage says of one Lambda function: its code, size, limits and its one warm strategy.

What Lambda would refuse is refused here with a message: building the object is the check.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skysort.settings import MEMORY_MB_PER_VCPU

if TYPE_CHECKING:
    from collections.abc import Mapping

# AWS Lambda quotas ("Lambda quotas", "Configuring ephemeral storage").
MEMORY_MB: Final = (128, 10_240)
TIMEOUT_S: Final = (1, 900)
SCRATCH_MB: Final = (512, 10_240)
# The hook that watches a deployment is a function itself, and may take 15 minutes.
WATCH_MINUTES: Final = (0, 12)
CANARY_PERCENT: Final = (1, 99)
CANARY_MINUTES: Final = (1, 60)
# Above this size of /tmp Lambda takes no snapshot.
SNAPSHOT_SCRATCH_MB: Final = 512
# Application Auto Scaling, target tracking of provisioned concurrency utilisation.
UTILISATION: Final = (0.1, 0.9)


class StageError(ValueError):
    """A stage's settings contradict each other or AWS; the message says which and why."""


def require(condition: bool, sentence: str) -> None:
    """Raise StageError with the sentence unless the condition holds."""
    if not condition:
        raise StageError(sentence)


def in_range(value: float, bounds: tuple[float, float], name: str) -> None:
    """Raise StageError unless low <= value <= high."""
    low, high = bounds
    require(low <= value <= high, f"{name} must be from {low} to {high}, got {value}")


@dataclass(frozen=True, slots=True)
class ScheduledMinimum:
    """A floor of provisioned concurrency from a moment on, as an EventBridge cron expression in UTC."""

    cron: str
    concurrency: int

    def __post_init__(self) -> None:
        """Refuse a floor of zero: AWS removes the configuration then, and the next deployment fails."""
        require(self.concurrency >= 1, f"a scheduled minimum must be at least 1, got {self.concurrency}")


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Sandboxes started ahead: `concurrency` always, up to `maximum` by target tracking on utilisation."""

    concurrency: int
    maximum: int | None = None
    target_utilisation: float = 0.7
    schedule: tuple[ScheduledMinimum, ...] = ()

    def __post_init__(self) -> None:
        """Refuse counts that contradict each other."""
        require(self.concurrency >= 1, f"provisioned concurrency must be at least 1, got {self.concurrency}")
        in_range(self.target_utilisation, UTILISATION, "target utilisation")
        for count in (self.concurrency, *(minimum.concurrency for minimum in self.schedule)):
            require(count <= self.ceiling, f"provisioned concurrency {count} is above its maximum of {self.ceiling}")

    @property
    def ceiling(self) -> int:
        """The most sandboxes that are ever provisioned."""
        return self.concurrency if self.maximum is None else self.maximum


@dataclass(frozen=True, slots=True)
class SnapStart:
    """Sandboxes restored from a snapshot that is taken when a version is published.

    Container images may have it since 2026 (aws/aws-cdk #38265, #38680), arm64 too; not with provisioned concurrency,
    a file system, or more than 512 MB of /tmp ("Lambda SnapStart", supported features and limitations).
    """


@dataclass(frozen=True, slots=True)
class OnDemand:
    """Sandboxes started when a request needs one."""


Warm = Provisioned | SnapStart | OnDemand


@dataclass(frozen=True, slots=True)
class AllAtOnce:
    """The new version is proven by the release hook, then gets all requests.

    watch_minutes: how long the deployment then waits for the function's alarm, and rolls back if it is raised.
    """

    watch_minutes: int = 0

    def __post_init__(self) -> None:
        """Refuse a watch that outlasts the hook function."""
        in_range(self.watch_minutes, WATCH_MINUTES, "watch_minutes")


@dataclass(frozen=True, slots=True)
class Canary:
    """CodeDeploy gives the proven version a share of the requests, and the rest when no alarm was raised.

    percent: the share. minutes: how long it keeps it.
    """

    percent: int = 10
    minutes: int = 5

    def __post_init__(self) -> None:
        """Refuse a canary that is no part, or that holds a deployment up for hours."""
        in_range(self.percent, CANARY_PERCENT, "a canary's percent")
        in_range(self.minutes, CANARY_MINUTES, "a canary's minutes")


RollOut = AllAtOnce | Canary


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """One deployed function.

    folder: from the project's root. handler: module.function inside it. warm: its one warm strategy.
    image: the container image that it runs from (infra.containers).
    reserved_concurrency: the most sandboxes at once, None for what the account has left.
    scratch_mb: size of /tmp. buckets: the variables (skysort.settings) by which it finds those that it uses.
    environment: variables of its own. roll_out: how a new version comes to its requests.
    signs: whether it signs with the credentials that it starts with, which a snapshot would not have.
    isolated: whether it runs in a network that reaches the stage's buckets and nothing else (constructs/network.py).
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

    def __post_init__(self) -> None:
        """Refuse what Lambda would refuse."""
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
            f"{name}: reserved concurrency must be at least 1, got {reserved}; 0 would switch the function off",
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
            f"{name}: a canary splits the alias by weights, and Lambda refuses provisioned concurrency on such an "
            "alias; use AllAtOnce(watch_minutes=...), which is proven before and rolled back after",
        )

    def _check_snapshot(self, name: str) -> None:
        require(
            self.scratch_mb <= SNAPSHOT_SCRATCH_MB,
            f"{name}: SnapStart takes no more than {SNAPSHOT_SCRATCH_MB} MB of /tmp, scratch_mb is {self.scratch_mb}; "
            "use OnDemand or Provisioned, or a smaller /tmp",
        )
        require(
            not self.signs,
            f"{name}: it signs with the credentials that it starts with, and a function restored from a snapshot "
            "gets its credentials later, elsewhere; use OnDemand or Provisioned",
        )

    @property
    def provisioned(self) -> int:
        """How many sandboxes are started ahead."""
        return self.warm.concurrency if isinstance(self.warm, Provisioned) else 0

    @property
    def committed(self) -> int:
        """How many of the account's sandboxes are set aside for it at most."""
        ahead = self.warm.ceiling if isinstance(self.warm, Provisioned) else 0
        return self.reserved_concurrency or ahead

    @property
    def vcpus(self) -> int:
        """Whole cores that Lambda gives for the memory, at least one."""
        return max(1, self.memory_mb // MEMORY_MB_PER_VCPU)
