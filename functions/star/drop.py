"""The drop folder's star function: an SQS batch of S3 notifications in, classified tables out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.drop.batch import process_batch
from skysort.drop.trained import TrainedFiles
from skysort.drop.visibility import SqsMessages
from skysort.drop.worker import DropWorker
from skysort.observability import Start, logger, metrics
from skysort.registry.names import Kind
from skysort.s3.store import S3Store
from skysort.settings import DropSettings
from skysort.star.model import StarModel
from skysort.star.tables.classifier import SUFFIXES, TableClassifier
from skysort.star.trained import TrainedTables

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = DropSettings.from_environment(os.environ, "star", Path(__file__).parent)
worker = DropWorker(
    S3Store(),
    settings.results_bucket,
    TableClassifier(StarModel.load(settings.model_folder, settings.threads)),
    trained=TrainedFiles(
        Kind.STAR, TrainedTables(settings.models_bucket, settings.threads).get, SUFFIXES, settings.clients
    ).of,
)
messages = SqsMessages()
start.done()


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Classify the tables of an SQS event; return the messages to be delivered again."""
    return process_batch(event, context, worker, messages, handler=__file__)
