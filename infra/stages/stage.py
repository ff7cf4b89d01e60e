"""Stage settings: everything that differs between environments; used by CDK and the local stack.

A stage that AWS would reject, or with inconsistent settings, raises StageError on construction.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Self

from infra.api.routes import ROUTES
from infra.stages.account import AccountSettings, check_stage_name
from infra.stages.functions import StageError, in_range, require
from infra.stages.operations import Operations
from infra.stages.queues import MAXIMUM_CONCURRENCY, VISIBILITY_TIMEOUT_S, VISIBILITY_TIMEOUTS, DropQueue
from infra.stages.release import check_release_hook, check_spare
from infra.stages.retention import DropRetention, ModelRetention
from skysort import limits
from skysort.clients import Sharing
from skysort.settings import BULK_SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.stages.api import ApiSettings
    from infra.stages.functions import FunctionSettings

Architecture = Literal["x86_64", "arm64"]

# AWS Lambda quotas: default concurrent executions of an account and region (new accounts may have 10), and how many of
# them cannot be reserved.
ACCOUNT_CONCURRENCY: Final = 1_000
UNRESERVED: Final = 100
# Maximum memory of functions in accounts whose quota has not been raised: "'MemorySize' value failed to satisfy
# constraint: Member must have value less than or equal to 3008" (awslabs/cdk-serverless-clamscan #431).
SMALL_MEMORY_MB: Final = 3_008
# Retention periods of CloudWatch Logs (PutRetentionPolicy), up to two years.
LOG_DAYS: Final = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
# AWS quotas ("Step Functions quotas"): concurrent child executions of a distributed map.
BULK_PARTS_AT_ONCE: Final = (1, 10_000)


@dataclass(frozen=True, slots=True)
class LocalLimits:
    """Limits of the local stack, where it differs from AWS.

    queue_depth, queue_wait_s: instead of starting more sandboxes than the machine has cores, up to this many requests
    wait for one, for at most this time in seconds, then get 429.
    idle_stop_s: an on-demand sandbox stops after this idle time.
    redelivery_s: for tests: a message that was not processed is visible again after this time, however that came; None
    for the deployed times, those of the function and of the queue's visibility timeout.
    """

    queue_depth: int = 512
    queue_wait_s: float = 5.0
    idle_stop_s: float = 60.0
    redelivery_s: int | None = None

    def __post_init__(self) -> None:
        """Reject limits that could never serve a request."""
        require(self.queue_depth >= 0, f"queue_depth must not be negative (got {self.queue_depth})")
        require(self.queue_wait_s >= 0, f"queue_wait_s must not be negative (got {self.queue_wait_s})")
        if self.redelivery_s is not None:
            in_range(self.redelivery_s, VISIBILITY_TIMEOUT_S, "redelivery_s")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Settings common to all stages.

    Bucket names are complete on the local stage; on AWS, CDK appends account and region, as bucket names are global.
    clients: whether clients share batches and dropped files, or see only their own (skysort.clients).
    bulk_parts: parts of a bulk job at once, by the function that classifies them.
    bulk_sources: "bucket/prefix" of objects outside of the drop bucket that bulk jobs of every client may read.
    glue_database: where results of bulk jobs become tables; None for none.
    """

    name: str
    functions: Mapping[str, FunctionSettings]
    drop_queues: tuple[DropQueue, ...]
    drop_bucket: str
    results_bucket: str
    models_bucket: str
    region: str | None = None
    clients: Sharing = Sharing.SEPARATE
    bulk_parts: Mapping[str, int]
    bulk_sources: tuple[str, ...] = ()
    glue_database: str | None = None

    def __post_init__(self) -> None:
        """Reject inconsistent functions, queues and routes."""
        buckets = {self.drop_bucket, self.results_bucket, self.models_bucket}
        require(
            len(buckets) == 3,  # noqa: PLR2004 - all of them
            "dropped files, results and models need separate buckets, to prevent loops",
        )
        for route in ROUTES:
            function = self._function(route.function, f"{route.method} {route.path}")
            require(
                function.timeout_s <= limits.GATEWAY_TIMEOUT_S,
                f"{route.function} serves HTTP, and the gateway's timeout is {limits.GATEWAY_TIMEOUT_S:g} s; "
                f"its timeout_s is {function.timeout_s}",
            )
        for queue in self.drop_queues:
            function = self._function(queue.function, queue.queue)
            least, reserved = VISIBILITY_TIMEOUTS * function.timeout_s, function.reserved_concurrency
            require(
                queue.visibility_timeout_s >= least,
                f"{queue.queue}: the visibility timeout must be at least {VISIBILITY_TIMEOUTS} times the timeout of "
                f"{queue.function}, {least} s; it is {queue.visibility_timeout_s} s",
            )
            require(
                reserved is None or queue.maximum_concurrency <= reserved,
                f"{queue.queue}: its maximum concurrency {queue.maximum_concurrency} is above the {reserved} "
                f"reserved for {queue.function}; batches would be throttled into the dead-letter queue",
            )
        for name, parts in self.bulk_parts.items():
            in_range(parts, BULK_PARTS_AT_ONCE, f"bulk_parts of {name}")
            reserved = self._function(name, "bulk_parts").reserved_concurrency
            require(
                reserved is None or parts <= reserved,
                f"bulk_parts of {name}: {parts} at once are above the {reserved} reserved for it; parts would be "
                "throttled for as long as their job runs",
            )
        for source in self.bulk_sources:
            require(
                BULK_SOURCE.fullmatch(source) is not None,
                f"bulk_sources: {source!r} must read like survey-data/dr9/, a bucket and the beginning of its keys",
            )

    def _function(self, name: str, source: str) -> FunctionSettings:
        function = self.functions.get(name)
        if function is None:
            raise StageError(f"{source}: stage {self.name} has no function {name}")
        return function

    def function_name(self, function: str) -> str:
        """The deployed name, e.g. ``skysort-star-prod``."""
        return f"skysort-{function}-{self.name}"


