"""The trainings and trained models of a service."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from skysort.models import MODELS
from skysort_cli.exits import ProblemError
from skysort_cli.registries import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort_cli.client import Client
    from skysort_cli.registries import Document


class RemoteRegistry(Registry):
    """The registry of a service."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def start(self, request: Mapping[str, object]) -> Document:
        """Start a training of uploaded files."""
        document: Document = self._client.post_json("/v1/trainings", request)
        return document

    def training(self, identifier: str) -> Document:
        """See Registry."""
        document: Document = self._client.get(f"/v1/trainings/{quote(identifier, safe='')}")
        return document

    def trainings(self, limit: int) -> list[Document]:
        """See Registry."""
        return self._client.pages("/v1/trainings", "trainings", limit)

    def models(self) -> tuple[list[Document], list[Document]]:
        """See Registry."""
        built_in = self._client.get("/v1/models")["models"]
        try:
            return built_in, self._client.get("/v1/trained")["trained"]
        except ProblemError as error:
            if error.problem.get("status") != HTTPStatus.NOT_FOUND:
                raise
            return built_in, []  # a service without trainings

    def model(self, name: str) -> Document:
        """See Registry."""
        is_built_in = name in MODELS
        document: Document = self._client.get(_path(name) if is_built_in else f"/v1/trained/{quote(name, safe='')}")
        return document

    def versions(self, name: str) -> list[Document]:
        """See Registry."""
        documents: list[Document] = self._client.get(f"{_path(name)}/versions")["versions"]
        return documents

    def card(self, name: str, version: str) -> Document:
        """See Registry."""
        document: Document = self._client.get(f"{_path(name)}/versions/{quote(version, safe='')}")
        return document

    def promote(self, name: str, version: str, *, force: bool) -> Document:
        """See Registry."""
        document: Document = self._client.post_json(f"{_path(name)}/promote", {"version": version, "force": force})
        return document

    def rollback(self, name: str, version: str | None) -> Document:
        """See Registry."""
        document: Document = self._client.post_json(f"{_path(name)}/rollback", {"to": version} if version else {})
        return document

    def delete(self, name: str, version: str | None) -> None:
        """See Registry."""
        self._client.delete(_path(name) if version is None else f"{_path(name)}/versions/{quote(version, safe='')}")


def _path(name: str) -> str:
    return f"/v1/models/{quote(name, safe='')}"
