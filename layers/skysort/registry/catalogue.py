"""What callers see of their trained models: lists, cards and versions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import ModelConflictError, NotFoundError
from skysort.models import CUSTOM, TRAINED_ROWS
from skysort.registry.names import Kind, TrainedName, name_fault
from skysort.registry.pointer import Pointers
from skysort.registry.versions import VersionFiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort import answers, trained_answers
    from skysort.registry.pointer import Pointer
    from skysort.registry.store import ModelStore
    from skysort.registry.versions import VersionInfo

# Concurrent requests to the store.
_PARALLEL: Final = 16


class Catalogue:
    """The trained models of a store, by owner."""

    def __init__(self, store: ModelStore) -> None:
        self._pointers = Pointers(store)
        self._versions = VersionFiles(store)
        self._pool = ThreadPoolExecutor(_PARALLEL, "models")

    def summaries(self, owner: str) -> list[trained_answers.TrainedSummary]:
        """An owner's models in short, by name."""
        found = self._pool.map(lambda name: self._summary(owner, name), self._pointers.names(owner))
        return [summary for summary in found if summary is not None]

    def spelled(self, owner: str) -> list[str]:
        """The names of an owner's models as callers spell them."""
        found = self._pool.map(lambda name: self._kind(owner, name), self._pointers.names(owner))
        return [str(name) for name in found if name is not None]

    def pointer(self, owner: str, name: str) -> Pointer:
        """A model's pointer; raises NotFoundError."""
        if name_fault(name):
            raise NotFoundError(f"there is no trained model {name!r:.60}")
        return self._pointers.read(owner, name)

    def require(self, owner: str, name: TrainedName) -> None:
        """Check that there is such a model of this kind; raises NotFoundError and ModelConflictError."""
        pointer = self.pointer(owner, name.name)
        if pointer.kind is not name.kind:
            right = TrainedName(pointer.kind, name.name)
            raise ModelConflictError(f"{name.name!r} is a model of kind {pointer.kind.value!r}; it is spelled {right}")

    def model(self, owner: str, name: str) -> trained_answers.TrainedModel:
        """A model with its live card; raises NotFoundError."""
        pointer = self.pointer(owner, name)
        card = self._versions.card(owner, name, pointer.live) if pointer.live else None
        return {**pointer.document(), "card": card}  # type: ignore[typeddict-item]

    def card(self, owner: str, name: str, version: str) -> dict[str, Any]:
        """The card of a version, which may be given by a prefix; raises NotFoundError and InvalidFieldsError."""
        self.pointer(owner, name)
        return self._versions.card(owner, name, self._versions.find(owner, name, version))

    def versions(self, owner: str, name: str) -> list[trained_answers.VersionSummary]:
        """A model's versions, the newest first; raises NotFoundError."""
        live = self.pointer(owner, name).live
        found = self._pool.map(
            lambda info: self._version(owner, name, info, live=live == info.version),
            self._versions.versions(owner, name),
        )
        return sorted(
            (version for version in found if version is not None), key=lambda each: each["created"], reverse=True
        )

    def _kind(self, owner: str, name: str) -> TrainedName | None:
        try:
            return TrainedName(self._pointers.read(owner, name).kind, name)
        except NotFoundError:
            return None  # deleted since it was listed

    def _summary(self, owner: str, name: str) -> trained_answers.TrainedSummary | None:
        try:
            pointer = self._pointers.read(owner, name)
            card = self._versions.card(owner, name, pointer.live) if pointer.live else {}
        except NotFoundError:
            return None  # deleted since it was listed
        return {
            "name": name,
            "kind": pointer.kind.value,
            "live": pointer.live,
            "versions": len(self._versions.versions(owner, name)),
            "labels": list(card.get("labels", ())),
            "accuracy": accuracy_of(card),
            "created": card.get("created"),
            "classify": classify_path(pointer.kind, name),
        }

    def _version(
        self, owner: str, name: str, info: VersionInfo, *, live: bool
    ) -> trained_answers.VersionSummary | None:
        try:
            card = self._versions.card(owner, name, info.version)
        except NotFoundError:
            return None
        return {
            "version": info.version,
            "created": card.get("created", info.written),
            "accuracy": accuracy_of(card),
            "live": live,
            "training": card.get("training"),
        }


def classify_path(kind: Kind, name: str) -> str:
    """The path that classifies with a trained model."""
    return f"{CUSTOM.classify_path}/{name}" if kind is Kind.PICTURES else f"{TRAINED_ROWS.classify_path}?model={name}"


def accuracy_of(card: Mapping[str, Any]) -> answers.Share | None:
    """The accuracy of a card with its interval; that of the first variant where each has its own."""
    sources = [card, *card.get("variants", {}).values()]
    for source in sources:
        accuracy = (source.get("metrics") or {}).get("accuracy")
        if isinstance(accuracy, dict) and accuracy.keys() >= {"value", "low", "high"}:
            return {"value": accuracy["value"], "low": accuracy["low"], "high": accuracy["high"]}
    return None
