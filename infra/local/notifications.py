"""What moto leaves out of its S3 notifications, and AWS tells: which version an upload made, and its place in order.

Without them the same bytes dropped again cannot be told from a notification that comes twice.
Fields: AWS, "Event message structure" (Amazon S3 User Guide).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moto.s3 import notifications as moto_s3

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def install() -> None:
    """Let moto's S3 in this process tell the version id and a sequencer of every upload."""
    # moto has no place to hook into; a release that names this function otherwise fails the test of this module.
    plain = moto_s3._get_s3_event  # noqa: SLF001

    def complete(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
        document = plain(event_name, bucket, key, notification_id)
        for record in document["Records"]:
            record["s3"]["object"]["sequencer"] = sequencer(key.last_modified)
            if bucket.is_versioned:
                record["s3"]["object"]["versionId"] = key.version_id
        return document

    moto_s3._get_s3_event = complete  # noqa: SLF001


def sequencer(written: datetime) -> str:
    """A place in the order of uploads from when the object was written: microseconds, as 16 hexadecimal digits.

    The object's own time, as moto tells twice of an upload in parts.
    """
    return f"{(written.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND:016X}"
