"""The stages of skysort: local (`make run`), dev and prod (AWS)."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Final

from infra.stages.api import ApiSettings, Client, Firewall
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
from infra.stages.queues import DROP_BATCH, DROP_TABLES, DropQueue
from infra.stages.release import SPARE
from infra.stages.retention import DropRetention
from infra.stages.stage import AwsStage, LocalStage
from infra.state_machine.definition import SHARDS_AT_ONCE
from skysort.clients import Sharing
from skysort.models import BULK, CUSTOM, CUSTOM_ROWS, MODELS, PICTURES, ROWS, TRAINED_ROWS
from skysort.settings import BLAS_THREADS, DROP_BUCKET, MODELS_BUCKET, RESULTS_BUCKET, THREADS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.stages.stage import Stage
    from skysort.models import Model

# Models used more at night, in Chile (UTC-3 to -4).
_AT_NIGHT: Final = frozenset({"star", "galaxy"})
_NIGHTS: Final = (ScheduledMinimum("cron(0 22 * * ? *)", 10), ScheduledMinimum("cron(0 12 * * ? *)", 2))

_ON_DEMAND: Final = OnDemand()
_AT_ONCE: Final = AllAtOnce()
# Models that have functions of their own to train and serve what people train.
TRAINED: Final = (CUSTOM, TRAINED_ROWS)
# Functions for each model: the built-in ones, and the one for what people train on pictures.
SERVED: Final = (*MODELS.values(), CUSTOM)
# For the kept-warm functions, which are watched under real requests after a deployment.
_WATCHED: Final = AllAtOnce(watch_minutes=5)


def _models(model: Model) -> tuple[str, ...]:
    """The models bucket, for a function of a model of which people train their own."""
    return (MODELS_BUCKET,) if model in TRAINED else ()


def _http(
    model: Model, warm: Warm, reserved: int, roll_out: RollOut = _AT_ONCE, *, isolated: bool = False
) -> FunctionSettings:
    """The HTTP function of a model; for pictures it also reads dropped files by their s3_key."""
    pictures = model.input is PICTURES
    buckets = (*((DROP_BUCKET,) if pictures else ()), *_models(model))
    return FunctionSettings(
        model.folder,
        "app.handler",
        model.name,
        # Decoding a picture of maximum size takes up to 1 GB.
        memory_mb=1_769,
        timeout_s=25 if pictures else 15,
        warm=warm,
        reserved_concurrency=reserved,
        buckets=buckets,
        roll_out=roll_out,
        isolated=isolated and bool(buckets),
    )


def _drop(model: Model, reserved: int, warm: Warm = _ON_DEMAND, *, isolated: bool = False) -> FunctionSettings:
    """The function that classifies a model's dropped files."""
    # FITS and Parquet tables need /tmp for a file of maximum size, its decoded form and the result, as do archives of
    # pictures, one at a time; pictures are decoded two at a time.
    rows = model.input is ROWS
    return FunctionSettings(
        model.folder,
        "drop.handler",
        model.drop_function if rows else model.name,
        memory_mb=3_538,
        timeout_s=900,
        warm=warm,
        scratch_mb=8_192 if rows else 4_096,
        reserved_concurrency=reserved,
        buckets=(RESULTS_BUCKET, *_models(model)),
        environment={} if rows else {THREADS: "2"},
        isolated=isolated,
    )


def _train(model: Model, reserved: int, *, isolated: bool = False) -> FunctionSettings:
    """The function that does the steps of a training, in the image of the drop function."""
    drop = _drop(model, reserved, isolated=isolated)
    # The matrices of a few hundred examples are small: threads of OpenBLAS wait for each other longer than they work,
    # the more so where other processes use the cores (a fit four times as long, measured on two of them).
    environment = {**drop.environment, BLAS_THREADS: "1"}
    buckets = (DROP_BUCKET, MODELS_BUCKET)
    return dataclasses.replace(drop, handler="train.handler", buckets=buckets, environment=environment)


