"""The contours of the page's colour-colour diagram."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_export.star import colours
from tests.unit.model_export.star.conftest import prepare

if TYPE_CHECKING:
    from pathlib import Path


def test_a_contour_holds_the_share_that_it_names() -> None:
    # Given
    generator = np.random.default_rng(1)
    across, up = generator.normal(2.0, 0.4, 40_000), generator.normal(0.8, 0.25, 40_000)

    # When
    outer, inner = colours.rings(across, up)

    # Then: of a two-dimensional normal distribution 50 and 90 % lie within 1.18 and 2.15 standard deviations
    assert (outer["share"], inner["share"]) == (0.9, 0.5)
    for level, radius in ((outer, 2.146), (inner, 1.177)):
        ring = max(level["rings"], key=len)
        distance = [np.hypot((x - 2.0) / 0.4, (y - 0.8) / 0.25) for x, y in ring]
        assert np.mean(distance) == pytest.approx(radius, abs=0.12)


def test_the_command_writes_every_class_and_its_source(tmp_path: Path) -> None:
    run = prepare(tmp_path)
    assert run.star("colours", "--into", str(tmp_path / "site" / "colours.json")) == 0
    document = json.loads((tmp_path / "site" / "colours.json").read_text())
    assert list(document["classes"]) == ["GALAXY", "QSO", "STAR"]
    assert document["file"]["name"] == "sdss17.csv"
