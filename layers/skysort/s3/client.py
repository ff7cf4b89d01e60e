"""The few S3 requests of functions without boto3: list, read, write on a condition, delete, uploads in parts."""

from __future__ import annotations

import http.client
import re
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from skysort.errors import InfrastructureError, NotFoundError
from skysort.s3.objects import ConflictError, ObjectReplacedError
from skysort.s3.signature import query_string

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.s3.objects import ObjectVersion
    from skysort.s3.signature import Addressing, Location, Signer

TIMEOUT_S: Final = 5.0
ATTEMPTS: Final = 3
_PAUSE_S: Final = 0.05
_PAGE: Final = 1_000
_NAMESPACE: Final = "{*}"
# A fault of the stage, not of the request.
_NO_BUCKET: Final = b"NoSuchBucket"
# The version of objects that were written before their bucket kept versions.
_NO_VERSION: Final = "null"
# Answers to what was asked: a condition that does not hold is one.
_ANSWERS: Final = frozenset(
    {
        HTTPStatus.OK,
        HTTPStatus.NO_CONTENT,
        HTTPStatus.PARTIAL_CONTENT,
        HTTPStatus.NOT_MODIFIED,
        HTTPStatus.PRECONDITION_FAILED,
        HTTPStatus.CONFLICT,
    }
)
# Keys are percent-encoded, but some S3-compatible stores (such as moto 5.2) echo parts of a request unencoded.
_NOT_XML: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object of a listing. modified: ISO 8601 in UTC, so that it sorts by time. etag: without quotes."""

    key: str
    size: int
    modified: str
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded part. number: from 1."""

    number: int
    etag: str
    size: int


class StoredDocument(NamedTuple):
    """A small object whole, with its ETag (without quotes) for a later condition."""

    body: bytes
    etag: str


class Properties(NamedTuple):
    """An object's properties, without its bytes. version: None where the bucket keeps none."""

    size: int
    etag: str
    version: str | None


class NoSuchBucketError(InfrastructureError):
    """There is no such bucket: a fault of the stage, unless a caller named it."""


class Answer(NamedTuple):
    """An answer of S3.

    repeated: an earlier attempt at the request failed without an answer, and may have been carried out.
    length, version: of the object, as the headers say it.
    """

    status: int
    body: bytes
    etag: str = ""
    repeated: bool = False
    length: int = 0
    version: str | None = None


