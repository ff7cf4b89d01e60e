"""CORS rules of the drop folder's buckets, for presigned requests of a web page.

They are set by the template for a page whose address is in the stage, and after deployment for a page at CloudFront's
own domain name.
"""

from __future__ import annotations

from typing import Final, NamedTuple

PREFLIGHT_S: Final = 3_600


class CorsRule(NamedTuple):
    """Allowed methods and request headers, and response headers exposed to scripts."""

    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()


# Forms are posted, parts are put (scripts need their ETags), multipart uploads are completed or aborted.
UPLOADS: Final = CorsRule(("POST", "PUT", "DELETE"), ("content-type",), ("ETag",))
READS: Final = CorsRule(("GET", "HEAD"))
