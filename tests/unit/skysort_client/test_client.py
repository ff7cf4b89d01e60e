"""`skysort.Client`: pictures of every kind, many at once, rows, batches, and what goes wrong."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image

import skysort
from skysort_client.calls import _WAITING_BYTES
from tests.conftest import ROOT
from tests.fakes.service import NOT_A_PICTURE, URL, problem

if TYPE_CHECKING:
    from tests.fakes.service import FakeService

ROW = {"u": 23.9, "g": 22.3, "r": 20.4, "i": 19.2, "z": 18.8}


def sent(service: FakeService) -> bytes:
    """The body of the last request."""
    return service.requests[-1].content


def test_a_picture_is_a_path_bytes_or_an_open_file(client: skysort.Client, tmp_path: Path) -> None:
    path = tmp_path / "m51.jpg"
    path.write_bytes(b"Smooth")
    for source, name in ((path, str(path)), (str(path), str(path)), (b"Smooth", "0"), (io.BytesIO(b"Smooth"), "0")):
        result = client.classify("galaxy", source)
        assert result["id"] == name
        assert result["predictions"][0]["label"] == "Smooth"
        assert result["model"] == {"name": "galaxy", "version": "9.9"}
        assert "cached" not in result


def test_a_picture_of_pillow_and_an_array_are_sent_without_loss(client: skysort.Client, service: FakeService) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (9, 5, 3), np.uint8)
    for source in (Image.fromarray(pixels), pixels):
        client.classify("galaxy", source)
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(sent(service)))), pixels)


def test_options_are_those_of_the_api(client: skysort.Client, service: FakeService) -> None:
    client.classify("galaxy", b"x", top_k=2, labels=["Smooth", "Spiral"], explain=True, prior={"A": 0.9, "B": 1e-7})
    assert dict(service.requests[-1].url.params) == {
        "top_k": "2",
        "labels": "Smooth,Spiral",
        "explain": "true",
        "prior": "A:0.9,B:1e-07",
    }
    client.classify("image", b"x", labels="dogs")
    assert dict(service.requests[-1].url.params) == {"labels": "dogs"}


def test_the_key_is_sent_and_a_model_of_ones_own_is_asked_by_name(client: skysort.Client, service: FakeService) -> None:
    service.trainings.models["rings"] = {}
    assert client.classify("custom/rings", b"ring")["in_domain"] is True
    request = service.requests[-1]
    assert request.url.path == "/v1/classify/custom/rings"
    assert request.headers["x-api-key"] == "secret"
    client.classify("custom-star/rings", ROW)
    assert dict(service.requests[-1].url.params) == {"model": "rings"}


def test_many_pictures_keep_their_order_and_one_refusal_is_one_error(client: skysort.Client) -> None:
    # Given a hundred pictures, of which two cannot be classified
    pictures: list[bytes | str] = [f"p{at}".encode() for at in range(100)]
    pictures[3], pictures[50] = NOT_A_PICTURE, "absent.jpg"
    # When
    results = list(client.classify_many("galaxy", pictures))
    # Then
    assert len(results) == 100
    failed = [at for at, result in enumerate(results) if "error" in result]
    assert failed == [3, 50]
    assert [result["id"] for result in results if "error" in result] == ["3", "absent.jpg"]
    assert [result["error"]["status"] for result in results if "error" in result] == [415, 400]
    assert all(
        result["predictions"][0]["label"] == f"p{at}" for at, result in enumerate(results) if "error" not in result
    )


def test_pictures_are_taken_as_they_are_needed(client: skysort.Client) -> None:
    taken = []

    def pictures() -> Any:
        for at in range(1_000):
            taken.append(at)
            yield b"x"

    results = client.classify_many("galaxy", pictures())
    next(iter(results))
    assert len(taken) < 100
    assert _WAITING_BYTES < 1 << 30
    results.close()  # type: ignore[attr-defined]


def test_rows_go_many_to_a_request_without_what_json_has_not(client: skysort.Client, service: FakeService) -> None:
    # Given 2,500 rows with a missing redshift, and one that is refused
    rows: list[dict[str, Any]] = [{**ROW, "g": np.float32(22.5), "redshift": float("nan")} for _ in range(2_500)]
    rows[1_200]["u"] = -9999
    # When
    results = list(client.classify_many("star", rows))
    # Then
    sizes = [len(json.loads(request.content)["instances"]) for request in service.requests]
    assert sorted(sizes) == [500, 1_000, 1_000]
    assert json.loads(sent(service))["instances"][0] == {**ROW, "g": 22.5}
    assert [result["id"] for result in results] == [str(at) for at in range(2_500)]
    assert [at for at, result in enumerate(results) if "error" in result] == [1_200]


def test_one_row_is_one_result(client: skysort.Client) -> None:
    result = client.classify("star", {**ROW, "name": "3C 273"})
    assert (result["id"], result["variant"], result["predictions"][0]["label"]) == ("3C 273", "photometry_only", "STAR")


def test_a_refusal_is_an_exception_with_the_problem_document(client: skysort.Client) -> None:
    with pytest.raises(skysort.ProblemError, match="the content is text") as refused:
        client.classify("galaxy", NOT_A_PICTURE)
    assert refused.value.problem["status"] == 415
    assert isinstance(refused.value, skysort.ClientError)


@pytest.mark.parametrize("failure", [httpx.Response(429), httpx.Response(503), httpx.ReadError("gone")])
def test_a_busy_service_and_a_lost_connection_are_tried_again(
    client: skysort.Client, service: FakeService, failure: httpx.Response | httpx.TransportError
) -> None:
    service.failures = [failure, failure]
    assert client.classify("galaxy", b"Smooth")["predictions"][0]["label"] == "Smooth"
    assert len(service.requests) == 3


def test_retries_end(service: FakeService) -> None:
    service.failures = [problem(503, "the queue is full") for _ in range(3)]
    with (
        skysort.Client(URL, retries=1, transport=service.transport) as client,
        pytest.raises(skysort.ProblemError, match="queue is full") as refused,
    ):
        client.health()
    assert refused.value.retryable
    assert len(service.requests) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "no service is named: give endpoint=, such as http://127.0.0.1:8000, or set SKYSORT_ENDPOINT"),
        ({"endpoint": "sky.example"}, "endpoint must be an address such as"),
        ({"endpoint": "http://sky.example", "key": "k"}, "would send the key in key unencrypted; use https"),
    ],
)
def test_a_wrong_address_is_refused_before_any_call(
    arguments: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SKYSORT_ENDPOINT", raising=False)
    with pytest.raises(skysort.UsageError) as refused:
        skysort.Client(**arguments)
    assert sentence in str(refused.value)


def test_address_and_key_may_be_in_the_environment(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYSORT_ENDPOINT", URL)
    monkeypatch.setenv("SKYSORT_API_KEY", "of the environment")
    with skysort.Client(transport=service.transport) as client:
        assert client.health()["status"] == "ok"
    assert service.requests[-1].headers["x-api-key"] == "of the environment"
    assert repr(client) == f"<skysort.Client of {URL}>"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (7, "a int is no picture: give a path, bytes"),
        ("https://sky.example/m51.jpg", "is a URL: download it first"),
        (np.zeros((4, 4, 5), np.uint8), "is no picture: give"),
        (np.zeros((4, 4, 3), np.float32), "is no picture: give"),
    ],
)
def test_what_is_no_picture_is_told_what_would_be(client: skysort.Client, source: Any, sentence: str) -> None:
    with pytest.raises(skysort.UsageError) as refused:
        client.classify("galaxy", source)
    assert sentence in str(refused.value)


def test_a_picture_that_is_too_large_for_a_request_is_uploaded(
    client: skysort.Client, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skysort_client.calls.GATEWAY_REQUEST_BYTES", 20)
    client.classify("galaxy", b"x" * 21, top_k=1)
    (key,) = service.files
    assert service.files[key][0] == b"x" * 21
    assert json.loads(sent(service)) == {"instances": [{"id": "0", "s3_key": key}]}
    assert dict(service.requests[-1].url.params) == {"top_k": "1"}


def test_a_folder_is_dropped_waited_for_and_read(client: skysort.Client, service: FakeService, tmp_path: Path) -> None:
    # Given
    folder = tmp_path / "night"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "bad.jpg"):
        (folder / name).write_bytes(name.encode() * 3)
    service.slow = 2
    looks: list[int] = []
    # When
    batch = client.drop("galaxy", folder).wait(progress=lambda counts: looks.append(counts.finished))
    results = list(batch.results())
    # Then
    assert looks == [2, 2, 3]
    assert [record["file"] for record in results] == ["a.jpg", "b.jpg", "bad.jpg"]
    assert results[0]["predictions"][0] == {"label": "Smooth", "class_id": 6, "probability": 0.9}
    assert results[2]["error"] == {"detail": "no picture"}
    # And a second call uploads nothing, and finds the same batch
    uploads = len(service.sent("POST", "/v1/uploads"))
    assert client.drop("galaxy", [folder]).name == batch.name
    assert len(service.sent("POST", "/v1/uploads")) == uploads
    assert client.batch("galaxy", batch.name).counts().total == 3


def test_tables_that_stay_whole_are_downloaded(client: skysort.Client, service: FakeService, tmp_path: Path) -> None:
    (tmp_path / "a.fits").write_bytes(b"SIMPLE")
    service.whole["a.fits"] = b"CLASSIFIED"
    batch = client.drop("star", tmp_path / "a.fits", "night").wait()
    (path,) = batch.download(tmp_path / "classified")
    assert path.read_bytes() == b"CLASSIFIED"


def test_a_file_that_cannot_be_uploaded_is_a_failure_of_its_batch(
    client: skysort.Client, service: FakeService, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    (tmp_path / "odd.jpg").write_bytes(b"b")
    service.refused["odd.jpg"] = "is not allowed"
    batch = client.drop("galaxy", [tmp_path / "a.jpg", tmp_path / "odd.jpg", tmp_path / "absent.jpg"], "night").wait()
    assert {Path(name).name for name in batch.failures} == {"odd.jpg", "absent.jpg"}
    assert sum("error" in record for record in batch.results()) == 2


def test_waiting_ends(client: skysort.Client, service: FakeService, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    service.slow = 1_000
    with pytest.raises(TimeoutError, match="0 of 1 files of batch night have a result"):
        client.drop("galaxy", tmp_path / "a.jpg", "night").wait(timeout=0.01)


def test_models_and_cards_are_listed(client: skysort.Client) -> None:
    assert [model["name"] for model in client.models()] == ["galaxy"]
    assert client.card("galaxy")["licence"] == "none"
    with pytest.raises(skysort.UsageError, match="unknown model 'comet'; choose from galaxy, image, star"):
        client.card("comet")


def test_the_domain_package_alone_imports_nothing_and_the_client_is_there_when_asked_for() -> None:
    program = """
import sys
before = set(sys.modules)
import skysort
alone = set(sys.modules) - before
client = skysort.Client
print(sorted(alone), client.__module__, "numpy" in sys.modules, hasattr(skysort, "Clients"))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "layers"), "PATH": os.environ["PATH"]},
    )
    assert done.stdout == "['skysort'] skysort_client.client False False\n"


def test_the_types_of_the_package_are_those_of_its_names() -> None:
    stub = (ROOT / "layers" / "skysort" / "__init__.pyi").read_text()
    exported = {line.split(" as ")[1] for line in stub.splitlines() if line.startswith("from skysort_client")}
    assert exported == skysort._CLIENT  # type: ignore[attr-defined]
    assert all(getattr(skysort, name).__name__ == name for name in exported)
    assert exported <= set(dir(skysort))
