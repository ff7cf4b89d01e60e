"""Processing of a batch of SQS messages, each of which succeeds or fails on its own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from skysort.drop.deadline import Deadline, OutOfTimeError
from skysort.drop.event import uploads
from skysort.drop.files import sweep_temporary_folders
from skysort.drop.isolation import IsolatedWorker
from skysort.drop.ledger import Outcome, Report
from skysort.drop.visibility import invocation_s, retry_s
from skysort.errors import InputError
from skysort.limits import DROP_ALONE_RECEIVES, MIB
from skysort.observability import logger, metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from skysort.drop.event import Upload
    from skysort.drop.visibility import Messages
    from skysort.drop.worker import DropWorker

    _Outcomes = list[tuple[Upload, Outcome | Exception, Report]]
    _Process = Callable[[Upload, Deadline], tuple[Outcome, Report]]


def process_batch(
    event: dict[str, Any],
    context: LambdaContext,
    worker: DropWorker,
    messages: Messages,
    *,
    handler: str,
    parallel: int = 1,
    clock: Callable[[], float] = time.monotonic,
) -> PartialItemFailureResponse:
    """Process an SQS event.

    A message with several uploads fails if one of them fails; on redelivery the others already have their outcome.
    Messages not started before the deadline are delivered again; those delivered most often go first, so that none is
    left over every time. From its third delivery on a message may be about a file that ended its function: such
    messages go first, one by one, each in a process of its own.

    While the invocation lasts its messages stay invisible. Those that it had no time for are visible again at its end,
    those that failed after a delay that grows with their deliveries.

    Parameters
    ----------
    messages
        Of the queue that the event is from.
    handler
        Path of the function's handler module, which has this worker as ``worker``.
    parallel
        Messages processed concurrently.

    Returns
    -------
    PartialItemFailureResponse
        The messages that should be delivered again.
    """
    records = sorted(event.get("Records", ()), key=_receives, reverse=True)
    deadline = Deadline.of(context, clock)
    messages.show_in(dict.fromkeys(_told(records), invocation_s(context)), records)
    sweep_temporary_folders()
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    metrics.add_metric("Messages", MetricUnit.Count, len(records))
    suspects = sum(_receives(record) >= DROP_ALONE_RECEIVES for record in records)
    isolated = IsolatedWorker(worker, handler, int(context.memory_limit_in_mb) * MIB)
    results: dict[str, Future[_Outcomes]] = {}
    for selected, process, threads in (
        (records[:suspects], isolated.process, 1),
        (records[suspects:], worker.process, parallel),
    ):
        with ThreadPoolExecutor(threads, "message") as pool:
            for record in selected:
                results[record["messageId"]] = pool.submit(_work, record["body"], process, deadline)
    again: dict[str, int] = {}
    response = process_partial_response(event, lambda record: _finish(record, results, again), processor, context)
    messages.show_in(again, records)
    return response


def _told(records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The ids of the messages that tell of uploads: a deployment's proof sends one that no queue knows."""
    for record in records:
        with suppress(InputError):
            if uploads(record["body"]):
                yield record["messageId"]


def _receives(record: Mapping[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


def _work(body: str, process: _Process, deadline: Deadline) -> _Outcomes:
    """Process a message's uploads; an error is returned, so that the other uploads are processed too."""
    outcomes: _Outcomes = []
    for upload in uploads(body):
        try:
            outcomes.append((upload, *process(upload, deadline)))
        except Exception as error:
            outcomes.append((upload, error, Report({})))
    return outcomes


def _finish(record: SQSRecord, results: Mapping[str, Future[_Outcomes]], again: dict[str, int]) -> None:
    """Log and count a message's outcomes, in the main thread; raises its first error.

    again: gets the seconds until a message that failed is to be visible again.
    """
    delay_s = retry_s(int(record.attributes.approximate_receive_count))
    try:
        outcomes = results[record.message_id].result()
    except Exception:
        logger.exception("message cannot be read", extra={"message_id": record.message_id})
        again[record.message_id] = delay_s
        raise
    failures = [
        error for upload, outcome, report in outcomes if (error := _report(upload, outcome, report)) is not None
    ]
    if failures:
        postponed = all(isinstance(error, OutOfTimeError) for error in failures)
        again[record.message_id] = 0 if postponed else delay_s
        raise failures[0]


def _report(upload: Upload, outcome: Outcome | Exception, report: Report) -> Exception | None:
    fields = {"bucket": upload.bucket, "key": upload.key, "version": upload.stamp.version}
    if isinstance(outcome, Exception):
        if isinstance(outcome, OutOfTimeError):
            logger.warning(outcome.detail, extra=fields)
        else:
            logger.error("file failed; it will be delivered again", extra=fields, exc_info=outcome)
        metrics.add_metric("FilesFailed", MetricUnit.Count, 1)
        return outcome
    logger.info(f"file {outcome}", extra={**fields, **report.summary})
    metrics.add_metric("Files", MetricUnit.Count, 1)
    if outcome is Outcome.REFUSED:
        metrics.add_metric("FilesRefused", MetricUnit.Count, 1)
    for name, count in report.counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    return None
