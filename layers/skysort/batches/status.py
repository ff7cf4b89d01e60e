"""The status of a batch: counts, progress, and its files page by page."""

from __future__ import annotations

import base64
import contextlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlencode

from skysort.batches.match import BatchFile, Matcher, State
from skysort.batches.reuploads import Reuploads
from skysort.clients import EVERYBODY
from skysort.drop import keys
from skysort.errors import FieldError, InputError, InvalidFieldsError, NotFoundError
from skysort.guard import reading
from skysort.limits import (
    BATCH_FILES_PER_PAGE,
    BATCH_LOOKUPS,
    BATCH_RECORD_BYTES,
    BATCH_STATUS_BYTES,
    PRESIGNED_S,
)
from skysort.models import input_of
from skysort.typicality_share import TypicalityCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from skysort import answers
    from skysort.batches.match import Bucket, Segment
    from skysort.clients import Client
    from skysort.s3.signature import Addressing, Signer

Answer = TypeVar("Answer")
FILES_BY_DEFAULT: Final = 100
# Concurrent requests to S3.
_PARALLEL: Final = 16
_LINKS: Final[Mapping[str, answers.FileLink]] = {
    "": "result",
    keys.TABLE: "table",
    keys.REJECTED: "rejected",
    keys.SUMMARY: "record",
    keys.ERROR: "error",
}
_MAX_ROWS: Final = 2**53  # no table has as many; JSON numbers are exact up to here
# What files of several kinds hold.
_ITEMS: Final = "items"
# Members of a record that a page leaves out unless full records were asked for.
_OMITTED: Final = ("source", "outputs", "model")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last file of the previous page, by model and name; row: rows of the next file in earlier pages."""

    model: str = ""
    after: str = ""
    row: int = 0

    def encode(self) -> str:
        """The cursor as URL-safe text."""
        content = json.dumps([self.model, self.after, self.row], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")

    @classmethod
    def decode(cls, text: str | None) -> Cursor:
        """Parse an encoded cursor, the start for None or an empty one; raises InvalidFieldsError."""
        if not text:
            return START
        with contextlib.suppress(ValueError, RecursionError):  # binascii.Error and UnicodeError are ValueErrors
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            match json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)):
                case [str(model), str(after), int(row)] if type(row) is int and 0 <= row <= _MAX_ROWS:
                    f"{model}{after}".encode()  # JSON can hold a lone surrogate, which no key has
                    return cls(model, after, row)
        raise InvalidFieldsError([FieldError("next", "not_a_cursor", "must be the next of an earlier answer")])


START = Cursor()


@dataclass(frozen=True, slots=True)
class Page:
    """The requested files. state, model: only these, all by default. records: whether with each file's record."""

    limit: int = FILES_BY_DEFAULT
    cursor: Cursor = START
    state: State | None = None
    model: str | None = None
    records: bool = False


