"""Two clients of a stage that keeps them apart: each has its own batches, and the other's are not there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.factories import FakeContext, proxy_event
from tests.factories_images import encode, picture_artefact, render
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

DROP, RESULTS, MODELS = "skysort-drop-clients", "skysort-results-clients", "skysort-models-clients"
UPLOAD = {"model": "image", "batch": "night-1", "files": [{"name": "m51.png", "size": 9}]}
BATCH_PATHS = ("/v1/batches/night-1", "/v1/batches/night-1/results.csv")
Call = "Callable[..., tuple[int, str]]"


@pytest.fixture(scope="module")
def s3(aws: Callable[[Mapping[str, str]], str]) -> S3Client:
    """Both buckets of a stage, and an environment that leads there."""
    aws(
        {
            "SKYSORT_DROP_BUCKET": DROP,
            "SKYSORT_RESULTS_BUCKET": RESULTS,
            "SKYSORT_MODELS_BUCKET": MODELS,
            "SKYSORT_CLIENTS": "separate",
        }
    )
    client = boto3.client("s3")
    for bucket in (DROP, RESULTS, MODELS):
        client.create_bucket(Bucket=bucket)
    return client


@pytest.fixture(scope="module")
def call(s3: S3Client, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[int, str]]:
    """Asks the control or the image function as one client; status and body."""
    del s3
    with pytest.MonkeyPatch.context() as patch:
        model: Path = picture_artefact(tmp_path_factory.mktemp("clients") / "model")
        patch.setenv("SKYSORT_IMAGE_MODEL", str(model))
        functions = {name: load_function(name) for name in ("control", "image")}

    def ask(client: str | None, method: str, path: str, document: Any = None) -> tuple[int, str]:
        function = functions["image" if "classify" in path else "control"]
        body = None if document is None else json.dumps(document)
        answer = function.handler(proxy_event(method, path, body, key_id=client), FakeContext())
        return answer["statusCode"], answer["body"]

    return ask


@pytest.fixture(scope="module")
def alices_key(s3: S3Client, call: Callable[..., tuple[int, str]]) -> str:
    """Where Alice's picture lies: she was given a way in, and has used it."""
    status, body = call("alice", "POST", "/v1/uploads", UPLOAD)
    assert status == 200, body
    (file,) = json.loads(body)["files"]
    s3.put_object(Bucket=DROP, Key=file["key"], Body=encode(render()))
    key: str = file["key"]
    return key


def test_a_client_sees_its_own_batch(call: Callable[..., tuple[int, str]], alices_key: str) -> None:
    status, body = call("alice", "GET", "/v1/batches/night-1")
    assert (status, json.loads(body)["counts"]["total"]) == (200, 1)
    assert json.loads(body)["files"][0]["name"] == "m51.png"
    assert alices_key.startswith("incoming/image/client-")


@pytest.mark.usefixtures("alices_key")
@pytest.mark.parametrize("path", BATCH_PATHS)
def test_anothers_batch_is_not_there(call: Callable[..., tuple[int, str]], path: str) -> None:
    status, body = call("bob", "GET", path)
    # The very answer that a batch gets which nobody has dropped
    absent = call("bob", "GET", path.replace("night-1", "night-9"))
    assert (status, body.replace("night-1", "night-9")) == absent
    assert status == 404


def test_the_same_name_does_not_overwrite_anothers_file(call: Callable[..., tuple[int, str]], alices_key: str) -> None:
    (file,) = json.loads(call("bob", "POST", "/v1/uploads", UPLOAD)[1])["files"]
    assert file["key"] != alices_key
    assert file["form"]["fields"]["key"] == file["key"]


def test_the_owner_who_drops_without_a_client_shows_nobody(s3: S3Client, call: Callable[..., tuple[int, str]]) -> None:
    s3.put_object(Bucket=DROP, Key="incoming/image/owners/m51.png", Body=b"bytes")
    assert call("alice", "GET", "/v1/batches/owners")[0] == 404
    picture = {"s3_key": "incoming/image/owners/m51.png"}
    assert call("alice", "POST", "/v1/classify/image", picture)[0] == 404


def test_a_request_names_its_own_files_and_no_others(call: Callable[..., tuple[int, str]], alices_key: str) -> None:
    instances = {"instances": [{"s3_key": alices_key}, {"s3_key": "secret/key"}]}
    own, outside = json.loads(call("alice", "POST", "/v1/classify/image", instances)[1])["results"]
    assert own["predictions"]
    assert outside["error"]["status"] == 400
    (others, _) = json.loads(call("bob", "POST", "/v1/classify/image", instances)[1])["results"]
    assert others["error"]["status"] == 404
    assert others["error"]["detail"] == f"the drop bucket has no object {alices_key!r}"


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("POST", "/v1/uploads", UPLOAD),
        *(("GET", path, None) for path in BATCH_PATHS),
        ("POST", "/v1/classify/image", {"s3_key": "incoming/image/night-1/m51.png"}),
    ],
)
def test_who_tells_nobody_who_asks_gets_401(
    call: Callable[..., tuple[int, str]], method: str, path: str, document: Any
) -> None:
    status, body = call(None, method, path, document)
    assert (status, json.loads(body)["type"]) == (401, "urn:skysort:problem:unauthorised")


def test_the_service_says_that_clients_are_kept_apart(call: Callable[..., tuple[int, str]]) -> None:
    assert json.loads(call(None, "GET", "/v1/health")[1])["clients"] == "separate"
