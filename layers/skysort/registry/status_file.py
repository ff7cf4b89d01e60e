"""The status document of work in steps: each write is conditional, and a later phase is never overwritten."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from skysort.errors import InfrastructureError, NotFoundError
from skysort.registry.store import JSON, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort.registry.store import ModelStore

_ATTEMPTS: Final = 10


P = TypeVar("P", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class StatusForm(Generic[P]):
    """The form of a kind of status document.

    phases: in their order; the first is that of work whose status nobody has written.
    ended: the phases that nothing follows.
    fields: further fields, as they are at the start.
    subject: for messages, such as "a training".
    """

    phases: type[P]
    ended: frozenset[P]
    fields: Mapping[str, Any]
    subject: str

    @property
    def empty(self) -> dict[str, Any]:
        """The status before any is written."""
        first = next(iter(self.phases))
        return {"phase": first.value, "updated": None, "entered": None, "seconds": {}, **self.fields}

    def parse(self, body: bytes) -> dict[str, Any]:
        """A stored document; raises InfrastructureError."""
        try:
            document = {**self.empty, **json.loads(body)}
            document["phase"] = self.phases(document["phase"]).value
        except (ValueError, TypeError) as error:
            raise InfrastructureError(f"the status of {self.subject} is damaged: {error!r}") from error
        return document


class StatusDocument(Generic[P]):
    """A status document in a store. now: the time, for tests."""

    def __init__(
        self,
        store: ModelStore,
        key: str,
        form: StatusForm[P],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._key = key
        self._form = form
        self._order = {phase: number for number, phase in enumerate(form.phases)}
        self._now = now

    def read(self) -> dict[str, Any]:
        """The status; the empty one if no step has written one."""
        return self._read()[0]

    def advance(self, phase: P, **changes: object) -> dict[str, Any]:
        """Enter a phase, or change the status within it.

        Parameters
        ----------
        phase
            Work never goes back: in a later phase its status is left as it is.
        **changes
            Fields of the status document, such as ``progress``; progress is cleared when a phase begins.

        Returns
        -------
        The status as it is now.

        Raises
        ------
        InfrastructureError
            If other steps write at the same time too often.
        """
        for _ in range(_ATTEMPTS):
            status, etag = self._read()
            if self.overtaken(status, phase):
                return status
            changed = {**self._entered(status, phase), **changes}
            try:
                self._store.put(
                    self._key, json.dumps(changed, allow_nan=False).encode(), content_type=JSON, replaces=etag
                )
            except ConflictError:
                continue
            return changed
        raise InfrastructureError(f"{self._key} is being changed by others at the same time")

    def overtaken(self, status: Mapping[str, Any], phase: P) -> bool:
        """Whether the status is one that entering a phase must leave as it is."""
        present = self._form.phases(status["phase"])
        return present in self._form.ended or self._order[present] > self._order[phase]

    def _entered(self, status: Mapping[str, Any], phase: P) -> dict[str, Any]:
        now = self._now()
        changed = {**status, "updated": written(now)}
        present = status["phase"]
        if phase.value != present:
            since = status["entered"]
            if since is not None:
                spent = max(0.0, (now - datetime.fromisoformat(since)).total_seconds())
                before = status["seconds"].get(present, 0.0)
                changed["seconds"] = {**status["seconds"], present: round(before + spent, 3)}
            changed |= {"phase": phase.value, "entered": now.isoformat()}
            if "progress" in changed:
                changed["progress"] = None
        return changed

    def _read(self) -> tuple[dict[str, Any], str | None]:
        try:
            stored = self._store.get(self._key)
        except NotFoundError:
            return self._form.empty, None
        return self._form.parse(stored.body), stored.etag


def written(time: datetime) -> str:
    """A time as documents have it: ISO 8601 in UTC, to the second."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
