"""Models that people train, on the started stack: from uploaded pictures to an answer, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.e2e.training import WAIT_S, Trainer, folder, zipped

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from infra.local.running_stack import StartedStack

pytestmark = [pytest.mark.end_to_end, pytest.mark.needs_data]

BREEDS = {name.replace("_", " "): name for name in ("chihuahua", "german_shepherd", "yorkshire_terrier")}
RINGS = {"ring": "ring", "no ring": "no_ring"}


@pytest.fixture(scope="module")
def trainer(api: httpx.Client) -> Trainer:
    return Trainer(api)


@pytest.fixture(scope="module")
def breeds(survey_data: Path) -> Path:
    return survey_data / "custom" / "dog_breeds_64px"


@pytest.fixture(scope="module")
def dogs(trainer: Trainer, breeds: Path) -> dict[str, Any]:
    """A first version of a model of three breeds, from twenty photographs of each."""
    trainer.upload("dogs-1", folder(breeds, BREEDS, 0, 20))
    return trainer.train("dogs", "dogs-1")


def sandboxes(stack: StartedStack, function: str) -> list[int]:
    pids: list[int] = json.loads((stack.state / "state.json").read_text())["sandboxes"][function]
    return pids


def test_sixty_photographs_of_three_breeds_become_a_model_that_answers(
    trainer: Trainer, dogs: dict[str, Any], breeds: Path
) -> None:
    # Given the training
    assert (dogs["phase"], dogs["promoted"], dogs["comparison"]["verdict"]) == ("done", True, "first")
    assert dogs["refused"] == {"count": 0, "files": []}
    assert dogs["metrics"]["examples"] == 60
    assert dogs["metrics"]["accuracy"]["value"] > 0.5
    assert set(dogs["seconds"]) >= {"reading", "features", "fitting", "evaluating", "publishing"}
    # When pictures that it has not seen are classified
    held_back = folder(breeds, BREEDS, 60, 65)
    answers = {name: trainer.classify("dogs", content) for name, content in held_back.items()}
    # Then most are recognised, by the version that the training made
    right = [name.startswith(answer["results"][0]["predictions"][0]["label"] + "/") for name, answer in answers.items()]
    assert sum(right) >= 9
    for answer in answers.values():
        assert dogs["version"].startswith(answer["model"]["version"])
        assert {each["label"] for each in answer["results"][0]["predictions"]} == set(BREEDS)


def test_an_explanation_has_a_heat_map_and_the_nearest_training_pictures(
    trainer: Trainer, dogs: dict[str, Any], breeds: Path
) -> None:
    (content,) = folder(breeds, {"chihuahua": "chihuahua"}, 70, 71).values()
    (result,) = trainer.classify("dogs", content, explain="true")["results"]
    explanation = result["explanation"]
    assert explanation["heat_map"].startswith("data:image/png;base64,")
    assert len(explanation["nearest"]) == 3
    for neighbour in explanation["nearest"]:
        assert neighbour["file"].startswith(f"{neighbour['label']}/")
        assert neighbour["thumbnail"].startswith("data:image/jpeg;base64,")
    assert 0 < result["typicality"] <= 1
    assert dogs["promoted"] is True


def test_more_pictures_make_a_second_version_which_can_be_taken_back_and_deleted(
    trainer: Trainer, dogs: dict[str, Any], breeds: Path
) -> None:
    # Given a model of its own, from twenty photographs of each breed, as the module's
    trainer.upload("more-1", folder(breeds, BREEDS, 0, 20))
    first = trainer.train("more", "more-1")
    assert first["metrics"] == dogs["metrics"]
    # When it is trained with fifteen more of each
    trainer.upload("more-2", folder(breeds, BREEDS, 0, 35))
    second = trainer.train("more", "more-2")
    # Then they are compared on the sixty that both held out, and the better one is live
    assert second["phase"] == "done"
    assert second["comparison"]["examples"] == 60
    assert second["promoted"] is (second["comparison"]["verdict"] in {"better", "not-worse"})
    live = second if second["promoted"] else first
    assert trainer.live("more") == live["version"]
    (content,) = folder(breeds, {"chihuahua": "chihuahua"}, 70, 71).values()
    trainer.until_served("more", live["version"], content)
    # And by force the second, then the first again
    forced = {"version": second["version"], "force": True}
    assert trainer.api.post("/v1/models/more/promote", json=forced).status_code == 200
    back = trainer.api.post("/v1/models/more/rollback", json={"to": first["version"]}).json()
    assert (back["live"], back["history"][0]["how"]) == (first["version"], "rolled_back")
    trainer.until_served("more", first["version"], content)
    # And the live version cannot be deleted, the other can, and then the model
    versions = "/v1/models/more/versions"
    assert trainer.api.delete(f"{versions}/{first['version']}").status_code == 409
    assert trainer.api.delete(f"{versions}/{second['version']}").status_code == 204
    assert [each["version"] for each in trainer.api.get(versions).json()["versions"]] == [first["version"]]
    assert trainer.api.delete("/v1/models/more").status_code == 204
    assert trainer.api.get("/v1/trained/more").status_code == 404


def test_an_archive_of_rings_is_unpacked_and_what_is_wrong_in_it_named(trainer: Trainer, survey_data: Path) -> None:
    # Given a zip of one folder, with copies, a picture in both classes, a text, and what a Mac adds
    rings = folder(survey_data / "custom" / "galaxy_rings_256px", RINGS, 0, 30)
    one, two, *_ = rings
    files = {f"rings/{name}": content for name, content in rings.items()} | {
        "rings/ring/copy.jpg": rings[one],
        "rings/no ring/not.jpg": rings[two],
        "rings/ring/notes.txt": b"these are rings",
        "rings/ring/.DS_Store": b"\0",
        "__MACOSX/rings/ring/._1.jpg": b"\0",
    }
    trainer.upload("rings", {"all.zip": zipped(files)})
    # When
    answer = trainer.start("rings", {"s3_key": "incoming/training/rings/all.zip"})
    assert answer.status_code == 202, answer.text
    training = trainer.wait(answer.json()["id"])
    # Then
    assert training["phase"] == "done"
    assert {each["file"] for each in training["refused"]["files"]} == {
        "rings/ring/copy.jpg",
        "rings/no ring/not.jpg",
        f"rings/{two}",
        "rings/ring/notes.txt",
    }
    here = trainer.api.base_url.join(f"/v1/trainings/{training['id']}")
    card = trainer.api.get(here.join(training["links"]["card"])).json()
    assert card["training_data"]["classes"] == {"no ring": 30, "ring": 29}
    assert card["training_data"]["duplicates"]["count"] == 1


def bomb() -> bytes:
    """A zip whose members say that they are a thousand times as large as they are."""
    return zipped({f"{label}/{number}.png": bytes(30_000_000) for label in "ab" for number in range(5)})


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({f"pug/{n}.jpg": b"%d" % n for n in range(9)}, "At least 2 classes are needed"),
        (
            {
                f"{label}/{n}.jpg": f"{label}{n}".encode()
                for label, count in (("pug", 3), ("beagle", 9))
                for n in range(count)
            },
            "class 'pug' has 3",
        ),
        ({f"{label}/{n}.jpg": f"{label}{n}".encode() for label in ("pug", "beagle") for n in range(6)}, "6 unreadable"),
        ({"all.zip": b"PK\x03\x04 and then nothing"}, "zip"),
        ({"all.zip": b"just a text"}, "neither a zip nor a tar archive"),
        ({"all.zip": bomb()}, "expands more than"),
    ],
    ids=["one class", "three pictures in a class", "all unreadable", "damaged", "no archive", "hostile zip"],
)
def test_what_cannot_become_a_model_ends_in_a_sentence(
    trainer: Trainer, files: dict[str, bytes], sentence: str
) -> None:
    # Given an upload
    batch = f"bad-{time.monotonic_ns()}"
    trainer.upload(batch, files)
    # When
    zips = [name for name in files if name.endswith(".zip")]
    source = {"s3_key": f"incoming/training/{batch}/{zips[0]}"} if zips else {"batch": batch}
    answer = trainer.start("bad", source)
    assert answer.status_code == 202, answer.text
    training = trainer.wait(answer.json()["id"], "failed")
    # Then
    assert sentence in training["problem"]["detail"]
    assert training["problem"]["status"] < 500
    assert trainer.api.get("/v1/trained/bad").status_code == 404


def test_a_batch_that_nobody_uploaded_is_refused_at_once(trainer: Trainer) -> None:
    answer = trainer.start("nothing", {"batch": "never-uploaded"})
    assert answer.status_code == 422
    assert "nothing was uploaded" in answer.json()["detail"]


def test_a_sandbox_that_is_killed_in_the_middle_costs_a_training_nothing_but_time(
    trainer: Trainer, stack: StartedStack, survey_data: Path
) -> None:
    # Given a training that computes features
    trainer.upload("killed", folder(survey_data / "custom" / "galaxy_rings_256px", RINGS, 0, 80))
    answer = trainer.start("killed", {"batch": "killed"})
    training = answer.json()["id"]
    trainer.wait(training, "features", "fitting", "evaluating")
    # When every sandbox of it is killed, and again a moment later
    killed = 0
    for _ in range(2):
        for pid in sandboxes(stack, "custom-train"):
            os.kill(pid, signal.SIGKILL)
            killed += 1
        time.sleep(1.0)
    # Then it ends well, and its version is whole
    assert killed > 0
    done = trainer.wait(training)
    assert (done["phase"], done["promoted"]) == ("done", True)
    assert done["metrics"]["examples"] == 160
    log = (stack.state / "logs" / "custom-train.log").read_text()
    assert "error\tError Type: Runtime.ExitError" in log
    (content,) = folder(survey_data / "custom" / "galaxy_rings_256px", {"ring": "ring"}, 100, 101).values()
    assert done["version"].startswith(trainer.classify("killed", content)["model"]["version"])


def test_two_trainings_of_one_name_at_once_have_one_winner(trainer: Trainer, breeds: Path) -> None:
    # Given two requests at the same moment
    trainer.upload("twice", folder(breeds, BREEDS, 0, 12))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: trainer.start("twice", {"batch": "twice"}), range(2)))
    assert [answer.status_code for answer in answers] == [202, 202]
    # When
    both = [trainer.wait(answer.json()["id"]) for answer in answers]
    # Then both versions are there, one is live, and the other says why not
    assert [each["phase"] for each in both] == ["done", "done"]
    winners = [each for each in both if each["promoted"]]
    (loser,) = [each for each in both if not each["promoted"]]
    assert [each["version"] for each in winners] == [trainer.live("twice")]
    assert loser["comparison"]["sentence"].startswith("Another training made version")
    listed = trainer.api.get("/v1/models/twice/versions").json()["versions"]
    assert {each["version"] for each in listed} == {each["version"] for each in both}


def test_a_request_that_is_delivered_twice_makes_one_version(
    trainer: Trainer, stack: StartedStack, dogs: dict[str, Any]
) -> None:
    # Given the notification of a training that has ended
    key = f"trainings/shared/{dogs['id']}/request.json"
    item = {"bucket": {"name": "skysort-models-local"}, "object": {"key": key}}
    body = json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": item}]})
    sqs = boto3.Session("local", "local", region_name="us-east-1").client("sqs", endpoint_url=stack.s3)
    queue = sqs.get_queue_url(QueueName="skysort-trainings-local")["QueueUrl"]
    log = stack.state / "logs" / "trainings.log"
    ended = f"{dogs['id']} succeeded"
    assert log.read_text().count(ended) == 1
    # When it comes again
    sqs.send_message(QueueUrl=queue, MessageBody=body)
    deadline = time.monotonic() + WAIT_S
    while log.read_text().count(ended) == 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # Then nothing has changed
    versions = trainer.api.get("/v1/models/dogs/versions").json()["versions"]
    assert [each["version"] for each in versions] == [dogs["version"]]
    assert trainer.api.get(f"/v1/trainings/{dogs['id']}").json() == dogs
