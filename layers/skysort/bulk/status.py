"""The status document of a bulk job: steps and control write it, each on the condition that nobody was first."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from skysort.registry.status_file import StatusDocument, StatusForm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort.answers import Problem
    from skysort.bulk.keys import BulkKeys
    from skysort.registry.store import ModelStore


class Phase(StrEnum):
    """The phase of a job, in their order within a run."""

    WAITING = "waiting"
    PLANNING = "planning"
    PLANNED = "planned"
    RUNNING = "running"
    FINISHING = "finishing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing follows in this run."""
        return self in FORM.ended


FORM: Final = StatusForm(
    Phase, frozenset({Phase.DONE, Phase.FAILED, Phase.CANCELLED}), {"run": 1, "problem": None}, "a bulk job"
)


class StatusFile(StatusDocument[Phase]):
    """The status of one job, as one of its runs writes it. now: the time, for tests."""

    def __init__(
        self, store: ModelStore, job: BulkKeys, run: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__(store, job.status, FORM, now)
        self._run = run

    def advance(self, phase: Phase, **changes: object) -> dict[str, Any]:
        """Enter a phase of this run, or change the status within it; an earlier run's problem is forgotten.

        Parameters
        ----------
        phase
            A run never goes back, a later run's status is left as it is, and nothing follows a job that is done.
        **changes
            Fields of the status document.

        Returns
        -------
        The status as it is now, maybe of a later phase or run.
        """
        return super().advance(phase, **{"run": self._run, "problem": None, **changes})

    def fail(self, problem: Problem) -> dict[str, Any]:
        """End the run with a problem, unless it has ended."""
        return self.advance(Phase.FAILED, problem=problem)

    def overtaken(self, status: Mapping[str, Any], phase: Phase) -> bool:
        """Whether the job is done, or a later run, or a later phase of this run, has begun."""
        if status["phase"] == Phase.DONE or status["run"] > self._run:
            return True
        return status["run"] == self._run and super().overtaken(status, phase)
