"""The picture models in the drop folder: a picture becomes a record, an archive a table and records."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from itertools import chain
from threading import Lock, Semaphore
from typing import TYPE_CHECKING, Any, Final, Protocol

from skysort import problems
from skysort.csv_cells import text_cell, written_text
from skysort.drop import keys
from skysort.drop.files import RANGE_BYTES, fetched
from skysort.drop.keys import TABLE
from skysort.drop.ledger import JSON, Report, source_document, stamp_of, to_json
from skysort.errors import EmptyInputError, InputError, LimitExceededError, SkysortError
from skysort.limits import ARCHIVE_BYTES, ARCHIVE_REFUSALS_LISTED, DROP_WAITING_BYTES, IMAGE_BYTES, MIB
from skysort.observability import label_counts
from skysort.options import parse_options
from skysort.parallel import in_order
from skysort.pictures.bodies import archive
from skysort.s3.objects import ConflictError, ObjectReplacedError, ObjectVersion
from skysort.typicality_share import TypicalityCounts, in_words

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from skysort.answers import ModelName
    from skysort.drop.files import Draft, DraftFile, SourceFile
    from skysort.options import Options
    from skysort.pictures.answering import Classified
    from skysort.pictures.bodies.archive import Member

# Threads that wait for S3 beside the few that compute; concurrent requests to delete thousands of records.
_WRITERS, _REMOVERS = 8, 8
_RACES: Final = 5
_COLUMNS: Final = (
    "file",
    "label",
    "class_id",
    "probability",
    "prediction_set",
    "typicality",
    "in_domain",
    "error",
)
_NO_ANSWER: Final = ("",) * (len(_COLUMNS) - 2)


class Classifier(Protocol):
    """What classifies dropped pictures: skysort.pictures.classify.PictureClassifier, without a cache."""

    @property
    def labels(self) -> Sequence[str]:
        """The model's labels."""

    def model_name(self) -> ModelName:
        """The model's name and version, as records have them."""

    def classify_pictures(
        self, contents: Sequence[bytes | SkysortError], options: Options
    ) -> tuple[list[Classified | SkysortError], float, float]:
        """As skysort.pictures.answering.PictureAnswers.classify."""


class Turns:
    """What the files of one function take turns for, whatever their models.

    threads: pictures that are decoded and classified concurrently; each needs memory.
    """

    def __init__(self, threads: int) -> None:
        self.computing = Semaphore(threads)
        self.one_archive = Lock()  # each needs /tmp and memory


class PictureFiles:
    """Classifies dropped pictures and archives of them; a skysort.drop.worker.FileClassifier.

    counted: the labels that are metrics; by default the model's.
    """

    suffixes = (TABLE,)

    def __init__(self, classifier: Classifier, turns: Turns, counted: Sequence[str] | None = None) -> None:
        self._model = classifier.model_name()
        self.name, self.version = self._model["name"], self._model["version"]
        self._classifier = classifier
        self._options = parse_options({}, classifier.labels)
        self._turns = turns
        self._counted = classifier.labels if counted is None else counted

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
        # An older upload of the same name may have been an archive, with other members.
        records.remove_except(written)
        return report

    def _classify(self, source: SourceFile, draft: Draft, records: MemberRecords, written: dict[str, str]) -> Report:
        blocks = source.blocks()
        first = next(blocks)
        blocks = chain([first], blocks)
        kind = archive.detect(first)
        if kind is None:
            answer = self._answer(source.name, _read_all(blocks))
            label = answer["predictions"][0]["label"]
            return Report(answer, {"Pictures": 1, **label_counts({label: 1}, self._counted)})
        with source.deadline.turn(self._turns.one_archive), fetched(blocks, ARCHIVE_BYTES) as path:
            table = _Table(draft.open(TABLE, "text/csv"))
            entries = _while_there_is_time(archive.members(path, kind), source)
            # Closed at once on failure: records that are then removed must not be written afterwards.
            with closing(self._members(entries, source, records, written)) as results:
                for name, document in results:
                    table.add(name, document)
        if not table.classified + table.refused:
            raise EmptyInputError(f"the {kind} archive contains no files; add pictures to it")
        counts = {
            "Pictures": table.classified,
            "PicturesRefused": table.refused,
            **label_counts(table.labels, self._counted),
        }
        return Report({"format": str(kind), **table.summary()}, counts)

    def _answer(self, name: str, content: bytes | InputError) -> dict[str, Any]:
        """The record of one picture; raises its error."""
        with self._turns.computing:
            (result,), decode_ms, predict_ms = self._classifier.classify_pictures([content], self._options)
        if isinstance(result, SkysortError):
            raise result
        return {"id": name, **result, "timing_ms": {"decode": round(decode_ms, 3), "predict": round(predict_ms, 3)}}

    def _members(
        self, entries: Iterable[Member], source: SourceFile, records: MemberRecords, written: dict[str, str]
    ) -> Generator[tuple[str, dict[str, Any] | InputError]]:
        """Classify an archive's members and write their records; yields names with records or errors."""
        # `written` collects the member and key of every record, in any order.
        origin = source_document(source.upload)

        def work(member: Member) -> tuple[str, dict[str, Any] | InputError] | None:
            if member.content is None:
                return None
            try:
                answer = self._answer(member.name, member.content)
            except InputError as error:
                return member.name, error
            document = {"model": self._model, "source": {**origin, "member": member.name}, **answer}
            written[member.name] = records.key(member.name)
            records.put(member.name, document)
            return member.name, document

        with closing(in_order(work, entries, workers=_WRITERS, weigh=_weight, max_bytes=DROP_WAITING_BYTES)) as done:
            yield from (result for result in done if result is not None)


