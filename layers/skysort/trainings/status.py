"""The status document of a training: written by its steps, each on the condition that no other step was first."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import InfrastructureError, NotFoundError
from skysort.registry.store import JSON, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort.answers import Problem
    from skysort.registry.keys import TrainingKeys
    from skysort.registry.store import ModelStore

_ATTEMPTS: Final = 10


class Phase(StrEnum):
    """The phase of a training, in their order."""

    WAITING = "waiting"
    READING = "reading"
    FEATURES = "features"
    FITTING = "fitting"
    EVALUATING = "evaluating"
    PUBLISHING = "publishing"
    DONE = "done"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self in {Phase.DONE, Phase.FAILED}


_ORDER: Final = {phase: number for number, phase in enumerate(Phase)}
EMPTY: Final[Mapping[str, Any]] = {
    "phase": Phase.WAITING,
    "updated": None,
    "entered": None,
    "progress": None,
    "seconds": {},
    "version": None,
    "promoted": None,
    "comparison": None,
    "refused": {"count": 0, "files": []},
    "metrics": None,
    "learning_curve": None,
    "hyperparameters": None,
    "problem": None,
}


class StatusFile:
    """The status of one training in a store. now: the time, for tests."""

    def __init__(
        self, store: ModelStore, training: TrainingKeys, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._key = training.status
        self._now = now

    def read(self) -> dict[str, Any]:
        """The status; that of a waiting training if no step has written one."""
        return self._read()[0]

    def advance(self, phase: Phase, **changes: object) -> dict[str, Any]:
        """Enter a phase, or change the status within it.

        Parameters
        ----------
        phase
            A training never goes back: in a later phase its status is left as it is.
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
            present = Phase(status["phase"])
            if present.ended or _ORDER[present] > _ORDER[phase]:
                return status
            changed = {**self._entered(status, present, phase), **changes}
            try:
                self._store.put(
                    self._key, json.dumps(changed, allow_nan=False).encode(), content_type=JSON, replaces=etag
                )
            except ConflictError:
                continue
            return changed
        raise InfrastructureError(f"{self._key} is being changed by others at the same time")

    def fail(self, problem: Problem) -> dict[str, Any]:
        """End the training with a problem, unless it has ended."""
        return self.advance(Phase.FAILED, problem=problem, progress=None)

    def _entered(self, status: Mapping[str, Any], present: Phase, phase: Phase) -> dict[str, Any]:
        now = self._now()
        changed = {**status, "updated": written(now)}
        if phase is not present:
            since = status["entered"]
            if since is not None:
                spent = max(0.0, (now - datetime.fromisoformat(since)).total_seconds())
                changed["seconds"] = {**status["seconds"], present.value: round(spent, 3)}
            changed |= {"phase": phase.value, "entered": now.isoformat(), "progress": None}
        return changed

    def _read(self) -> tuple[dict[str, Any], str | None]:
        try:
            stored = self._store.get(self._key)
        except NotFoundError:
            return dict(EMPTY), None
        return parse(stored.body), stored.etag


def parse(body: bytes) -> dict[str, Any]:
    """A stored status document; raises InfrastructureError."""
    try:
        document = {**EMPTY, **json.loads(body)}
        document["phase"] = Phase(document["phase"]).value
    except (ValueError, TypeError) as error:
        raise InfrastructureError(f"the status of a training is damaged: {error!r}") from error
    return document


def written(time: datetime) -> str:
    """A time as documents have it: ISO 8601 in UTC, to the second."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
