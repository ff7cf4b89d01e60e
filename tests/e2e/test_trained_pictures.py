"""Trained picture models of the started stack: explained answers, and the drop folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.drop import DropFolder
from tests.e2e.promotions import NAME, OK, publish
from tests.factories_custom import picture
from tests.factories_images import zip_file

if TYPE_CHECKING:
    import httpx

    from infra.local.running_stack import StartedStack

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def versions(stack: StartedStack) -> list[str]:
    return publish(stack)


def test_an_answer_is_explained_by_a_map_and_training_pictures(api: httpx.Client, versions: list[str]) -> None:
    # When
    answer = api.post(f"/v1/classify/custom/{NAME}?explain=true", files={"file": ("a.jpg", picture("red", 2))}).json()

    # Then
    assert answer["model"]["version"] in {version[:12] for version in versions}
    (result,) = answer["results"]
    assert result["id"] == "a.jpg"
    assert result["predictions"][0]["label"] == "red"
    assert result["in_domain"] is True
    assert result["explanation"]["nearest"][0]["file"] == "red/2.jpg"


def test_an_unknown_model_is_not_found(api: httpx.Client) -> None:
    answer = api.post("/v1/classify/custom/nothing", content=picture("red"), headers={"Content-Type": "image/jpeg"})
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:skysort:problem:not-found")
    assert api.get("/v1/models/custom/ready").status_code == OK


def test_dropped_pictures_are_classified_by_the_model_in_their_keys(
    stack: StartedStack, api: httpx.Client, versions: list[str]
) -> None:
    # Given a picture and an archive for a model, and a picture for one that is not there
    drop = DropFolder(stack, "custom")
    drop.put(f"{NAME}/night/a.jpg", picture("blue", 50))
    drop.put(f"{NAME}/night/all.zip", zip_file({"b.jpg": picture("red", 51), "c.jpg": b"no picture"}))
    drop.put("nothing/night/a.jpg", picture("blue", 50))

    # Then each has its outcome
    record = drop.summary(f"{NAME}/night/a.jpg")
    assert record["model"]["name"] == f"custom/{NAME}"
    assert record["model"]["version"] in {version[:12] for version in versions}
    assert record["predictions"][0]["label"] == "blue"
    assert record["typicality"] > 0
    summary = drop.summary(f"{NAME}/night/all.zip")
    assert (summary["labels"], summary["refused"]) == ({"red": 1}, 1)
    assert "no trained model 'nothing'" in drop.error("nothing/night/a.jpg")["detail"]

    # And the batch of the model lists both files
    batch = api.get("/v1/batches/night", params={"model": f"custom/{NAME}"}).json()
    assert {file["name"]: file["state"] for file in batch["files"]} == {"a.jpg": "done", "all.zip": "done"}, json.dumps(
        batch
    )
