"""The picture functions as Lambda calls them: a proxy event in, a proxy response out."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from skysort.limits import IMAGES_PER_REQUEST, LAMBDA_PAYLOAD_BYTES
from skysort.pictures import answering
from tests.factories import FakeContext, proxy_event
from tests.factories_images import encode, multipart, plain
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from skysort.pictures.bodies.request import PictureItem

RED = encode(plain((250, 0, 0)))
JPEG = encode(plain((250, 0, 0)), "JPEG")


@pytest.fixture
def image(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("SKYSORT_IMAGE_MODEL", str(image_folder))
    return load_function("image")


@pytest.fixture
def galaxy(galaxy_folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("SKYSORT_GALAXY_MODEL", str(galaxy_folder))
    return load_function("galaxy")


def call(function: ModuleType, body: str | bytes | None, content_type: str, **event: Any) -> tuple[int, dict[str, Any]]:
    event = {"path": f"/v1/classify/{function.__name__.partition('_')[0]}", **event}
    response = function.handler(proxy_event(body=body, headers={"Content-Type": content_type}, **event), FakeContext())
    return response["statusCode"], json.loads(response["body"])


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (JPEG, "image/jpeg"),
        (RED, "image/png"),
        (RED, "application/octet-stream"),
        multipart([("file", "red.png", RED)]),
        (json.dumps({"image": base64.b64encode(RED).decode()}), "application/json"),
    ],
)
def test_every_kind_of_body_is_answered(
    body: str | bytes, content_type: str, image: ModuleType, galaxy: ModuleType
) -> None:
    for function in (image, galaxy):
        status, answer = call(function, body, content_type)
        assert status == 200, answer
        assert answer["results"][0]["predictions"][0]["label"] == "red"


def test_a_bare_picture_arrives_byte_for_byte(image: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a listener where the bytes reach the domain
    heard: list[bytes] = []
    original = answering.PictureAnswers._contents

    def listen(self: answering.PictureAnswers, items: list[PictureItem]) -> Any:
        heard.extend(item.content for item in items)
        return original(self, items)

    monkeypatch.setattr(answering.PictureAnswers, "_contents", listen)
    # When bytes of every value travel as a picture, bare and in a form
    every_byte = JPEG + bytes(range(256)) * 4
    call(image, every_byte, "image/jpeg")
    call(image, *multipart([("file", "a.jpg", every_byte)]))
    # Then nothing on the way has touched them
    assert heard == [every_byte, every_byte]


def test_options_mean_the_same_in_query_form_and_json(image: ModuleType) -> None:
    text = base64.b64encode(RED).decode()
    options = {"top_k": "1", "labels": "primary", "explain": "true"}
    form = multipart([("file", "a", RED), *((name, None, value.encode()) for name, value in options.items())])
    answers = [
        call(image, RED, "image/png", query=options),
        call(image, *form),
        call(
            image, json.dumps({"image": text, "top_k": 1, "labels": ["primary"], "explain": True}), "application/json"
        ),
    ]
    shown = [{**answer["results"][0], "id": "", "cached": ""} for status, answer in answers if status == 200]
    assert len(shown) == 3
    assert shown[0] == shown[1] == shown[2]
    assert shown[0]["explanation"]["label"] == "red"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "says"),
    [
        (None, "image/png", 400, "no bytes"),
        (None, "application/json", 400, "the body is empty"),
        (b"hello", "image/png", 415, "is text"),
        (JPEG[:200], "image/jpeg", 400, "JPEG picture is"),
        (RED, "image/jpeg", 415, "declared as image/jpeg"),
        ("a,b", "text/csv", 415, "text/csv"),
        ("{}", "application/json", 422, "image"),
        (b"x", "multipart/form-data", 400, "boundary"),
        (*multipart([("file", "a.jpg", JPEG[:200])]), 400, "JPEG picture is"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    body: str | bytes | None, content_type: str, status: int, says: str, image: ModuleType
) -> None:
    found, problem = call(image, body, content_type)
    assert found == status, problem
    assert says in problem["detail"]
    assert problem["request_id"] == "request-1"


def test_built_in_models_say_who_takes_class_shares(image: ModuleType, galaxy: ModuleType) -> None:
    text = base64.b64encode(RED).decode()
    shares = "red:1,green:1,blue:1"
    for function in (image, galaxy):
        for status, problem in (
            call(function, RED, "image/png", query={"prior": shares}),
            call(function, *multipart([("file", "a", RED), ("prior", None, shares.encode())])),
            call(function, json.dumps({"image": text, "prior": {"red": 1}}), "application/json"),
        ):
            assert status == 422
            assert problem["detail"].startswith("prior: is for the star model and for models that you trained")


def test_a_picture_that_its_client_gzipped_is_unpacked(image: ModuleType) -> None:
    headers = {"Content-Type": "image/jpeg", "Content-Encoding": "gzip"}
    event = proxy_event(body=gzip.compress(JPEG), headers=headers, path="/v1/classify/image")
    assert image.handler(event, FakeContext())["statusCode"] == 200
    event["headers"]["Content-Encoding"] = "br"
    response = image.handler(event, FakeContext())
    assert response["statusCode"] == 415
    assert "Content-Encoding 'br'" in json.loads(response["body"])["detail"]


def test_as_many_pictures_as_a_request_takes_may_be_explained_or_all_be_wrong(image: ModuleType) -> None:
    # Given as many as may be, under names as long as they may be, sound ones and broken ones
    for content in (RED, RED[:60]):
        parts = [("file", f"{number:0200}", content) for number in range(IMAGES_PER_REQUEST)]
        body, content_type = multipart([*parts, ("explain", None, b"true"), ("top_k", None, b"10")])
        event = proxy_event(body=body, headers={"Content-Type": content_type}, path="/v1/classify/image")
        # When they are sent at once
        response = image.handler(event, FakeContext())
        # Then the answer is far from what can be sent
        assert response["statusCode"] == 200
        assert len(json.loads(response["body"])["results"]) == IMAGES_PER_REQUEST
        assert len(json.dumps(response)) < LAMBDA_PAYLOAD_BYTES / 6


def test_ready_means_a_real_prediction(image: ModuleType, galaxy: ModuleType) -> None:
    for function, name in ((image, "image"), (galaxy, "galaxy")):
        status, answer = call(function, None, "", method="GET", path=f"/v1/models/{name}/ready")
        assert (status, answer["status"], answer["model"]["name"]) == (200, "ready", name)


def test_galaxies_have_no_wordnet_ids(galaxy: ModuleType) -> None:
    _, answer = call(galaxy, RED, "image/png")
    assert "wordnet_id" not in answer["results"][0]["predictions"][0]
