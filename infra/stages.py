"""The stages that skysort is deployed to, one typed settings object each; read by CDK and by the local stack.

A stage that AWS would refuse, or that would surprise its owner at night, is refused here
with a sentence: building the object is the check.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.function_settings import (
    FunctionSettings,
    OnDemand,
    Provisioned,
    ScheduledMinimum,
    StageError,
    Warm,
    in_range,
    require,
)
from infra.routes import ROUTES
from skysort import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

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

# The models with a drop folder, each with a queue of its own.
MODELS: Final = ("star", "galaxy", "image")

# What the gateway hands to a function base64-encoded. Never */*: JSON would arrive encoded too.
BINARY_MEDIA_TYPES: Final = (
    "image/*",
    "multipart/form-data",
    "application/octet-stream",
    "application/fits",
    "application/gzip",
    "application/x-gzip",
    "application/zip",
    "application/vnd.apache.parquet",
)


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
class Laptop:
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
    """

    name: str
    functions: Mapping[str, FunctionSettings]
    drop_queues: tuple[DropQueue, ...]
    drop_bucket: str
    results_bucket: str
    region: str = "us-east-1"
    laptop: Laptop | None = None

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

    def function_name(self, function: str) -> str:
        """The deployed name, e.g. ``skysort-star-prod``."""
        return f"skysort-{function}-{self.name}"


def _star(warm: Warm, reserved: int | None) -> FunctionSettings:
    return FunctionSettings(
        "functions/star", "app.handler", memory_mb=1_769, timeout_s=15, warm=warm, reserved_concurrency=reserved
    )


def _star_drop(reserved: int, warm: Warm | None = None) -> FunctionSettings:
    # FITS and Parquet pass through /tmp: the largest allowed file, its decoded form and the result.
    return FunctionSettings(
        "functions/star",
        "drop.handler",
        memory_mb=3_538,
        timeout_s=900,
        warm=warm or OnDemand(),
        scratch_mb=8_192,
        reserved_concurrency=reserved,
    )


def _picture(model: str, warm: Warm, reserved: int | None) -> FunctionSettings:
    # Decoding a picture of the largest allowed size takes up to 1 GB.
    return FunctionSettings(
        f"functions/{model}", "app.handler", memory_mb=1_769, timeout_s=25, warm=warm, reserved_concurrency=reserved
    )


def _picture_drop(model: str, reserved: int) -> FunctionSettings:
    # Archives pass through /tmp, one at a time; pictures are decoded two at a time.
    return FunctionSettings(
        f"functions/{model}",
        "drop.handler",
        memory_mb=3_538,
        timeout_s=900,
        warm=OnDemand(),
        scratch_mb=4_096,
        reserved_concurrency=reserved,
        environment={"SKYSORT_THREADS": "2"},
    )


def _control(reserved: int | None = None, warm: Warm | None = None) -> FunctionSettings:
    return FunctionSettings(
        "functions/control",
        "app.handler",
        memory_mb=512,
        timeout_s=10,
        warm=warm or OnDemand(),
        reserved_concurrency=reserved,
    )


def _drop_queue(model: str, stage: str, maximum_concurrency: int, window_s: int) -> DropQueue:
    """Ten files an invocation: as many archives or large tables as one surely finishes before its timeout."""
    return DropQueue(
        function=f"{model}-drop",
        queue=f"skysort-{model}-drop-{stage}",
        dead_letter_queue=f"skysort-{model}-drop-dlq-{stage}",
        prefix=f"incoming/{model}/",
        batch_size=10,
        batching_window_s=window_s,
        visibility_timeout_s=VISIBILITY_TIMEOUTS * 900,
        max_receive_count=3,
        maximum_concurrency=maximum_concurrency,
    )


def _cores() -> int:
    """Cores that this process may use; macOS has no affinity to ask for."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local(cores: int | None = None) -> Stage:
    """The stage of `make run`: as many star sandboxes as the machine has cores, one for dropped tables.

    One sandbox of every function that answers requests is started ahead, so that a function that cannot start
    stops the stack instead of the first request; those for pictures are joined by more, and those for dropped
    pictures started, when there is work.
    """
    cores = cores or _cores()
    return Stage(
        name="local",
        functions={
            "star": _star(Provisioned(cores), cores),
            "star-drop": _star_drop(1, Provisioned(1)),
            "galaxy": _picture("galaxy", Provisioned(1), cores),
            "galaxy-drop": _picture_drop("galaxy", 1),
            "image": _picture("image", Provisioned(1), cores),
            "image-drop": _picture_drop("image", 1),
            "control": _control(1, Provisioned(1)),
        },
        drop_queues=tuple(_drop_queue(model, "local", maximum_concurrency=1, window_s=0) for model in MODELS),
        drop_bucket="skysort-drop-local",
        results_bucket="skysort-results-local",
        laptop=Laptop(),
    )


def dev() -> Stage:
    """One developer's copy in AWS: nothing is kept warm, so it costs nothing while unused."""
    return Stage(
        name="dev",
        functions={
            "star": _star(OnDemand(), 20),
            "star-drop": _star_drop(5),
            "galaxy": _picture("galaxy", OnDemand(), 20),
            "galaxy-drop": _picture_drop("galaxy", 5),
            "image": _picture("image", OnDemand(), 20),
            "image-drop": _picture_drop("image", 5),
            "control": _control(),
        },
        drop_queues=tuple(_drop_queue(model, "dev", maximum_concurrency=5, window_s=1) for model in MODELS),
        drop_bucket="skysort-drop-dev",
        results_bucket="skysort-results-dev",
    )


def prod() -> Stage:
    """The public service: kept warm, star and galaxy more of it through observing nights in Chile (UTC-3 to -4)."""
    nights = (ScheduledMinimum("cron(0 22 * * ? *)", 10), ScheduledMinimum("cron(0 12 * * ? *)", 2))
    return Stage(
        name="prod",
        functions={
            "star": _star(Provisioned(2, maximum=50, schedule=nights), None),
            "star-drop": _star_drop(50),
            "galaxy": _picture("galaxy", Provisioned(2, maximum=50, schedule=nights), None),
            "galaxy-drop": _picture_drop("galaxy", 50),
            "image": _picture("image", Provisioned(2, maximum=50), None),
            "image-drop": _picture_drop("image", 50),
            "control": _control(),
        },
        drop_queues=tuple(_drop_queue(model, "prod", maximum_concurrency=50, window_s=5) for model in MODELS),
        drop_bucket="skysort-drop-prod",
        results_bucket="skysort-results-prod",
    )


STAGES: Final = {"local": local, "dev": dev, "prod": prod}
