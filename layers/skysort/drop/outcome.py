"""What becomes of a dropped file: which errors are final and get a record, and the records' content."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from skysort import problems
from skysort.drop.store import ObjectGoneError
from skysort.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort.drop.event import Upload
    from skysort.errors import SkysortError

# A file that fails with one of these fails again: it gets an error record at once.
# Everything else is a fault of the infrastructure or of skysort: it is retried, then kept in the DLQ.
FINAL: Final = (InputError, ObjectGoneError)


class Outcome(StrEnum):
    """How the work on one upload ended."""

    CLASSIFIED = "classified"
    REFUSED = "refused"  # an error record says why
    DUPLICATE = "duplicate"  # this upload had its outcome already
    SUPERSEDED = "superseded"  # a newer upload under the same name has, or will have, its own


@dataclass(frozen=True, slots=True)
class Report:
    """What a model says of one file: lines for the summary, and counts for the metrics."""

    summary: Mapping[str, Any]
    counts: Mapping[str, int] = field(default_factory=dict)


def source_document(upload: Upload) -> dict[str, Any]:
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


def to_json(document: Mapping[str, Any]) -> bytes:
    """A record as people read it: indented, UTF-8, with a newline at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
