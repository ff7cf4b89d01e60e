"""The functions of trained picture models, as Lambda calls them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from skysort.clients import Sharing, client_of
from skysort.custom.model import HEAD, THUMBNAILS
from skysort.registry.keys import owner_of
from tests.factories import FakeContext, proxy_event
from tests.factories_custom import card_of, head_of, picture, publish, thumbnails
from tests.factories_images import zip_file
from tests.fakes.events import record_of, sqs_event
from tests.fakes.model_store import MemoryModelStore
from tests.fakes.object_store import MemoryStore
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from types import ModuleType

    from skysort.custom.head import Head
    from skysort.drop.event import Upload

JPEG = {"Content-Type": "image/jpeg"}
PATH = "/v1/classify/custom/colours"


@pytest.fixture(scope="module")
def head() -> Head:
    return head_of()


@pytest.fixture
def models(head: Head, monkeypatch: pytest.MonkeyPatch) -> MemoryModelStore:
    """A models bucket with one trained model, that the functions open."""
    store = MemoryModelStore()
    put(store, head)
    monkeypatch.setattr("skysort.registry.store.S3ModelStore.from_environment", lambda *_: store)
    monkeypatch.setenv("SKYSORT_MODELS_BUCKET", "models")
    return store


def put(store: MemoryModelStore, head: Head, owner: str = "shared") -> str:
    pictures, places = thumbnails(head)
    return publish(store, "colours", card_of(head, thumbnails=places), {HEAD: head.save(), THUMBNAILS: pictures}, owner)


@pytest.fixture
def custom(models: MemoryModelStore) -> ModuleType:
    del models  # what the function opens
    return load_function("custom")


def call(function: ModuleType, **event: Any) -> tuple[int, dict[str, Any]]:
    response = function.handler(proxy_event(**event), FakeContext())
    return response["statusCode"], json.loads(response["body"])


def test_a_picture_is_classified_by_the_model_of_the_path(
    custom: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    # When
    status, answer = call(custom, path=PATH, body=picture("blue", 50), headers=JPEG, query={"explain": "true"})

    # Then
    assert status == 200, answer
    assert answer["model"]["name"] == "colours"
    (result,) = answer["results"]
    assert result["predictions"][0]["label"] == "blue"
    assert len(result["explanation"]["nearest"]) == 3
    # And it is counted, without the labels, of which people may invent any number
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    counted = {name for line in lines for name in line}
    assert {"PicturesClassified", "Confidence", "DecodeTime", "PredictTime", "Requests"} <= counted
    assert not [name for name in counted if name.startswith("Label")]


def test_the_function_is_ready_without_any_model(custom: ModuleType) -> None:
    status, answer = call(custom, method="GET", path="/v1/models/custom/ready")
    assert (status, answer["status"], answer["model"]["name"]) == (200, "ready", "custom")


@pytest.mark.parametrize("name", ["shapes", "Colours", "..%2Fcolours", "image"])
def test_an_unknown_model_is_not_found(custom: ModuleType, name: str) -> None:
    status, problem = call(custom, path=f"/v1/classify/custom/{name}", body=picture("blue"), headers=JPEG)
    assert (status, problem["type"]) == (404, "urn:skysort:problem:not-found")


def test_options_and_bodies_are_those_of_every_picture_model(custom: ModuleType) -> None:
    status, problem = call(custom, path=PATH, body=picture("blue"), headers=JPEG, query={"labels": "blu"})
    assert (status, problem["type"]) == (422, "urn:skysort:problem:invalid-fields")
    assert "Did you mean blue" in problem["detail"]
    status, problem = call(custom, path=PATH, body=picture("blue"), headers=JPEG, query={"model": "colours"})
    assert status == 422
    status, problem = call(custom, path=PATH, body='{"instances": []}')
    assert status == 400


def test_separate_clients_have_models_of_their_own(
    models: MemoryModelStore, head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a stage that keeps clients apart, and a model of one of them
    monkeypatch.setenv("SKYSORT_CLIENTS", "separate")
    custom = load_function("custom")
    owner = owner_of(client_of(proxy_event(key_id="mine"), Sharing.SEPARATE))
    put(models, head, owner)

    # Then that one alone can use it
    asked = {"path": PATH, "body": picture("red", 50), "headers": JPEG}
    assert call(custom, **asked, key_id="mine")[0] == 200
    assert call(custom, **asked, key_id="another")[0] == 404
    assert call(custom, **asked)[0] == 401


def notification(upload: Upload) -> str:
    return json.dumps({"Records": [record_of(upload)]})


class Drop:
    """The drop function on stores in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = MemoryStore()
        monkeypatch.setattr("skysort.s3.store.S3Store", lambda: self.store)
        self.function = load_function("custom", "drop")

    def process(self, *files: tuple[str, bytes]) -> dict[str, bytes]:
        """Drop files, deliver their events twice, and list the results."""
        uploads = [self.store.upload(key, body) for key, body in files]
        for _ in range(2):
            answer = self.function.handler(sqs_event([notification(upload) for upload in uploads]), FakeContext())
            assert answer == {"batchItemFailures": []}
        return self.store.listing()


