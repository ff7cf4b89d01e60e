"""The parts of bulk jobs on pictures with models that people trained: one event of the state machine a step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.bulk.job_store import S3JobStore
from skysort.bulk.part import Parts, PartSteps
from skysort.bulk.pictures.models import TrainedPictures
from skysort.bulk.store import S3Sources
from skysort.custom.networks import Networks
from skysort.drop.deadline import Deadline
from skysort.errors import ConfigurationError
from skysort.observability import Start, logger
from skysort.registry.store import S3ModelStore
from skysort.s3.client import S3Client
from skysort.s3.signature import Addressing, Credentials, Signer
from skysort.settings import BulkSettings, NetworkSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = BulkSettings.from_environment(os.environ)
addressing = Addressing.from_environment(os.environ)
s3 = S3Client(addressing, Signer(Credentials.from_environment(os.environ), addressing.region))
if settings.models_bucket is None:
    raise ConfigurationError("SKYSORT_MODELS_BUCKET must name the bucket that trained models are in; it is not set")
folders = NetworkSettings.from_environment(os.environ, Path(__file__).parent)
engines = TrainedPictures(
    S3ModelStore(s3, settings.models_bucket),
    Networks.load(folders.galaxy_folder, folders.image_folder),
    settings.memory_mb,
    settings.threads,
)
steps = PartSteps(
    Parts(S3JobStore(s3, settings.results_bucket), S3Sources(s3, settings.drop_bucket), engines), handler=__file__
)
start.done()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do one step; raises BulkRefused for a job that can never succeed, BulkCancelled for one that was cancelled."""
    logger.append_keys(job=event.get("key"), step=event.get("step"))
    return steps.run(event, Deadline.of(context))
