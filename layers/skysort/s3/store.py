"""The object store on Amazon S3."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from skysort.errors import InfrastructureError
from skysort.s3.objects import ConflictError, ObjectGoneError, ObjectReplacedError, StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_s3 import S3Client

    from skysort.s3.objects import ObjectVersion, Target

# A file has at most four records to look at; a round trip for all costs what one does.
_CONNECTIONS: Final = 4
_CONFIG: Final = Config(
    connect_timeout=3,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=2 * _CONNECTIONS,
)


class S3Store:
    """Objects in S3, by conditional requests.

    client: an S3 client; by default one with short timeouts and retries, from the environment.
    """

    def __init__(self, client: S3Client | None = None) -> None:
        self._s3: S3Client = client or boto3.client("s3", config=_CONFIG)
        self._pool = ThreadPoolExecutor(_CONNECTIONS, "s3-head")

    def head(self, bucket: str, keys: Sequence[str]) -> list[StoredObject | None]:
        """What is stored under each key, None where nothing is."""
        # Needs s3:ListBucket: without it S3 answers 403 for an absent key, not 404.
        return list(self._pool.map(lambda key: self._head(bucket, key), keys))

    def _head(self, bucket: str, key: str) -> StoredObject | None:
        with _faults(f"s3://{bucket}/{key} could not be looked up"):
            try:
                found = self._s3.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if _status(error) == HTTPStatus.NOT_FOUND:
                    return None
                raise
        return StoredObject(found["ETag"].strip('"'), found["ContentLength"], found["Metadata"])

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Every key that begins with a prefix."""
        with _faults(f"s3://{bucket}/{prefix} could not be listed"):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Contents", ()):
                    yield item["Key"]

    def read(self, source: ObjectVersion, start: int, size: int) -> tuple[bytes, int]:
        """Up to size bytes from start, and the size of the whole object."""
        pinned: Any = {"VersionId": source.version_id} if source.version_id else {"IfMatch": source.etag}
        where = f"s3://{source.bucket}/{source.key}"
        with _faults(f"{where} could not be read"):
            try:
                found = self._s3.get_object(
                    Bucket=source.bucket, Key=source.key, Range=f"bytes={start}-{start + size - 1}", **pinned
                )
                return found["Body"].read(), int(found["ContentRange"].rpartition("/")[2])
            except ClientError as error:
                status = _status(error)
                if status == HTTPStatus.NOT_FOUND:
                    raise ObjectGoneError(f"{where} is not there any more") from error
                if status == HTTPStatus.PRECONDITION_FAILED:
                    raise ObjectReplacedError(f"{where} was uploaded anew") from error
                if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return b"", start
                raise

    def put(self, target: Target, body: bytes) -> str:
        """Write a small object at once and return its ETag; raises ConflictError."""
        with _writing(target):
            answer = self._s3.put_object(Body=body, **_described(target), **_condition(target))
        return answer["ETag"].strip('"')

    def delete(self, bucket: str, key: str, etag: str) -> None:
        """Delete the object if it still is the one with this ETag; otherwise leave it."""
        with _faults(f"s3://{bucket}/{key} could not be deleted"):
            try:
                self._s3.delete_object(Bucket=bucket, Key=key, IfMatch=etag)
            except ClientError as error:
                if _status(error) not in {HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}:
                    raise

    def start_parts(self, target: Target) -> str:
        """Begin an object that comes in parts; nothing is visible until they are completed."""
        with _writing(target):
            answer = self._s3.create_multipart_upload(**_described(target))
        return answer["UploadId"]

    def put_part(self, target: Target, upload_id: str, number: int, body: bytes) -> str:
        """Write part number 1, 2, ... and return its ETag."""
        with _writing(target):
            answer = self._s3.upload_part(
                Bucket=target.bucket, Key=target.key, UploadId=upload_id, PartNumber=number, Body=body
            )
        return answer["ETag"]

    def complete_parts(self, target: Target, upload_id: str, etags: Sequence[str]) -> str:
        """Make the object of its parts and return its ETag; raises ConflictError."""
        # Some stores that speak S3 (moto 5.2 among them) ignore If-Match here: look first.
        found = self._head(target.bucket, target.key) if target.replaces else None
        if target.replaces and (found is None or found.etag != target.replaces):
            raise ConflictError(f"s3://{target.bucket}/{target.key} was written by somebody else")
        parts: Any = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, start=1)]}
        with _writing(target):
            answer = self._s3.complete_multipart_upload(
                Bucket=target.bucket, Key=target.key, UploadId=upload_id, MultipartUpload=parts, **_condition(target)
            )
        return answer["ETag"].strip('"')

    def abort_parts(self, target: Target, upload_id: str) -> None:
        """Forget an object in parts."""
        with _writing(target):
            self._s3.abort_multipart_upload(Bucket=target.bucket, Key=target.key, UploadId=upload_id)


def _described(target: Target) -> Any:
    return {
        "Bucket": target.bucket,
        "Key": target.key,
        "ContentType": target.content_type,
        "Metadata": dict(target.metadata),
    }


def _condition(target: Target) -> Any:
    return {"IfMatch": target.replaces} if target.replaces else {"IfNoneMatch": "*"}


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


@contextmanager
def _faults(what: str) -> Iterator[None]:
    """Turn every fault of S3 or of the way to it into an InfrastructureError."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise InfrastructureError(f"{what}: {error}") from error


@contextmanager
def _writing(target: Target) -> Iterator[None]:
    """As _faults, with a failed condition as ConflictError."""
    # 409 is S3's answer to a conditional write that meets another one in flight; 404 when the object that it was to
    # replace has gone.
    where = f"s3://{target.bucket}/{target.key}"
    with _faults(f"{where} could not be written"):
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            lost = _status(error) in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}
            if lost or (target.replaces and code == "NoSuchKey"):
                raise ConflictError(f"{where} was written by somebody else") from error
            raise