class S3Client:
    """Signed requests to S3; each thread keeps its connections.

    Every method raises InfrastructureError if S3 fails after a few attempts.
    """

    def __init__(self, addressing: Addressing, signer: Signer) -> None:
        self._addressing = addressing
        self._signer = signer
        self._connections = threading.local()

    def list(self, bucket: str, prefix: str, after: str = "") -> Iterator[list[ListedObject]]:
        """The objects below a prefix whose keys come after a key, a page at a time, in the order of their bytes."""
        query = {"list-type": "2", "prefix": prefix, "max-keys": str(_PAGE), "encoding-type": "url"}
        if after:
            query["start-after"] = after
        for root in self._pages(bucket, query):
            yield [_listed(item) for item in root.iterfind(_NAMESPACE + "Contents")]

    def folders(self, bucket: str, prefix: str) -> Iterator[str]:
        """The names of the folders directly below a prefix that ends in a slash, in the order of their bytes."""
        query = {
            "list-type": "2",
            "prefix": prefix,
            "delimiter": "/",
            "max-keys": str(_PAGE),
            "encoding-type": "url",
        }
        for root in self._pages(bucket, query):
            for item in root.iterfind(_NAMESPACE + "CommonPrefixes"):
                yield unquote_plus(_text(item, "Prefix")).removeprefix(prefix).removesuffix("/")

    def _pages(self, bucket: str, query: Mapping[str, str]) -> Iterator[ET.Element]:
        """The pages of a listing."""
        token: str | None = ""
        while token is not None:
            continued = {**query, "continuation-token": token} if token else query
            root = _parse(self._send("GET", self._addressing.locate(bucket), continued).body)
            yield root
            token = root.findtext(_NAMESPACE + "NextContinuationToken") or None

    def read(self, bucket: str, key: str, start: int = 0, size: int | None = None) -> bytes:
        """An object's bytes, or up to size of them from start; raises NotFoundError."""
        headers = {"range": f"bytes={start}-{'' if size is None else start + size - 1}"} if start or size else {}
        return self._send("GET", self._addressing.locate(bucket, key), {}, headers).body

    def read_version(self, source: ObjectVersion, start: int, size: int) -> bytes:
        """Up to size bytes of an object in this state; raises NotFoundError, or ObjectReplacedError if it changed."""
        headers = {"range": f"bytes={start}-{start + size - 1}", "if-match": f'"{source.etag}"'}
        query = {"versionId": source.version_id} if source.version_id else {}
        answer = self._send("GET", self._addressing.locate(source.bucket, source.key), query, headers)
        if answer.status == HTTPStatus.PRECONDITION_FAILED:
            raise ObjectReplacedError(f"s3://{source.bucket}/{source.key} was uploaded again")
        return answer.body

    def head(self, bucket: str, key: str) -> Properties:
        """An object's properties; raises NotFoundError, also without a bucket, since the answer has no body."""
        answer = self._send("HEAD", self._addressing.locate(bucket, key), {})
        return Properties(answer.length, answer.etag, answer.version)

    def get(self, bucket: str, key: str) -> StoredDocument:
        """A small object whole, with its ETag; raises NotFoundError."""
        answer = self._send("GET", self._addressing.locate(bucket, key), {})
        return StoredDocument(answer.body, answer.etag)

    def get_if_changed(self, bucket: str, key: str, etag: str) -> StoredDocument | None:
        """The object, None if it still has this ETag; raises NotFoundError."""
        answer = self._send("GET", self._addressing.locate(bucket, key), {}, {"if-none-match": f'"{etag}"'})
        return None if answer.status == HTTPStatus.NOT_MODIFIED else StoredDocument(answer.body, answer.etag)

    def put(self, bucket: str, key: str, body: bytes, content_type: str, replaces: str | None = None) -> str:
        """Write a small object on a condition.

        Parameters
        ----------
        bucket, key, body, content_type
            The object.
        replaces
            The ETag of the object that may be replaced, None if none may exist.

        Returns
        -------
        Its ETag.

        Raises
        ------
        ConflictError
            If the condition does not hold, or another write was in progress.
        InfrastructureError
            If there is no such bucket, or S3 fails.
        """
        condition = {"if-match": f'"{replaces}"'} if replaces else {"if-none-match": "*"}
        location = self._addressing.locate(bucket, key)
        try:
            answer = self._send("PUT", location, {}, {"content-type": content_type, **condition}, body)
        except NotFoundError as error:
            # S3 answers so if the object to be replaced no longer exists.
            raise ConflictError(f"s3://{bucket}/{key} was deleted concurrently") from error
        if answer.status not in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}:
            return answer.etag
        if answer.repeated:
            # The attempt without an answer may have written it.
            written = self.get(bucket, key)
            if written.body == body:
                return written.etag
        raise ConflictError(f"s3://{bucket}/{key} was changed concurrently")

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object, if there is one."""
        self._send("DELETE", self._addressing.locate(bucket, key), {})

    def start_parts(self, bucket: str, key: str, content_type: str) -> str:
        """Create a multipart upload; returns its id."""
        location = self._addressing.locate(bucket, key)
        root = _parse(self._send("POST", location, {"uploads": ""}, {"content-type": content_type}).body)
        return root.findtext(_NAMESPACE + "UploadId") or ""

    def parts(self, bucket: str, key: str, upload_id: str) -> Iterator[Part]:
        """The uploaded parts, by number; raises NotFoundError for an unknown or finished upload."""
        query = {"uploadId": upload_id, "max-parts": str(_PAGE)}
        while True:
            root = _parse(self._send("GET", self._addressing.locate(bucket, key), query).body)
            for item in root.iterfind(_NAMESPACE + "Part"):
                number, size = int(_text(item, "PartNumber")), int(_text(item, "Size"))
                yield Part(number, _text(item, "ETag"), size)
            if root.findtext(_NAMESPACE + "IsTruncated") != "true":
                return
            query = {**query, "part-number-marker": _text(root, "NextPartNumberMarker")}

    def _send(
        self,
        method: str,
        location: Location,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        fault, repeated = "", False
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_S * 4**attempt)
            try:
                answer = self._exchange(method, location, query, headers, body)
            except (OSError, http.client.HTTPException) as error:
                # A connection that was idle while the sandbox was frozen fails here; the next attempt opens a new one.
                self._connections.__dict__.pop(location.host, None)
                fault, repeated = f"{type(error).__name__}: {error}", True
                continue
            if answer.status in _ANSWERS:
                return answer._replace(repeated=repeated)
            if answer.status == HTTPStatus.NOT_FOUND and _NO_BUCKET not in answer.body:
                raise NotFoundError(f"S3 has no {location.path}")
            if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return answer._replace(body=b"")
            if answer.status == HTTPStatus.NOT_FOUND:
                raise NoSuchBucketError(f"S3 has no bucket {location.bucket}")
            fault, repeated = f"{answer.status} {answer.body[:300]!r}", True
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                break
        raise InfrastructureError(f"S3 did not answer {method} {location.path}: {fault}")

    def _exchange(
        self, method: str, location: Location, query: Mapping[str, str], headers: Mapping[str, str] | None, body: bytes
    ) -> Answer:
        connection = self._connections.__dict__.get(location.host)
        if connection is None:
            is_https = location.scheme == "https"
            connection_class = http.client.HTTPSConnection if is_https else http.client.HTTPConnection
            connection = self._connections.__dict__[location.host] = connection_class(location.host, timeout=TIMEOUT_S)
        signed = self._signer.headers(method, location, query, headers, body)
        target = f"{location.path}?{query_string(query)}" if query else location.path
        connection.request(method, target, body=body or None, headers=signed)
        response = connection.getresponse()
        version = response.getheader("x-amz-version-id")
        return Answer(
            response.status,
            response.read(),
            (response.getheader("etag") or "").strip('"'),
            length=int(response.getheader("content-length") or 0),
            version=None if version == _NO_VERSION else version,
        )


def _parse(answer: bytes) -> ET.Element:
    try:
        return ET.fromstring(_NOT_XML.sub(b"", answer))  # noqa: S314 - from S3
    except ET.ParseError as error:
        raise InfrastructureError(f"S3's answer is not XML: {error}") from error


def _listed(item: ET.Element) -> ListedObject:
    # One pass over the fields: a listing of ten million objects has as many.
    texts = {field.tag.rpartition("}")[2]: field.text or "" for field in item}
    return ListedObject(
        unquote_plus(texts.get("Key", "")),
        int(texts["Size"]),
        texts.get("LastModified", ""),
        texts.get("ETag", "").strip('"'),
    )


def _text(item: ET.Element, name: str) -> str:
    return item.findtext(_NAMESPACE + name) or ""
