"""The web page of functions/site, served by the gateway with CloudFront's headers and compression."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from infra.api.site_headers import cache_control, content_type, security_headers
from infra.local.responses import Response

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

INDEX: Final = "index.html"
# Paths are not normalised, as in CloudFront.
_NEVER_IN_A_PATH: Final = frozenset({"", ".", ".."})
_METHODS: Final = frozenset({"GET", "HEAD"})
_ETAG_CHARACTERS: Final = 16
# What CloudFront compresses of the page's files; pictures are compressed already.
COMPRESSED: Final = frozenset(
    {"text/html", "text/css", "text/javascript", "text/csv", "application/json", "image/svg+xml"}
)
# Twice the page's files.
_KEPT: Final = 256


class Site:
    """Static files below a folder, read on each request, so that edits show on reload.

    upload_origins: of presigned uploads, for the content security policy.
    """

    def __init__(self, folder: Path, upload_origins: Iterable[str] = ()) -> None:
        self._folder = folder.resolve()
        self._security = [(name.encode(), value.encode()) for name, value in security_headers(upload_origins).items()]

    def find(self, method: str, path: str, headers: Collection[tuple[bytes, bytes]]) -> Response | None:
        """The response to a request for a file of the page; None if there is no such file."""
        name = path.removeprefix("/") or INDEX
        media_type = content_type(name)
        if method not in _METHODS or media_type is None or not _NEVER_IN_A_PATH.isdisjoint(name.split("/")):
            return None
        try:
            file = (self._folder / name).resolve()
            if not file.is_relative_to(self._folder) or not file.is_file():
                return None
            body = file.read_bytes()
        except (OSError, ValueError):  # a name that is too long, or with a NUL
            return None
        etag = f'W/"{hashlib.sha256(body).hexdigest()[:_ETAG_CHARACTERS]}"'.encode()
        sent = [(b"etag", etag), (b"cache-control", cache_control(name).encode()), *self._security]
        if _holds(etag, headers):
            return Response(HTTPStatus.NOT_MODIFIED, sent, b"")
        if media_type.partition(";")[0] in COMPRESSED:
            sent.append((b"vary", b"accept-encoding"))
            if _takes_gzip(headers):
                body = compressed(body)
                sent.append((b"content-encoding", b"gzip"))
        length = str(len(body)).encode()
        sent += [(b"content-type", media_type.encode()), (b"content-length", length)]
        return Response(HTTPStatus.OK, sent, b"" if method == "HEAD" else body)


@lru_cache(maxsize=_KEPT)
def compressed(body: bytes) -> bytes:
    """A file of the page as it is sent, with gzip."""
    return gzip.compress(body, mtime=0)


def _takes_gzip(headers: Collection[tuple[bytes, bytes]]) -> bool:
    """Whether the browser takes gzip (RFC 9110, Accept-Encoding); a weight of 0 refuses it."""
    given = b",".join(value for name, value in headers if name == b"accept-encoding").lower().replace(b" ", b"")
    codings = dict(each.partition(b";")[::2] for each in given.split(b","))
    return codings.get(b"gzip", codings.get(b"*", b"q=0")) not in {b"q=0", b"q=0.0"}


def _holds(etag: bytes, headers: Collection[tuple[bytes, bytes]]) -> bool:
    """Whether the browser's copy is current (RFC 9110, If-None-Match; weak comparison)."""
    wanted = b",".join(value for name, value in headers if name == b"if-none-match")
    return any(tag.strip().removeprefix(b"W/") in {etag.removeprefix(b"W/"), b"*"} for tag in wanted.split(b","))
