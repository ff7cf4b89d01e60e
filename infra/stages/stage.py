"""What a stage is: everything that differs between places where skysort runs; read by CDK and by the local stack.

A stage that AWS would refuse, or that would surprise its owner at night, is refused here
with a sentence: building the object is the check.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from infra.api.routes import ROUTES
from infra.stages.drop import MAXIMUM_CONCURRENCY, VISIBILITY_TIMEOUTS, DropQueue, DropRetention
from infra.stages.functions import FunctionSettings, StageError, in_range, require
from infra.stages.operations import Operations
from skysort import limits
from skysort.clients import Sharing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.stages.api import ApiSettings

Architecture = Literal["x86_64", "arm64"]

# AWS Lambda quotas: concurrent executions of an account and region, by default (a new account may have 10), and how
# many of them cannot be reserved.
ACCOUNT_CONCURRENCY: Final = 1_000
UNRESERVED: Final = 100
# What CloudWatch Logs offers (PutRetentionPolicy), up to two years.
LOG_DAYS: Final = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)


@dataclass(frozen=True, slots=True)
class LocalLimits:
    """Where a laptop cannot do as AWS does; present on the local stage only.

    queue_depth, queue_wait_s: Lambda would add a sandbox where a laptop has no core left, so a request waits
    for one here, this many at most and this long, then gets 429.
    idle_stop_s: an on-demand sandbox stops after this time without work.
    retry_delay_s: a failed message is visible again after this time, not after the visibility timeout.
    """

    queue_depth: int = 512
    queue_wait_s: float = 5.0
    idle_stop_s: float = 60.0
    retry_delay_s: int = 1

    def __post_init__(self) -> None:
        """Refuse what could never serve a request."""
        require(self.queue_depth >= 0, f"queue_depth must not be negative, got {self.queue_depth}")
        require(self.queue_wait_s >= 0, f"queue_wait_s must not be negative, got {self.queue_wait_s}")


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that differs between places where skysort runs.

    Bucket names are complete on the local stage; CDK appends account and region elsewhere,
    because bucket names are global.

    architecture: of every image. x86_64 unless measured otherwise: ONNX Runtime's way of counting cores has failed in
    arm64 sandboxes of Lambda (microsoft/onnxruntime #10038), and no fix is confirmed.
    api: its HTTP API; None on the local stage, whose gateway lets everybody in. log_days: how long logs are kept.
    keep_data: whether buckets and logs outlive the stack, and the stack is protected against deletion.
    tags: of every resource. account_concurrency: sandboxes that the account may run at once in the region.
    clients: whether they see each other's batches and dropped files, or each its own (layers/skysort/clients.py).
    release_hook_concurrency: reserved for the hook that proves new versions, which waits for several at once.
    """

    name: str
    functions: Mapping[str, FunctionSettings]
    drop_queues: tuple[DropQueue, ...]
    drop_bucket: str
    results_bucket: str
    region: str = "us-east-1"
    drop_retention: DropRetention = field(default_factory=DropRetention)
    operations: Operations = field(default_factory=Operations)
    architecture: Architecture = "x86_64"
    api: ApiSettings | None = None
    log_days: int = 30
    keep_data: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    account_concurrency: int = ACCOUNT_CONCURRENCY
    release_hook_concurrency: int | None = None
    clients: Sharing = Sharing.SEPARATE
    laptop: LocalLimits | None = None

    def __post_init__(self) -> None:
        """Refuse what only shows when functions, queues and routes are seen together."""
        require(self.drop_bucket != self.results_bucket, "drop and results need two buckets, or a loop can form")
        for route in ROUTES:
            function = self.functions.get(route.function)
            require(function is not None, f"{route.method} {route.path} leads to no function of stage {self.name}")
            require(
                function is None or function.timeout_s <= limits.GATEWAY_TIMEOUT_S,
                f"{route.function} answers HTTP, and the gateway waits {limits.GATEWAY_TIMEOUT_S:g} s at most; "
                f"its timeout_s is {function.timeout_s if function else 0}",
            )
        for queue in self.drop_queues:
            self._check_queue(queue)
        require(self.log_days in LOG_DAYS, f"log_days must be one of {', '.join(map(str, LOG_DAYS))}: {self.log_days}")
        if self.laptop is None:
            self._check_account()

    def _check_account(self) -> None:
        require(self.api is not None, f"stage {self.name} needs an api: who may call it, and how often")
        unbounded = [name for name, function in self.functions.items() if function.reserved_concurrency is None]
        require(
            not unbounded or self.without_any_reserved,
            f"stage {self.name} reserves no concurrency for {', '.join(unbounded)}: whoever keeps it busy would pay "
            "with every sandbox that the account has left. Reserve some for every function, or for none",
        )
        committed = self.committed
        require(
            committed == 0 or committed <= self.account_concurrency - UNRESERVED,
            f"stage {self.name} commits {committed} sandboxes by reserved and provisioned concurrency; an account of "
            f"{self.account_concurrency} may commit {max(0, self.account_concurrency - UNRESERVED)}, since AWS keeps "
            f"{UNRESERVED} for functions without any. Have the quota 'Concurrent executions' raised, or deploy a stage "
            "without provisioned concurrency with -c reserve=no",
        )

    def _check_queue(self, queue: DropQueue) -> None:
        function = self.functions.get(queue.function)
        if function is None:
            raise StageError(f"{queue.queue} leads to no function of stage {self.name}")
        least = VISIBILITY_TIMEOUTS * function.timeout_s
        require(
            queue.visibility_timeout_s >= least,
            f"{queue.queue}: the visibility timeout must be at least {VISIBILITY_TIMEOUTS} times the timeout of "
            f"{queue.function}, {least} s; it is {queue.visibility_timeout_s} s",
        )
        reserved = function.reserved_concurrency
        require(
            reserved is None or queue.maximum_concurrency <= reserved,
            f"{queue.queue}: its maximum concurrency {queue.maximum_concurrency} is above the {reserved} "
            f"reserved for {queue.function}; batches would be throttled into the dead-letter queue",
        )
        if self.laptop is None:
            in_range(queue.maximum_concurrency, MAXIMUM_CONCURRENCY, f"{queue.queue}: maximum_concurrency")

    @property
    def without_any_reserved(self) -> bool:
        """Whether no function has concurrency reserved: the account's own limit is then the only one."""
        every = [function.reserved_concurrency for function in self.functions.values()]
        return all(reserved is None for reserved in (*every, self.release_hook_concurrency))

    @property
    def committed(self) -> int:
        """How many of the account's sandboxes are set aside for this stage at most."""
        brake = 1 if self.release_hook_concurrency and self.operations.flood else 0
        hook = self.release_hook_concurrency or 0
        return sum(function.committed for function in self.functions.values()) + hook + brake

    def function_name(self, function: str) -> str:
        """The deployed name, e.g. ``skysort-star-prod``."""
        return f"skysort-{function}-{self.name}"

    def without_reservations(self) -> Stage:
        """The same stage for an account with little concurrency: queues keep their maximum, nothing is reserved."""
        functions = {
            name: dataclasses.replace(function, reserved_concurrency=None) for name, function in self.functions.items()
        }
        return dataclasses.replace(self, functions=functions, release_hook_concurrency=None)
