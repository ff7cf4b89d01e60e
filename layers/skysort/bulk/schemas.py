"""The columns that a job's model reads in tables, for planning: the plan refuses tables that lack them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysort.errors import NotFoundError
from skysort.models import ROWS, input_of
from skysort.registry.names import spelled
from skysort.registry.pointer import Pointers
from skysort.registry.versions import VersionFiles
from skysort.star.schema import SDSS, Schema

if TYPE_CHECKING:
    from skysort.bulk.request import Job
    from skysort.registry.store import ModelStore


def schema_of(job: Job, models: ModelStore | None) -> Schema | None:
    """What a job's model reads.

    Parameters
    ----------
    job
        The job.
    models
        The models bucket; None where nobody has trained a model.

    Returns
    -------
    None for a model of pictures.

    Raises
    ------
    NotFoundError
        If there is no such model, or no version of it is live.
    """
    if input_of(job.model) is not ROWS:
        return None
    name = spelled(job.model)
    if name is None:
        return SDSS
    live = Pointers(models).read(job.owner, name.name).live if models is not None else None
    if models is None or live is None:
        raise NotFoundError(f"no version of the model {job.model} is live")
    return Schema.from_card(VersionFiles(models).card(job.owner, name.name, live), trained=True)
