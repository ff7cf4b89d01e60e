"""The drop folder's image function: an SQS batch of S3 notifications in, one record per picture out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.drop.batch import process_batch
from skysort.drop.visibility import SqsMessages
from skysort.drop.worker import DropWorker
from skysort.observability import Start, logger, metrics
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.files import PictureFiles, Turns
from skysort.pictures.model import PictureModel
from skysort.s3.store import S3Store
from skysort.settings import DropSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Messages processed concurrently: most of the time goes to waiting for S3.
PARALLEL = 8

start = Start()
settings = DropSettings.from_environment(os.environ, "image", Path(__file__).parent)
model = PictureModel.load(settings.model_folder)
worker = DropWorker(S3Store(), settings.results_bucket, PictureFiles(PictureClassifier(model), Turns(settings.threads)))
messages = SqsMessages()
start.done()


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Classify the pictures and archives of an SQS event; return the messages to be delivered again."""
    return process_batch(event, context, worker, messages, handler=__file__, parallel=PARALLEL)
