"""One upload from event to outcome."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from skysort.drop import keys
from skysort.drop.deadline import ENDLESS
from skysort.drop.files import Draft, SourceFile
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
from skysort.s3.objects import ObjectGoneError, ObjectReplacedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skysort.drop.deadline import Deadline, FileDeadline
    from skysort.drop.event import Upload
    from skysort.s3.objects import ObjectStore


class FileClassifier(Protocol):
    """What a model brings to the drop folder.

    name, version: of the model. suffixes: the files a result may have beside its summary.
    """

    @property
    def name(self) -> str:
        """The model's name, which is its folder's name below incoming/."""

    @property
    def version(self) -> str:
        """The model's version."""

    @property
    def suffixes(self) -> Sequence[str]:
        """Suffixes that it may open in a draft."""

    def classify(self, source: SourceFile, draft: Draft) -> Report:
        """Read the source, write the draft; raises InputError for a file that can never succeed."""


class DropWorker:
    """Classifies dropped files and records each one's outcome in the results bucket.

    model: name and version, as records name it.
    """

    def __init__(
        self,
        store: ObjectStore,
        results_bucket: str,
        classifier: FileClassifier,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._store = store
        self._bucket = results_bucket
        self._classifier = classifier
        self.model = model_document(classifier.name, classifier.version)
        self._clock = clock

    def process(self, upload: Upload, deadline: Deadline = ENDLESS) -> tuple[Outcome, Report]:
        """Bring one upload to its outcome, or find that it has one.

        Raises InfrastructureError (ConflictError and OutOfTimeError among them) when it should be delivered again.
        """
        time = deadline.begin()
        ledger = self._ledger(upload)
        settled = _settled(ledger)
        if settled is not None:
            return settled, Report({})
        try:
            report = self._classify(upload, ledger, time)
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
        label = f"{self._classifier.name} {self._classifier.version}"
        return Ledger(self._store, self._bucket, upload, self._classifier.suffixes, label)

    def _classify(self, upload: Upload, ledger: Ledger, time: FileDeadline) -> Report:
        started = self._clock()
        self._check(upload)
        draft = Draft(self._store, ledger.target, time)
        try:
            report = self._classifier.classify(SourceFile(self._store, upload, time), draft)
            outputs = []
            for suffix, file in draft.files.items():
                etag = draft.commit(suffix, ledger.etag(suffix))
                outputs.append({"key": ledger.key(suffix), "etag": etag, "bytes": file.size})
        finally:
            draft.close()
        summary: dict[str, Any] = {
            "model": self.model,
            "source": source_document(upload),
            "outputs": outputs,
            **report.summary,
            "seconds": round(self._clock() - started, 3),
        }
        ledger.put(keys.SUMMARY, JSON, to_json(summary))
        ledger.look()
        ledger.tidy()
        return report

    def _check(self, upload: Upload) -> None:
        key = keys.parse(upload.key)
        if key.model != self._classifier.name:
            raise ConfigurationError(
                f"{upload.key} came to the {self._classifier.name} model: "
                f"this queue should hold only {keys.INCOMING}{self._classifier.name}/"
            )
        # In a bucket with versions a deleted file's bytes can still be read; what its owner deleted is not classified.
        if self._store.head(upload.bucket, [upload.key])[0] is None:
            raise ObjectGoneError(f"{upload.key} was deleted before its turn")

    def _refuse(self, error: SkysortError, upload: Upload, ledger: Ledger) -> Report:
        ledger.put(keys.ERROR, PROBLEM, error_record(error, upload, self.model))
        ledger.look()
        ledger.tidy()
        kind = "input" if isinstance(error, InputError) else "gone"
        return Report({"error": error.detail, "kind": kind})


def _settled(ledger: Ledger) -> Outcome | None:
    """The outcome that stands, tidied up after; None where the file is still to be worked on."""
    if ledger.is_done():
        outcome = Outcome.DUPLICATE
    elif ledger.is_superseded():
        outcome = Outcome.SUPERSEDED
    else:
        return None
    ledger.tidy()
    return outcome
