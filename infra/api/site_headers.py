"""HTTP headers of the web page, for the local gateway and CloudFront's response headers policy.

The content security policy allows only the page's own files, the API at the same origin, and uploads to S3. Scripts
and styles are files, so neither `unsafe-inline` nor a nonce is needed; trusted types prevent text from becoming script.
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
# Documentation in the page's folder, not served.
NOT_SERVED: Final = frozenset({"docs", "README.md"})
# File names do not change between versions: browsers revalidate cached files each time (304), so that scripts of two
# versions are never mixed. Samples rarely change and are independent of the version.
ASK_EACH_TIME: Final = "no-cache"
ONE_DAY: Final = "public, max-age=86400"
KEPT_A_DAY: Final = "samples/"
# Two years, as required by preload lists; browsers ignore it over plain HTTP, as on the local stack.
STRICT_TRANSPORT: Final = "max-age=63072000; includeSubDomains"


def content_security_policy(upload_origins: Iterable[str] = ()) -> str:
    """The Content-Security-Policy header; upload_origins: of uploads and results, ``https://BUCKET.s3...``."""
    directives = {
        "default-src": ("'none'",),
        "script-src": ("'self'",),
        "style-src": ("'self'",),
        # blob: previews of chosen files; data: heat maps in API responses.
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
        # Pictures of the classes to train may be taken with the camera; the browser still asks each visitor.
        "permissions-policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    }


def content_type(path: str) -> str | None:
    """The media type of a file of the page by its path below functions/site; None if it is not served."""
    return None if path.partition("/")[0] in NOT_SERVED else CONTENT_TYPES.get(PurePosixPath(path).suffix)


def cache_control(path: str) -> str:
    """The Cache-Control header of a file of the page by its path below functions/site."""
    return ONE_DAY if path.startswith(KEPT_A_DAY) else ASK_EACH_TIME
