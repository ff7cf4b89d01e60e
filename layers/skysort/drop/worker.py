"""Processing of one dropped file, from its notification to its outcome."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

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
    """A model for the drop folder."""

    name: str  # also of its folder below incoming/
    version: str

    @property
    def suffixes(self) -> Sequence[str]:
        """Suffixes of the files that a result may have beside its summary."""

    def classify(self, source: SourceFile, draft: Draft) -> Report:
        """Read the source and write the draft; raises InputError for a file that can never succeed."""


@dataclass(frozen=True, slots=True)
class DropWorker:
    """Classifies dropped files and records each one's outcome in the results bucket.

    classifier: of the files that are for no trained model. trained: gives the classifier of a trained model by a file's
    key, None for the other files.
    """

    store: ObjectStore
    results_bucket: str
    classifier: FileClassifier
    clock: Callable[[], float] = time.perf_counter
    trained: Callable[[str], FileClassifier | None] | None = None

    def process(self, upload: Upload, deadline: Deadline = ENDLESS) -> tuple[Outcome, Report]:
        """Process one upload unless it has an outcome; raises InfrastructureError if it should be retried."""
        if self.trained is not None:
            return self._for(upload).process(upload, deadline)
        file_deadline = deadline.begin()
        ledger = self._ledger(upload)
        settled = _settled(ledger)
        if settled is not None:
            return settled, Report({})
        try:
            report = self._classify(upload, ledger, file_deadline)
        except ObjectReplacedError:
            return Outcome.SUPERSEDED, Report({})
        except FINAL as error:
            return Outcome.REFUSED, self._refuse(error, upload, ledger)
        return Outcome.CLASSIFIED, report

    def settled(self, upload: Upload) -> Outcome | None:
        """The outcome that an upload already has, without reading the file; None without one."""
        if self.trained is not None:
            return self._for(upload).settled(upload)
        return _settled(self._ledger(upload))

    def refuse(self, upload: Upload, error: InputError) -> tuple[Outcome, Report]:
        """Write the error record of a file that ended its process; raises InfrastructureError."""
        if self.trained is not None:
            return self._for(upload).refuse(upload, error)
        ledger = self._ledger(upload)
        settled = _settled(ledger)
        if settled is not None:
            return settled, Report({})
        report = self._refuse(error, upload, ledger)
        ledger.remove_members()
        return Outcome.REFUSED, report

    def _for(self, upload: Upload) -> DropWorker:
        """The worker of a file's model."""
        classifier = self.trained(upload.key) if self.trained is not None else None
        return replace(self, classifier=classifier or self.classifier, trained=None)

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
        """Raise an error for a file that is not this model's or no longer exists."""
        # The rest of a trained model's name was taken from the key.
        if keys.parse(upload.key).family != self.classifier.name.partition("/")[0]:
            raise ConfigurationError(
                f"{upload.key} came to the {self.classifier.name} model: "
                f"this queue should hold only {keys.INCOMING}{self.classifier.name}/"
            )
        # A versioned bucket still has a deleted file's bytes; what its owner deleted is not classified.
        if self.store.head(upload.bucket, [upload.key])[0] is None:
            raise ObjectGoneError(f"{upload.key} was deleted before it was classified")

    def _refuse(self, error: SkysortError, upload: Upload, ledger: Ledger) -> Report:
        ledger.settle(keys.ERROR, PROBLEM, error_record(error, upload, self._model))
        return Report({"error": error.detail, "kind": "input" if isinstance(error, InputError) else "gone"})


def _settled(ledger: Ledger) -> Outcome | None:
    """The existing outcome, after tidying up; None if the file is still to be processed."""
    if not (done := ledger.is_done()) and not ledger.is_superseded():
        return None
    ledger.tidy()
    return Outcome.DUPLICATE if done else Outcome.SUPERSEDED
