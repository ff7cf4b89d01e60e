"""What the star model says of rows and tables that are like its training data, and of others."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from skysort.cache import AnswerCache
from skysort.errors import ArtefactError
from skysort.star.body import StarRequest
from skysort.star.classify import StarClassifier
from skysort.star.columns import Photometry
from skysort.star.cures import VEGA
from skysort.star.mixtures import THRESHOLD
from skysort.star.model import StarModel
from skysort.star.rows import StarRow
from tests.fakes.mixtures import MIDDLES, objects
from tests.fakes.tables import classify

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture
def folder(judging_folder: Path) -> Path:
    return judging_folder


def csv(magnitudes: NDArray[np.float64]) -> bytes:
    return "\n".join(["u,g,r,i,z", *(",".join(f"{value:.5f}" for value in row) for row in magnitudes), ""]).encode()


def test_rows_are_measured_with_their_redshift_where_they_have_one(folder: Path) -> None:
    # Given a galaxy's colours with a redshift that no galaxy has, without one, and with a galaxy's
    model = StarModel.load(folder)
    rows = Photometry(np.repeat(MIDDLES[:1], 3, axis=0), np.array([7.0, np.nan, 0.4]))
    # When
    together = model.classify(rows).typicality
    alone = [model.classify(rows.take(np.array([row]))).typicality for row in range(3)]
    # Then
    assert together is not None
    assert (together >= THRESHOLD).tolist() == [False, True, True]
    np.testing.assert_allclose(np.concatenate([each for each in alone if each is not None]), together, atol=0.01)


def test_an_answer_says_whether_its_row_is_like_the_training_data(folder: Path) -> None:
    # Given a usual row, and one that no object can be
    classifier = StarClassifier(StarModel.load(folder), AnswerCache(10))
    rows = [StarRow("usual", (*MIDDLES[0].tolist(), 0.4)), StarRow("impossible", (34.0,) * 5 + (0.4,))]
    # When
    results = classifier.answer(StarRequest(rows), {})["results"]
    # Then
    assert [result["in_domain"] for result in results if "in_domain" in result] == [True, False]


def test_a_table_in_another_system_says_so_in_its_summary(folder: Path) -> None:
    # Given
    magnitudes, _ = objects(300)
    # When
    good, spoilt = classify(folder, csv(magnitudes)).summary, classify(folder, csv(magnitudes - VEGA)).summary
    # Then
    assert good["domain"]["in_domain"]
    assert good["domain"]["cause"] is None
    assert good["domain"]["rows_in_domain"] > 0.97
    assert not spoilt["domain"]["in_domain"]
    assert spoilt["domain"]["cause"]["code"] == "vega"


def test_a_table_has_estimated_class_shares(folder: Path) -> None:
    shares = classify(folder, csv(objects(300)[0])).summary["class_shares"]
    assert list(shares) == ["GALAXY", "QSO", "STAR"]
    assert sum(share["value"] for share in shares.values()) == pytest.approx(1, abs=1e-4)
    assert all(share["low"] <= share["value"] <= share["high"] for share in shares.values())


def test_the_rows_of_a_request_are_judged_as_a_whole(folder: Path) -> None:
    # Given
    classifier = StarClassifier(StarModel.load(folder), AnswerCache(10))
    magnitudes = objects(600)[0] - VEGA
    rows = [StarRow(str(number), (*values, np.nan)) for number, values in enumerate(magnitudes.tolist())]
    # When
    table = classifier.answer(StarRequest(rows), {}).get("table")
    # Then
    assert table is not None
    assert table["domain"] is not None
    assert table["domain"]["cause"] is not None
    assert table["domain"]["cause"]["code"] == "vega"
    assert table["typicality"]["measured"] == 600
    assert list(table["class_shares"] or ()) == ["GALAXY", "QSO", "STAR"]


def test_class_shares_are_estimated_at_those_of_the_training_data_alone(folder: Path) -> None:
    classifier = StarClassifier(StarModel.load(folder), AnswerCache(10))
    rows = [StarRow(str(number), (*values, 0.4)) for number, values in enumerate(objects(20)[0].tolist())]
    table = classifier.answer(StarRequest(rows), {"prior": "GALAXY:1,QSO:1,STAR:1"}).get("table")
    assert table is not None
    assert table["class_shares"] is None
    assert table["domain"] is not None
    assert "table" not in classifier.answer(StarRequest(rows[:19]), {})


def test_a_table_of_few_rows_is_not_judged(folder: Path) -> None:
    assert classify(folder, csv(objects(5)[0])).summary["domain"] is None


def test_a_table_without_valid_rows_has_no_shares(folder: Path) -> None:
    summary = classify(folder, csv(np.full((30, 5), 99.0))).summary
    assert summary["domain"] is None
    assert summary["class_shares"] is None


def test_a_card_that_does_not_list_its_files_is_refused(folder: Path, tmp_path: Path) -> None:
    # Given
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    card = json.loads((copy / "card.json").read_text(encoding="utf-8"))
    del card["typicality"]["files"]["tables"]
    (copy / "card.json").write_text(json.dumps(card), encoding="utf-8")
    # Then
    with pytest.raises(ArtefactError, match="typicality in full"):
        StarModel.load(copy)
