"""Trainings as callers see them: started, listed, and each with its request and status in one document."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

from skysort import problems
from skysort.errors import FieldError, InvalidFieldsError, LimitExceededError, NotFoundError
from skysort.limits import TRAINED_MODELS, TRAINING_SILENT_S, TRAININGS_LISTED, TRAININGS_RUNNING
from skysort.models import TRAINING
from skysort.registry.keys import TrainingKeys, owner_of, trainings_prefix
from skysort.registry.names import Kind, is_training, new_training
from skysort.registry.pointer import Pointers
from skysort.registry.promotion import check_kind
from skysort.registry.store import JSON
from skysort.registry.versions import VersionFiles
from skysort.trainings.request import Training
from skysort.trainings.status import FORM, Phase, StatusFile, written
from skysort.uploads.names import prefix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from skysort import trained_answers
    from skysort.answers import Problem
    from skysort.clients import Client
    from skysort.registry.store import ListedObject, ModelStore
    from skysort.trainings.request import TrainingRequest

LISTED_BY_DEFAULT: Final = 20
# Concurrent requests to the store.
_PARALLEL: Final = 16
# No training takes longer: none that began before counts as running.
_LONGEST: Final = timedelta(hours=12)


class Drops(Protocol):
    """The listings of a bucket, as of skysort.s3.client.S3Client."""

    def list(self, bucket: str, prefix: str, after: str = "") -> Iterator[list[ListedObject]]:
        """The objects below a prefix whose keys come after a key, a page at a time."""


class TrainingService:
    """Starts and shows trainings. drops, drop_bucket: where examples are uploaded. now: the time, for tests."""

    def __init__(
        self,
        store: ModelStore,
        drops: Drops,
        drop_bucket: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._pointers = Pointers(store)
        self._versions = VersionFiles(store)
        self._drops = drops
        self._drop_bucket = drop_bucket
        self._now = now
        self._pool = ThreadPoolExecutor(_PARALLEL, "trainings")

    def start(self, request: TrainingRequest, client: Client) -> trained_answers.Training:
        """Start a training: its request document is what the pipeline waits for.

        Parameters
        ----------
        request
            What was asked for.
        client
            Who asks; the examples must be this client's own.

        Returns
        -------
        The training, waiting.

        Raises
        ------
        InvalidFieldsError
            If the source is not the client's own, or nothing was uploaded there.
        ModelConflictError
            If the name is that of a model of another kind.
        LimitExceededError
            If the client has too many models, the model too many versions, or too many trainings wait or run.
        """
        owner, now = owner_of(client), self._now()
        source = self._source(request, client)
        kind = Kind(request.kind)
        live = self._live(owner, request.name, kind)
        running = sum(not Phase(training["phase"]).ended for training in self._recent(owner))
        if running >= TRAININGS_RUNNING:
            raise LimitExceededError(
                f"{running} trainings are waiting or running; at most {TRAININGS_RUNNING} are done at once. Start this "
                "one when another has ended."
            )
        training = Training(
            id=new_training(kind, now),
            owner=owner,
            kind=kind,
            name=request.name,
            created=written(now),
            source=source,
            options=request.options.model_dump(exclude_none=True),
            live=live,
        )
        self._store.put(TrainingKeys(owner, training.id).request, training.to_json(), content_type=JSON)
        return self._merged(training, FORM.empty)

    def get(self, training: str, client: Client) -> trained_answers.Training:
        """One of a client's trainings; raises NotFoundError."""
        found = self._read(owner_of(client), training) if is_training(training) else None
        if found is None:
            raise NotFoundError(f"there is no training {training!r:.60}")
        return found

    def page(self, client: Client, limit: int = LISTED_BY_DEFAULT, after: str = "") -> trained_answers.TrainingList:
        """A client's trainings, the newest first. after: the id that ended the page before."""
        owner = owner_of(client)
        if after and not is_training(after):
            raise InvalidFieldsError([FieldError("next", "not_a_cursor", "must be the next of an earlier answer")])
        ids = [training for training in self._ids(owner) if not after or _age(training) < _age(after)]
        selected = ids[: min(limit, TRAININGS_LISTED)]
        found = self._pool.map(lambda training: self._read(owner, training), selected)
        following = selected[-1] if selected and len(ids) > len(selected) else None
        return {"trainings": [training for training in found if training is not None], "next": following}

    def _source(self, request: TrainingRequest, client: Client) -> dict[str, str]:
        """Where the examples are: below a prefix, or in one file."""
        ((field, value),) = request.source.given().items()
        if field == "batch":
            field, value = "prefix", prefix_of(TRAINING, value, client)
        batch = prefix_of(TRAINING, "<batch>", client)
        own = batch.removesuffix("<batch>/")
        # A prefix ends in a slash, and what may be read are files.
        read = value + "file" if field == "prefix" else value
        if not value.startswith(own) or value == own or not client.may_read(read):
            detail = f"must be below {batch}, where uploads for trainings of yours go (got {value!r:.200})"
            raise InvalidFieldsError([FieldError(f"source.{field}", "not_yours", detail)])
        # The first is enough: a file itself comes before all whose keys begin with its own.
        listed = (item.key for page in self._drops.list(self._drop_bucket, value) for item in page)
        found = next(listed, None)
        if found is None or (field == "s3_key" and found != value):
            detail = f"nothing was uploaded to {value!r:.200}"
            raise InvalidFieldsError([FieldError("source", "nothing_there", detail)])
        return {field: value}

    def _live(self, owner: str, name: str, kind: Kind) -> str | None:
        """The live version of the model that is to be trained, if there is one; raises the errors of a bad name."""
        try:
            pointer = self._pointers.read(owner, name)
            check_kind(pointer, kind)
            # A training finds this out only when all is done.
            self._versions.check_room(owner, name)
        except NotFoundError:
            models = len(self._pointers.names(owner))
            if models >= TRAINED_MODELS:
                raise LimitExceededError(
                    f"there are {models} trained models; at most {TRAINED_MODELS} are kept. Delete one, or train "
                    "another version of one."
                ) from None
            return None
        return pointer.live

    def _ids(self, owner: str) -> list[str]:
        """An owner's trainings, the newest first."""
        ids = (name for name in self._store.folders(trainings_prefix(owner)) if is_training(name))
        return sorted(ids, key=_age, reverse=True)

    def _recent(self, owner: str) -> Sequence[trained_answers.Training]:
        since = f"{self._now() - _LONGEST:%Y%m%d-%H%M%S}"
        ids = [training for training in self._ids(owner)[:TRAININGS_LISTED] if _age(training) >= since]
        return [found for found in self._pool.map(lambda training: self._read(owner, training), ids) if found]

    def _read(self, owner: str, training: str) -> trained_answers.Training | None:
        """A training, None if there is no request, or only another's leftovers."""
        training_keys = TrainingKeys(owner, training)
        try:
            request = Training.read(self._store.get(training_keys.request).body)
        except NotFoundError:
            return None
        return self._merged(request, StatusFile(self._store, training_keys).read())

    def _merged(self, training: Training, status: dict[str, Any]) -> trained_answers.Training:
        updated = status["updated"] or training.created
        silent_s = (self._now() - datetime.fromisoformat(updated)).total_seconds()
        phase, problem = Phase(status["phase"]), status["problem"]
        if not phase.ended and silent_s > TRAINING_SILENT_S:
            phase, problem = Phase.FAILED, _lost(silent_s)
        version = status["version"]
        path = f"/v1/models/{training.name}/versions"
        return {
            "id": training.id,
            "kind": training.kind.value,
            "name": training.name,
            "created": training.created,
            "updated": updated,
            "phase": phase.value,
            "progress": None if phase.ended else status["progress"],
            "seconds": status["seconds"],
            "version": version,
            "promoted": status["promoted"],
            "comparison": status["comparison"],
            "refused": status["refused"],
            "metrics": status["metrics"],
            "learning_curve": status["learning_curve"],
            "hyperparameters": status["hyperparameters"],
            "problem": problem,
            "links": {
                "self": f"/v1/trainings/{training.id}",
                "model": f"/v1/trained/{training.name}",
                "card": f"{path}/{version}" if version else None,
            },
        }


def _age(training: str) -> str:
    """What sorts trainings of both kinds by their time."""
    return training.partition("-")[2]


def _lost(silent_s: float) -> Problem:
    return problems.document(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "Service unavailable",
        f"The training stopped without a word, {silent_s / 60:,.0f} minutes ago or more. Start it again.",
    )
