"""The bulk jobs of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort_cli.client import Client

    Document = dict[str, Any]


class RemoteBulk:
    """The jobs of a service; each method raises ProblemError for a refusal."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def start(self, request: Mapping[str, object]) -> Document:
        """Start a job, or the planning of one."""
        document: Document = self._client.post_json("/v1/bulk", request)
        return document

    def job(self, identifier: str) -> Document:
        """The state of a job."""
        document: Document = self._client.get(_path(identifier))
        return document

    def jobs(self, limit: int) -> list[Document]:
        """The newest jobs, newest first."""
        return self._client.pages("/v1/bulk", "jobs", limit)

    def cancel(self, identifier: str) -> Document:
        """Stop a job."""
        document: Document = self._client.post_json(f"{_path(identifier)}/cancel", {})
        return document

    def resume(self, identifier: str) -> Document:
        """Start a planned job, or go on with one that stopped."""
        document: Document = self._client.post_json(f"{_path(identifier)}/resume", {})
        return document


def _path(identifier: str) -> str:
    return f"/v1/bulk/{quote(identifier, safe='')}"
