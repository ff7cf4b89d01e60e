"""The steps of a training, one call each, whatever runs them: a state machine of functions, or the command line.

A step reads what earlier ones wrote, writes its own part under keys that depend on the training alone, and returns the
little that the state machine needs. The first to write a document wins. So a step that was killed, repeated, or run by
a training that was started twice changes nothing that others have read.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from skysort import problems
from skysort.errors import InfrastructureError, InputError, NotBetterError, NotFoundError
from skysort.limits import TRAINING_REFUSALS_LISTED
from skysort.registry.keys import training_of
from skysort.registry.names import SHOWN_DIGITS
from skysort.registry.pointer import Pointers
from skysort.registry.promotion import Promotions
from skysort.registry.store import ConflictError
from skysort.registry.versions import VersionFiles
from skysort.trainings.request import Training
from skysort.trainings.status import Phase, StatusFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort.answers import Comparison, Problem
    from skysort.registry.keys import TrainingKeys
    from skysort.registry.names import Kind
    from skysort.registry.pointer import Pointer
    from skysort.registry.store import ModelStore

PHASES: Final[Mapping[str, Phase]] = {
    "read": Phase.READING,
    "features": Phase.FEATURES,
    "fit": Phase.FITTING,
    "evaluate": Phase.EVALUATING,
    "publish": Phase.PUBLISHING,
}
FAIL: Final = "fail"
# Asked of a new version of a function before it takes over: that it starts, with its modules and settings.
READY: Final = "ready"
# How a function ends that needs too much time or memory (AWS Step Functions, "Handling error conditions").
_EXHAUSTED: Final = frozenset({"Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown", "States.Timeout"})
_log: Final = logging.getLogger(__name__)


class TrainingRefused(Exception):  # noqa: N818 - the state machine knows it by this name
    """A training's input can never become a model; the message says why."""


class _OvertakenError(Exception):
    """Another version is live than when the training was asked for. live: that version."""

    def __init__(self, live: str) -> None:
        super().__init__(live)
        self.live = live


class Refused(NamedTuple):
    """A file or row that is left out, and why."""

    file: str
    reason: str


class Artefact(NamedTuple):
    """What a training publishes: the card, without its files' hashes, and the files by name."""

    card: Mapping[str, Any]
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Job:
    """A training at work: its request, its status, and its documents."""

    store: ModelStore
    keys: TrainingKeys
    request: Training
    status: StatusFile

    def write(self, name: str, body: bytes) -> bytes:
        """Write an intermediate document, unless it is there; returns what is there."""
        key = self.keys.intermediate(name)
        try:
            self.store.put(key, body)
        except ConflictError:
            return self.store.get(key).body
        return body

    def read(self, name: str) -> bytes:
        """An intermediate document; raises NotFoundError."""
        return self.store.get(self.keys.intermediate(name)).body

    def write_json(self, name: str, document: object) -> Any:
        """As `write`, for JSON."""
        return json.loads(self.write(name, json.dumps(document, allow_nan=False).encode()))

    def read_json(self, name: str) -> Any:
        """As `read`, for JSON."""
        return json.loads(self.read(name))

    def progress(self, phase: Phase, done: int, total: int, unit: str) -> None:
        """Tell how far a phase is, unless many others are telling at the same time."""
        try:
            self.status.advance(phase, progress={"done": done, "total": total, "unit": unit})
        except InfrastructureError as error:  # the work is done, whether or not this is known
            _log.warning("the progress of a training was not written: %s", error)

    def refused(self, phase: Phase, count: int, files: Sequence[Refused]) -> None:
        """Tell how many files are left out, and the first of them."""
        listed = [{"file": each.file, "reason": each.reason} for each in files[:TRAINING_REFUSALS_LISTED]]
        self.status.advance(phase, refused={"count": count, "files": listed})


