"""The few S3 requests of the control function: list, read, create a multipart upload, list its parts."""

from __future__ import annotations

import http.client
import re
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from skysort.errors import InfrastructureError, NotFoundError
from skysort.s3.signature import query_string

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.s3.signature import Addressing, Location, Signer

TIMEOUT_S: Final = 5.0
ATTEMPTS: Final = 3
_PAUSE_S: Final = 0.05
_PAGE: Final = 1_000
_NAMESPACE: Final = "{*}"
# Keys are percent-encoded, but some S3-compatible stores (such as moto 5.2) echo parts of a request unencoded.
_NOT_XML: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object of a listing. modified: ISO 8601 in UTC, so that it sorts by time."""

    key: str
    size: int
    modified: str


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded part. number: from 1."""

    number: int
    etag: str
    size: int


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
        while True:
            root = _parse(self._send("GET", self._addressing.locate(bucket), query))
            yield [_listed(item) for item in root.iterfind(_NAMESPACE + "Contents")]
            token = root.findtext(_NAMESPACE + "NextContinuationToken")
            if not token:
                return
            query = {**query, "continuation-token": token}

    def read(self, bucket: str, key: str, start: int = 0, size: int | None = None) -> bytes:
        """An object's bytes, or up to size of them from start; raises NotFoundError."""
        headers = {"range": f"bytes={start}-{'' if size is None else start + size - 1}"} if start or size else {}
        return self._send("GET", self._addressing.locate(bucket, key), {}, headers)

    def start_parts(self, bucket: str, key: str, content_type: str) -> str:
        """Create a multipart upload; returns its id."""
        location = self._addressing.locate(bucket, key)
        root = _parse(self._send("POST", location, {"uploads": ""}, {"content-type": content_type}))
        return root.findtext(_NAMESPACE + "UploadId") or ""

    def parts(self, bucket: str, key: str, upload_id: str) -> Iterator[Part]:
        """The uploaded parts, by number; raises NotFoundError for an unknown or finished upload."""
        query = {"uploadId": upload_id, "max-parts": str(_PAGE)}
        while True:
            root = _parse(self._send("GET", self._addressing.locate(bucket, key), query))
            for item in root.iterfind(_NAMESPACE + "Part"):
                number, size = int(_text(item, "PartNumber")), int(_text(item, "Size"))
                yield Part(number, _text(item, "ETag"), size)
            if root.findtext(_NAMESPACE + "IsTruncated") != "true":
                return
            query = {**query, "part-number-marker": _text(root, "NextPartNumberMarker")}

    def _send(
        self, method: str, location: Location, query: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> bytes:
        fault = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_S * 4**attempt)
            try:
                status, body = self._exchange(method, location, query, headers)
            except (OSError, http.client.HTTPException) as error:
                # A connection that was idle while the sandbox was frozen fails here; the next attempt opens a new one.
                self._connections.__dict__.pop(location.host, None)
                fault = f"{type(error).__name__}: {error}"
                continue
            if status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                return body
            if status == HTTPStatus.NOT_FOUND:
                raise NotFoundError(f"S3 has no {location.path}")
            if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return b""
            fault = f"{status} {body[:300]!r}"
            if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS:
                break
        raise InfrastructureError(f"S3 did not answer {method} {location.path}: {fault}")

    def _exchange(
        self, method: str, location: Location, query: Mapping[str, str], headers: Mapping[str, str] | None
    ) -> tuple[int, bytes]:
        connection = self._connections.__dict__.get(location.host)
        if connection is None:
            is_https = location.scheme == "https"
            connection_class = http.client.HTTPSConnection if is_https else http.client.HTTPConnection
            connection = self._connections.__dict__[location.host] = connection_class(location.host, timeout=TIMEOUT_S)
        signed = self._signer.headers(method, location, query, headers)
        target = f"{location.path}?{query_string(query)}" if query else location.path
        connection.request(method, target, headers=signed)
        response = connection.getresponse()
        return response.status, response.read()


def _parse(answer: bytes) -> ET.Element:
    try:
        return ET.fromstring(_NOT_XML.sub(b"", answer))  # noqa: S314 - from S3
    except ET.ParseError as error:
        raise InfrastructureError(f"S3's answer is not XML: {error}") from error


def _listed(item: ET.Element) -> ListedObject:
    return ListedObject(unquote_plus(_text(item, "Key")), int(_text(item, "Size")), _text(item, "LastModified"))


def _text(item: ET.Element, name: str) -> str:
    return item.findtext(_NAMESPACE + name) or ""
