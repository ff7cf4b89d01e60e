from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_export.image import data, validate
from skysort.errors import ConfigurationError
from tests.factories_images import encode, plain

if TYPE_CHECKING:
    from pathlib import Path


def test_scores_are_those_of_the_answers() -> None:
    # Given four photographs of class 3: two known with .9, one of them with a set of two, one taken for class 5, one
    # without a confident answer
    probability = np.full((4, 1000), 1e-6, dtype=np.float32)
    probability[[0, 1], 3], probability[2, 5], probability[2, 3], probability[3, 3] = 0.9, 0.8, 0.1, 0.2
    sets = np.zeros((4, 1000), dtype=np.bool_)
    sets[[0, 1, 1, 2], [3, 3, 4, 5]] = True
    # When
    found = validate.scores(probability, sets, np.full(4, 3))
    # Then
    assert (found["top_1"]["value"], found["top_5"]["value"]) == (0.75, 1.0)
    assert found["log_loss"]["value"] == pytest.approx(-np.log([0.9, 0.9, 0.1, 0.2]).mean(), abs=1e-6)
    assert found["conformal_coverage"]["value"] == 0.5
    assert (found["set_size"]["value"], found["single"]["value"], found["empty"]["value"]) == (1.0, 0.5, 0.25)
    assert found["ece"]["low"] <= found["ece"]["value"]


def test_photographs_come_with_the_classes_of_their_table(tmp_path: Path) -> None:
    # Given
    folder = tmp_path / "image" / data.VALIDATION
    folder.mkdir(parents=True)
    (folder / "one.JPEG").write_bytes(encode(plain((10, 200, 30), 30, 30), "JPEG"))
    (folder / "labels.csv").write_text("file,class_id\none.JPEG,705\n")
    # When
    (found,) = data.find_validation(tmp_path)
    # Then
    assert (found.path, found.label, found.source) == (folder / "one.JPEG", 705, data.VALIDATION)
    assert data.pixels([found], data.spec(224)).shape == (1, 224, 224, 3)


def test_a_missing_table_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SKYSORT_DATA"):
        data.find_validation(tmp_path)
