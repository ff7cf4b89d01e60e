"""Trained star models in one sandbox: the live version of each, by its owner and name.

The models bucket is opened, and what reads it imported, when a trained model is asked for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from skysort.errors import NotFoundError
from skysort.star.classify import StarClassifier
from skysort.star.model import StarModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysort.answers import StarClasses
    from skysort.cache import AnswerCache
    from skysort.registry.live import LiveModels, ModelVersion
    from skysort.registry.names import TrainedName
    from skysort.registry.store import ModelStore
    from skysort.star.tables.classifier import TableClassifier

Loaded = TypeVar("Loaded")


def load_model(version: ModelVersion, threads: int = 1) -> StarModel:
    """Load a version of a trained star model; raises ArtefactError."""
    return StarModel.trained(version.card, version.version, version.file, threads)


class TrainedStars:
    """The trained models that requests ask for.

    Parameters
    ----------
    bucket
        The models bucket, opened with the first request; None where there is none.
    cache
        Of answers; every version has its own in it.
    threads
        Threads for a prediction.
    store
        The opened bucket, for tests and processes without one.
    """

    def __init__(
        self,
        bucket: str | None,
        cache: AnswerCache[StarClasses],
        threads: int = 1,
        store: ModelStore | None = None,
    ) -> None:
        self._bucket = bucket
        self._cache = cache
        self._threads = threads
        self._store = store
        self._live: LiveModels[StarClassifier] | None = None

    def get(self, owner: str, name: str) -> StarClassifier:
        """The live version of a model; raises NotFoundError, and what reading the models bucket raises."""
        if self._live is None:
            self._live = _live(self._bucket, self._store, name, self._load)
        return self._live.get(owner, name)

    def _load(self, version: ModelVersion) -> StarClassifier:
        return StarClassifier(load_model(version, self._threads), self._cache)


class TrainedTables:
    """The classifiers of tables that were dropped for trained models; arguments as of TrainedStars."""

    def __init__(self, bucket: str | None, threads: int = 1, store: ModelStore | None = None) -> None:
        self._bucket = bucket
        self._threads = threads
        self._store = store
        self._live: LiveModels[StarModel] | None = None

    def get(self, owner: str, name: TrainedName) -> TableClassifier:
        """The classifier of a model's live version; raises NotFoundError, and what reading the bucket raises."""
        from skysort.star.tables.classifier import TableClassifier  # noqa: PLC0415 - as in TrainedStars

        if self._live is None:
            self._live = _live(self._bucket, self._store, name.name, self._load)
        return TableClassifier(self._live.get(owner, name.name), str(name))

    def _load(self, version: ModelVersion) -> StarModel:
        return load_model(version, self._threads)


def _live(
    bucket: str | None, store: ModelStore | None, name: str, load: Callable[[ModelVersion], Loaded]
) -> LiveModels[Loaded]:
    """The live models of the bucket; raises NotFoundError where there is none."""
    from skysort.registry.live import LiveModels  # noqa: PLC0415 - few requests ask for a trained model
    from skysort.registry.names import Kind  # noqa: PLC0415
    from skysort.registry.store import S3ModelStore  # noqa: PLC0415

    if store is None:
        if bucket is None:
            raise NotFoundError(f"there is no trained model {name!r:.80}: this stage has no bucket for models")
        store = S3ModelStore.from_environment(bucket, os.environ)
    return LiveModels(store, Kind.STAR, load)
