"""The stages that skysort runs in, one typed settings object each: local (`make run`), dev and prod (AWS)."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Final

from infra.stages.api import ApiSettings, Client, Firewall
from infra.stages.drop import VISIBILITY_TIMEOUTS, DropQueue, DropRetention
from infra.stages.functions import (
    AllAtOnce,
    Canary,
    FunctionSettings,
    OnDemand,
    Provisioned,
    RollOut,
    ScheduledMinimum,
    Warm,
)
from infra.stages.operations import P99_MS, Alarms, Flood, Operations
from infra.stages.stage import LocalLimits, Stage
from skysort.clients import Sharing
from skysort.limits import DROP_ALONE_RECEIVES

if TYPE_CHECKING:
    from collections.abc import Mapping

# The models with a drop folder, each with a queue of its own.
MODELS: Final = ("star", "galaxy", "image")
_DROP_BATCH: Final = 10

# Where the kept-warm functions prove themselves under real requests after a deployment.
WATCHED: Final = AllAtOnce(watch_minutes=5)


def _star(warm: Warm, reserved: int | None, roll_out: RollOut | None = None) -> FunctionSettings:
    return FunctionSettings(
        "functions/star",
        "app.handler",
        "star",
        memory_mb=1_769,
        timeout_s=15,
        warm=warm,
        reserved_concurrency=reserved,
        roll_out=roll_out or AllAtOnce(),
    )


def _star_drop(reserved: int, warm: Warm | None = None) -> FunctionSettings:
    # FITS and Parquet pass through /tmp: the largest allowed file, its decoded form and the result.
    return FunctionSettings(
        "functions/star",
        "drop.handler",
        "star-drop",
        memory_mb=3_538,
        timeout_s=900,
        warm=warm or OnDemand(),
        scratch_mb=8_192,
        reserved_concurrency=reserved,
    )


def _picture(model: str, warm: Warm, reserved: int | None, roll_out: RollOut | None = None) -> FunctionSettings:
    # Decoding a picture of the largest allowed size takes up to 1 GB.
    return FunctionSettings(
        f"functions/{model}",
        "app.handler",
        model,
        memory_mb=1_769,
        timeout_s=25,
        warm=warm,
        reserved_concurrency=reserved,
        roll_out=roll_out or AllAtOnce(),
    )


def _picture_drop(model: str, reserved: int) -> FunctionSettings:
    # Archives pass through /tmp, one at a time; pictures are decoded two at a time.
    return FunctionSettings(
        f"functions/{model}",
        "drop.handler",
        model,
        memory_mb=3_538,
        timeout_s=900,
        warm=OnDemand(),
        scratch_mb=4_096,
        reserved_concurrency=reserved,
        environment={"SKYSORT_THREADS": "2"},
    )


def _control(
    reserved: int | None = None, warm: Warm | None = None, roll_out: RollOut | None = None
) -> FunctionSettings:
    return FunctionSettings(
        "functions/control",
        "app.handler",
        "control",
        memory_mb=512,
        timeout_s=10,
        warm=warm or OnDemand(),
        reserved_concurrency=reserved,
        roll_out=roll_out or AllAtOnce(),
        signs=True,
    )


def _drop_queue(model: str, stage: str, maximum_concurrency: int, window_s: int) -> DropQueue:
    """Ten files an invocation, which ends with at least the first of them done or refused (skysort.drop.deadline).

    Receives enough that ten files of a whole invocation each have theirs alone, even if each time they come together,
    and the function was killed over them at each try before.
    """
    return DropQueue(
        function=f"{model}-drop",
        queue=f"skysort-{model}-drop-{stage}",
        dead_letter_queue=f"skysort-{model}-drop-dlq-{stage}",
        prefix=f"incoming/{model}/",
        batch_size=_DROP_BATCH,
        batching_window_s=window_s,
        visibility_timeout_s=VISIBILITY_TIMEOUTS * 900,
        max_receive_count=DROP_ALONE_RECEIVES - 1 + _DROP_BATCH,
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
        clients=Sharing.SHARED,
        laptop=LocalLimits(),
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
            "control": _control(10),
        },
        release_hook_concurrency=5,
        drop_queues=tuple(_drop_queue(model, "dev", maximum_concurrency=5, window_s=1) for model in MODELS),
        drop_bucket="skysort-drop-dev",
        results_bucket="skysort-results-dev",
        clients=Sharing.SHARED,
        api=ApiSettings(clients=(Client("developer", rate_per_s=50, burst=100),), rate_per_s=100, burst=200),
        log_days=7,
        tags={"project": "skysort", "stage": "dev"},
    )


def _isolated(functions: Mapping[str, FunctionSettings]) -> dict[str, FunctionSettings]:
    """The same functions, those without a way out but to S3 that read foreign files and need nothing else for it."""
    reading = {f"{model}-drop" for model in MODELS} | {"galaxy", "image"}
    return {name: dataclasses.replace(function, isolated=name in reading) for name, function in functions.items()}


def prod() -> Stage:
    """The public service: kept warm, star and galaxy more of it through observing nights in Chile (UTC-3 to -4).

    Every function has a ceiling, so that an hour of abuse has one in dollars (infra/commands/abuse_costs.py).
    """
    nights = (ScheduledMinimum("cron(0 22 * * ? *)", 10), ScheduledMinimum("cron(0 12 * * ? *)", 2))
    return Stage(
        name="prod",
        functions=_isolated(
            {
                "star": _star(Provisioned(2, maximum=50, schedule=nights), 100, WATCHED),
                "star-drop": _star_drop(20),
                "galaxy": _picture("galaxy", Provisioned(2, maximum=50, schedule=nights), 100, WATCHED),
                "galaxy-drop": _picture_drop("galaxy", 20),
                "image": _picture("image", Provisioned(2, maximum=50), 100, WATCHED),
                "image-drop": _picture_drop("image", 20),
                "control": _control(40, roll_out=Canary(percent=10, minutes=5)),
            }
        ),
        release_hook_concurrency=10,
        drop_queues=tuple(_drop_queue(model, "prod", maximum_concurrency=20, window_s=5) for model in MODELS),
        operations=Operations(alarms=Alarms(P99_MS), monthly_budget_usd=500, stop_at_percent=100, flood=Flood()),
        drop_bucket="skysort-drop-prod",
        results_bucket="skysort-results-prod",
        clients=Sharing.SEPARATE,
        drop_retention=DropRetention(results=365),
        api=ApiSettings(
            clients=(
                Client("page", rate_per_s=200, burst=400, daily_quota=1_000_000),
                Client("survey", rate_per_s=500, burst=1_000),
            ),
            firewall=Firewall(),
        ),
        log_days=90,
        keep_data=True,
        tags={"project": "skysort", "stage": "prod"},
    )


AWS_STAGES: Final = {"dev": dev, "prod": prod}
STAGES: Final = {"local": local, **AWS_STAGES}
