"""Trainings and trained models, of a service or of this machine, as the HTTP API's documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    Document = dict[str, Any]


class Registry(Protocol):
    """What the commands ask for; each raises ProblemError for a refusal."""

    def training(self, identifier: str) -> Document:
        """The state of a training."""

    def trainings(self, limit: int) -> list[Document]:
        """The newest trainings, newest first."""

    def models(self) -> tuple[list[Document], list[Document]]:
        """The built-in models in display order, and the trained ones by name."""

    def model(self, name: str) -> Document:
        """The card of a built-in model; of a trained one its pointer with its history and the live version's card."""

    def versions(self, name: str) -> list[Document]:
        """The versions of a trained model, newest first."""

    def card(self, name: str, version: str) -> Document:
        """The card of a version, by its hash or the beginning of it."""

    def promote(self, name: str, version: str, *, force: bool) -> Document:
        """Make a version live unless it is worse; the pointer's document."""

    def rollback(self, name: str, version: str | None) -> Document:
        """Make an earlier version live; the pointer's document."""

    def delete(self, name: str, version: str | None) -> None:
        """Delete a version that is not live, or the name with all of them."""
