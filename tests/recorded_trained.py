"""The recorded answers about trainings and trained models in events/answers, made anew from the services themselves.

    python -m tests.recorded_trained

writes them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from skysort.clients import EVERYBODY
from skysort.registry import keys
from skysort.registry.catalogue import Catalogue
from skysort.registry.names import Kind
from skysort.registry.pointer import Pointers
from skysort.registry.promotion import HeldOut, Promotions
from skysort.registry.versions import VersionFiles
from skysort.s3.client import ListedObject
from skysort.trainings.request import read_body
from skysort.trainings.service import TrainingService
from skysort.trainings.status import Phase, StatusFile
from tests.fakes.model_store import MemoryModelStore

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = Path(__file__).resolve().parents[1] / "events" / "answers"
START: Final = datetime(2026, 11, 28, 8, 45, tzinfo=UTC)
REQUEST: Final = b'{"kind": "pictures", "name": "rings", "source": {"batch": "first-rings"}}'
LABELS: Final = ("plain", "ring")
PICTURES: Final = 300


class Drops:
    """A bucket to which everything was uploaded."""

    def list(self, bucket: str, prefix: str, after: str = "") -> Iterator[list[ListedObject]]:
        del bucket, after
        yield [ListedObject(f"{prefix}ring/1.jpg", 1, "2026-11-28T08:44:00.000Z")]


def card(training: str, created: str, right: int) -> dict[str, Any]:
    """A short card of a version that is right for so many of the pictures."""
    share = right / PICTURES
    accuracy = {"value": round(share, 4), "low": round(share - 0.04, 4), "high": round(share + 0.03, 4)}
    return {
        "name": "rings",
        "kind": "pictures",
        "created": created,
        "training": training,
        "labels": list(LABELS),
        "metrics": {"examples": PICTURES, "split": "out-of-fold, repeated stratified 5-fold", "accuracy": accuracy},
    }


def answers() -> dict[str, Any]:
    """The answers by name."""
    time = [START]
    store = MemoryModelStore()
    trainings = TrainingService(store, Drops(), "drop", lambda: time[0])
    promotions = Promotions(store, Pointers(store, lambda: time[0]))
    found: dict[str, Any] = {}
    for number, right in enumerate((243, 251)):
        with patch("skysort.registry.names.secrets.token_hex", return_value=f"1a2b3{number}"):
            waiting = trainings.start(read_body(REQUEST, ""), EVERYBODY)
        status = StatusFile(store, keys.TrainingKeys("shared", waiting["id"]), lambda: time[0])
        for phase in (Phase.READING, Phase.FEATURES, Phase.FITTING, Phase.EVALUATING, Phase.PUBLISHING):
            status.advance(phase)
            time[0] += timedelta(seconds=3)
        about = card(waiting["id"], waiting["created"], right)
        hits = [index < right for index in range(PICTURES)]
        truth = [index % 2 for index in range(PICTURES)]
        said = [label if hit else 1 - label for label, hit in zip(truth, hits, strict=True)]
        held_out = HeldOut(LABELS, [f"{index:016x}" for index in range(PICTURES)], truth, said, [0.8] * PICTURES)
        version = VersionFiles(store).publish(
            "shared", "rings", about, {"head.npz": b"weights", keys.HELD_OUT: held_out.body()}
        )
        pointer = promotions.promote("shared", "rings", Kind.PICTURES, version, training=waiting["id"])
        status.advance(
            Phase.DONE,
            version=version,
            promoted=True,
            comparison=pointer.history[0].comparison,
            refused={"count": 1, "files": [{"file": "ring/9.jpg", "reason": "the JPEG picture cannot be read"}]},
            metrics=about["metrics"],
            learning_curve=[{"examples": 100, "accuracy": {"value": 0.77, "low": 0.72, "high": 0.82}}],
            hyperparameters={"candidate": "logistic regression", "features": "galaxy+image", "regularisation": 0.03},
        )
        found |= {
            "training_waiting": waiting,
            "training_done": trainings.get(waiting["id"], EVERYBODY),
            "promoted": pointer.document(),
        }
        time[0] += timedelta(hours=1)
    catalogue = Catalogue(store)
    found["trained_models"] = {"trained": catalogue.summaries("shared")}
    found["trained_versions"] = {"versions": catalogue.versions("shared", "rings")}
    return found


def main() -> None:
    """Write the answers."""
    for name, answer in answers().items():
        (FOLDER / f"{name}.json").write_text(json.dumps(answer, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