class KindSteps(Protocol):
    """The steps of one kind of model."""

    kind: Kind

    def run(self, step: str, job: Job, event: Mapping[str, Any], /) -> dict[str, Any]:
        """Do a step other than publish; raises InputError for input that can never become a model."""

    def artefact(self, job: Job) -> Artefact:
        """What is published. The same for the same documents, so that a repeated step publishes the same version."""

    def results(self, card: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields of the final status that come from the card: metrics, learning_curve, hyperparameters."""


class Steps:
    """Runs steps of the kinds of training that a function knows.

    kinds: called when a step of the kind is run.
    """

    def __init__(self, store: ModelStore, kinds: Sequence[KindSteps]) -> None:
        self._store = store
        self._kinds = {each.kind: each for each in kinds}

    def run(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Do one step.

        Parameters
        ----------
        event
            ``key`` of the training's request, ``step``, and what the step needs beside: ``shard``, or ``error``. The
            step ``ready`` is of no training.

        Returns
        -------
        What the state machine needs: ``shards`` after reading pictures, else nothing; ``ready`` to the step ready.

        Raises
        ------
        TrainingRefused
            The training can never succeed. Any other exception may pass when the step is repeated.
        """
        if event["step"] == READY:
            return {"ready": True}
        keys, step = training_of(event["key"]), event["step"]
        status = StatusFile(self._store, keys)
        if step == FAIL:
            _fail(status, event.get("error") or {})
            return {}
        if status.read()["phase"] in {Phase.DONE, Phase.FAILED}:  # the training was started twice
            return {"shards": []}
        job = Job(self._store, keys, Training.read(self._store.get(keys.request).body), status)
        kind = self._kinds[job.request.kind]
        status.advance(PHASES[step])
        try:
            if step == "publish":
                return self._publish(job, kind)
            return kind.run(step, job, event)
        except (InputError, NotFoundError) as error:
            status.fail(problems.from_error(error))
            raise TrainingRefused(error.detail) from error

    def _live(self, job: Job) -> str | None:
        try:
            return Pointers(self._store).read(job.keys.owner, job.request.name).live
        except NotFoundError:
            return None

    def _publish(self, job: Job, kind: KindSteps) -> dict[str, Any]:
        """Publish the version, promote it if it is to be, and end the training."""
        owner, name = job.keys.owner, job.request.name
        card, files = kind.artefact(job)
        version = VersionFiles(self._store).publish(owner, name, card, files)
        promoted, comparison = self._promote(job, version)
        job.status.advance(Phase.DONE, version=version, promoted=promoted, comparison=comparison, **kind.results(card))
        return {}

    def _promote(self, job: Job, version: str) -> tuple[bool, Comparison | None]:
        owner, name, options = job.keys.owner, job.request.name, job.request.options
        live, force = self._live(job), bool(options.get("force"))
        if live == version:  # an earlier attempt at this step has promoted it
            return True, Pointers(self._store).read(owner, name).history[0].comparison
        if live is not None and not force and not options.get("promote", True):
            return False, None

        def unmoved(pointer: Pointer) -> None:
            if not force and pointer.live not in {None, job.request.live}:
                raise _OvertakenError(pointer.live)

        try:
            pointer = Promotions(self._store).promote(
                owner, name, job.request.kind, version, force=force, training=job.keys.id, check=unmoved
            )
        except _OvertakenError as error:
            return False, self._overtaken(job, error.live, version)
        except NotBetterError as error:
            return False, error.comparison
        return True, pointer.history[0].comparison

    def _overtaken(self, job: Job, live: str, version: str) -> Comparison:
        """The comparison of a version with one that another training made live meanwhile, which says so."""
        comparison = Promotions(self._store).compare(job.keys.owner, job.request.name, live, version)
        sentence = (
            f"Another training made version {live[:SHOWN_DIGITS]} live since this one was asked for, so this version "
            f"is kept and not promoted. {comparison['sentence']}"
        )
        return {**comparison, "sentence": sentence}


def _fail(status: StatusFile, error: Mapping[str, Any]) -> None:
    """Write down why a training failed, unless a step has done so already."""
    name, cause = str(error.get("Error", "")), str(error.get("Cause", ""))
    try:
        message = str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        message = cause
    if name == TrainingRefused.__name__:
        status.fail(problems.from_error(InputError(message)))
        return
    _log.error("a training failed: %s: %s", name, message)
    status.fail(_unexpected(status.read()["phase"], name))


def _unexpected(phase: str, error: str) -> Problem:
    if error in _EXHAUSTED:
        detail = (
            f"The phase {phase!r} needed more time or memory than there is, also when it was tried again. Train on "
            "fewer or smaller examples."
        )
    else:
        detail = f"The phase {phase!r} failed, also when it was tried again; the service's log says why. Try once more."
    return problems.document(HTTPStatus.INTERNAL_SERVER_ERROR, "training-failed", "The training failed", detail)
