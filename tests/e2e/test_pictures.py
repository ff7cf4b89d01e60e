"""Pictures through the started stack: gateway, sandboxes, buckets and queues as `make run` starts them."""

from __future__ import annotations

import base64
import csv
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.e2e.drop import DROP, RESULTS, WAIT_S
from tests.factories_images import encode, every_form, render, tar_file, zip_file

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from mypy_boto3_s3 import S3Client

    from infra.local.running_stack import StartedStack

pytestmark = pytest.mark.end_to_end
MODELS = ("galaxy", "image")
PICTURE = encode(render(320, 240), "JPEG")


@pytest.fixture(scope="module")
def s3(stack: StartedStack) -> S3Client:
    session = boto3.Session("local", "local", region_name="us-east-1")
    return session.client("s3", endpoint_url=stack.s3, config=Config(s3={"addressing_style": "path"}))


@pytest.fixture
def outcome(s3: S3Client) -> Callable[[str], bytes]:
    """An object of the results bucket, waited for."""

    def wait(key: str) -> bytes:
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                return s3.get_object(Bucket=RESULTS, Key=key)["Body"].read()
            except ClientError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    return wait


def post(api: httpx.Client, model: str, content: bytes, content_type: str, **query: str) -> dict[str, Any]:
    answer = api.post(f"/v1/classify/{model}", content=content, headers={"Content-Type": content_type}, params=query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_ready_and_tells_of_itself(model: str, api: httpx.Client) -> None:
    assert api.get(f"/v1/models/{model}/ready").json()["status"] == "ready"
    assert api.get(f"/v1/models/{model}").json()["name"] == model


@pytest.mark.parametrize("model", MODELS)
def test_every_kind_of_body_gives_the_same_answer(model: str, api: httpx.Client) -> None:
    # Given one picture in every kind of body
    text = base64.b64encode(PICTURE).decode()
    bare = post(api, model, PICTURE, "image/jpeg")
    form = api.post(f"/v1/classify/{model}", files={"file": ("a.jpg", PICTURE)}).json()
    plain = api.post(f"/v1/classify/{model}", json={"image": text}).json()
    url = api.post(f"/v1/classify/{model}", json={"instances": [{"image": f"data:image/jpeg;base64,{text}"}]}).json()
    # Then the answers agree to the last digit: no byte was changed on any way
    answers = [answer["results"][0]["predictions"] for answer in (bare, form, plain, url)]
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("model", MODELS)
def test_every_form_is_accepted_beside_a_broken_one(model: str, api: httpx.Client) -> None:
    forms = {**every_form(render()), "broken": PICTURE[:500]}
    files = [("file", (name, content)) for name, content in forms.items()]
    results = api.post(f"/v1/classify/{model}", files=files).json()["results"]
    assert [result["id"] for result in results if "error" in result] == ["broken"]
    assert [result["id"] for result in results] == list(forms)


def test_a_twelve_megapixel_photograph_is_accepted(api: httpx.Client) -> None:
    large = encode(render(4032, 3024), "JPEG", quality=60)
    assert len(post(api, "image", large, "image/jpeg")["results"][0]["predictions"]) == 5


def test_many_callers_at_once_get_their_own_answers(api: httpx.Client) -> None:
    pictures = [encode(render(200, 200, seed), "JPEG") for seed in range(40)]
    alone = [post(api, "galaxy", picture, "image/jpeg")["results"][0]["predictions"] for picture in pictures]
    with ThreadPoolExecutor(8) as callers:
        together = list(
            callers.map(lambda p: post(api, "galaxy", p, "image/jpeg")["results"][0]["predictions"], pictures)
        )
    assert together == alone


def test_dropped_pictures_and_archives_get_their_records(
    api: httpx.Client, s3: S3Client, outcome: Callable[[str], bytes]
) -> None:
    # Given pictures, archives of them, and a text, dropped for both models
    members = {"one.jpg": PICTURE, "in/two.png": encode(render(seed=2)), "notes.txt": b"seeing 0.9"}
    files = {"a b.jpg": PICTURE, "all.zip": zip_file(members), "all.tgz": tar_file(members), "readme.txt": b"hello"}
    for model in MODELS:
        for name, content in files.items():
            s3.put_object(Bucket=DROP, Key=f"incoming/{model}/night/{name}", Body=content)
    for model in MODELS:
        expected = post(api, model, PICTURE, "image/jpeg")["results"][0]["predictions"]
        # Then a picture gets what the API says
        assert json.loads(outcome(f"{model}/night/a b.jpg.json"))["predictions"] == expected
        assert json.loads(outcome(f"{model}/night/readme.txt.error.json"))["status"] == 415
        # and an archive a record a member, and a table
        for name in ("all.zip", "all.tgz"):
            assert json.loads(outcome(f"{model}/night/{name}.json"))["classified"] == 2
            assert json.loads(outcome(f"{model}/night/{name}/one.jpg.json"))["predictions"] == expected
            table = list(csv.DictReader(outcome(f"{model}/night/{name}.csv").decode().splitlines()))
            assert [line["label"] for line in table][::2] == [expected[0]["label"], ""]


def test_a_request_may_name_a_dropped_picture(api: httpx.Client, s3: S3Client, outcome: Callable[[str], bytes]) -> None:
    key = "incoming/image/named/one.jpg"
    s3.put_object(Bucket=DROP, Key=key, Body=PICTURE)
    outcome("image/named/one.jpg.json")
    answer = api.post("/v1/classify/image", json={"instances": [{"s3_key": key}]}).json()
    assert answer["results"][0]["predictions"] == post(api, "image", PICTURE, "image/jpeg")["results"][0]["predictions"]
