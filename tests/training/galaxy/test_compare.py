"""What a kind of label brings, of runs that are trained already."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from model_export.common.files import read_json, write_json
from model_export.galaxy import choice, compare, split, train
from model_export.galaxy.choice import ALL_VIEWS
from model_export.galaxy.workspace import ABLATION, COMPARISON, VALIDATION, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PRIOR = np.full(8, 1 / 8)


def answers(truth: NDArray[np.int64], *, wrong: int) -> NDArray[np.float64]:
    """(n, views, 8) logits that are right of all but the first `wrong` pictures."""
    predicted = truth.copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % 8
    noise = np.random.default_rng(1).normal(0, 0.5, (len(truth), len(ALL_VIEWS), 8))
    return 4 * np.eye(8)[predicted][:, np.newaxis] + noise


def trained(workspace: Workspace, name: str, truth: NDArray[np.int64], *, wrong: int) -> None:
    """What `train` leaves of a run."""
    folder = workspace.run(name)
    folder.mkdir(parents=True)
    logits = answers(truth, wrong=wrong)
    np.save(folder / train.VALIDATION_LOGITS, logits)
    chosen, record = choice.choose(logits, truth, PRIOR)
    write_json(folder / VALIDATION, {"choice": chosen.document(), **record})


@pytest.mark.needs_data
def test_a_gain_is_that_of_having_the_labels(tmp_path: Path, survey_data: Path) -> None:
    # Given a run with everything, and one without EFIGI that has twenty more pictures wrong
    options = argparse.Namespace(
        threads=1, data=survey_data, build=tmp_path / "build", results=tmp_path, steps=None, without=["efigi"]
    )
    workspace = Workspace.of(options)
    gz2, _ = workspace.catalogues()
    truth = gz2.label[split.rows(workspace.split().validation, gz2)]
    write_json(tmp_path / COMPARISON, {"winner": "mobilenetv3", "candidates": {"mobilenetv3": {"steps": 7}}})
    trained(workspace, compare.WHOLE, truth, wrong=10)
    trained(workspace, "ablation_without_efigi", truth, wrong=30)
    # When
    compare.ablate(options)
    # Then
    found: dict[str, Any] = read_json(tmp_path / ABLATION, "galaxy ablate")
    assert found["steps"] == 7
    gain = found["without"]["efigi"]["accuracy_gain"]
    assert gain["value"] == pytest.approx(20 / len(truth), abs=1e-6)
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    assert found["without"]["efigi"]["log_loss_gain"]["low"] > 0
