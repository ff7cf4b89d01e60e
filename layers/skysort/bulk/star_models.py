"""The models of the function that classifies the parts of jobs on tables: the built-in one, and those of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysort.bulk.models import check_built_in, pinned
from skysort.bulk.stars import TableEngine
from skysort.errors import ArtefactError, InputError, NotFoundError
from skysort.registry.names import Kind, spelled
from skysort.star.trained import load_model

if TYPE_CHECKING:
    from skysort.bulk.request import Job
    from skysort.registry.store import ModelStore
    from skysort.star.model import StarModel


class StarEngines:
    """A skysort.bulk.engine.Engines.

    Parameters
    ----------
    model
        The built-in one.
    memory_mb
        The function's.
    threads
        For a prediction.
    trained
        The models bucket; None where there is none.
    """

    def __init__(self, model: StarModel, memory_mb: int, threads: int = 1, trained: ModelStore | None = None) -> None:
        self.memory_mb = memory_mb
        self._model = model
        self._threads = threads
        self._trained = trained
        self._last: tuple[tuple[str, str, str], TableEngine] | None = None

    def get(self, job: Job, version: str | None) -> TableEngine:
        """The model of a job; raises NotFoundError, and InputError if it cannot be the version that it began with."""
        if spelled(job.model) is None:
            check_built_in(job, self._model.card.name, self._model.card.version, version)
            return TableEngine(self._model, self._model.card.name, self._threads)
        if self._last is not None and self._last[0] == (job.owner, job.model, version):
            return self._last[1]
        if self._trained is None:
            raise NotFoundError(f"there is no trained model {job.model!r:.80}: this stage has no bucket for models")
        try:
            model = load_model(pinned(self._trained, Kind.STAR, job, version), self._threads)
        except ArtefactError as error:
            raise InputError(error.detail) from error
        engine = TableEngine(model, job.model, self._threads)
        self._last = ((job.owner, job.model, engine.version), engine)
        return engine
