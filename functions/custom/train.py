"""The steps of trainings on pictures: one event of the state machine a step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.custom.networks import Networks
from skysort.observability import Start, logger
from skysort.registry.store import S3ModelStore
from skysort.s3.client import S3Client
from skysort.s3.signature import Addressing, Credentials, Signer
from skysort.settings import NetworkSettings, TrainSettings
from skysort.trainings.pictures import PictureSteps
from skysort.trainings.steps import Steps

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = TrainSettings.from_environment(os.environ)
folders = NetworkSettings.from_environment(os.environ, Path(__file__).parent)
addressing = Addressing.from_environment(os.environ)
s3 = S3Client(addressing, Signer(Credentials.from_environment(os.environ), addressing.region))


def load() -> Networks:
    """The networks, each with one thread: pictures are computed side by side."""
    return Networks.load(folders.galaxy_folder, folders.image_folder, threads=1)


pictures = PictureSteps(S3ModelStore(s3, settings.drop_bucket), load, settings.threads)
steps = Steps(S3ModelStore(s3, settings.models_bucket), [pictures])
start.done()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes it
    """Do one step; raises TrainingRefused for a training that can never succeed."""
    logger.append_keys(training=event.get("key"), step=event.get("step"))
    return steps.run(event)
