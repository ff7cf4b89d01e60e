"""Headers of every response of the API, including the gateway's own, and the names of files that it serves."""

from __future__ import annotations

from typing import Final

# Browsers must not guess content types, and no cache may keep a response.
EVERY_ANSWER: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
# What a page at another origin may send, and what it may read beside the body and its type.
SENT_BY_PAGES: Final = ("Authorization", "Content-Encoding", "Content-Type", "X-Api-Key")
READ_BY_PAGES: Final = ("Content-Disposition", "Link", "Retry-After")
PREFLIGHT_S: Final = 3_600
# The OpenAPI document and its page, made at build time (infra/api).
DOCUMENT: Final = "openapi.json"
PAGE: Final = "docs.html"
