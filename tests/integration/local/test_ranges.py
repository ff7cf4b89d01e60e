"""Ranged reads of the local S3: answers as before, without reading the rest of the object."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.s3.models import FakeKey
from moto.s3.responses import S3Response

from infra.local.ranges import read_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

CONTENT = bytes(range(256)) * 100
RANGES = ("bytes=0-0", "bytes=10-19", "bytes=25590-", "bytes=-7", "bytes=25000-99999", "bytes=0-", "bytes=20-10")


@contextmanager
def bucket() -> Iterator[S3Client]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="drop")
        s3.put_object(Bucket="drop", Key="k", Body=CONTENT)
        s3.put_object(Bucket="drop", Key="empty", Body=b"")
        yield s3


def answer(s3: S3Client, asked: str) -> tuple[int, bytes, str | None, int]:
    got = s3.get_object(Bucket="drop", Key="k", Range=asked)
    return (
        got["ResponseMetadata"]["HTTPStatusCode"],
        got["Body"].read(),
        got.get("ContentRange"),
        got["ContentLength"],
    )


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moto restored at the end."""
    monkeypatch.setattr(FakeKey, "value", FakeKey.value)
    monkeypatch.setattr(S3Response, "get_object", S3Response.get_object)
    monkeypatch.setattr(S3Response, "key_response", S3Response.key_response)


@pytest.mark.usefixtures("reading")
def test_ranges_are_answered_as_before() -> None:
    # Given motos own answers
    with bucket() as s3:
        before = [answer(s3, asked) for asked in RANGES]
    # When
    read_ranges()
    # Then
    with bucket() as s3:
        assert [answer(s3, asked) for asked in RANGES] == before
        assert s3.get_object(Bucket="drop", Key="k")["Body"].read() == CONTENT
        for key, asked in (("k", "bytes=25600-"), ("empty", "bytes=0-9")):
            with pytest.raises(ClientError, match="InvalidRange"):
                s3.get_object(Bucket="drop", Key=key, Range=asked)


@pytest.mark.usefixtures("reading")
def test_no_more_than_the_range_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an object whose whole content must not be read
    read_ranges()
    with bucket() as s3:
        monkeypatch.setattr("infra.local.ranges._WHOLE", None)
        # When
        got = answer(s3, "bytes=1000-1999")
    # Then
    assert got == (206, CONTENT[1000:2000], "bytes 1000-1999/25600", 1000)
