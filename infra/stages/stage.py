"""Stage settings: everything that differs between environments; used by CDK and the local stack.

A stage that AWS would reject, or with inconsistent settings, raises StageError on construction.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Self

from infra.api.routes import ROUTES
from infra.stages.account import AccountSettings, check_stage_name
from infra.stages.functions import TIMEOUT_S, StageError, in_range, require
from infra.stages.operations import Operations
from infra.stages.release import check_release_hook, check_spare
from skysort import limits
from skysort.clients import Sharing
from skysort.drop.keys import INCOMING
from skysort.limits import DROP_ALONE_RECEIVES
from skysort.settings import BULK_SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.stages.api import ApiSettings
    from infra.stages.functions import FunctionSettings
    from skysort.models import Model

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
# AWS quotas ("Step Functions quotas"): concurrent child executions of a distributed map.
BULK_PARTS_AT_ONCE: Final = (1, 10_000)
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
