"""Text that is no Unicode, anywhere in a request: a problem in its own place, and an answer that is UTF-8."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import FakeContext, proxy_event, star_row
from tests.factories_images import picture_artefact
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

HALF = "a\ud800b"


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_artefact(tmp_path_factory.mktemp("image") / "artefact")


@pytest.fixture
def functions(star_folder: Path, image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(star_folder))
    monkeypatch.setenv("SKYSORT_IMAGE_MODEL", str(image_folder))
    monkeypatch.setenv("SKYSORT_CARDS", str(star_folder.parent.parent))
    return {name: load_function(name) for name in ("star", "image", "control")}


def asked(function: ModuleType, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    response = function.handler(event, FakeContext())
    response["body"].encode("utf-8")
    document = json.loads(response["body"])
    json.dumps(document, ensure_ascii=False).encode("utf-8")
    return response["statusCode"], document


@pytest.mark.parametrize(
    ("name", "path", "document"),
    [
        ("image", "/v1/classify/image", {"s3_key": f"incoming/image/{HALF}.jpg"}),
        ("image", "/v1/classify/image", {"image": HALF}),
        ("image", "/v1/classify/image", {"image": "AAAA", "labels": [HALF]}),
        ("image", "/v1/classify/image", {"image": "AAAA", "labels": HALF}),
        ("image", "/v1/classify/image", {"image": "AAAA", HALF: 1}),
        ("image", "/v1/classify/image", {"instances": HALF}),
        ("star", "/v1/classify/star", star_row(id=HALF)),
        ("star", "/v1/classify/star", star_row(u=HALF)),
        ("star", "/v1/classify/star", star_row(top_k=HALF)),
        ("star", "/v1/classify/star", {"instances": [], HALF: 1}),
        ("control", "/v1/uploads", {"model": "image", "files": [{"name": HALF, "size": 1}]}),
        ("control", "/v1/uploads", {"model": HALF, "files": [{"name": "a.jpg", "size": 1}]}),
        ("control", "/v1/uploads", {"model": "image", "batch": HALF, "files": [{"name": "a.jpg", "size": 1}]}),
        ("control", "/v1/uploads", {"model": "image", "files": [{"name": "a.jpg", "size": 1, HALF: 1}]}),
    ],
)
def test_half_a_character_in_a_body_is_the_callers_problem(
    name: str, path: str, document: dict[str, Any], functions: dict[str, ModuleType]
) -> None:
    status, problem = asked(functions[name], proxy_event(path=path, body=json.dumps(document)))
    assert 400 <= status < 500, problem


def test_half_a_character_in_one_item_leaves_the_others(functions: dict[str, ModuleType]) -> None:
    rows = [star_row(id=HALF), star_row(id="good")]
    status, answer = asked(functions["star"], proxy_event(body=json.dumps({"instances": rows})))
    assert status == 200
    assert answer["results"][0]["error"]["errors"][0] | {"detail": ""} == {
        "field": "id",
        "reason": "not_unicode",
        "detail": "",
    }
    assert answer["results"][1]["predictions"]


@pytest.mark.parametrize(
    "event",
    [
        proxy_event(path="/v1/classify/star", body="{}", query={"labels": HALF}),
        proxy_event(path="/v1/classify/star", body="{}", query={HALF: "1"}),
        proxy_event("GET", f"/v1/{HALF}"),
        proxy_event(body="u=1", headers={"Content-Type": HALF}),
        proxy_event(body=HALF, headers={"Content-Type": "text/csv"}),
        proxy_event(body="u=1", headers={"Content-Encoding": HALF}),
    ],
)
def test_half_a_character_anywhere_else_is_the_callers_problem(
    event: dict[str, Any], functions: dict[str, ModuleType]
) -> None:
    status, problem = asked(functions["star"], event)
    assert 400 <= status < 500, problem


@pytest.mark.parametrize("query", [{"model": HALF}, {"next": HALF}, {"limit": HALF}, {"state": HALF}])
def test_half_a_character_in_the_query_of_a_batch_is_the_callers_problem(
    query: dict[str, str], functions: dict[str, ModuleType]
) -> None:
    event = proxy_event("GET", "/v1/batches/b", query=query)
    status, problem = asked(functions["control"], event)
    assert 400 <= status < 500, problem


def test_labels_given_twice_are_joined_in_every_json_body(functions: dict[str, ModuleType]) -> None:
    row = json.dumps(star_row())[1:]
    bodies = (
        '{"labels": "star", "labels": ["qso"], ' + row,
        '{"labels": "star", "labels": "qso", "instances": [{' + row + "]}",
    )
    for body in bodies:
        status, answer = asked(functions["star"], proxy_event(body=body))
        assert status == 200, answer
        assert {each["label"] for each in answer["results"][0]["predictions"]} == {"QSO", "STAR"}
    status, problem = asked(functions["star"], proxy_event(body='{"top_k": 1, "top_k": 2, ' + row))
    assert (status, problem["detail"]) == (422, "top_k: is given 2 times; give it once")
