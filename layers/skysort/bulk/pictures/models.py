"""The models of the functions that classify the parts of jobs on pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysort.bulk.models import check_built_in, pinned
from skysort.bulk.pictures.engine import TRAINED_CALL, PictureEngine
from skysort.custom.model import CustomModel
from skysort.errors import ArtefactError, InputError
from skysort.pictures.classify import ShippedJudge
from skysort.registry.names import Kind

if TYPE_CHECKING:
    from skysort.bulk.request import Job
    from skysort.custom.networks import CustomPicture, Networks
    from skysort.pictures.decode import Picture
    from skysort.pictures.model import PictureModel
    from skysort.registry.store import ModelStore


class ShippedPictures:
    """A built-in model, as skysort.bulk.engine.Engines. memory_mb: the function's. threads: pictures side by side."""

    def __init__(self, model: PictureModel, memory_mb: int, threads: int) -> None:
        self.memory_mb = memory_mb
        self._engine: PictureEngine[Picture] = PictureEngine(
            ShippedJudge(model), model.card.name, threads, measured=model.measures_typicality
        )

    def get(self, job: Job, version: str | None) -> PictureEngine[Picture]:
        """The model of a job; raises NotFoundError, and InputError if it is another version by now."""
        check_built_in(job, self._engine.name, self._engine.version, version)
        return self._engine


class TrainedPictures:
    """Models that people trained, as skysort.bulk.engine.Engines. networks: with one thread each."""

    def __init__(self, store: ModelStore, networks: Networks, memory_mb: int, threads: int) -> None:
        self.memory_mb = memory_mb
        self._store = store
        self._networks = networks
        self._threads = threads
        self._last: tuple[tuple[str, str, str | None], PictureEngine[CustomPicture]] | None = None

    def get(self, job: Job, version: str | None) -> PictureEngine[CustomPicture]:
        """The live version of a model, or the one that the job began with.

        Parameters
        ----------
        job, version
            As in Engines.get.

        Returns
        -------
        PictureEngine[CustomPicture]

        Raises
        ------
        InputError
            If it was trained on other networks; NotFoundError if there is no such model or version.
        """
        if self._last is not None and self._last[0] == (job.owner, job.model, version):
            return self._last[1]
        try:
            model = CustomModel.load(pinned(self._store, Kind.PICTURES, job, version), self._networks)
        except ArtefactError as error:
            raise InputError(error.detail) from error
        engine = PictureEngine(model, job.model, self._threads, measured=True, per_call=TRAINED_CALL)
        self._last = (job.owner, job.model, engine.version), engine
        return engine