class _Table:
    """The table of an archive: one line per member, in the archive's order, and its totals."""

    def __init__(self, file: DraftFile) -> None:
        self._file = file
        self.classified = self.refused = 0
        self.labels: dict[str, int] = {}
        self._refusals: list[dict[str, str]] = []
        self._warnings: dict[str, dict[str, Any]] = {}
        self._typicality = TypicalityCounts()
        self._line(_COLUMNS)

    def add(self, name: str, document: dict[str, Any] | InputError) -> None:
        """Write a member's line."""
        cell = text_cell(name)
        if isinstance(document, InputError):
            self.refused += 1
            detail: str = problems.from_error(document)["detail"]
            if self.refused <= ARCHIVE_REFUSALS_LISTED:
                self._refusals.append({"member": name, "detail": detail})
            self._line((cell, *_NO_ANSWER, text_cell(detail)))
            return
        self.classified += 1
        for warning in document.get("warnings", ()):
            counted = self._warnings.setdefault(warning["code"], {**warning, "rows": 0})
            counted["rows"] += 1
        best = document["predictions"][0]
        self.labels[best["label"]] = self.labels.get(best["label"], 0) + 1
        self._typicality.add(document)
        inside = ";".join(document["prediction_set"])
        typical = document.get("typicality", ""), in_words(document.get("in_domain"))
        self._line((cell, best["label"], best["class_id"], best["probability"], inside, *typical, ""))

    def _line(self, cells: Sequence[Any]) -> None:
        line = io.StringIO(newline="")
        csv.writer(line).writerow(cells)
        self._file.write(line.getvalue().encode("utf-8", "replace"))

    def summary(self) -> dict[str, Any]:
        """The archive's own record, with the first of the rejections; the table has all of them."""
        labels = dict(sorted(self.labels.items(), key=lambda pair: (-pair[1], pair[0])))
        return {
            "members": self.classified + self.refused,
            "classified": self.classified,
            "refused": self.refused,
            "labels": labels,
            "typicality": self._typicality.share("pictures"),
            **({"refusals": self._refusals} if self._refusals else {}),
            **({"warnings": list(self._warnings.values())} if self._warnings else {}),
        }


def _while_there_is_time(entries: Iterable[Member], source: SourceFile) -> Iterator[Member]:
    for entry in entries:
        source.deadline.check()
        yield entry


def _weight(member: Member) -> int:
    return len(member.content) if isinstance(member.content, bytes) else 0


def _read_all(blocks: Iterator[bytes] | Iterable[bytes]) -> bytes:
    """Read a picture's file; raises LimitExceededError as soon as it is too large."""
    content = bytearray()
    for block in blocks:
        content += block
        if len(content) > IMAGE_BYTES:
            raise LimitExceededError(f"a picture may have up to {IMAGE_BYTES // MIB} MiB; this one has more")
    return bytes(content)


class MemberRecords:
    """Writes and removes the records of an archive's classified members, stamped like every record.

    A rejected member has no record, only its line in the archive's table: ten thousand members of one byte each would
    otherwise cost ten thousand writes. A record may exist already, from an interrupted delivery of the same upload or
    from an older archive of the same name. The archive's table (``<archive>.csv``) lists the members of an older one;
    it is replaced only after the records of former members are removed.
    """

    def __init__(self, draft: Draft) -> None:
        self._store = draft.store
        self._table = draft.target(keys.TABLE, "text/csv")
        self._archive = draft.target("", "").key
        self._stamp = stamp_of(self._table.metadata)

    def key(self, member: str) -> str:
        """The location of a member's record."""
        return keys.member_key(self._archive, member, keys.SUMMARY)

    def put(self, member: str, document: Mapping[str, Any]) -> None:
        """Write a member's record; raises ObjectReplacedError where a newer upload of the archive has written one."""
        target, body = replace(self._table, key=self.key(member), content_type=JSON, replaces=None), to_json(document)
        for _ in range(_RACES):
            try:
                self._store.put(target, body)
            except ConflictError:
                existing = self._store.head(target.bucket, [target.key])[0]
                if existing is not None and self._stamp.is_older_than(stamp_of(existing.metadata)):
                    raise ObjectReplacedError(f"{target.key} belongs to a newer upload") from None
                target = replace(target, replaces=existing.etag if existing else None)
            else:
                return
        raise ConflictError(f"{target.key} is being written by another process")

    def remove_except(self, kept: Iterable[str]) -> None:
        """Remove the records of an older archive's members that this one lacks or rejected."""
        self.remove(self.key(member) for member in sorted(set(self._older_members()) - set(kept)))

    def remove(self, records: Iterable[str]) -> None:
        """Remove records by key, except those of a newer upload."""
        with ThreadPoolExecutor(_REMOVERS, "remove") as pool:
            for _ in pool.map(self._remove, records):
                pass

    def _remove(self, key: str) -> None:
        existing = self._store.head(self._table.bucket, [key])[0]
        if existing is not None and not self._stamp.is_older_than(stamp_of(existing.metadata)):
            self._store.delete(self._table.bucket, key, existing.etag)

    def _older_members(self) -> list[str]:
        """The classified members in the table of an older archive."""
        if self._table.replaces is None:
            return []
        version = ObjectVersion(self._table.bucket, self._table.key, None, self._table.replaces)
        content, total = self._store.read(version, 0, RANGE_BYTES)
        while len(content) < total:
            content += self._store.read(version, len(content), RANGE_BYTES)[0]
        rows = csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""))
        with suppress(csv.Error):
            return [written_text(row[0]) for row in rows if len(row) > 1 and row[1]][1:]
        return []
