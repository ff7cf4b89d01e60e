"""The picture models in the drop folder: a picture in, its record out; an archive in, its table and records out."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from itertools import chain
from threading import Lock, Semaphore
from typing import TYPE_CHECKING, Any, Final

from skysort import problems
from skysort.answer_metrics import label_counts
from skysort.csv_cells import text_cell
from skysort.drop.files import fetched
from skysort.drop.keys import TABLE
from skysort.drop.ledger import Report, model_document, source_document
from skysort.errors import EmptyInputError, InputError, LimitExceededError, SkysortError
from skysort.limits import ARCHIVE_BYTES, ARCHIVE_REFUSALS_LISTED, DROP_WAITING_BYTES, IMAGE_BYTES, MIB
from skysort.options import parse_options
from skysort.parallel import in_order
from skysort.pictures.archive_records import MemberRecords
from skysort.pictures.bodies import archive

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from skysort.drop.files import Draft, DraftFile, SourceFile
    from skysort.pictures.bodies.archive import Member
    from skysort.pictures.classify import PictureClassifier

# Threads that wait for the store, for the few that compute.
_WRITERS: Final = 8
_COLUMNS: Final = ("file", "label", "class_id", "probability", "prediction_set", "error")


class PictureFiles:
    """Classifies dropped pictures and archives of them; a skysort.drop.worker.FileClassifier.

    threads: pictures that are decoded and classified at the same time; memory is needed for as many.
    """

    suffixes = (TABLE,)

    def __init__(self, classifier: PictureClassifier, threads: int) -> None:
        model = classifier.model_name()
        self.name: str = model["name"]
        self.version: str = model["version"]
        self._classifier = classifier
        self._options = parse_options({}, classifier.labels)
        self._computing = Semaphore(threads)
        self._one_archive = Lock()  # each takes /tmp and memory for itself

    def classify(self, source: SourceFile, draft: Draft) -> Report:
        """Classify one picture or one archive; raises InputError when it can never succeed."""
        records = MemberRecords(draft)
        written: dict[str, str] = {}
        try:
            report = self._classify(source, draft, records, written)
        except InputError:
            records.remove(written.values())
            records.remove_except(())
            raise
        # A picture may stand where an archive stood, or an archive of other members.
        records.remove_except(written)
        return report

    def _classify(self, source: SourceFile, draft: Draft, records: MemberRecords, written: dict[str, str]) -> Report:
        blocks = source.blocks()
        first = next(blocks)
        blocks = chain([first], blocks)
        kind = archive.detect(first)
        if kind is None:
            answer = self._answer(source.name, _whole(blocks))
            label = answer["predictions"][0]["label"]
            return Report(answer, {"Pictures": 1, **label_counts({label: 1}, self._classifier.labels)})
        with source.time.turn(self._one_archive), fetched(blocks, ARCHIVE_BYTES) as path:
            table = _Table(draft.open(TABLE, "text/csv"))
            entries = _while_there_is_time(archive.members(path, kind), source)
            # Closed at once where it fails: what is removed then must not be written after that.
            with closing(self._members(entries, source, records, written)) as results:
                for name, document in results:
                    table.add(name, document)
        if not table.classified + table.refused:
            raise EmptyInputError(f"the {kind} archive holds no file; pack pictures into it")
        counts = {
            "Pictures": table.classified,
            "PicturesRefused": table.refused,
            **label_counts(table.labels, self._classifier.labels),
        }
        return Report({"format": str(kind), **table.summary()}, counts)

    def _answer(self, name: str, content: bytes | InputError) -> dict[str, Any]:
        """The record of one picture; raises what is wrong with it."""
        with self._computing:
            (result,), decode_ms, predict_ms = self._classifier.classify_pictures([content], self._options)
        if isinstance(result, SkysortError):
            raise result
        timing = {"decode": round(decode_ms, 3), "predict": round(predict_ms, 3)}
        return {"id": name, **result, "timing_ms": timing}

    def _members(
        self, entries: Iterable[Member], source: SourceFile, records: MemberRecords, written: dict[str, str]
    ) -> Generator[tuple[str, dict[str, Any] | InputError]]:
        """Classify an archive's members and write records of those that can be: name, and record or what is wrong.

        written: gets every record's member with its key, in whatever order they are written.
        """
        model, origin = model_document(self.name, self.version), source_document(source.upload)

        def work(member: Member) -> tuple[str, dict[str, Any] | InputError] | None:
            if member.content is None:
                return None
            try:
                answer = self._answer(member.name, member.content)
            except InputError as error:
                return member.name, error
            document = {"model": model, "source": {**origin, "member": member.name}, **answer}
            written[member.name] = records.key(member.name)
            records.put(member.name, document)
            return member.name, document

        with closing(in_order(work, entries, workers=_WRITERS, weigh=_weight, max_bytes=DROP_WAITING_BYTES)) as done:
            yield from (result for result in done if result is not None)


class _Table:
    """The table of an archive: one line a member, in the archive's order, and its sums."""

    def __init__(self, file: DraftFile) -> None:
        self._file = file
        self.classified = self.refused = 0
        self.labels: dict[str, int] = {}
        self._refusals: list[dict[str, str]] = []
        self._warnings: dict[str, dict[str, Any]] = {}
        self._line(_COLUMNS)

    def add(self, name: str, document: dict[str, Any] | InputError) -> None:
        """Write a member's line."""
        cell = text_cell(name)
        if isinstance(document, InputError):
            self.refused += 1
            detail: str = problems.from_error(document)["detail"]
            if self.refused <= ARCHIVE_REFUSALS_LISTED:
                self._refusals.append({"member": name, "detail": detail})
            self._line((cell, "", "", "", "", text_cell(detail)))
            return
        self.classified += 1
        for warning in document.get("warnings", ()):
            counted = self._warnings.setdefault(warning["code"], {**warning, "rows": 0})
            counted["rows"] += 1
        best = document["predictions"][0]
        self.labels[best["label"]] = self.labels.get(best["label"], 0) + 1
        inside = ";".join(document["prediction_set"])
        self._line((cell, best["label"], best["class_id"], best["probability"], inside, ""))

    def _line(self, cells: Sequence[Any]) -> None:
        line = io.StringIO(newline="")
        csv.writer(line).writerow(cells)
        self._file.write(line.getvalue().encode("utf-8", "replace"))

    def summary(self) -> dict[str, Any]:
        """What the archive's own record says; of many refusals the first, all of them are in the table."""
        labels = dict(sorted(self.labels.items(), key=lambda pair: (-pair[1], pair[0])))
        return {
            "members": self.classified + self.refused,
            "classified": self.classified,
            "refused": self.refused,
            "labels": labels,
            **({"refusals": self._refusals} if self._refusals else {}),
            **({"warnings": list(self._warnings.values())} if self._warnings else {}),
        }


def _while_there_is_time(entries: Iterable[Member], source: SourceFile) -> Iterator[Member]:
    for entry in entries:
        source.time.check()
        yield entry


def _weight(member: Member) -> int:
    return len(member.content) if isinstance(member.content, bytes) else 0


def _whole(blocks: Iterator[bytes] | Iterable[bytes]) -> bytes:
    """The whole of a picture's file; raises LimitExceededError as soon as it is too large."""
    content = bytearray()
    for block in blocks:
        content += block
        if len(content) > IMAGE_BYTES:
            raise LimitExceededError(f"a picture may have up to {IMAGE_BYTES // MIB} MiB, this one has more")
    return bytes(content)
