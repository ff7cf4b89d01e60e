"""The status document of a training: written by its steps, each on the condition that no other step was first."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from skysort.registry.status_file import StatusDocument, StatusForm, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysort.answers import Problem
    from skysort.registry.keys import TrainingKeys
    from skysort.registry.store import ModelStore

__all__ = ["FORM", "Phase", "StatusFile", "written"]


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
        return self in FORM.ended


FORM: Final = StatusForm(
    Phase,
    frozenset({Phase.DONE, Phase.FAILED}),
    {
        "progress": None,
        "version": None,
        "promoted": None,
        "comparison": None,
        "refused": {"count": 0, "files": []},
        "metrics": None,
        "learning_curve": None,
        "hyperparameters": None,
        "problem": None,
    },
    "a training",
)


class StatusFile(StatusDocument[Phase]):
    """The status of one training in a store. now: the time, for tests."""

    def __init__(
        self, store: ModelStore, training: TrainingKeys, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__(store, training.status, FORM, now)

    def fail(self, problem: Problem) -> dict[str, Any]:
        """End the training with a problem, unless it has ended."""
        return self.advance(Phase.FAILED, problem=problem, progress=None)
