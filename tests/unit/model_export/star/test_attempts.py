"""What was tried for the photometric booster: measured on objects that an attempt did not see, within the cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_export.star import attempts, columns_tried
from model_export.star.boosters import Hyperparameters
from tests.unit.model_export.star.conftest import prepare
from tests.unit.model_export.star.factories import survey

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.star.data import Dataset
    from skysort.star.columns import Photometry

# The mixtures take most of the time, and their columns are looked at below.
SOME = ("booster", "network", "booster and network, sum of margins", "soft labels of booster and network")
COLUMNS = (
    columns_tried.rotated_colours,
    columns_tried.flux_ratios,
    columns_tried.locus_distances,
    columns_tried.log_densities,
)


def test_attempts_are_measured_beside_the_booster(tmp_path: Path) -> None:
    # Given
    run = prepare(tmp_path, rows=300)

    # When
    assert run.star("attempts", "--folds", "1", "--only", *SOME) == 0

    # Then: the booster does not differ from itself, and the test split was not looked at
    content = json.loads((run.folder / "results" / "attempts.json").read_text(encoding="utf-8"))
    assert set(content["attempts"]) == set(SOME)
    assert content["attempts"]["booster"]["minus_booster"]["log_loss"] == {"value": 0, "low": 0, "high": 0}
    assert content["attempts"]["network"]["minus_booster"]["accuracy"]["value"] != 0
    assert "test" not in content


def test_the_best_that_a_row_may_cost_is_measured_on_the_test_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given three attempts, the best of which is too dear
    every = attempts.by_name()
    few = {
        "booster": every["booster"],
        "classes weighted": every["classes weighted"],
        "dear": attempts.Attempt(_knows, affordable=False),
    }
    monkeypatch.setattr(attempts, "by_name", lambda: few)
    run = prepare(tmp_path, rows=300)

    # When
    assert run.star("attempts", "--folds", "2", "--test") == 0

    # Then
    content = json.loads((run.folder / "results" / "attempts.json").read_text(encoding="utf-8"))
    losses = {name: each["log_loss"] for name, each in content["attempts"].items()}
    assert min(losses, key=losses.__getitem__) == "dear"
    assert content["test"]["attempt"] != "dear"


def _knows(_fitted: Dataset, objects: Photometry, _settings: attempts.Settings) -> NDArray[np.float64]:
    """Margins of objects whose class is plain from the redshift of the made-up survey."""
    z = objects.redshift
    return np.column_stack([5.0 * (z > 0.01) * (z < 0.8), 5.0 * (z >= 0.8), 5.0 * (np.abs(z) <= 0.01)])


def test_an_unknown_attempt_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare(tmp_path, rows=300).star("attempts", "--only", "luck") == 2
    assert "no attempt luck; choose from booster, 1.3 times the trees" in capsys.readouterr().err


def test_the_wider_search_keeps_to_the_cost() -> None:
    shipped = Hyperparameters(66, {"max_depth": 8, "eta": 0.1})
    points = attempts.draws(shipped, 20)
    assert {point.parameters["max_depth"] for point in points} == {5, 6, 7, 8, 9, 10}
    assert max(point.nodes_per_row for point in points) <= attempts.COST * shipped.nodes_per_row


@pytest.mark.parametrize("columns", COLUMNS)
def test_a_column_of_an_object_does_not_depend_on_the_others_that_are_asked(columns: attempts.Columns) -> None:
    # Given
    fitted, asked = survey(200), survey(20, seed=1).photometry

    # When
    own, others = columns(fitted, asked)
    _, alone = columns(fitted, asked.take(np.array([3])))

    # Then
    assert own.shape == (200, others.shape[1])
    np.testing.assert_allclose(others[[3]], alone)


def test_log_densities_of_rows_to_fit_come_from_mixtures_that_did_not_see_them() -> None:
    # Given
    fitted = survey(200)

    # When
    own, seen = columns_tried.log_densities(fitted, fitted.photometry)

    # Then: a mixture is higher where it saw the object
    truth = np.arange(200), fitted.labels
    assert own[truth].mean() < seen[truth].mean()