@dataclass(frozen=True, kw_only=True)
class LocalStage(Stage):
    """A stage on this machine, whose gateway requires no key. region: what its functions are told."""

    region: str = "us-east-1"
    limits: LocalLimits = field(default_factory=LocalLimits)

    @property
    def trainings_queue(self) -> str:
        """The queue of training requests, which starts executions here; in AWS, EventBridge does."""
        return f"skysort-trainings-{self.name}"

    @property
    def bulk_queue(self) -> str:
        """The queue of what starts the runs of bulk jobs, likewise."""
        return f"skysort-bulk-{self.name}"


@dataclass(frozen=True, kw_only=True)
class AwsStage(AccountSettings, Stage):
    """A stage in an AWS account.

    api: its HTTP API.
    architecture: of all images. x86_64 by default: ONNX Runtime's core detection has failed in arm64 sandboxes of
    Lambda (microsoft/onnxruntime #10038), and no fix is confirmed.
    log_days: retention of logs.
    keep_data: whether buckets and logs outlive the stack, and the stack is protected against deletion.
    tags: of all resources. account_concurrency: the account's concurrency limit in the region.
    release_hook_concurrency: reserved for the hook that verifies new versions, several of them concurrently.
    small: whether the account may not have functions of more than SMALL_MEMORY_MB.
    """

    api: ApiSettings
    drop_retention: DropRetention = field(default_factory=DropRetention)
    model_retention: ModelRetention = field(default_factory=ModelRetention)
    operations: Operations = field(default_factory=Operations)
    architecture: Architecture = "x86_64"
    log_days: int = 30
    keep_data: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    account_concurrency: int = ACCOUNT_CONCURRENCY
    release_hook_concurrency: int | None = None
    small: bool = False

    def __post_init__(self) -> None:
        """Reject what an account could not run, or callers could exhaust."""
        super().__post_init__()
        check_stage_name(self.name)
        self.check_account()
        for name, function in self.functions.items():
            require(
                not self.small or function.memory_mb <= SMALL_MEMORY_MB,
                f"{name} has {function.memory_mb:,} MB, and a small account allows {SMALL_MEMORY_MB:,} MB: lower its "
                "memory_mb, or have the quota raised and leave out small",
            )
        require(self.log_days in LOG_DAYS, f"log_days must be one of {', '.join(map(str, LOG_DAYS))}: {self.log_days}")
        for queue in self.drop_queues:
            in_range(queue.maximum_concurrency, MAXIMUM_CONCURRENCY, f"{queue.queue}: maximum_concurrency")
        queues = [(queue.function, queue.maximum_concurrency, queue.queue) for queue in self.drop_queues]
        check_spare(
            self.functions, [*queues, *((name, parts, "bulk_parts") for name, parts in self.bulk_parts.items())]
        )
        check_release_hook(self.functions, self.release_hook_concurrency)
        unbounded = [name for name, function in self.functions.items() if function.reserved_concurrency is None]
        require(
            not unbounded or self.without_any_reserved,
            f"stage {self.name} reserves no concurrency for {', '.join(unbounded)}: its callers could use up the "
            "account's remaining concurrency. Reserve some for every function, or for none",
        )
        committed = self.committed
        require(
            committed == 0 or committed <= self.account_concurrency - UNRESERVED,
            f"stage {self.name} commits {committed} sandboxes by reserved and provisioned concurrency; an account of "
            f"{self.account_concurrency} may commit {max(0, self.account_concurrency - UNRESERVED)}, since AWS keeps "
            f"{UNRESERVED} for functions without any. Request an increase of the quota 'Concurrent executions', or "
            "deploy a stage without provisioned concurrency with -c reserve=no",
        )

    @property
    def without_any_reserved(self) -> bool:
        """Whether no function has reserved concurrency, so only the account's limit applies."""
        reserved = [function.reserved_concurrency for function in self.functions.values()]
        return all(count is None for count in (*reserved, self.release_hook_concurrency))

    @property
    def page_origins(self) -> tuple[str, ...]:
        """The origins of pages that are known before CloudFront draws an address, and may upload."""
        own = f"https://{self.domain.page}" if self.domain is not None and self.domain.page is not None else None
        return tuple(origin for origin in (own, self.api.page_origin) if origin is not None)

    @property
    def committed(self) -> int:
        """The maximum of the account's concurrency reserved or provisioned for this stage."""
        brake = 1 if self.release_hook_concurrency and self.operations.flood else 0
        hook = self.release_hook_concurrency or 0
        return sum(function.committed for function in self.functions.values()) + hook + brake

    def without_reservations(self) -> Self:
        """The same stage without reserved concurrency, for accounts with a low limit; queues keep their maximum."""
        functions = {
            name: dataclasses.replace(function, reserved_concurrency=None) for name, function in self.functions.items()
        }
        return dataclasses.replace(self, functions=functions, release_hook_concurrency=None)

    def for_small_account(self) -> Self:
        """The same stage with no function above SMALL_MEMORY_MB, for accounts whose quota has not been raised."""
        functions = {
            name: dataclasses.replace(function, memory_mb=min(function.memory_mb, SMALL_MEMORY_MB))
            for name, function in self.functions.items()
        }
        return dataclasses.replace(self, functions=functions, small=True)
