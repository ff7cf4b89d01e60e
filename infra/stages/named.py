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
from skysort.models import MODELS, PICTURES, ROWS, of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort.models import Model

_DROP_BATCH: Final = 10
# What observers ask for, more of it at night.
_AT_NIGHT: Final = frozenset({"star", "galaxy"})

# Where the kept-warm functions prove themselves under real requests after a deployment.
WATCHED: Final = AllAtOnce(watch_minutes=5)


def _rows(model: Model, warm: Warm, reserved: int | None, roll_out: RollOut | None = None) -> FunctionSettings:
    return FunctionSettings(
        model.folder,
        "app.handler",
        model.name,
        memory_mb=1_769,
        timeout_s=15,
        warm=warm,
        reserved_concurrency=reserved,
        roll_out=roll_out or AllAtOnce(),
    )


def _rows_drop(model: Model, reserved: int, warm: Warm) -> FunctionSettings:
    # FITS and Parquet pass through /tmp: the largest allowed file, its decoded form and the result.
    return FunctionSettings(
        model.folder,
        "drop.handler",
        model.drop_function,
        memory_mb=3_538,
        timeout_s=900,
        warm=warm,
        scratch_mb=8_192,
        reserved_concurrency=reserved,
    )


def _pictures(model: Model, warm: Warm, reserved: int | None, roll_out: RollOut | None = None) -> FunctionSettings:
    # Decoding a picture of the largest allowed size takes up to 1 GB.
    return FunctionSettings(
        model.folder,
        "app.handler",
        model.name,
        memory_mb=1_769,
        timeout_s=25,
        warm=warm,
        reserved_concurrency=reserved,
        roll_out=roll_out or AllAtOnce(),
    )


def _pictures_drop(model: Model, reserved: int, warm: Warm) -> FunctionSettings:
    # Archives pass through /tmp, one at a time; pictures are decoded two at a time.
    return FunctionSettings(
        model.folder,
        "drop.handler",
        model.name,
        memory_mb=3_538,
        timeout_s=900,
        warm=warm,
        scratch_mb=4_096,
        reserved_concurrency=reserved,
        environment={"SKYSORT_THREADS": "2"},
    )


def _http(model: Model, warm: Warm, reserved: int, roll_out: RollOut | None = None) -> FunctionSettings:
    """The function that answers a model's requests."""
    return (_rows if model.input is ROWS else _pictures)(model, warm, reserved, roll_out)


def _drop(model: Model, reserved: int, warm: Warm | None = None) -> FunctionSettings:
    """The function that classifies a model's dropped files."""
    return (_rows_drop if model.input is ROWS else _pictures_drop)(model, reserved, warm or OnDemand())


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


def _drop_queue(model: Model, stage: str, maximum_concurrency: int, window_s: int) -> DropQueue:
    """Ten files an invocation, which ends with at least the first of them done or refused (skysort.drop.deadline).

    Receives enough that ten files of a whole invocation each have theirs alone, even if each time they come together,
    and the function was killed over them at each try before.
    """
    return DropQueue(
        function=model.drop_function,
        queue=f"skysort-{model.name}-drop-{stage}",
        dead_letter_queue=f"skysort-{model.name}-drop-dlq-{stage}",
        prefix=f"incoming/{model.name}/",
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
            **{
                name: _http(model, Provisioned(cores if model.input is ROWS else 1), cores)
                for name, model in MODELS.items()
            },
            **{
                model.drop_function: _drop(model, 1, Provisioned(1) if model.input is ROWS else None)
                for model in MODELS.values()
            },
            "control": _control(1, Provisioned(1)),
        },
        drop_queues=tuple(_drop_queue(model, "local", maximum_concurrency=1, window_s=0) for model in MODELS.values()),
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
            **{name: _http(model, OnDemand(), 20) for name, model in MODELS.items()},
            **{model.drop_function: _drop(model, 5) for model in MODELS.values()},
            "control": _control(10),
        },
        release_hook_concurrency=5,
        drop_queues=tuple(_drop_queue(model, "dev", maximum_concurrency=5, window_s=1) for model in MODELS.values()),
        drop_bucket="skysort-drop-dev",
        results_bucket="skysort-results-dev",
        clients=Sharing.SHARED,
        api=ApiSettings(clients=(Client("developer", rate_per_s=50, burst=100),), rate_per_s=100, burst=200),
        log_days=7,
        tags={"project": "skysort", "stage": "dev"},
    )


def _isolated(functions: Mapping[str, FunctionSettings]) -> dict[str, FunctionSettings]:
    """The same functions, those without a way out but to S3 that read foreign files and need nothing else for it."""
    reading = {model.drop_function for model in MODELS.values()} | {*of_kind(PICTURES)}
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
                **{
                    name: _http(
                        model, Provisioned(2, maximum=50, schedule=nights if name in _AT_NIGHT else ()), 100, WATCHED
                    )
                    for name, model in MODELS.items()
                },
                **{model.drop_function: _drop(model, 20) for model in MODELS.values()},
                "control": _control(40, roll_out=Canary(percent=10, minutes=5)),
            }
        ),
        release_hook_concurrency=10,
        drop_queues=tuple(_drop_queue(model, "prod", maximum_concurrency=20, window_s=5) for model in MODELS.values()),
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
