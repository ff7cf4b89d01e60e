"""S3 notifications and SQS events, as AWS sends them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort.drop.event import Upload


def record(
    key: str,
    *,
    version: str | None = "v1",
    sequencer: str = "0055AED6DCD90281E5",
    size: int = 1,
    etag: str = "etag",
    event: str = "ObjectCreated:Put",
    bucket: str = "drop",
    time: str = "2026-01-01T00:00:00.000Z",
) -> dict[str, Any]:
    """One record of an S3 notification; the key is URL-encoded here."""
    item = {"key": quote_plus(key, safe="/"), "size": size, "eTag": etag, "sequencer": sequencer}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": time,
        "eventName": event,
        "s3": {"bucket": {"name": bucket}, "object": item if version is None else {**item, "versionId": version}},
    }


def record_of(upload: Upload) -> dict[str, Any]:
    """The record that tells of an upload."""
    return record(
        upload.key,
        version=upload.version_id,
        sequencer=upload.sequencer,
        size=upload.size,
        etag=upload.etag,
        bucket=upload.bucket,
        time=upload.time,
    )


def sqs_event(bodies: Sequence[str], receives: Sequence[int] = ()) -> dict[str, Any]:
    """An SQS batch; message number n has the id ``message-n``. receives: how often each has come, by default once."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"handle-{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receives[number] if receives else 1)},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:star",
                "awsRegion": "eu-central-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def message(*uploads: Upload) -> str:
    """The body of an SQS message that tells of uploads."""
    return json.dumps({"Records": [record_of(upload) for upload in uploads]})


class FakeMessages:
    """A queue that keeps what it was asked: seconds by message, in the order of the calls."""

    def __init__(self) -> None:
        self.asked: list[dict[str, int]] = []

    def show_in(self, seconds: Mapping[str, int], records: Sequence[Mapping[str, Any]]) -> None:
        """Keep the seconds of each message."""
        assert set(seconds) <= {record["messageId"] for record in records}
        self.asked.append(dict(seconds))
