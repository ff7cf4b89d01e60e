"""Keys of the models bucket: trainings, versions of trained models, and the pointers to the live ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.errors import MalformedInputError
from skysort.registry.names import is_training, name_fault

if TYPE_CHECKING:
    from skysort.clients import Client

TRAININGS: Final = "trainings/"
MODELS: Final = "models/"
POINTERS: Final = "pointers/"
REQUEST: Final = "request.json"
STATUS: Final = "status.json"
INTERMEDIATES: Final = "intermediates/"
CARD: Final = "card.json"
HELD_OUT: Final = "held_out.json"
# The owner where clients share everything.
SHARED: Final = "shared"
_SUFFIX: Final = ".json"


@dataclass(frozen=True, slots=True)
class TrainingKeys:
    """Keys of one training."""

    owner: str
    id: str

    @property
    def prefix(self) -> str:
        """Of everything that belongs to it."""
        return f"{TRAININGS}{self.owner}/{self.id}/"

    @property
    def request(self) -> str:
        """What was asked for; its creation starts the training."""
        return self.prefix + REQUEST

    @property
    def status(self) -> str:
        """How far it is."""
        return self.prefix + STATUS

    def intermediate(self, name: str) -> str:
        """An intermediate result, which expires."""
        # A prefix of its own: the expiry rules of S3 know no wildcards.
        return f"{INTERMEDIATES}{self.owner}/{self.id}/{name}"


def owner_of(client: Client) -> str:
    """Whose models a client's are, as a segment of keys."""
    return client.folder or SHARED


def training_of(request_key: str) -> TrainingKeys:
    """The training whose request has this key; raises MalformedInputError."""
    parts = request_key.split("/")
    match parts:
        case [trainings, owner, training, name] if f"{trainings}/" == TRAININGS and owner and name == REQUEST:
            if is_training(training):
                return TrainingKeys(owner, training)
    raise MalformedInputError(f"a training's request is {TRAININGS}<owner>/<id>/{REQUEST}, got {request_key!r:.200}")


def trainings_prefix(owner: str) -> str:
    """The prefix of an owner's trainings."""
    return f"{TRAININGS}{owner}/"


def versions_prefix(owner: str, name: str) -> str:
    """The prefix of all versions of a trained model."""
    return f"{MODELS}{owner}/{name}/"


def version_key(owner: str, name: str, version: str, file: str) -> str:
    """One file of a version."""
    return f"{versions_prefix(owner, name)}{version}/{file}"


def pointers_prefix(owner: str) -> str:
    """The prefix of the pointers of an owner's models."""
    return f"{POINTERS}{owner}/"


def pointer_key(owner: str, name: str) -> str:
    """The pointer of a trained model."""
    return f"{pointers_prefix(owner)}{name}{_SUFFIX}"


def pointed_name(key: str) -> str | None:
    """The model whose pointer has this key, None for any other key."""
    parts = key.split("/")
    if len(parts) != 3 or f"{parts[0]}/" != POINTERS or not parts[2].endswith(_SUFFIX):  # noqa: PLR2004 - owner, name
        return None
    name = parts[2].removesuffix(_SUFFIX)
    return None if name_fault(name) else name
