"""The model of a job: the version that it began with, to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysort.errors import InputError, NotFoundError
from skysort.registry.live import ModelVersion
from skysort.registry.names import spelled
from skysort.registry.pointer import Pointers
from skysort.registry.versions import VersionFiles

if TYPE_CHECKING:
    from skysort.bulk.request import Job
    from skysort.registry.names import Kind
    from skysort.registry.store import ModelStore


def check_built_in(job: Job, name: str, present: str, version: str | None) -> None:
    """Check that a function's own model is the one that a job began with.

    Parameters
    ----------
    job
        The job.
    name, present
        The function's model, and its version.
    version
        The version that the job began with, None for any.

    Raises
    ------
    NotFoundError
        If the job is for another model.
    InputError
        If the job began with another version.
    """
    if job.model != name:
        raise NotFoundError(f"there is no model {job.model!r:.60} here, but {name}")
    if version not in {None, present}:
        raise InputError(f"{name} {version} was replaced by {present} while the job ran; start a new job")


def pinned(store: ModelStore, kind: Kind, job: Job, version: str | None) -> ModelVersion:
    """The version of a trained model that a job began with.

    Parameters
    ----------
    store
        The models bucket.
    kind
        What the function's models classify.
    job
        The job.
    version
        Its first digits; None for the live one.

    Returns
    -------
    The version.

    Raises
    ------
    NotFoundError
        If there is no such model or version, or none is live.
    """
    name = spelled(job.model)
    if name is None or name.kind is not kind:
        raise NotFoundError(f"{job.model!r:.60} is no model that was trained on {kind}")
    if version is None:
        pointer = Pointers(store).read(job.owner, name.name)
        if pointer.live is None or pointer.kind is not kind:
            raise NotFoundError(f"the model {job.model} has no live version; GET /v1/trained lists them")
        version = pointer.live
    files = VersionFiles(store)
    whole = files.find(job.owner, name.name, version)
    return ModelVersion(store, job.owner, name.name, whole, files.card(job.owner, name.name, whole))
