"""Trainings as callers see them: started once, shown with their status, and never another's."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from skysort.clients import EVERYBODY, Client
from skysort.errors import InvalidFieldsError, LimitExceededError, ModelConflictError, NotFoundError
from skysort.limits import MODEL_VERSIONS, TRAINED_MODELS, TRAINING_SILENT_S, TRAININGS_RUNNING
from skysort.registry import keys
from skysort.registry.names import Kind
from skysort.registry.pointer import Pointer
from skysort.s3.client import ListedObject
from skysort.trainings.request import Training, TrainingRequest
from skysort.trainings.service import TrainingService
from skysort.trainings.status import Phase, StatusFile
from tests.fakes.model_store import MemoryModelStore

if TYPE_CHECKING:
    from collections.abc import Iterator

ALICE, BOB = Client("client-alice"), Client("client-bob")


@dataclass
class Drops:
    """The drop bucket's keys, of which each is a page of a listing. listed: those that were asked for."""

    keys: set[str] = field(default_factory=set)
    listed: list[str] = field(default_factory=list)

    def list(self, bucket: str, prefix: str, after: str = "") -> Iterator[list[ListedObject]]:
        assert (bucket, after) == ("drop", "")
        for key in sorted(self.keys):
            if key.startswith(prefix):
                self.listed.append(key)
                yield [ListedObject(key, 1, "2026-01-01T00:00:00Z")]


