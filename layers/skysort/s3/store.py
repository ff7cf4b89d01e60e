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

# A file has at most four records, which are read concurrently.
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
        """The object of each key, None if there is none."""
        # Needs s3:ListBucket: without it S3 answers 403 for an absent key, not 404.
        return list(self._pool.map(lambda key: self._head(bucket, key), keys))

    def _head(self, bucket: str, key: str) -> StoredObject | None:
        with _faults(f"s3://{bucket}/{key} could not be looked up"):
            try:
                response = self._s3.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if _status(error) == HTTPStatus.NOT_FOUND:
                    return None
                raise
        return StoredObject(response["ETag"].strip('"'), response["ContentLength"], response["Metadata"])

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Every key that begins with a prefix."""
        with _faults(f"s3://{bucket}/{prefix} could not be listed"):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Contents", ()):
                    yield item["Key"]

    def read(self, source: ObjectVersion, start: int, size: int) -> tuple[bytes, int]:
        """Up to size bytes from start, and the size of the whole object."""
        version: Any = {"VersionId": source.version_id} if source.version_id else {"IfMatch": source.etag}
        uri = f"s3://{source.bucket}/{source.key}"
        with _faults(f"{uri} could not be read"):
            try:
                response = self._s3.get_object(
                    Bucket=source.bucket, Key=source.key, Range=f"bytes={start}-{start + size - 1}", **version
                )
                return response["Body"].read(), int(response["ContentRange"].rpartition("/")[2])
            except ClientError as error:
                status = _status(error)
                if status == HTTPStatus.NOT_FOUND:
                    raise ObjectGoneError(f"{uri} no longer exists") from error
                if status == HTTPStatus.PRECONDITION_FAILED:
                    raise ObjectReplacedError(f"{uri} was uploaded again") from error
                if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return b"", start
                raise

    def put(self, target: Target, body: bytes) -> str:
        """Write a small object by one request and return its ETag; raises ConflictError."""
        with _writing(target):
            response = self._s3.put_object(Body=body, **_described(target), **_condition(target))
        return response["ETag"].strip('"')

    def delete(self, bucket: str, key: str, etag: str) -> None:
        """Delete the object if it still has this ETag."""
        with _faults(f"s3://{bucket}/{key} could not be deleted"):
            try:
                self._s3.delete_object(Bucket=bucket, Key=key, IfMatch=etag)
            except ClientError as error:
                if _status(error) not in {HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}:
                    raise

    def start_parts(self, target: Target) -> str:
        """Create a multipart upload and return its id; nothing is visible until it is completed."""
        with _writing(target):
            response = self._s3.create_multipart_upload(**_described(target))
        return response["UploadId"]

    def put_part(self, target: Target, upload_id: str, number: int, body: bytes) -> str:
        """Write part number 1, 2, ... and return its ETag."""
        with _writing(target):
            response = self._s3.upload_part(
                Bucket=target.bucket, Key=target.key, UploadId=upload_id, PartNumber=number, Body=body
            )
        return response["ETag"]

    def complete_parts(self, target: Target, upload_id: str, etags: Sequence[str]) -> str:
        """Complete a multipart upload and return the object's ETag; raises ConflictError."""
        # Some S3-compatible stores (such as moto 5.2) ignore If-Match here, so compare first.
        current = self._head(target.bucket, target.key) if target.replaces else None
        if target.replaces and (current is None or current.etag != target.replaces):
            raise ConflictError(f"s3://{target.bucket}/{target.key} was changed concurrently")
        parts: Any = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, start=1)]}
        with _writing(target):
            response = self._s3.complete_multipart_upload(
                Bucket=target.bucket, Key=target.key, UploadId=upload_id, MultipartUpload=parts, **_condition(target)
            )
        return response["ETag"].strip('"')

    def abort_parts(self, target: Target, upload_id: str) -> None:
        """Abort a multipart upload."""
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
def _faults(message: str) -> Iterator[None]:
    """Turn every error of S3 or of the connection into an InfrastructureError."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise InfrastructureError(f"{message}: {error}") from error


@contextmanager
def _writing(target: Target) -> Iterator[None]:
    """As _faults, but a failed condition raises ConflictError."""
    # S3 answers a conditional write with 409 if another one is in progress, and with 404 if the object to be replaced
    # no longer exists.
    uri = f"s3://{target.bucket}/{target.key}"
    with _faults(f"{uri} could not be written"):
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            lost = _status(error) in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}
            if lost or (target.replaces and code == "NoSuchKey"):
                raise ConflictError(f"{uri} was changed concurrently") from error
            raise
