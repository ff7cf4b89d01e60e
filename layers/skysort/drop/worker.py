"""A batch of SQS messages from event to outcome, each message failing or passing on its own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from skysort.drop import keys
from skysort.drop.deadline import ENDLESS, Deadline, OutOfTimeError
from skysort.drop.event import uploads
from skysort.drop.files import Draft, SourceFile, sweep_temporary_folders
from skysort.drop.isolation import IsolatedWorker
from skysort.drop.ledger import (
    FINAL,
    JSON,
    PROBLEM,
    Ledger,
    Outcome,
    Report,
    error_record,
    model_document,
    source_document,
    to_json,
)
from skysort.errors import ConfigurationError, InputError, SkysortError
from skysort.limits import DROP_ALONE_RECEIVES, MIB
from skysort.observability import logger, metrics
from skysort.s3.objects import ObjectGoneError, ObjectReplacedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from skysort.drop.deadline import FileDeadline
    from skysort.drop.event import Upload
    from skysort.s3.objects import ObjectStore

    _Done = list[tuple[Upload, Outcome | Exception, Report]]
    _Process = Callable[[Upload, Deadline], tuple[Outcome, Report]]


class FileClassifier(Protocol):
    """What a model brings to the drop folder."""

    name: str  # also of its folder below incoming/
    version: str

    @property
    def suffixes(self) -> Sequence[str]:
        """Suffixes of the files that a result may have beside its summary."""

    def classify(self, source: SourceFile, draft: Draft) -> Report:
        """Read the source, write the draft; raises InputError for a file that can never succeed."""


@dataclass(frozen=True, slots=True)
class DropWorker:
    """Classifies dropped files and records each one's outcome in the results bucket."""

    store: ObjectStore
    results_bucket: str
    classifier: FileClassifier
    clock: Callable[[], float] = time.perf_counter

    def process(self, upload: Upload, deadline: Deadline = ENDLESS) -> tuple[Outcome, Report]:
        """Bring one upload to its outcome, or find that it has one; raises InfrastructureError to be called again."""
        deadline_of_file = deadline.begin()
        ledger = self._ledger(upload)
        settled = _settled(ledger)
        if settled is not None:
            return settled, Report({})
        try:
            report = self._classify(upload, ledger, deadline_of_file)
        except ObjectReplacedError:
            return Outcome.SUPERSEDED, Report({})
        except FINAL as error:
            return Outcome.REFUSED, self._refuse(error, upload, ledger)
        return Outcome.CLASSIFIED, report

    def settled(self, upload: Upload) -> Outcome | None:
        """Find whether an upload has its outcome already, without a look at the file; None where it has none."""
        return _settled(self._ledger(upload))

    def refuse(self, upload: Upload, error: InputError) -> tuple[Outcome, Report]:
        """Record why a file cannot be classified that ended whatever worked on it; raises InfrastructureError."""
        ledger = self._ledger(upload)
        settled = _settled(ledger)
        if settled is not None:
            return settled, Report({})
        report = self._refuse(error, upload, ledger)
        ledger.remove_members()
        return Outcome.REFUSED, report

    def _ledger(self, upload: Upload) -> Ledger:
        label = f"{self.classifier.name} {self.classifier.version}"
        return Ledger(self.store, self.results_bucket, upload, self.classifier.suffixes, label)

    @property
    def _model(self) -> dict[str, str]:
        return model_document(self.classifier.name, self.classifier.version)

    def _classify(self, upload: Upload, ledger: Ledger, deadline: FileDeadline) -> Report:
        started = self.clock()
        self._check(upload)
        draft = Draft(self.store, ledger.target, deadline)
        try:
            report = self.classifier.classify(SourceFile(self.store, upload, deadline), draft)
            outputs = []
            for suffix, file in draft.files.items():
                etag = file.commit(ledger.etag(suffix))
                outputs.append({"key": ledger.key(suffix), "etag": etag, "bytes": file.size})
        finally:
            draft.close()
        summary: dict[str, object] = {
            "model": self._model,
            "source": source_document(upload),
            "outputs": outputs,
            **report.summary,
            "seconds": round(self.clock() - started, 3),
        }
        ledger.settle(keys.SUMMARY, JSON, to_json(summary))
        return report

    def _check(self, upload: Upload) -> None:
        """Raise an error for a file that is not this model's, or not there any more."""
        model = keys.parse(upload.key).model
        if model != self.classifier.name:
            raise ConfigurationError(
                f"{upload.key} came to the {self.classifier.name} model: "
                f"this queue should hold only {keys.INCOMING}{self.classifier.name}/"
            )
        # In a bucket with versions a deleted file's bytes can still be read; what its owner deleted is not classified.
        if self.store.head(upload.bucket, [upload.key])[0] is None:
            raise ObjectGoneError(f"{upload.key} was deleted before its turn")

    def _refuse(self, error: SkysortError, upload: Upload, ledger: Ledger) -> Report:
        ledger.settle(keys.ERROR, PROBLEM, error_record(error, upload, self._model))
        return Report({"error": error.detail, "kind": "input" if isinstance(error, InputError) else "gone"})


def _settled(ledger: Ledger) -> Outcome | None:
    """The outcome that stands, tidied up after; None where the file is still to be worked on."""
    if not (done := ledger.is_done()) and not ledger.is_superseded():
        return None
    ledger.tidy()
    return Outcome.DUPLICATE if done else Outcome.SUPERSEDED


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
