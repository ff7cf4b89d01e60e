"""A batch of SQS messages through a drop worker, each message failing or passing on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from skysort.drop.event import uploads
from skysort.drop.outcome import Outcome
from skysort.observability import logger, metrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from skysort.drop.event import Upload
    from skysort.drop.worker import DropWorker


def process_batch(event: dict[str, Any], context: LambdaContext, worker: DropWorker) -> PartialItemFailureResponse:
    """Work through an SQS event; names the messages that should be delivered again.

    A message that tells of several uploads fails when one of them failed; the others, done
    already, are then found to be so.
    """
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    metrics.add_metric("Messages", MetricUnit.Count, len(event.get("Records", ())))
    return process_partial_response(event, lambda record: _process_message(record, worker), processor, context)


def _process_message(record: SQSRecord, worker: DropWorker) -> None:
    try:
        found = uploads(record.body)
    except Exception:
        logger.exception("message cannot be read", extra={"message_id": record.message_id})
        raise
    failures = [error for upload in found if (error := _process(upload, worker)) is not None]
    if failures:
        raise failures[0]


def _process(upload: Upload, worker: DropWorker) -> Exception | None:
    """Process one upload; its fault is returned, so that the message's other uploads have their turn."""
    about = {"bucket": upload.bucket, "key": upload.key, "version": upload.stamp.version}
    try:
        outcome, report = worker.process(upload)
    except Exception as error:
        logger.exception("file failed, to be delivered again", extra=about)
        metrics.add_metric("FilesFailed", MetricUnit.Count, 1)
        return error
    logger.info(f"file {outcome}", extra={**about, **report.summary})
    metrics.add_metric("Files", MetricUnit.Count, 1)
    if outcome is Outcome.REFUSED:
        metrics.add_metric("FilesRefused", MetricUnit.Count, 1)
    for name, count in report.counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    return None
