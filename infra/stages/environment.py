"""Environment variables of a function, the same on AWS and on the local stack, by the names in skysort.settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from infra.api.routes import ROUTES
from infra.stages.stage import AwsStage
from skysort import METRICS_NAMESPACE, settings

if TYPE_CHECKING:
    from infra.stages.functions import FunctionSettings
    from infra.stages.stage import Stage


_HTTP: Final = frozenset(route.function for route in ROUTES)


def variables(
    stage: Stage,
    name: str,
    function: FunctionSettings,
    *,
    drop_bucket: str,
    results_bucket: str,
    models_bucket: str,
    home: str,
) -> dict[str, str]:
    """The variables of one function, besides Lambda's own.

    Parameters
    ----------
    name
        The function's name in the stage.
    drop_bucket, results_bucket, models_bucket
        The complete names of the stage's buckets; a function gets those that it uses.
    home
        The only folder that can be written to.

    Returns
    -------
    dict of str
        Values by name.
    """
    buckets = {
        settings.DROP_BUCKET: drop_bucket,
        settings.RESULTS_BUCKET: results_bucket,
        settings.MODELS_BUCKET: models_bucket,
    }
    return {
        settings.STAGE: stage.name,
        settings.CLIENTS: stage.clients.value,
        # Metrics and logs of two stages in one account are told apart by it.
        settings.SERVICE_NAME: stage.function_name(name),
        settings.METRICS_NAMESPACE: METRICS_NAMESPACE,
        settings.LOG_LEVEL: "INFO",
        "HOME": home,
        "XDG_CACHE_HOME": home,
        **{bucket: buckets[bucket] for bucket in function.buckets},
        **(_bulk(stage) if function.bulk else {}),
        **(_pages(stage) if name in _HTTP and isinstance(stage, AwsStage) else {}),
        **function.environment,
    }


def _pages(stage: AwsStage) -> dict[str, str]:
    """What HTTP functions are told of pages at other origins, and of the path below which they are reached."""
    origin, base = stage.api.page_origin, stage.domain.base_path if stage.domain else None
    return {
        **({settings.PAGE_ORIGINS: json.dumps([origin])} if origin else {}),
        **({settings.BASE_PATH: base} if base else {}),
    }


def _bulk(stage: Stage) -> dict[str, str]:
    """What functions are told of bulk jobs."""
    told = {
        settings.BULK_SOURCES: json.dumps(stage.bulk_sources),
        settings.BULK_CONCURRENCY: json.dumps(dict(stage.bulk_parts)),
    }
    return told | ({settings.GLUE_DATABASE: stage.glue_database} if stage.glue_database else {})
