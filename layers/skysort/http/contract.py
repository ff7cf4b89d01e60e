"""The contract as it is served: the OpenAPI document and its page, both made at build time (infra/api)."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from skysort.errors import ArtefactError

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT: Final = "openapi.json"
PAGE: Final = "docs.html"
_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)


class Contract:
    """Reads each file on first use, so that a sandbox that never serves it starts without."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def document(self) -> str:
        """The OpenAPI document; raises ArtefactError."""
        return self._read(DOCUMENT)

    @cached_property
    def page(self) -> str:
        """The document as HTML; raises ArtefactError."""
        return self._read(PAGE)

    @cached_property
    def page_headers(self) -> dict[str, str]:
        """Nothing but the page's own style is let in: no script, no request to anybody."""
        styles = " ".join(f"'sha256-{_digest(style)}'" for style in _STYLE.findall(self.page))
        nothing = ("default-src", "base-uri", "form-action", "frame-ancestors")
        return {
            "Content-Security-Policy": "; ".join([*(f"{name} 'none'" for name in nothing), f"style-src {styles}"]),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }

    def _read(self, name: str) -> str:
        path = self._folder / name
        try:
            return path.read_text("utf-8")
        except OSError as error:
            raise ArtefactError(f"{path} cannot be read: {error.strerror}; `make openapi` writes it") from error


def _digest(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
