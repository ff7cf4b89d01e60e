"""What a web page may do with the buckets of the drop folder by presigned requests (CORS): one place for both ways.

A page whose address the stage knows is let in by the template, one at CloudFront's own name once it is deployed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

PREFLIGHT_S: Final = 3_600


class CorsRule(NamedTuple):
    """Methods, request headers, and the answer's headers that a script may read."""

    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()


# Forms are posted, parts put (a script needs their ETags), an upload in parts completed or given up.
UPLOADS: Final = CorsRule(("POST", "PUT", "DELETE"), ("content-type",), ("ETag",))
READS: Final = CorsRule(("GET", "HEAD"))
