"""The trainings and trained models of this machine, in a folder, and the built-in models beside them."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Final

from skysort import problems
from skysort.clients import EVERYBODY
from skysort.errors import NotFoundError, SkysortError
from skysort.models import MODELS
from skysort.registry.folder_store import FolderStore
from skysort.registry.keys import REQUEST, TrainingKeys, owner_of, trainings_prefix
from skysort.registry.names import is_training
from skysort.registry.pointer import Pointers
from skysort.registry.promotion import Promotions, check_kind
from skysort.registry.versions import VersionFiles
from skysort.trainings.request import Training
from skysort.trainings.status import StatusFile
from skysort_cli.classifiers import spelling
from skysort_cli.exits import MissingError, ProblemError
from skysort_cli.local import model_folder, models_folder
from skysort_cli.registries import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from skysort.registry.live import ModelVersion
    from skysort.registry.names import Kind
    from skysort.registry.pointer import Pointer
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

    def training(self, identifier: str) -> Document:
        """See Registry."""
        with as_problems():
            if not is_training(identifier):
                raise NotFoundError(f"unknown training {identifier!r:.80}; `skysort trainings` lists them")
            keys = TrainingKeys(OWNER, identifier)
            request = Training.read(self.store.get(keys.request).body)
            status = StatusFile(self.store, keys).read()
        about = {"id": identifier, "kind": request.kind.value, "name": request.name, "created": request.created}
        return {**about, **{name: value for name, value in status.items() if name != "entered"}}

    def trainings(self, limit: int) -> list[Document]:
        """See Registry."""
        prefix = trainings_prefix(OWNER)
        with as_problems():
            parts = [item.key.removeprefix(prefix).split("/") for item in self.store.list(prefix)]
        # An id has its time behind its kind.
        found = sorted((part[0] for part in parts if part[1:] == [REQUEST]), key=_time, reverse=True)
        return [self.training(identifier) for identifier in found[:limit]]

    def models(self) -> tuple[list[Document], list[Document]]:
        """See Registry."""
        cards = [self._built_in(name) for name in MODELS]
        built_in = [{**{k: card[k] for k in _SUMMARY if k in card}, "trained": False} for card in cards]
        with as_problems():
            return built_in, [self._summary(name) for name in self._pointers.names(OWNER)]

    def model(self, name: str) -> Document:
        """See Registry."""
        if name in MODELS:
            return self._built_in(name)
        with as_problems():
            try:
                pointer = self._pointers.read(OWNER, name)
            except NotFoundError as error:
                known = ", ".join((*MODELS, *self._pointers.names(OWNER)))
                raise NotFoundError(f"unknown model {name!r}; choose from {known}") from error
            return {**pointer.document(), "card": self._live_card(pointer)}

    def versions(self, name: str) -> list[Document]:
        """See Registry."""
        with as_problems():
            live = self._pointers.read(OWNER, name).live
            found: list[Document] = []
            for info in self._versions.versions(OWNER, name):
                card = self._versions.card(OWNER, name, info.version)
                found.append(
                    {
                        "version": info.version,
                        "created": card.get("created"),
                        "accuracy": _accuracy(card),
                        "live": info.version == live,
                        "training": card.get("training"),
                    }
                )
            return found

    def card(self, name: str, version: str) -> Document:
        """See Registry."""
        with as_problems():
            return self._versions.card(OWNER, name, self._versions.find(OWNER, name, version))

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

    def check_kind(self, name: str, kind: Kind) -> None:
        """Raise ModelConflictError if a model of this name is of another kind."""
        with contextlib.suppress(NotFoundError):
            check_kind(self._pointers.read(OWNER, name), kind)

    def live(self, model: Classifier) -> ModelVersion:
        """The live version of a trained model."""
        from skysort.registry.live import ModelVersion  # noqa: PLC0415 - only to classify

        name = str(model.trained)
        with as_problems():
            document = self.model(name)
            if document["live"] is None or spelling(document["kind"], name) != model.spelled:
                raise NotFoundError(
                    f"there is no model {model.spelled} with a live version; `skysort models` lists them"
                )
            return ModelVersion(self.store, OWNER, name, document["live"], document["card"])

    def _summary(self, name: str) -> Document:
        pointer = self._pointers.read(OWNER, name)
        card = self._live_card(pointer) or {}
        return {
            "name": name,
            "kind": pointer.kind.value,
            "live": pointer.live,
            "versions": len(self._versions.versions(OWNER, name)),
            "labels": card.get("labels", []),
            "accuracy": _accuracy(card),
            "created": card.get("created"),
        }

    def _live_card(self, pointer: Pointer) -> dict[str, Any] | None:
        return None if pointer.live is None else self._versions.card(OWNER, pointer.name, pointer.live)

    def _built_in(self, name: str) -> Document:
        path = model_folder(name, self._environment) / "card.json"
        try:
            card: Document = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise MissingError(f"the card {path} cannot be read: {error}") from error
        return card


def _time(identifier: str) -> str:
    return identifier.partition("-")[2]


def _accuracy(card: Mapping[str, Any]) -> Document | None:
    """The accuracy of a card with its interval; None without one."""
    found: Document | None = (card.get("metrics") or {}).get("accuracy")
    return found


@contextlib.contextmanager
def as_problems() -> Iterator[None]:
    """Turn the errors of the registry into those that a service would answer with."""
    try:
        yield
    except SkysortError as error:
        raise ProblemError(problems.from_error(error)) from error