@dataclass
class Desk:
    """A service with its store, uploads and clock."""

    store: MemoryModelStore = field(default_factory=MemoryModelStore)
    drops: Drops = field(default_factory=Drops)
    time: datetime = datetime(2026, 11, 28, 8, 45, tzinfo=UTC)

    @property
    def service(self) -> TrainingService:
        return TrainingService(self.store, self.drops, "drop", lambda: self.time)

    def start(self, client: Client = EVERYBODY, **change: Any) -> dict[str, Any]:
        document = {"kind": "pictures", "name": "rings", "source": {"batch": "b"}, **change}
        started: Any = self.service.start(TrainingRequest.model_validate(document), client)
        return dict(started)

    def status(self, training: dict[str, Any], owner: str = "shared") -> StatusFile:
        return StatusFile(self.store, keys.TrainingKeys(owner, training["id"]), lambda: self.time)

    def end(self, training: dict[str, Any]) -> None:
        self.status(training).advance(Phase.DONE)

    def pass_s(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def desk() -> Desk:
    found = Desk()
    found.drops.keys |= {
        "incoming/training/b/ring/1.jpg",
        "incoming/training/client-alice/b/ring/1.jpg",
        "incoming/training/client-alice/tables/t.csv",
        "incoming/training/client-bob/b/ring/1.jpg",
    }
    return found


def test_a_training_begins_with_one_request_document(desk: Desk) -> None:
    # When
    training = desk.start(options={"seed": 3})
    # Then
    assert desk.store.writes == [f"trainings/shared/{training['id']}/request.json"]
    written = Training.read(desk.store.objects[desk.store.writes[0]])
    assert written.source == {"prefix": "incoming/training/b/"}
    assert written.options == {"promote": True, "force": False, "seed": 3}
    assert (written.owner, written.kind, written.name) == ("shared", Kind.PICTURES, "rings")
    assert training["id"].startswith("pictures-20261128-084500-")
    assert (training["phase"], training["updated"], training["version"]) == ("waiting", "2026-11-28T08:45:00Z", None)
    assert training["links"]["self"] == f"/v1/trainings/{training['id']}"


@pytest.mark.parametrize(
    "source",
    [
        {"batch": "b"},
        {"prefix": "incoming/training/client-alice/b/"},
        {"prefix": "incoming/training/client-alice/b/ring/"},
        {"s3_key": "incoming/training/client-alice/tables/t.csv"},
    ],
)
def test_a_client_trains_on_its_own_uploads(desk: Desk, source: dict[str, str]) -> None:
    kind = "star" if "s3_key" in source else "pictures"
    assert desk.start(ALICE, kind=kind, source=source)["phase"] == "waiting"
    assert desk.store.writes[0].startswith("trainings/client-alice/")


@pytest.mark.parametrize(
    "source",
    [
        {"prefix": "incoming/training/client-bob/b/"},
        {"prefix": "incoming/training/client-alice/../client-bob/b/"},
        {"prefix": "incoming/training/client-alice/"},
        {"prefix": "incoming/training/"},
        {"prefix": "incoming/galaxy/client-alice/b/"},
        {"s3_key": "incoming/training/client-bob/b/ring/1.jpg"},
        {"s3_key": "incoming/training/b/ring/1.jpg"},
    ],
)
def test_no_client_trains_on_anything_else(desk: Desk, source: dict[str, str]) -> None:
    desk.drops.keys.add("incoming/galaxy/client-alice/b/1.jpg")
    with pytest.raises(InvalidFieldsError, match="must be below incoming/training/client-alice/<batch>/") as raised:
        desk.start(ALICE, source=source)
    assert raised.value.fields[0].field == f"source.{next(iter(source))}"
    assert desk.store.writes == []


@pytest.mark.parametrize("source", [{"batch": "empty"}, {"s3_key": "incoming/training/b/ring/1"}])
def test_a_source_where_nothing_was_uploaded_is_told_at_once(desk: Desk, source: dict[str, str]) -> None:
    with pytest.raises(InvalidFieldsError, match="nothing was uploaded to 'incoming/training/"):
        desk.start(source=source)


def test_a_name_of_another_kind_is_a_conflict(desk: Desk) -> None:
    desk.store.put(keys.pointer_key("shared", "rings"), Pointer("rings", Kind.STAR).to_json())
    with pytest.raises(ModelConflictError, match="is a model of kind 'star', not 'pictures'"):
        desk.start()
    # Whose name is taken by another owner is of no concern
    assert desk.start(ALICE)


def test_a_training_is_compared_with_what_was_live_when_it_was_asked_for(desk: Desk) -> None:
    # Given
    desk.store.put(keys.pointer_key("shared", "rings"), Pointer("rings", Kind.PICTURES, "ab" * 32).to_json())
    # When
    training = desk.start()
    # Then
    assert Training.read(desk.store.objects[f"trainings/shared/{training['id']}/request.json"]).live == "ab" * 32


def test_another_version_of_a_model_is_trained_however_many_models_there_are(desk: Desk) -> None:
    for number in range(TRAINED_MODELS):
        name = f"model-{number}"
        desk.store.put(keys.pointer_key("shared", name), Pointer(name, Kind.PICTURES).to_json())
    with pytest.raises(LimitExceededError, match="there are 100 trained models; at most 100 are kept"):
        desk.start()
    assert desk.start(name="model-7")


def test_a_model_with_all_the_versions_that_are_kept_is_not_trained_in_vain(desk: Desk) -> None:
    # Given
    desk.store.put(keys.pointer_key("shared", "rings"), Pointer("rings", Kind.PICTURES).to_json())
    for number in range(MODEL_VERSIONS):
        desk.store.put(keys.version_key("shared", "rings", f"{number:064x}", keys.CARD), b"{}")
    # When, then
    with pytest.raises(LimitExceededError, match=f"has {MODEL_VERSIONS} versions; .* Delete some first"):
        desk.start()
    desk.store.delete(keys.version_key("shared", "rings", f"{7:064x}", keys.CARD))
    assert desk.start()


def test_so_many_trainings_run_at_once(desk: Desk) -> None:
    # Given
    trainings = [desk.start(name=f"m{number}") for number in range(TRAININGS_RUNNING)]
    with pytest.raises(LimitExceededError, match=f"at most {TRAININGS_RUNNING} are done at once"):
        desk.start()
    assert desk.start(ALICE), "another owner's are counted apart"
    # When one ends
    desk.end(trainings[1])
    # Then another begins
    assert desk.start()


def test_trainings_that_died_do_not_stand_in_the_way(desk: Desk) -> None:
    for number in range(TRAININGS_RUNNING):
        desk.start(name=f"m{number}")
    desk.pass_s(TRAINING_SILENT_S + 1)
    assert desk.start()
    desk.pass_s(13 * 3_600)
    assert desk.start()


def test_the_status_of_the_steps_is_shown(desk: Desk) -> None:
    training = desk.start()
    status = desk.status(training)
    status.advance(Phase.READING)
    desk.pass_s(2)
    status.advance(Phase.FEATURES, progress={"done": 64, "total": 300, "unit": "pictures"})
    shown = desk.service.get(training["id"], EVERYBODY)
    assert (shown["phase"], shown["progress"]) == ("features", {"done": 64, "total": 300, "unit": "pictures"})
    assert (shown["seconds"], shown["updated"]) == ({"reading": 2.0}, "2026-11-28T08:45:02Z")
    status.advance(Phase.DONE, version="ab" * 32, promoted=True)
    assert desk.service.get(training["id"], EVERYBODY)["links"]["card"] == f"/v1/models/rings/versions/{'ab' * 32}"


@pytest.mark.parametrize("began", [False, True])
def test_a_training_that_says_nothing_for_too_long_has_failed(desk: Desk, *, began: bool) -> None:
    training = desk.start()
    if began:
        desk.status(training).advance(Phase.FITTING)
    desk.pass_s(TRAINING_SILENT_S)
    assert desk.service.get(training["id"], EVERYBODY)["phase"] == ("fitting" if began else "waiting")
    desk.pass_s(1)
    shown = desk.service.get(training["id"], EVERYBODY)
    assert shown["phase"] == "failed"
    assert shown["problem"] is not None
    assert "stopped without a word" in shown["problem"]["detail"]


def test_an_ended_training_stays_as_it_ended(desk: Desk) -> None:
    training = desk.start()
    desk.end(training)
    desk.pass_s(1e7)
    assert desk.service.get(training["id"], EVERYBODY)["phase"] == "done"


def test_nobody_sees_anothers_training(desk: Desk) -> None:
    training = desk.start(ALICE)
    assert desk.service.get(training["id"], ALICE)["name"] == "rings"
    for other in (BOB, EVERYBODY):
        with pytest.raises(NotFoundError, match="there is no training"):
            desk.service.get(training["id"], other)
        assert desk.service.page(other) == {"trainings": [], "next": None}


@pytest.mark.parametrize("training", ["", "x", "../client-alice/x", "pictures-20261128-084500-1a2b3c"])
def test_an_unknown_training_is_not_found(desk: Desk, training: str) -> None:
    with pytest.raises(NotFoundError, match="there is no training"):
        desk.service.get(training, EVERYBODY)


def test_the_newest_training_comes_first_whatever_its_kind(desk: Desk) -> None:
    # Given five trainings, one a minute, and what is left of one without its request
    ids = []
    for number in range(5):
        table: dict[str, Any] = (
            {"kind": "star", "source": {"s3_key": "incoming/training/b/ring/1.jpg"}} if number % 2 else {}
        )
        training = desk.start(EVERYBODY, name=f"m{number}", **table)
        desk.end(training)
        ids.append(training["id"])
        desk.pass_s(60)
    desk.store.put("trainings/shared/pictures-20261128-084500-000000/shard", b"")
    # When it is read in pages
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = desk.service.page(EVERYBODY, 2, after)
        seen += [training["id"] for training in page["trainings"]]
        after = page["next"]
    # Then
    assert seen == ids[::-1]
    with pytest.raises(InvalidFieldsError, match="must be the next of an earlier answer"):
        desk.service.page(EVERYBODY, 2, "no cursor")


def test_an_answer_is_json(desk: Desk) -> None:
    training = desk.start()
    assert json.loads(json.dumps(desk.service.get(training["id"], EVERYBODY))) == training


@pytest.mark.parametrize("key", ["incoming/training/many/f", "incoming/training/many/f1"])
def test_of_many_files_with_alike_names_one_is_listed_to_find_one(desk: Desk, key: str) -> None:
    desk.drops.keys |= {f"incoming/training/many/f1{number}" for number in range(20)} | {"incoming/training/many/f1"}
    if key in desk.drops.keys:
        assert desk.start(source={"s3_key": key})["phase"] == "waiting"
    else:
        with pytest.raises(InvalidFieldsError, match="nothing was uploaded"):
            desk.start(source={"s3_key": key})
    assert desk.drops.listed == ["incoming/training/many/f1"]
