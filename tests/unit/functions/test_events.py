"""Every sample event in events/ is answered as its name says, so that none rots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.responses import DROPPED_HEADERS, RENAMED_HEADERS
from tests.factories import FakeContext
from tests.sample_events import BULK, READ_THE_BUCKET, READY, RESULTS
from tests.sample_events import events as sample_events
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

EVENTS = Path(__file__).resolve().parents[3] / "events"
EXPECTED = {
    "star_row": ("star", 200),
    "star_row_photometry_only": ("star", 200),
    "star_row_explained": ("star", 200),
    "star_instances": ("star", 200),
    "star_csv": ("star", 200),
    "star_csv_base64": ("star", 200),
    "star_form": ("star", 200),
    "star_missing_band": ("star", 422),
    "star_not_json": ("star", 400),
    "star_wrong_type": ("star", 415),
    "star_ready": ("star", 200),
    "custom_ready": ("custom", 200),
    "image_jpeg": ("image", 200),
    "image_form": ("image", 200),
    "image_instances": ("image", 200),
    "image_dogs": ("image", 200),
    "image_dog_site": ("image", 200),
    "image_explained": ("image", 200),
    "image_unknown_label": ("image", 422),
    "image_truncated": ("image", 400),
    "image_mislabelled": ("image", 415),
    "image_wrong_type": ("image", 415),
    "image_ready": ("image", 200),
    "image_traffic_light": ("image", 200),
    "galaxy_jpeg": ("galaxy", 200),
    "galaxy_webp": ("galaxy", 200),
    "galaxy_fits": ("galaxy", 200),
    "galaxy_form": ("galaxy", 200),
    "galaxy_instances": ("galaxy", 200),
    "galaxy_not_a_picture": ("galaxy", 415),
    "galaxy_ready": ("galaxy", 200),
    "galaxy_spiral": ("galaxy", 200),
    "model_galaxy": ("control", 200),
    "model_image": ("control", 200),
    "health": ("control", 200),
    "models": ("control", 200),
    "model_star": ("control", 200),
    "uploads": ("control", 200),
    "uploads_bad_name": ("control", 422),
    "openapi": ("control", 200),
    "docs": ("control", 200),
    "model_unknown": ("control", 404),
}


@pytest.fixture(scope="module")
def functions() -> dict[str, ModuleType]:
    """The functions with the artefact that ships."""
    return {name: load_function(name) for name in ("star", "galaxy", "image", "custom", "control")}


def test_every_event_is_replayed() -> None:
    """Those that need a bucket are, in tests/integration/test_bucket_events.py."""
    needing = RESULTS.keys() | READ_THE_BUCKET | BULK.keys()
    assert {path.stem for path in EVENTS.glob("*.json")} == EXPECTED.keys() | needing | {READY}


def test_the_events_that_code_makes_are_as_it_makes_them() -> None:
    """Anew: python -m tests.sample_events."""
    for name, event in sample_events().items():
        assert json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8")) == event, name


@pytest.mark.parametrize("name", EXPECTED)
def test_an_event_is_answered(name: str, functions: dict[str, ModuleType]) -> None:
    function, status = EXPECTED[name]
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    response = functions[function].handler(event, FakeContext())
    assert response["statusCode"] == status, response["body"]


@pytest.mark.parametrize("spelled", [str.lower, str.upper])
@pytest.mark.parametrize("name", ["star_csv", "star_csv_base64", "star_form", "star_wrong_type", "galaxy_jpeg"])
def test_headers_are_read_however_they_are_spelled(
    name: str, spelled: Callable[[str], str], functions: dict[str, ModuleType]
) -> None:
    """API Gateway passes the names of headers as the client wrote them, in lower case by HTTP/2."""
    function, status = EXPECTED[name]
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    for member in ("headers", "multiValueHeaders"):
        event[member] = {spelled(header): value for header, value in (event.get(member) or {}).items()}
    assert functions[function].handler(event, FakeContext())["statusCode"] == status


@pytest.mark.parametrize("name", ["star_row", "galaxy_jpeg", "health", "docs", "uploads_bad_name"])
def test_no_answer_has_a_header_that_the_gateway_takes_away(name: str, functions: dict[str, ModuleType]) -> None:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    answer = functions[EXPECTED[name][0]].handler(event, FakeContext())
    sent = {header.lower() for member in ("headers", "multiValueHeaders") for header in answer.get(member) or {}}
    assert "content-type" in sent
    assert not sent & (RENAMED_HEADERS | DROPPED_HEADERS)


def test_the_sample_objects_come_out_as_what_they_are(functions: dict[str, ModuleType]) -> None:
    """The table's names carry the spectroscopic class; only the row that was not measured is refused."""
    event = json.loads((EVENTS / "star_csv.json").read_text())
    results = json.loads(functions["star"].handler(event, FakeContext())["body"])["results"]
    refused = [result["id"] for result in results if "error" in result]
    assert refused == ["sdss17-star-4"]
    right = [result["predictions"][0]["label"].lower() in result["id"] for result in results if "error" not in result]
    assert sum(right) >= len(right) - 1  # one of the eleven has no redshift


def test_in_a_form_only_the_broken_picture_is_refused(functions: dict[str, ModuleType]) -> None:
    event = json.loads((EVENTS / "image_form.json").read_text())
    results = json.loads(functions["image"].handler(event, FakeContext())["body"])["results"]
    assert [result["id"] for result in results if "error" in result] == ["broken.jpg"]
    assert [len(result["predictions"]) for result in results if "error" not in result] == [3, 3]


def test_the_dog_site_chooses_among_its_three_breeds(functions: dict[str, ModuleType]) -> None:
    event = json.loads((EVENTS / "image_dog_site.json").read_text())
    (result,) = json.loads(functions["image"].handler(event, FakeContext())["body"])["results"]
    assert {found["label"].lower() for found in result["predictions"]} == {"dingo", "boxer", "samoyed"}
    assert sum(found["probability"] for found in result["predictions"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["custom", "star"])
def test_functions_that_train_say_that_they_are_ready(name: str) -> None:
    event: dict[str, Any] = json.loads((EVENTS / f"{READY}.json").read_text())
    assert load_function(name, "train").handler(event, FakeContext()) == {"ready": True}
