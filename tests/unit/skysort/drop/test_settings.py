"""Settings of a drop handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skysort.drop.settings import DropSettings
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_model_lies_beside_the_function_by_default(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    settings = DropSettings.from_environment({"SKYSORT_RESULTS_BUCKET": "results"}, "star", tmp_path)
    assert settings == DropSettings("results", tmp_path / "model", 1)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "SKYSORT_RESULTS_BUCKET must name the bucket"),
        ({"SKYSORT_RESULTS_BUCKET": " "}, "SKYSORT_RESULTS_BUCKET must name the bucket"),
        ({"SKYSORT_RESULTS_BUCKET": "r", "SKYSORT_THREADS": "many"}, "SKYSORT_THREADS must be a whole number"),
        ({"SKYSORT_RESULTS_BUCKET": "r", "SKYSORT_STAR_MODEL": "/nowhere"}, "SKYSORT_STAR_MODEL must name a folder"),
    ],
)
def test_wrong_settings_are_refused_with_a_sentence(tmp_path: Path, environment: dict[str, str], sentence: str) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(ConfigurationError, match=sentence):
        DropSettings.from_environment(environment, "star", tmp_path)
