"""Headers of every answer of the API, the gateway's own included, and the files that it serves as they are."""

from __future__ import annotations

from typing import Final

# A browser takes an answer for what it says that it is, and nobody keeps it for the next user.
EVERY_ANSWER: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
# The OpenAPI document and its page, made at build time (infra/api).
DOCUMENT: Final = "openapi.json"
PAGE: Final = "docs.html"
