"""Every sample event in events/ is answered as its name says, so that none rots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import FakeContext
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
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
    "health": ("control", 200),
    "models": ("control", 200),
    "model_star": ("control", 200),
}
DROP_EVENTS = {path.stem for path in EVENTS.glob("*drop*.json")}  # replayed in tests/integration/drop


@pytest.fixture(scope="module")
def functions() -> dict[str, ModuleType]:
    """The functions with the artefact that ships."""
    return {name: load_function(name) for name in ("star", "control")}


def test_every_event_is_replayed() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == EXPECTED.keys() | DROP_EVENTS


@pytest.mark.parametrize("name", EXPECTED)
def test_an_event_is_answered(name: str, functions: dict[str, ModuleType]) -> None:
    function, status = EXPECTED[name]
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    response = functions[function].handler(event, FakeContext())
    assert response["statusCode"] == status, response["body"]


def test_the_sample_objects_come_out_as_what_they_are(functions: dict[str, ModuleType]) -> None:
    """The table's names carry the spectroscopic class; only the row that was not measured is refused."""
    event = json.loads((EVENTS / "star_csv.json").read_text())
    results = json.loads(functions["star"].handler(event, FakeContext())["body"])["results"]
    refused = [result["id"] for result in results if "error" in result]
    assert refused == ["sdss17-star-4"]
    right = [result["predictions"][0]["label"].lower() in result["id"] for result in results if "error" not in result]
    assert sum(right) >= len(right) - 1  # one of the eleven has no redshift
