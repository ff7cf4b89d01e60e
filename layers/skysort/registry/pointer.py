"""The pointer of a trained model: its kind, the live version, and how each version became live.

Everything that changes which version may be live writes the pointer on the condition that nobody else did meanwhile.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from skysort.errors import InfrastructureError, ModelConflictError, NotFoundError
from skysort.limits import MODEL_VERSIONS, POINTER_HISTORY
from skysort.registry import keys
from skysort.registry.names import SHOWN_DIGITS, Kind
from skysort.registry.store import JSON, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skysort import answers, trained_answers
    from skysort.registry.store import ModelStore

How = Literal["first", "promoted", "forced", "rolled_back"]
ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Change:
    """How a version became live. comparison: with the version before it. training: that made it."""

    version: str
    promoted: str
    how: How
    comparison: answers.Comparison | None = None
    training: str | None = None

    def document(self) -> trained_answers.PointerChange:
        """The change in a pointer's document."""
        return {
            "version": self.version,
            "promoted": self.promoted,
            "how": self.how,
            "comparison": self.comparison,
            "training": self.training,
        }


@dataclass(frozen=True, slots=True)
class Pointer:
    """A model's pointer. history: newest first. deleted: versions that may not become live any more."""

    name: str
    kind: Kind
    live: str | None = None
    history: tuple[Change, ...] = ()
    deleted: tuple[str, ...] = ()

    def document(self) -> trained_answers.Pointer:
        """The pointer as callers see it."""
        history = [change.document() for change in self.history]
        return {"name": self.name, "kind": self.kind.value, "live": self.live, "history": history}

    def to_json(self) -> bytes:
        """The stored document."""
        return json.dumps({**self.document(), "deleted": self.deleted}, allow_nan=False).encode()

    @classmethod
    def from_json(cls, body: bytes) -> Pointer:
        """Parse a stored document; raises InfrastructureError."""
        try:
            document: dict[str, Any] = json.loads(body)
            return cls(
                document["name"],
                Kind(document["kind"]),
                document["live"],
                tuple(Change(**change) for change in document["history"]),
                tuple(document.get("deleted", ())),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InfrastructureError(f"a pointer is damaged: {error!r}") from error

    def previous(self) -> Iterator[str]:
        """The versions that were live before the present one, the last first."""
        seen = {self.live, *self.deleted}
        for change in self.history:
            if change.version not in seen:
                seen.add(change.version)
                yield change.version

    def pointing_at(self, change: Change) -> Pointer:
        """The pointer after a change."""
        return replace(self, live=change.version, history=(change, *self.history)[:POINTER_HISTORY])

    def without_live(self) -> Pointer:
        """The pointer of a model that is being deleted."""
        return replace(self, live=None)

    def without(self, version: str) -> Pointer:
        """The pointer after a version's deletion; raises ModelConflictError for the live one."""
        if version == self.live:
            raise ModelConflictError(
                f"{version[:SHOWN_DIGITS]} is the live version of {self.name!r}; promote another one first"
            )
        return replace(self, deleted=(version, *(old for old in self.deleted if old != version))[:MODEL_VERSIONS])


class Pointers:
    """The pointers of a store. now: the time, for tests."""

    def __init__(self, store: ModelStore, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now

    def time(self) -> str:
        """The present time, ISO 8601 in UTC."""
        return self._now().isoformat(timespec="seconds").replace("+00:00", "Z")

    def read(self, owner: str, name: str) -> Pointer:
        """A model's pointer; raises NotFoundError."""
        try:
            return Pointer.from_json(self._store.get(keys.pointer_key(owner, name)).body)
        except NotFoundError:
            raise NotFoundError(f"there is no trained model {name!r}") from None

    def names(self, owner: str) -> list[str]:
        """The names of an owner's models."""
        listed = (keys.pointed_name(item.key) for item in self._store.list(keys.pointers_prefix(owner)))
        return [name for name in listed if name is not None]

    def change(
        self, owner: str, name: str, change: Callable[[Pointer], Pointer], *, new: Pointer | None = None
    ) -> Pointer:
        """Change a pointer; as often as another writer was first, the change is made to what that one wrote.

        Parameters
        ----------
        owner, name
            Whose model, and which.
        change
            Returns the changed pointer, or the same to leave it; called again after a conflict.
        new
            What is changed where there is no pointer yet.

        Returns
        -------
        The pointer as it is now.

        Raises
        ------
        NotFoundError
            If there is no pointer, and none may be made.
        ModelConflictError
            If others were first too often.
        """
        key = keys.pointer_key(owner, name)
        for _ in range(ATTEMPTS):
            etag = None
            try:
                stored = self._store.get(key)
                pointer, etag = Pointer.from_json(stored.body), stored.etag
            except NotFoundError:
                if new is None:
                    raise NotFoundError(f"there is no trained model {name!r}") from None
                pointer = new
            changed = change(pointer)
            if changed == pointer and etag is not None:
                return pointer
            try:
                self._store.put(key, changed.to_json(), content_type=JSON, replaces=etag)
            except ConflictError:
                continue
            return changed
        raise ModelConflictError(f"the model {name!r} is being changed by others at the same time; try again")

    def delete(self, owner: str, name: str) -> None:
        """Delete a pointer: from then on there is no such model."""
        self._store.delete(keys.pointer_key(owner, name))
