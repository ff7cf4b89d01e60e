"""The records of one dropped file in the results bucket, which converge to exactly one outcome.

Every object carries the stamp of the upload that it was made from. The summary (``.json``) marks a finished result and
is written last; an error record (``.error.json``) is the other possible outcome. Every write is conditional on what was
read at the start, so of two concurrent deliveries one loses, is delivered again and finds the other's outcome. After
each commit everything that a newer outcome has made obsolete is removed ("tidied"): the last of two racing deliveries
sees both records, as S3 reads are consistent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from skysort import problems
from skysort.drop import keys
from skysort.drop.event import Stamp
from skysort.errors import InputError
from skysort.s3.objects import ObjectGoneError, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from skysort.drop.event import Upload
    from skysort.errors import SkysortError
    from skysort.s3.objects import ObjectStore, StoredObject

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
_SEQUENCER: Final = "skysort-sequencer"
_TIME: Final = "skysort-event-time"
_VERSION: Final = "skysort-source-version"
_MODEL: Final = "skysort-model"
# Records read per call of the store.
_BATCH: Final = 100
# A file that fails with one of these would fail again: it gets an error record at once.
# Any other error is of the infrastructure or of skysort: the message is retried, then kept in the DLQ.
FINAL: Final = (InputError, ObjectGoneError)


class Outcome(StrEnum):
    """How the processing of one upload ended."""

    CLASSIFIED = "classified"
    REFUSED = "refused"  # an error record says why
    DUPLICATE = "duplicate"  # this upload already had its outcome
    SUPERSEDED = "superseded"  # a newer upload under the same name has, or will have, its own


@dataclass(frozen=True, slots=True)
class Report:
    """A model's report on one file: members of the summary, and counts for the metrics."""

    summary: Mapping[str, Any]
    counts: Mapping[str, int] = field(default_factory=dict)


def source_document(upload: Upload) -> dict[str, object]:
    """The upload as records name it."""
    return {
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
        "etag": upload.etag,
        "sequencer": upload.sequencer or None,
        "event_time": upload.time or None,
        "bytes": upload.size,
    }


def model_document(name: str, version: str) -> dict[str, str]:
    """The model as records name it."""
    return {"name": name, "version": version}


def error_record(error: SkysortError, upload: Upload, model: Mapping[str, str]) -> bytes:
    """The problem document (RFC 9457) of a file that can never succeed."""
    document = problems.from_error(error)
    return to_json({**document, "source": source_document(upload), "model": model})


def to_json(document: Mapping[str, object]) -> bytes:
    """A record as indented JSON, UTF-8, with a final newline."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


class Ledger:
    """The records of one dropped file.

    suffixes: of the files that a result of this model may have beside its summary.
    model: name and version, for the metadata.
    """

    def __init__(self, store: ObjectStore, bucket: str, upload: Upload, suffixes: Iterable[str], model: str) -> None:
        self._store = store
        self._bucket = bucket
        self._key = upload.key
        self.stamp = upload.stamp
        self._model = model
        # Other records beside a file of a reserved name belong to another file.
        self._suffixes = (keys.ERROR,) if keys.is_reserved(upload.key) else (*suffixes, keys.SUMMARY, keys.ERROR)
        self._seen: dict[str, StoredObject] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read which records exist now."""
        objects = self._store.head(self._bucket, [self.key(suffix) for suffix in self._suffixes])
        self._seen = {suffix: item for suffix, item in zip(self._suffixes, objects, strict=True) if item}

    def key(self, suffix: str) -> str:
        """The result key of a suffix."""
        return keys.result_key(self._key, suffix)

    def etag(self, suffix: str) -> str | None:
        """The ETag of the record with a suffix, None without one."""
        return self._seen[suffix].etag if suffix in self._seen else None

    def target(self, suffix: str, content_type: str) -> Target:
        """The target of a file with this suffix: stamped, and replacing the record that was read."""
        metadata = {
            _SEQUENCER: quote(self.stamp.sequencer),
            _TIME: quote(self.stamp.time),
            _VERSION: quote(self.stamp.version),
            _MODEL: quote(self._model),
        }
        return Target(self._bucket, self.key(suffix), self.etag(suffix), content_type, metadata)

    def is_done(self) -> bool:
        """Whether this upload has its outcome."""
        return any(self.stamp.is_same_as(stamp_of(self._seen[suffix].metadata)) for suffix in self._committed())

    def is_superseded(self) -> bool:
        """Whether there is a record of a newer upload under the same name."""
        return any(self.stamp.is_older_than(stamp_of(item.metadata)) for item in self._seen.values())

    def _committed(self) -> list[str]:
        return [suffix for suffix in (keys.SUMMARY, keys.ERROR) if suffix in self._seen]

    def settle(self, suffix: str, content_type: str, body: bytes) -> None:
        """Write the outcome and tidy up; raises ConflictError if the record has changed since it was read."""
        self._store.put(self.target(suffix, content_type), body)
        self.refresh()
        self.tidy()

    def remove_members(self) -> None:
        """Remove the records of an archive's members that a killed delivery of this upload left."""
        members = list(self._store.keys(self._bucket, self.key("") + "/"))
        for start in range(0, len(members), _BATCH):
            chunk = members[start : start + _BATCH]
            for key, item in zip(chunk, self._store.head(self._bucket, chunk), strict=True):
                if item is not None and self.stamp.is_same_as(stamp_of(item.metadata)):
                    self._store.delete(self._bucket, key, item.etag)

    def tidy(self) -> None:
        """Remove every record that the newest outcome has made obsolete."""
        stamps = {suffix: stamp_of(item.metadata) for suffix, item in self._seen.items()}
        committed = self._committed()
        if not committed:
            return
        winner = max(committed, key=lambda suffix: stamps[suffix].place)
        for suffix, stamp in stamps.items():
            older = stamp.is_older_than(stamps[winner])
            # A file may be deleted between two deliveries of one event: its result, if there is one, stays.
            # A table without its summary stays too, since its delivery may be about to write that.
            lost_tie = suffix == keys.ERROR and not stamps[winner].is_older_than(stamp)
            if suffix != winner and (older or lost_tie):
                # Only the version that was read: a newer record may have replaced it.
                self._store.delete(self._bucket, self.key(suffix), self._seen[suffix].etag)


def stamp_of(metadata: Mapping[str, str]) -> Stamp:
    """The stamp of a stored object; one without a stamp is older than any upload."""
    return Stamp(*(unquote(metadata.get(name, "")) for name in (_SEQUENCER, _TIME, _VERSION)))
