"""The steps of a bulk job that run a model: a probe on a sample, parts, and parts with rows that end the process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skysort import problems
from skysort.bulk.commit import Parts
from skysort.bulk.keys import run_of
from skysort.bulk.manifest import PartItem
from skysort.bulk.outcomes import BulkCancelled, BulkRefused
from skysort.bulk.status import StatusFile
from skysort.drop.deadline import ENDLESS
from skysort.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort.drop.deadline import Deadline

__all__ = ["BulkCancelled", "BulkRefused", "PartSteps", "Parts"]

READY: Final = "ready"


class PartSteps:
    """Runs the steps of the functions with models.

    handler: path of the function's handler module, whose ``steps`` is this; children that work alone import it.
    """

    def __init__(self, parts: Parts, handler: str) -> None:
        self.parts = parts
        self._handler = handler

    def run(self, event: Mapping[str, Any], deadline: Deadline = ENDLESS) -> dict[str, Any]:
        """Do one step.

        Parameters
        ----------
        event
            ``key`` of the run, ``step``, and for ``part`` and ``split`` the manifest's item as ``part``; ``beside`` if
            a probe is only to keep a core busy while another one measures. The step ``ready`` is of no job.
        deadline
            When to stop.

        Returns
        -------
        Nothing; ``ready`` to the step ready.

        Raises
        ------
        BulkRefused
            The job can never succeed.
        BulkCancelled
            The job was cancelled. Any other exception may pass when the step is repeated.
        """
        step = event["step"]
        if step == READY:
            return {"ready": True}
        try:
            self._do(step, event, deadline)
        except (InputError, NotFoundError) as error:
            keys, number = run_of(event["key"])
            StatusFile(self.parts.store, keys, number).fail(problems.from_error(error))
            raise BulkRefused(error.detail) from error
        return {}

    def _do(self, step: str, event: Mapping[str, Any], deadline: Deadline) -> None:
        if step == "probe":
            from skysort.bulk.probe import probe  # noqa: PLC0415 - once a job

            keys, _ = run_of(event["key"])
            probe(self.parts, keys, writes=not event.get("beside"))
            return
        run, item = self.parts.run_of(event["key"]), PartItem.from_document(event["part"])
        if step == "part":
            self.parts.do(run, item, deadline)
        elif step == "split":
            from skysort.bulk.split import split  # noqa: PLC0415 - few parts are

            split(self.parts, run, item, deadline, self._handler)
        else:
            raise InputError(f"there is no step {step!r:.40}; a function with a model knows probe, part and split")
