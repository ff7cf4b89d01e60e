"""The columns that a job's model reads."""

from __future__ import annotations

import pytest

from skysort.bulk.request import Job
from skysort.bulk.schemas import schema_of
from skysort.errors import NotFoundError
from skysort.registry.names import Kind
from skysort.registry.promotion import Promotions
from skysort.registry.versions import VersionFiles
from skysort.star.schema import SDSS, Schema
from tests.fakes.model_store import MemoryModelStore

JHK = Schema(bands=("j", "h", "k"))


def job(model: str) -> Job:
    return Job("star-20261128-084500-1a2b3c", "shared", "", model, {"prefix": "incoming/bulk/"}, "2026-11-28T08:45:00Z")


@pytest.mark.parametrize("model", ["galaxy", "image", "custom/rings"])
def test_models_of_pictures_read_no_columns(model: str) -> None:
    assert schema_of(job(model), None) is None


def test_the_shipped_model_reads_those_of_sdss() -> None:
    assert schema_of(job("star"), None) is SDSS


def test_a_trained_model_reads_those_of_its_live_version() -> None:
    # Given
    store = MemoryModelStore()
    card = {"name": "dwarfs", "kind": "star", "input": {"columns": JHK.document()}, "created": "2026-01-01T00:00:00Z"}
    version = VersionFiles(store).publish("shared", "dwarfs", card, {"model.ubj": b"{}"})
    Promotions(store).promote("shared", "dwarfs", Kind.STAR, version)
    # Then
    schema = schema_of(job("custom-star/dwarfs"), store)
    assert schema is not None
    assert schema.document() == JHK.document()


@pytest.mark.parametrize("store", [None, MemoryModelStore()])
def test_a_model_that_is_not_there_is_not_found(store: MemoryModelStore | None) -> None:
    with pytest.raises(NotFoundError):
        schema_of(job("custom-star/dwarfs"), store)
