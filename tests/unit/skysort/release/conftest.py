"""What the release hook is deployed with: reference samples of one function, and the card of its model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = {
    "name": "star_row",
    "event": {"httpMethod": "POST"},
    "status": 200,
    "model": {"name": "star", "version": "1.0.0"},
    "best": [{"label": "GALAXY", "probability": 0.99}],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Reference samples of star, and its card."""
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "star.json").write_text(json.dumps([SAMPLE]))
    (tmp_path / "star" / "model").mkdir(parents=True)
    card = {"name": "star", "version": "1.0.0", "labels": ["GALAXY"]}
    (tmp_path / "star" / "model" / "card.json").write_text(json.dumps(card))
    return tmp_path
