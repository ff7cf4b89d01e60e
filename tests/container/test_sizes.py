"""What the images weigh, against the table that is committed; `make images ARGS=--record` renews it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.containers import IMAGES
from infra.containers.sizes import COMMITTED, describe, measure

if TYPE_CHECKING:
    from collections.abc import Mapping

GROWTH = 1.05
GOAL_BYTES = 90_000_000
# Those that nobody waits for, with Arrow beside the networks.
BULK_GOAL_BYTES = 110_000_000


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
    return found


@pytest.mark.needs_engine
@pytest.mark.timeout(900)
def test_no_image_grew_unseen(images: Mapping[str, str], committed: dict[str, Any]) -> None:
    """Five in a hundred more, or less, than the table says, and the table has to be made anew and looked at."""
    sizes = measure(tuple(images))["images"]
    grown = {
        target: f"{size['compressed_bytes']:,} bytes, committed {committed['images'][target]['compressed_bytes']:,}"
        for target, size in sizes.items()
        if not 1 / GROWTH <= size["compressed_bytes"] / committed["images"][target]["compressed_bytes"] <= GROWTH
    }
    assert grown == {}


def test_each_image_is_as_small_as_it_is_to_be(committed: dict[str, Any]) -> None:
    assert set(committed["images"]) == set(IMAGES)
    for name, size in committed["images"].items():
        assert size["compressed_bytes"] < (BULK_GOAL_BYTES if name.endswith("-bulk") else GOAL_BYTES), name


def test_every_layer_is_told_what_it_holds(committed: dict[str, Any]) -> None:
    assert [layer for layer in committed["layers"] if not layer["holds"]] == []


def test_a_layer_is_described_by_its_files() -> None:
    names = ["var/runtime/numpy-2.5.5.dist-info/METADATA", "var/runtime/numpy/__init__.py", "var/task/model/card.json"]
    assert describe(names) == ["numpy 2.5.5", "model"]
    assert describe(["var/task/networks/galaxy/card.json", "var/task/networks/image/image.onnx"]) == ["networks"]
