"""The parts of bulk jobs on cutouts of galaxies: one event of the state machine a step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.bulk.job_store import S3JobStore
from skysort.bulk.part import Parts, PartSteps
from skysort.bulk.pictures.models import ShippedPictures
from skysort.bulk.pictures.turned import TurnedModel
from skysort.bulk.store import S3Sources
from skysort.drop.deadline import Deadline
from skysort.observability import Start, logger
from skysort.s3.client import S3Client
from skysort.s3.signature import Addressing, Credentials, Signer
from skysort.settings import BulkSettings, DropSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = BulkSettings.from_environment(os.environ)
addressing = Addressing.from_environment(os.environ)
s3 = S3Client(addressing, Signer(Credentials.from_environment(os.environ), addressing.region))
folder = DropSettings.from_environment(os.environ, "galaxy", Path(__file__).parent).model_folder
engines = ShippedPictures(TurnedModel.load(folder), settings.memory_mb, settings.threads)
steps = PartSteps(
    Parts(S3JobStore(s3, settings.results_bucket), S3Sources(s3, settings.drop_bucket), engines), handler=__file__
)
start.done()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do one step; raises BulkRefused for a job that can never succeed, BulkCancelled for one that was cancelled."""
    logger.append_keys(job=event.get("key"), step=event.get("step"))
    return steps.run(event, Deadline.of(context))
