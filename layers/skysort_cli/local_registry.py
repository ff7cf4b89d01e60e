"""The trainings and trained models of this machine, in a folder, and the built-in models beside them."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

from skysort import problems
from skysort.clients import EVERYBODY
from skysort.errors import InfrastructureError, NotFoundError, SkysortError
from skysort.models import MODELS
from skysort.registry.catalogue import Catalogue
from skysort.registry.folder_store import FolderStore
from skysort.registry.keys import owner_of
from skysort.registry.names import TrainedName
from skysort.registry.pointer import Pointers
from skysort.registry.promotion import Promotions, check_kind
from skysort.registry.versions import VersionFiles
from skysort.trainings.service import TrainingService
from skysort_cli.exits import MissingError, OutputError, ProblemError
from skysort_cli.local import model_folder, models_folder
from skysort_cli.registries import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.registry.live import ModelVersion
    from skysort.registry.names import Kind
    from skysort.s3.client import ListedObject
    from skysort_cli.classifiers import Classifier
    from skysort_cli.registries import Document

# There is one owner on one machine.
OWNER: Final = owner_of(EVERYBODY)
_SUMMARY: Final = ("name", "version", "architecture", "labels")


class LocalRegistry(Registry):
    """The registry of this machine. store: its trainings, versions and pointers."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        with as_problems():
            self.store = FolderStore(models_folder(environment))
        self._versions = VersionFiles(self.store)
        self._pointers = Pointers(self.store)
        self._promotions = Promotions(self.store, self._pointers)
        self._catalogue = Catalogue(self.store)
        self._trainings = TrainingService(self.store, NoUploads(), "")

    def training(self, identifier: str) -> Document:
        """See Registry."""
        with as_problems():
            return dict(self._trainings.get(identifier, EVERYBODY))

    def trainings(self, limit: int) -> list[Document]:
        """See Registry."""
        found: list[Document] = []
        after = ""
        with as_problems():
            while len(found) < limit:
                page = self._trainings.page(EVERYBODY, limit, after)
                found += map(dict, page["trainings"])
                if page["next"] is None:
                    break
                after = page["next"]
        return found[:limit]

    def models(self) -> tuple[list[Document], list[Document]]:
        """See Registry."""
        cards = [self._built_in(name) for name in MODELS]
        built_in: list[Document] = [{name: card[name] for name in _SUMMARY if name in card} for card in cards]
        with as_problems():
            return built_in, [dict(summary) for summary in self._catalogue.summaries(OWNER)]

    def model(self, name: str) -> Document:
        """See Registry."""
        if name in MODELS:
            return self._built_in(name)
        with as_problems():
            try:
                return dict(self._catalogue.model(OWNER, name))
            except NotFoundError as error:
                known = ", ".join((*MODELS, *self._pointers.names(OWNER)))
                raise NotFoundError(f"unknown model {name!r}; choose from {known}") from error

    def versions(self, name: str) -> list[Document]:
        """See Registry."""
        with as_problems():
            return [dict(version) for version in self._catalogue.versions(OWNER, name)]

    def card(self, name: str, version: str) -> Document:
        """See Registry."""
        with as_problems():
            return self._catalogue.card(OWNER, name, version)

    def promote(self, name: str, version: str, *, force: bool) -> Document:
        """See Registry."""
        with as_problems():
            kind = self._pointers.read(OWNER, name).kind
            whole = self._versions.find(OWNER, name, version)
            return dict(self._promotions.promote(OWNER, name, kind, whole, force=force).document())

    def rollback(self, name: str, version: str | None) -> Document:
        """See Registry."""
        with as_problems():
            whole = None if version is None else self._versions.find(OWNER, name, version)
            return dict(self._promotions.roll_back(OWNER, name, whole).document())

    def delete(self, name: str, version: str | None) -> None:
        """See Registry."""
        with as_problems():
            if version is None:
                self._promotions.delete_model(OWNER, name)
            else:
                self._promotions.delete_version(OWNER, name, self._versions.find(OWNER, name, version))

    def live_version(self, name: str, kind: Kind) -> str | None:
        """The live version of a model, if there is one; raises ModelConflictError if it is of another kind."""
        with contextlib.suppress(NotFoundError):
            pointer = self._pointers.read(OWNER, name)
            check_kind(pointer, kind)
            return pointer.live
        return None

    def live(self, model: Classifier) -> ModelVersion:
        """The live version of a trained model."""
        from skysort.registry.live import ModelVersion  # noqa: PLC0415 - only to classify

        name = str(model.trained)
        document: dict[str, Any] = self.model(name)
        with as_problems():
            self._catalogue.require(OWNER, TrainedName(model.kind, name))
            if document["live"] is None:
                raise NotFoundError(f"{model.spelled} has no live version; `skysort models {name}` lists its versions")
            return ModelVersion(self.store, OWNER, name, document["live"], document["card"])

    def _built_in(self, name: str) -> Document:
        path = model_folder(name, self._environment) / "card.json"
        try:
            card: Document = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise MissingError(f"the card {path} cannot be read: {error}") from error
        return card


class NoUploads:
    """Nothing is uploaded on one machine: trainings read files where they are."""

    def list(self, bucket: str, prefix: str, after: str = "") -> Iterator[list[ListedObject]]:
        """No objects."""
        del bucket, prefix, after
        return iter(())


@contextlib.contextmanager
def as_problems() -> Iterator[None]:
    """Turn the errors of the registry into those that a service would answer with."""
    try:
        yield
    except InfrastructureError as error:
        raise OutputError(f"the folder of trained models cannot be used: {error.detail}") from error
    except SkysortError as error:
        raise ProblemError(problems.from_error(error)) from error
