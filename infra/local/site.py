"""The web page of functions/site, served by the gateway with CloudFront's headers."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from infra.api.site_headers import cache_control, content_type, security_headers
from infra.local.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

INDEX: Final = "index.html"
# Paths are not normalised, as in CloudFront.
_NEVER_IN_A_PATH: Final = frozenset({"", ".", ".."})
_METHODS: Final = frozenset({"GET", "HEAD"})
_ETAG_CHARACTERS: Final = 16


class Site:
    """Static files below a folder, read on each request, so that edits show on reload.

    upload_origins: of presigned uploads, for the content security policy.
    """

    def __init__(self, folder: Path, upload_origins: Iterable[str] = ()) -> None:
        self._folder = folder.resolve()
        self._security = [(name.encode(), value.encode()) for name, value in security_headers(upload_origins).items()]

    def find(self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]]) -> Response | None:
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
        etag = f'"{hashlib.sha256(body).hexdigest()[:_ETAG_CHARACTERS]}"'.encode()
        sent = [(b"etag", etag), (b"cache-control", cache_control(name).encode()), *self._security]
        if _holds(etag, headers):
            return Response(HTTPStatus.NOT_MODIFIED, sent, b"")
        length = str(len(body)).encode()
        sent += [(b"content-type", media_type.encode()), (b"content-length", length)]
        return Response(HTTPStatus.OK, sent, b"" if method == "HEAD" else body)


def _holds(etag: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the browser's copy is current (RFC 9110, If-None-Match; weak comparison)."""
    wanted = b",".join(value for name, value in headers if name == b"if-none-match")
    return any(tag.strip().removeprefix(b"W/") in {etag, b"*"} for tag in wanted.split(b","))
