"""Every sample event, answered by the container as by the handler in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra import ROOT
from tests.container.conftest import api_events
from tests.container.emulated import SETTINGS, Emulated
from tests.factories import FakeContext
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from collections.abc import Mapping

# The first of them waits for all images to be built.
pytestmark = [pytest.mark.needs_engine, pytest.mark.timeout(900)]

EVENTS = api_events()
# They differ between two calls of the same thing; signed forms hold their time and the machine's address of S3.
PASSING = frozenset({"timing_ms", "request_id", "instance", "expires", "form"})
# Two Pythons with two builds of NumPy and XGBoost; probabilities have six digits.
TOLERANCE = 5e-6


def event_named(name: str) -> Any:
    return json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))


def comparable(answer: Any) -> Any:
    """An answer without what passes, its body read, its pictures by their kind, and numbers as near is near enough."""
    if isinstance(answer, dict):
        return {key: comparable(value) for key, value in answer.items() if key not in PASSING}
    if isinstance(answer, list):
        return [comparable(value) for value in answer]
    if isinstance(answer, float):
        return pytest.approx(answer, abs=TOLERANCE, rel=1e-4)
    if isinstance(answer, str):
        if answer.startswith("{"):
            return comparable(json.loads(answer))
        return answer.split(",")[0] if answer.startswith("data:") else answer
    return answer


@pytest.mark.parametrize("function", sorted(EVENTS))
def test_a_function_answers_its_events(function: str, images: Mapping[str, str]) -> None:
    # Given the function in its container and in this process
    assert images
    here = load_function(function)
    with Emulated(function, SETTINGS) as there:
        for name in EVENTS[function]:
            # When
            answer, _ = there.call(event_named(name))
            expected = here.handler(event_named(name), FakeContext())

            # Then
            assert comparable(answer) == comparable(expected), name

        # And nothing went wrong that the answers do not show
        assert "Read-only file system" not in there.logs()
        assert there.peak_memory()["function_bytes"] < there.settings.memory_mb * 2**20


def test_every_function_of_the_api_has_events() -> None:
    assert set(EVENTS) == {"control", "star", "galaxy", "image", "custom"}
