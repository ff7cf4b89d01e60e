"""What the page is sent with: one place for the local gateway and for CloudFront's response headers policy.

The content security policy allows nothing but the page's own files, the API at the same origin, and the upload to
S3. Scripts and styles are files, so neither `unsafe-inline` nor a nonce is needed; trusted types close the ways in
which text could become script.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONTENT_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
}
# Beside the page for its readers, and no part of it.
NOT_SERVED: Final = frozenset({"docs", "README.md"})
# Files keep their names from one version to the next: a browser may keep them, and asks each time whether they
# still hold (304), so that scripts of two versions never meet. Samples change seldom and break nothing.
ASK_EACH_TIME: Final = "no-cache"
ONE_DAY: Final = "public, max-age=86400"
KEPT_A_DAY: Final = "samples/"
# Two years, as the preload lists ask for; browsers ignore it over plain HTTP, where the local stack answers.
STRICT_TRANSPORT: Final = "max-age=63072000; includeSubDomains"


def content_security_policy(upload_origins: Iterable[str] = ()) -> str:
    """The Content-Security-Policy header; upload_origins: where uploads and results are, ``https://BUCKET.s3...``."""
    directives = {
        "default-src": ("'none'",),
        "script-src": ("'self'",),
        "style-src": ("'self'",),
        # blob: previews of what the visitor chose; data: heat maps, as the API answers them.
        "img-src": ("'self'", "blob:", "data:"),
        "connect-src": ("'self'", *upload_origins),
        "manifest-src": ("'self'",),
        "base-uri": ("'none'",),
        "form-action": ("'none'",),
        "frame-ancestors": ("'none'",),
        "require-trusted-types-for": ("'script'",),
        "trusted-types": ("'none'",),
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def security_headers(upload_origins: Iterable[str] = ()) -> dict[str, str]:
    """Every security header of the page, by its lower-case name."""
    return {
        "content-security-policy": content_security_policy(upload_origins),
        "strict-transport-security": STRICT_TRANSPORT,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        # Pictures are taken through the system's own camera, by a file input: the page itself needs no permission.
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }


def content_type(path: str) -> str | None:
    """The media type of one of the page's files, by its path below functions/site; None for what is no part of it."""
    return None if path.partition("/")[0] in NOT_SERVED else CONTENT_TYPES.get(PurePosixPath(path).suffix)


def cache_control(path: str) -> str:
    """The Cache-Control header of one of the page's files, by its path below functions/site."""
    return ONE_DAY if path.startswith(KEPT_A_DAY) else ASK_EACH_TIME