class BatchStatusService:
    """The status of batches.

    models: the names of those with a drop folder. trained: a client's own ones, spelled. lookups: of records in one
    answer, to tell which upload they are of.
    """

    def __init__(
        self,
        bucket: Bucket,
        *,
        drop_bucket: str,
        results_bucket: str,
        models: Sequence[str],
        addressing: Addressing,
        signer: Signer,
        matcher: Matcher | None = None,
        lookups: int = BATCH_LOOKUPS,
        trained: Callable[[Client], Iterable[str]] = lambda _: (),
    ) -> None:
        self._bucket = bucket
        self._results = results_bucket
        self._models = models
        self._trained = trained
        self._addressing = addressing
        self._signer = signer
        self._matcher = matcher or Matcher(bucket, drop_bucket, results_bucket)
        self._pool = ThreadPoolExecutor(_PARALLEL, "s3")
        self._reuploads = Reuploads(lambda files: self.in_parallel(self._record, files), lookups=lookups)

    def segments(self, batch: str, page: Page, client: Client = EVERYBODY) -> dict[str, Segment]:
        """Each model's files of a client's batch from the page's start on; NotFoundError for a batch without any."""
        # A batch of a model that was deleted can still be asked for by its name.
        known = [page.model] if page.model else sorted({*self._models, *self._trained(client)})
        models = [name for name in known if name >= page.cursor.model]
        after = {page.cursor.model: page.cursor.after}
        results = self._pool.map(
            lambda name: self._matcher.segment(name, client.path(batch), after.get(name, "")), models
        )
        segments: dict[str, Segment] = {}
        for name, segment in zip(models, results, strict=True):
            segments[name] = segment
            if not segment.complete:
                break  # the rest of this model comes first
        segments = self._reuploads.left_out(segments)
        if page.cursor == START and not any(segment.files for segment in segments.values()):
            prefix = f"{page.model}/" if page.model else ""
            raise NotFoundError(f"unknown batch {prefix}{batch!r}: no file has been uploaded to it")
        return segments

    def status(self, batch: str, page: Page, client: Client = EVERYBODY) -> answers.BatchStatus:
        """The answer of GET /v1/batches/{batch}; raises NotFoundError, InvalidFieldsError and InfrastructureError."""
        segments = self.segments(batch, page, client)
        counts = {name: _counts(segment.files) for name, segment in segments.items() if segment.files}
        total = _counts([file for segment in segments.values() for file in segment.files])
        files, typicality, following = self._documents(*select(segments, page), full=page.records)
        return {
            "batch": batch,
            "counts": total,
            "progress": round((total["done"] + total["failed"]) / total["total"], 4) if total["total"] else 1.0,
            "complete": all(segment.complete for segment in segments.values()),
            "models": counts,
            "typicality": typicality,
            "files": files,
            "next": following.encode() if following else None,
            "links": {"csv": self.csv_path(batch, page.model)},
            "expires": f"{self._signer.clock() + timedelta(seconds=PRESIGNED_S):%Y-%m-%dT%H:%M:%SZ}",
        }

    def _documents(
        self, selected: Sequence[BatchFile], following: Cursor | None, *, full: bool
    ) -> tuple[list[answers.BatchFile], answers.DomainShare | None, Cursor | None]:
        """The files of a page, as many as fit into an answer, what is known of their typicality, and the next page."""
        files: list[answers.BatchFile] = []
        whole, nouns = TypicalityCounts(), set[str]()
        remaining_bytes = BATCH_STATUS_BYTES
        for file, (document, typicality) in zip(
            selected, self.in_parallel(lambda file: self._document(file, full=full), selected), strict=True
        ):
            files.append(document)
            if typicality.measured:
                whole.merge(typicality)
                nouns.add(input_of(file.model).name)
            remaining_bytes -= len(json.dumps(document))
            if remaining_bytes <= 0 and file is not selected[-1]:
                following = Cursor(file.model, file.name)
                break
        return files, whole.share(nouns.pop() if len(nouns) == 1 else _ITEMS), following

    def csv_path(self, batch: str, model: str | None, start: Cursor = START) -> str:
        """The path of the batch's CSV from a cursor on."""
        query = {"model": model, "next": start.encode() if start != START else None}
        query_string = urlencode({name: value for name, value in query.items() if value is not None})
        return f"/v1/batches/{quote(batch, safe='')}/results.csv" + (f"?{query_string}" if query_string else "")

    def in_parallel(self, work: Callable[[BatchFile], Answer], files: Iterable[BatchFile]) -> Iterator[Answer]:
        """Results of a function that waits for S3, called for many files at a time, in order."""
        return self._pool.map(work, files)

    def read(self, key: str, max_bytes: int) -> bytes:
        """Up to max_bytes of an object of the results bucket; raises NotFoundError and InfrastructureError."""
        return self._bucket.read(self._results, key, 0, max_bytes)

    def read_json(self, key: str) -> dict[str, Any] | None:
        """A record; None if it no longer exists, or is not one of skysort's."""
        try:
            with reading("the record"):
                document = json.loads(self.read(key, BATCH_RECORD_BYTES))
        except (NotFoundError, InputError):
            return None
        return document if isinstance(document, dict) else None

    def _record(self, file: BatchFile) -> dict[str, Any] | None:
        return self.read_json(file.record.key) if file.record is not None else None

    def _document(self, file: BatchFile, *, full: bool) -> tuple[answers.BatchFile, TypicalityCounts]:
        """A file of a page, and its typicality as far as its record is read."""
        links: answers.FileLinks = {}
        for suffix, item in file.records.items():
            links[_LINKS[suffix]] = self._link(item.key)
        document: answers.BatchFile = {
            "model": file.model,
            "name": file.name,
            "state": file.state.value,
            "size": file.dropped.size if file.dropped else None,
            "uploaded": file.dropped.modified if file.dropped else None,
            "finished": file.record.modified if file.record else None,
            "links": links,
        }
        if file.members is not None:
            document["members"] = {"done": file.members.done, "failed": file.members.failed}
        typicality = TypicalityCounts()
        if file.record is None:
            return document, typicality
        # An archive's summary has the exact counts; its members are not all listed.
        archive = file.state is State.DONE and keys.TABLE in file.records
        if file.state is State.FAILED or archive or full:
            record = self.read_json(file.record.key) or {}
            typicality.add_record(record)
            if archive:
                document["members"] = {"done": record.get("classified", 0), "failed": record.get("refused", 0)}
            kept = {name: value for name, value in record.items() if full or name not in _OMITTED}
            if file.state is State.FAILED:
                document["problem"] = kept
            elif full:
                document["record"] = kept
        return document, typicality

    def _link(self, key: str) -> str:
        return self._signer.url("GET", self._addressing.locate(self._results, key), PRESIGNED_S)


def select(segments: Mapping[str, Segment], page: Page) -> tuple[list[BatchFile], Cursor | None]:
    """The files of a page, and where the next begins, None after the last."""
    limit = min(page.limit, BATCH_FILES_PER_PAGE)
    files = (file for segment in segments.values() for file in segment.files)
    selected = list(islice((file for file in files if page.state in {None, file.state}), limit + 1)) if limit else []
    if len(selected) > limit:
        return selected[:limit], Cursor(selected[limit - 1].model, selected[limit - 1].name)
    return selected, cursor_after(segments)


def cursor_after(segments: Mapping[str, Segment]) -> Cursor | None:
    """Where the files after these segments begin, None if there are none."""
    for name, segment in segments.items():
        if not segment.complete:
            return Cursor(name, segment.files[-1].name if segment.files else "")
    return None


def _counts(files: Sequence[BatchFile]) -> answers.Counts:
    by_state = Counter(file.state for file in files)
    waiting, done, failed = (by_state[state] for state in State)
    return {"total": len(files), "waiting": waiting, "done": done, "failed": failed}
