"""The drop folder of trained picture models: an SQS batch of S3 notifications in, one record per picture out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.custom.files import NoModel, TrainedPictures
from skysort.custom.networks import Networks
from skysort.drop.batch import process_batch
from skysort.drop.trained import TrainedFiles
from skysort.drop.visibility import SqsMessages
from skysort.drop.worker import DropWorker
from skysort.observability import Start, logger, metrics
from skysort.pictures.files import PictureFiles
from skysort.registry.names import Kind
from skysort.registry.store import S3ModelStore
from skysort.s3.store import S3Store
from skysort.settings import CustomDropSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Messages processed concurrently: most of the time goes to waiting for S3.
PARALLEL = 8

start = Start()
settings = CustomDropSettings.from_environment(os.environ, Path(__file__).parent)
networks = Networks.load(settings.networks.galaxy_folder, settings.networks.image_folder)
models = TrainedPictures(
    S3ModelStore.from_environment(settings.models_bucket, os.environ), networks, settings.networks.threads
)
worker = DropWorker(
    S3Store(),
    settings.results_bucket,
    NoModel(),
    trained=TrainedFiles(Kind.PICTURES, models.get, PictureFiles.suffixes, settings.clients).of,
)
messages = SqsMessages()
start.done()


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Classify the pictures and archives of an SQS event; return the messages to be delivered again."""
    return process_batch(event, context, worker, messages, handler=__file__, parallel=PARALLEL)
