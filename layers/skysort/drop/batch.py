"""A batch of SQS messages, each of which fails or passes on its own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from skysort.drop.deadline import Deadline, OutOfTimeError
from skysort.drop.event import uploads
from skysort.drop.files import sweep_temporary_folders
from skysort.drop.isolation import IsolatedWorker
from skysort.drop.ledger import Outcome, Report
from skysort.limits import DROP_ALONE_RECEIVES, MIB
from skysort.observability import logger, metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from skysort.drop.event import Upload
    from skysort.drop.worker import DropWorker

    _Done = list[tuple[Upload, Outcome | Exception, Report]]
    _Process = Callable[[Upload, Deadline], tuple[Outcome, Report]]


def process_batch(
    event: dict[str, Any],
    context: LambdaContext,
    worker: DropWorker,
    *,
    handler: str,
    parallel: int = 1,
    clock: Callable[[], float] = time.monotonic,
) -> PartialItemFailureResponse:
    """Work through an SQS event.

    A message with several uploads fails when one of them failed; the others, done already, are then found to be so.
    What was not begun before the invocation's deadline comes again; the messages that were delivered most often go
    first, so that none is left over every time. From its third delivery on a message may be about a file that ended its
    function: such ones go before all others, one by one, each in a process of its own.

    Parameters
    ----------
    handler
        Path of the module that the function's handler stands in, with this worker under the name ``worker``.
    parallel
        Messages that are worked on at the same time.

    Returns
    -------
    PartialItemFailureResponse
        The messages that should be delivered again.
    """
    sweep_temporary_folders()
    deadline = Deadline.of(context, clock)
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    records = sorted(event.get("Records", ()), key=_receives, reverse=True)
    metrics.add_metric("Messages", MetricUnit.Count, len(records))
    suspects = sum(_receives(record) >= DROP_ALONE_RECEIVES for record in records)
    isolated = IsolatedWorker(worker, handler, int(context.memory_limit_in_mb) * MIB)
    work: dict[str, Future[_Done]] = {}
    for chosen, process, threads in (
        (records[:suspects], isolated.process, 1),
        (records[suspects:], worker.process, parallel),
    ):
        with ThreadPoolExecutor(threads, "message") as pool:
            for record in chosen:
                work[record["messageId"]] = pool.submit(_work, record["body"], process, deadline)
    return process_partial_response(event, lambda record: _finish(record, work), processor, context)


def _receives(record: Mapping[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


def _work(body: str, process: _Process, deadline: Deadline) -> _Done:
    """Process a message's uploads; a fault is returned, so that the message's other uploads have their turn."""
    done: _Done = []
    for upload in uploads(body):
        try:
            done.append((upload, *process(upload, deadline)))
        except Exception as error:
            done.append((upload, error, Report({})))
    return done


def _finish(record: SQSRecord, work: Mapping[str, Future[_Done]]) -> None:
    """Log and count what came of a message, here in the main thread; raises its first fault."""
    try:
        done = work[record.message_id].result()
    except Exception:
        logger.exception("message cannot be read", extra={"message_id": record.message_id})
        raise
    failures = [error for upload, outcome, report in done if (error := _report(upload, outcome, report)) is not None]
    if failures:
        raise failures[0]


def _report(upload: Upload, outcome: Outcome | Exception, report: Report) -> Exception | None:
    about = {"bucket": upload.bucket, "key": upload.key, "version": upload.stamp.version}
    if isinstance(outcome, Exception):
        if isinstance(outcome, OutOfTimeError):
            logger.warning(outcome.detail, extra=about)
        else:
            logger.error("file failed, to be delivered again", extra=about, exc_info=outcome)
        metrics.add_metric("FilesFailed", MetricUnit.Count, 1)
        return outcome
    logger.info(f"file {outcome}", extra={**about, **report.summary})
    metrics.add_metric("Files", MetricUnit.Count, 1)
    if outcome is Outcome.REFUSED:
        metrics.add_metric("FilesRefused", MetricUnit.Count, 1)
    for name, count in report.counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    return None