def _bulk(model: Model, reserved: int, *, isolated: bool = False) -> FunctionSettings:
    """The function that classifies the parts of bulk jobs, as its drop function does, with Arrow for the results."""
    drop = _drop(model, reserved, isolated=isolated)
    return dataclasses.replace(
        drop,
        handler="bulk.handler",
        image=drop.image if model.input is ROWS else model.bulk_function,
        buckets=(DROP_BUCKET, RESULTS_BUCKET, *_models(model)),
        bulk=True,
    )


def _bulk_plan(reserved: int) -> FunctionSettings:
    """The function that plans, prices and finishes bulk jobs."""
    return FunctionSettings(
        "functions/bulk",
        "app.handler",
        BULK,
        memory_mb=1_769,
        timeout_s=900,
        reserved_concurrency=reserved,
        scratch_mb=2_048,
        buckets=(DROP_BUCKET, RESULTS_BUCKET, MODELS_BUCKET),
        bulk=True,
    )


def _bulk_parts(rows: int, pictures: int) -> dict[str, int]:
    """Parts of a job at once, by the function that classifies them."""
    return {model.bulk_function: rows if model.input is ROWS else pictures for model in SERVED}


def _control(reserved: int, warm: Warm = _ON_DEMAND, roll_out: RollOut = _AT_ONCE) -> FunctionSettings:
    return FunctionSettings(
        "functions/control",
        "app.handler",
        "control",
        # A whole vCPU: the status of a batch of 10,000 pictures takes 0.3 s of one, that of an archive with 50,000
        # records 0.6 s, besides 21 or 51 requests to S3. With 512 MB, 0.29 of a vCPU, that would take 3.5 times as long
        # and cost the same.
        memory_mb=1_769,
        timeout_s=25,
        warm=warm,
        reserved_concurrency=reserved,
        buckets=(DROP_BUCKET, RESULTS_BUCKET, MODELS_BUCKET),
        roll_out=roll_out,
        signs=True,
        bulk=True,
    )


def _queues(stage: str, maximum_concurrency: int, window_s: int) -> tuple[DropQueue, ...]:
    return tuple(
        DropQueue(
            model=model,
            stage=stage,
            maximum_concurrency=maximum_concurrency,
            batching_window_s=window_s,
            batch_size=DROP_TABLES if model.input is ROWS else DROP_BATCH,
            folders=(model.name, CUSTOM_ROWS) if model is TRAINED_ROWS else (),
        )
        for model in SERVED
    )


def _one_thread(function: FunctionSettings) -> FunctionSettings:
    """The function with a thread a sandbox, where as many as there are cores work at once: parts take a third less."""
    return dataclasses.replace(function, environment={**function.environment, THREADS: "1"})


def _database(stage: str) -> str:
    """The stage's database in Glue, whose names have no hyphens for Athena's sake."""
    return f"skysort_{stage.replace('-', '_')}"