@pytest.fixture
def drop(models: MemoryModelStore, monkeypatch: pytest.MonkeyPatch) -> Drop:
    del models  # what the function opens
    return Drop(monkeypatch)


def test_dropped_pictures_are_classified_by_the_model_in_their_keys(drop: Drop) -> None:
    files = drop.process(("incoming/custom/colours/night/a.jpg", picture("red", 50)))
    record = json.loads(files["custom/colours/night/a.jpg.json"])
    assert record["model"]["name"] == "custom/colours"
    assert record["predictions"][0]["label"] == "red"
    assert record.keys() >= {"prediction_set", "typicality", "in_domain", "source"}


def test_a_dropped_archive_becomes_a_table(drop: Drop) -> None:
    archive = zip_file({"a.jpg": picture("red", 50), "b.jpg": picture("blue", 51), "c.jpg": b"no picture"})
    files = drop.process(("incoming/custom/colours/night/all.zip", archive))
    rows = list(csv.DictReader(io.StringIO(files["custom/colours/night/all.zip.csv"].decode())))
    assert [row["label"] for row in rows] == ["red", "blue", ""]
    assert json.loads(files["custom/colours/night/all.zip.json"])["labels"] == {"blue": 1, "red": 1}


def test_a_file_for_an_unknown_model_gets_an_error_record_that_says_so(drop: Drop) -> None:
    files = drop.process(
        ("incoming/custom/shapes/night/a.jpg", picture("red")), ("incoming/custom/No/night/b.jpg", picture("red"))
    )
    assert sorted(files) == ["custom/No/night/b.jpg.error.json", "custom/shapes/night/a.jpg.error.json"]
    assert "no trained model 'shapes'" in json.loads(files["custom/shapes/night/a.jpg.error.json"])["detail"]
    assert "is not a name of a trained model" in json.loads(files["custom/No/night/b.jpg.error.json"])["detail"]


def test_a_version_that_is_promoted_classifies_the_next_file(drop: Drop, models: MemoryModelStore, head: Head) -> None:
    drop.process(("incoming/custom/colours/night/a.jpg", picture("red", 50)))
    renamed = {"blue": "sea", "red": "fire"}
    examples = tuple((file, renamed[label]) for file, label in head.examples)
    version = put(models, replace(head, labels=tuple(renamed[label] for label in head.labels), examples=examples))
    drop.function.models._live.check()
    files = drop.process(("incoming/custom/colours/night/b.jpg", picture("red", 50)))
    record = json.loads(files["custom/colours/night/b.jpg.json"])
    assert record["model"]["version"] == version[:12]
    assert record["predictions"][0]["label"] == "fire"


def test_a_file_of_another_model_stays_in_the_queue(drop: Drop) -> None:
    upload = drop.store.upload("incoming/image/night/a.jpg", picture("red"))
    answer = drop.function.handler(sqs_event([notification(upload)]), FakeContext())
    assert len(answer["batchItemFailures"]) == 1
