"""Roles on the models bucket: what serves, trains and manages models may do exactly what its code asks of S3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from skysort.registry.keys import HELD_OUT, TrainingKeys
from skysort.registry.live import LiveModels
from skysort.registry.names import Kind
from skysort.registry.promotion import HeldOut, Promotions
from skysort.registry.versions import VersionFiles
from skysort.trainings.request import Training
from skysort.trainings.steps import Artefact, Steps
from tests.fakes.model_store import MemoryModelStore, live_version
from tests.infra.s3_permissions import lacking, unused
from tests.infra.test_permissions_suffice import ACCOUNT, REGION, granted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort.registry.store import ModelStore
    from skysort.trainings.steps import Job
    from tests.infra.s3_permissions import Permission
    from tests.infra.synth import Synthesised

OWNER = "client-0123456789abcdef01234567"
IDS = ("pictures-20261128-084500-1a2b3c", "pictures-20261128-084501-4d5e6f", "pictures-20261128-084502-7a8b9c")
SERVING = ["CustomFunction", "CustomDropFunction", "StarFunction", "StarDropFunction"]
TRAINING = ["CustomTrainFunction", "StarTrainFunction"]
UPLOADED = "incoming/training/night-1/red/a.jpg"


class Watched(MemoryModelStore):
    """A bucket in memory that writes down which permissions S3 would ask for."""

    def __init__(self, bucket: str, asked: list[Permission]) -> None:
        super().__init__(before=self._note)
        self._arn, self._asked = f"arn:aws:s3:::{bucket}-{ACCOUNT}-{REGION}", asked

    def _note(self, operation: str, key: str) -> None:
        listing = ("s3:ListBucket", self._arn)
        object_, deleting = ("s3:GetObject", f"{self._arn}/{key}"), ("s3:DeleteObject", f"{self._arn}/{key}")
        # Without the listing, an absent key would be a denied one.
        needed = {"list": [listing], "delete": [deleting], "put": [("s3:PutObject", f"{self._arn}/{key}")]}
        self._asked += needed.get(operation, [object_, listing])


def stored(stage: Synthesised, asked: list[Permission]) -> Watched:
    """The models bucket of a stage."""
    return Watched(stage.stage.models_bucket, asked)


@dataclass
class SmallSteps:
    """Reads what was uploaded, keeps an intermediate result, and makes a version. right: of ten held-out answers."""

    uploads: ModelStore
    kind = Kind.PICTURES
    right: int = 9
    ran: list[str] = field(default_factory=list)

    def run(self, step: str, job: Job, _event: Mapping[str, Any]) -> dict[str, Any]:
        if step == "read":
            (found,) = self.uploads.list("incoming/training/night-1/")
            job.write("pack.bin", self.uploads.get(found.key).body)
        else:
            assert job.read("pack.bin") == b"a picture"
        return {}

    def artefact(self, job: Job) -> Artefact:
        truth = [number % 2 for number in range(10)]
        predicted = [label if place < self.right else 1 - label for place, label in enumerate(truth)]
        held_out = HeldOut(["blue", "red"], [f"{n:016x}" for n in range(10)], truth, predicted, [0.5] * 10)
        card = {"name": job.request.name, "kind": "pictures", "training": job.keys.id, "metrics": {}}
        return Artefact(card, {HELD_OUT: held_out.body()})

    def results(self, card: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"metrics": card["metrics"]}


def asked_for(store: MemoryModelStore, training: str) -> str:
    """A request document, as the control function leaves it; its key."""
    keys = TrainingKeys(OWNER, training)
    source = {"prefix": "incoming/training/night-1/"}
    live = live_version(store, "colours", OWNER)
    request = Training(training, OWNER, Kind.PICTURES, "colours", "2026-11-28T08:45:00Z", source, live=live)
    store.objects[keys.request] = request.to_json()
    return keys.request


def train(store: MemoryModelStore, uploads: MemoryModelStore) -> None:
    """Two trainings of a name, the second promoted by comparison, and a third that is refused."""
    uploads.objects[UPLOADED] = b"a picture"
    steps = Steps(store, [SmallSteps(uploads)])
    for training in IDS[:2]:
        key = asked_for(store, training)
        for step in ("read", "features", "fit", "evaluate", "publish"):
            steps.run({"key": key, "step": step})
    steps.run({"key": asked_for(store, IDS[2]), "step": "fail", "error": {"Error": "States.Timeout", "Cause": ""}})


@pytest.mark.parametrize("role", TRAINING)
def test_a_training_may_do_exactly_what_its_steps_do(dev: Synthesised, role: str) -> None:
    # Given the models bucket, and the drop bucket with a picture to train on
    asked: list[Permission] = []
    store, uploads = stored(dev, asked), Watched(dev.stage.drop_bucket, asked)
    # When
    train(store, uploads)
    # Then its role may do all of that, and nothing besides
    allowed = granted(dev, f"{role}/Role") | granted(dev, f"{role}/Role", trained=True)
    assert lacking(asked, allowed) == set()
    assert unused(asked, allowed) == set()
    # and may start no training, nor delete anything
    assert not [action for action, on in allowed if action == "s3:DeleteObject" or on.endswith("request.json")]


@pytest.mark.parametrize("role", SERVING)
def test_serving_a_model_needs_to_read_its_pointer_and_its_files(dev: Synthesised, role: str) -> None:
    # Given a bucket with a model that was trained
    asked: list[Permission] = []
    store = stored(dev, asked)
    train(store, MemoryModelStore())
    asked.clear()
    # When its live version is loaded, and looked after
    models = LiveModels(store, Kind.PICTURES, lambda version: version.file(HELD_OUT), follow=False)
    assert models.get(OWNER, "colours")
    models.check()
    # Then the role may do that, and nothing besides
    assert lacking(asked, granted(dev, f"{role}/Role", trained=True)) == set()
    assert unused(asked, granted(dev, f"{role}/Role", trained=True)) == set()


def test_control_starts_shows_promotes_and_deletes_and_does_no_more(dev: Synthesised) -> None:
    # Given a bucket with a model that was trained
    asked: list[Permission] = []
    store = stored(dev, asked)
    train(store, MemoryModelStore())
    asked.clear()
    # When a training is started and shown, a version promoted and rolled back, a version deleted, and the model
    training = TrainingKeys(OWNER, "pictures-20261128-084503-0d1e2f")
    store.put(training.request, b"{}")
    assert store.get(TrainingKeys(OWNER, IDS[0]).status)
    promotions, files = Promotions(store), VersionFiles(store)
    live = promotions.roll_back(OWNER, "colours").live
    (other,) = (each.version for each in files.versions(OWNER, "colours") if each.version != live)
    promotions.promote(OWNER, "colours", Kind.PICTURES, other)
    promotions.delete_version(OWNER, "colours", str(live))
    promotions.delete_model(OWNER, "colours")
    # Then the role may do that, and nothing besides
    assert lacking(asked, granted(dev, "ControlFunction/Role", trained=True)) == set()
    assert unused(asked, granted(dev, "ControlFunction/Role", trained=True)) == set()
