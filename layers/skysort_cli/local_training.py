"""Training in this process: the steps of the state machine, one after the other, over files of this machine."""

from __future__ import annotations

import json
import logging
import math
import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skysort import problems
from skysort.drop.keys import INCOMING
from skysort.errors import NotFoundError, SkysortError
from skysort.models import TRAINING
from skysort.registry.keys import TrainingKeys
from skysort.registry.names import Kind, new_training
from skysort.registry.store import JSON, ListedObject
from skysort.trainings.request import Training, read_body
from skysort.trainings.status import StatusFile, written
from skysort.trainings.steps import FAIL, Steps, TrainingRefused
from skysort_cli.exits import StoppedError
from skysort_cli.following import followed
from skysort_cli.local import load_networks, loading
from skysort_cli.local_registry import OWNER, LocalRegistry, as_problems

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from skysort.answers import Problem
    from skysort.trainings.steps import KindSteps
    from skysort_cli.labelled import Labelled

_PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class LocalUploads:
    """Files of this machine in place of the drop bucket. paths: by key."""

    paths: Mapping[str, Path]

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """The files whose keys begin with a prefix, by key; those that are gone are left out."""
        for key in sorted(self.paths):
            if key.startswith(prefix) and self.paths[key].is_file():
                status = self.paths[key].stat()
                yield ListedObject(key, status.st_size, written(datetime.fromtimestamp(status.st_mtime, UTC)))

    def get_range(self, key: str, start: int, size: int) -> bytes:
        """Up to size bytes of a file from start; raises NotFoundError."""
        try:
            with self.paths[key].open("rb") as file:
                file.seek(start)
                return file.read(size)
        except (KeyError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else "there is no such file"
            raise NotFoundError(f"the file cannot be read: {reason}") from error


def train_here(
    options: argparse.Namespace, document: Mapping[str, Any], pictures: Labelled | None, stop: threading.Event
) -> tuple[LocalRegistry, dict[str, Any]]:
    """Train without a service.

    Parameters
    ----------
    options
        Of the command line.
    document
        The body of POST /v1/trainings, apart from its source.
    pictures
        The labelled pictures, None for a table.
    stop
        Set when the command is interrupted.

    Returns
    -------
    tuple
        The registry of this machine, and the training's state at its end.

    Raises
    ------
    ProblemError
        The request is refused.
    KeyboardInterrupt
        The command is interrupted; the training is recorded as such.
    """
    registry = LocalRegistry(os.environ)
    prefix = f"{INCOMING}{TRAINING}/{options.name}/"
    source = Path(options.source)
    if pictures is None or pictures.is_archive:
        paths, place = {prefix + source.name: source}, {"s3_key": prefix + source.name}
    else:
        paths = {prefix + item.below: item.path for item in pictures.files if item.path is not None}
        place = {"prefix": prefix}
    with as_problems():
        request = read_body(json.dumps({**document, "source": place}).encode(), JSON)
        created = written(datetime.now(UTC))
        training = Training(
            new_training(Kind(request.kind)),
            OWNER,
            Kind(request.kind),
            request.name,
            created,
            place,
            request.options.model_dump(exclude_none=True),
            registry.live_version(request.name, Kind(request.kind)),
        )
        keys = TrainingKeys(OWNER, training.id)
    steps = Steps(registry.store, [_kind_steps(training.kind, LocalUploads(paths))])
    with as_problems():
        registry.store.put(keys.request, training.to_json(), content_type=JSON)
    threading.Thread(target=_run, args=(steps, keys.request, stop), name="training", daemon=True).start()
    try:
        state = followed(
            registry, training.id, max_s=math.inf, stop=stop, quiet=options.quiet, longest_pause_s=_PAUSE_S
        )
    except (KeyboardInterrupt, StoppedError):
        with as_problems():
            StatusFile(registry.store, keys).fail(_interrupted())
        raise KeyboardInterrupt from None
    for item in list(registry.store.list(keys.intermediate(""))):
        registry.store.delete(item.key)
    return registry, state


def _interrupted() -> Problem:
    detail = "It was interrupted before its end, and nothing was published. Run the command again."
    return problems.document(HTTPStatus.BAD_REQUEST, "training-interrupted", "The training was interrupted", detail)


def _kind_steps(kind: Kind, uploads: LocalUploads) -> KindSteps:
    threads = os.cpu_count() or 1
    with loading("training"):
        if kind is Kind.STAR:
            from skysort.trainings.star import StarSteps  # noqa: PLC0415 - needs its packages

            return StarSteps(uploads, threads)
        from skysort.trainings.pictures import PictureSteps  # noqa: PLC0415 - needs its packages

        return PictureSteps(uploads, lambda: load_networks(os.environ), threads)


def _run(steps: Steps, key: str, stop: threading.Event) -> None:
    """Run a training's steps in the order of the state machine (infra/state_machine) until one fails."""
    try:
        shards: Sequence[int] = steps.run({"key": key, "step": "read"}).get("shards", ())
        features = [{"step": "features", "shard": shard} for shard in shards]
        events: list[dict[str, Any]] = [*features, {"step": "fit"}, {"step": "evaluate"}, {"step": "publish"}]
        for event in events:
            if stop.is_set():
                return
            steps.run({"key": key, **event})
    except Exception as error:
        if not isinstance(error, TrainingRefused | SkysortError):
            logging.getLogger(__name__).exception("a training failed")
        cause = json.dumps({"errorMessage": str(error)})
        steps.run({"key": key, "step": FAIL, "error": {"Error": type(error).__name__, "Cause": cause}})
