"""S3 notifications as they arrive in SQS messages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skysort.drop import keys
from skysort.errors import MalformedInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREATED: Final = "ObjectCreated:"
_TEST: Final = "s3:TestEvent"


@dataclass(frozen=True, slots=True)
class Stamp:
    """Identifies an upload of a key: its position in the order of uploads, and the version that it created.

    sequencer: hexadecimal, ordered after padding on the right with zeros, per key
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
    time: ISO 8601 to the millisecond; decides between equal or absent sequencers.
    version: the version id, or the ETag in a bucket without versioning.
    """

    sequencer: str
    time: str
    version: str

    @property
    def place(self) -> tuple[str, str]:
        """A sort key; comparing without trailing zeros equals comparing padded with them."""
        return self.sequencer.upper().rstrip("0"), self.time

    def is_same_as(self, other: Stamp) -> bool:
        """Whether both are of one upload; a bucket without sequencers may report one twice at different times."""
        return (self.sequencer, self.version) == (other.sequencer, other.version)

    def is_older_than(self, other: Stamp) -> bool:
        """Whether the other upload came later and replaced this one."""
        return self.place < other.place


@dataclass(frozen=True, slots=True)
class Upload:
    """One file put into the drop bucket."""

    bucket: str
    key: str
    version_id: str | None
    etag: str
    size: int
    sequencer: str
    time: str

    @property
    def stamp(self) -> Stamp:
        """The stamp on its results."""
        return Stamp(self.sequencer, self.time, self.version_id or self.etag)


def uploads(body: str) -> list[Upload]:
    """Read the uploads from one SQS message.

    Returns
    -------
    list[Upload]
        Without the test event that S3 sends when notifications are set up, events other than a created object, and
        folder markers (keys that end in a slash).

    Raises
    ------
    MalformedInputError
        The body is not an S3 notification.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedInputError(f"the message is not JSON: {error}") from error
    if isinstance(document, dict) and document.get("Event") == _TEST:
        return []
    records = document.get("Records") if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise MalformedInputError("the message is not an S3 notification: it has no list of Records")
    created = [_upload(record) for record in records if _is_created(record)]
    return [upload for upload in created if not upload.key.endswith("/")]


def _is_created(record: Any) -> bool:
    name = record.get("eventName") if isinstance(record, dict) else None
    if not isinstance(name, str):
        raise MalformedInputError("the message is not an S3 notification: a record has no eventName")
    return name.removeprefix("s3:").startswith(_CREATED)


def _upload(record: Mapping[str, Any]) -> Upload:
    try:
        bucket, item = record["s3"]["bucket"]["name"], record["s3"]["object"]
        version, etag, size = item.get("versionId"), item.get("eTag", ""), item.get("size", 0)
        sequencer, time = item.get("sequencer", ""), record.get("eventTime", "")
        key = keys.decode(item["key"])
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedInputError(f"the message is not an S3 notification: {error!r} in a record") from error
    texts = (bucket, etag, sequencer, time, version or "")
    if not all(isinstance(text, str) for text in texts) or not isinstance(size, int) or not bucket or not key:
        raise MalformedInputError("the message is not an S3 notification: a field of a record has the wrong type")
    return Upload(bucket, key, version or None, etag.strip('"'), size, sequencer, time)
