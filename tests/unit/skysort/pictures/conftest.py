"""Miniature picture models, in folders that no shelf of cards takes for its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skysort.cache import AnswerCache
from skysort.drop.worker import DropWorker
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.files import PictureFiles, Turns
from skysort.pictures.model import PictureModel
from tests.factories_images import GALAXY_INPUT, picture_artefact
from tests.fakes.object_store import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_artefact(tmp_path_factory.mktemp("image") / "artefact")


@pytest.fixture(scope="session")
def galaxy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one picture at a time, as the shipped galaxy model is."""
    return picture_artefact(tmp_path_factory.mktemp("galaxy") / "artefact", "galaxy", GALAXY_INPUT, batch=1)


@pytest.fixture(scope="session")
def image_model(image_folder: Path) -> PictureModel:
    return PictureModel.load(image_folder)


@pytest.fixture
def classifier(image_model: PictureModel) -> PictureClassifier:
    return PictureClassifier(image_model, AnswerCache(100))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def worker(store: MemoryStore, image_model: PictureModel) -> DropWorker:
    """The drop folder of a picture model."""
    return DropWorker(store, "results", PictureFiles(PictureClassifier(image_model), Turns(2)))