def _cores() -> int:
    """Number of cores available to this process; macOS has no CPU affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local(cores: int | None = None) -> LocalStage:
    """The stage of `make run`: a star sandbox per core, one for dropped tables."""
    # A sandbox of every HTTP function is started in advance, so that a function that cannot start fails the stack
    # instead of the first request; more sandboxes for pictures, and those for dropped pictures, start on demand.
    cores = cores or _cores()
    return LocalStage(
        name="local",
        functions={
            **{m.name: _http(m, Provisioned(cores if m.input is ROWS else 1), cores) for m in SERVED},
            **{m.drop_function: _drop(m, 1, Provisioned(1) if m.input is ROWS else _ON_DEMAND) for m in SERVED},
            **{model.train_function: _train(model, cores) for model in TRAINED},
            **{m.bulk_function: _one_thread(_bulk(m, cores)) if m.input is ROWS else _bulk(m, cores) for m in SERVED},
            BULK: _bulk_plan(1),
            "control": _control(1, Provisioned(1)),
        },
        drop_queues=_queues("local", maximum_concurrency=1, window_s=0),
        drop_bucket="skysort-drop-local",
        results_bucket="skysort-results-local",
        models_bucket="skysort-models-local",
        clients=Sharing.SHARED,
        bulk_parts=_bulk_parts(cores, cores),
    )


def dev(name: str = "dev") -> AwsStage:
    """A developer's copy in AWS: nothing is kept warm, and nobody is woken."""
    return AwsStage(
        name=name,
        functions={
            **{model.name: _http(model, _ON_DEMAND, 20) for model in SERVED},
            **{model.drop_function: _drop(model, 5 + SPARE) for model in SERVED},
            # One training's shards of pictures at once; steps that find no sandbox free are tried again.
            CUSTOM.train_function: _train(CUSTOM, SHARDS_AT_ONCE + SPARE),
            TRAINED_ROWS.train_function: _train(TRAINED_ROWS, 2 + SPARE),
            **{model.bulk_function: _bulk(model, 10 + SPARE) for model in SERVED},
            BULK: _bulk_plan(2 + SPARE),
            "control": _control(10),
        },
        release_hook_concurrency=5,
        drop_queues=_queues(name, maximum_concurrency=5, window_s=1),
        drop_bucket=f"skysort-drop-{name}",
        results_bucket=f"skysort-results-{name}",
        models_bucket=f"skysort-models-{name}",
        clients=Sharing.SHARED,
        bulk_parts=_bulk_parts(10, 10),
        glue_database=_database(name),
        # Few people look at its page: from anywhere, but from the edge locations that cost least.
        api=ApiSettings(
            clients=(Client("developer", rate_per_s=50, burst=100),), rate_per_s=100, burst=200, price_class="100"
        ),
        log_days=7,
        tags={"project": "skysort", "stage": name},
    )


def _kept_warm(model: Model) -> Provisioned:
    return Provisioned(2, maximum=50, schedule=_NIGHTS if model.name in _AT_NIGHT else ())


def prod(name: str = "prod") -> AwsStage:
    """The public service: kept warm; functions that read untrusted files can reach only S3."""
    # Every function has a concurrency limit, which bounds the cost of abuse (infra/commands/abuse_costs.py).
    return AwsStage(
        name=name,
        functions={
            **{m.name: _http(m, _kept_warm(m), 100, _WATCHED, isolated=True) for m in MODELS.values()},
            CUSTOM.name: _http(CUSTOM, _ON_DEMAND, 100, _WATCHED, isolated=True),
            **{model.drop_function: _drop(model, 20 + SPARE, isolated=True) for model in SERVED},
            CUSTOM.train_function: _train(CUSTOM, 2 * SHARDS_AT_ONCE + SPARE, isolated=True),
            TRAINED_ROWS.train_function: _train(TRAINED_ROWS, 5 + SPARE, isolated=True),
            **{m.bulk_function: _bulk(m, (60 if m.input is ROWS else 30) + SPARE, isolated=True) for m in SERVED},
            # Not isolated: it registers the tables of results in Glue, which is not behind S3's endpoint.
            BULK: _bulk_plan(5 + SPARE),
            "control": _control(40, roll_out=Canary(percent=10, minutes=5)),
        },
        release_hook_concurrency=10,
        drop_queues=_queues(name, maximum_concurrency=20, window_s=5),
        operations=Operations(alarms=Alarms(P99_MS), monthly_budget_usd=800, stop_at_percent=100, flood=Flood()),
        drop_bucket=f"skysort-drop-{name}",
        results_bucket=f"skysort-results-{name}",
        models_bucket=f"skysort-models-{name}",
        clients=Sharing.SEPARATE,
        bulk_parts=_bulk_parts(rows=60, pictures=30),
        glue_database=_database(name),
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
        tags={"project": "skysort", "stage": name},
    )


# By name; each makes a stage of that name, or of another with the same settings.
AWS_STAGES: Final[Mapping[str, Callable[..., AwsStage]]] = {"dev": dev, "prod": prod}
STAGES: Final[Mapping[str, Callable[[], Stage]]] = {"local": local, **AWS_STAGES}
