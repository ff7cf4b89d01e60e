"""The steps of trainings on tables of stars: one event of the state machine a step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from skysort.observability import Start, logger
from skysort.registry.store import S3ModelStore
from skysort.settings import TrainSettings
from skysort.trainings.star import StarSteps
from skysort.trainings.steps import Steps

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = TrainSettings.from_environment(os.environ)
stars = StarSteps(S3ModelStore.from_environment(settings.drop_bucket, os.environ), settings.threads)
steps = Steps(S3ModelStore.from_environment(settings.models_bucket, os.environ), [stars])
start.done()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes it
    """Do one step; raises TrainingRefused for a training that can never succeed."""
    logger.append_keys(training=event.get("key"), step=event.get("step"))
    return steps.run(event)
