"""What is committed: the artefact, its card, the results, and the README that is made from them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_export.common.files import artefact, sha256
from model_export.star import boosters, data, export, readme
from model_export.star.data import description, split
from skysort.learning import metrics
from skysort.star.columns import Photometry
from skysort.star.model import StarModel

if TYPE_CHECKING:
    from pathlib import Path

ARTEFACT = artefact("star")
CARD = json.loads((ARTEFACT / "card.json").read_text(encoding="utf-8"))
EVALUATION = json.loads((readme.PAGE.results / "evaluation.json").read_text(encoding="utf-8"))
TYPICALITY = json.loads((readme.PAGE.results / "typicality.json").read_text(encoding="utf-8"))
# The card keeps what training.json says of data, seed, libraries and boosters.
CARD_AS_TRAINING = {**CARD, "data": CARD["training_data"]}
# XGBoost as it comes on ugriz, six colours and the redshift, on another 80/20 split.
TO_BEAT = {"accuracy": 0.9756, "macro_f1": 0.9716}


def test_the_readme_shows_the_committed_results() -> None:
    text = readme.PAGE.path.read_text(encoding="utf-8")
    assert text == readme.PAGE.render(text, readme.PAGE.results)
    assert "(run `" not in text


def test_a_table_whose_results_are_not_there_says_what_makes_them(tmp_path: Path) -> None:
    text = readme.PAGE.render("<!-- table tuning -->\nold\n<!-- end -->", tmp_path)
    assert text == "<!-- table tuning -->\n(run `python -m model_export star tune`)\n<!-- end -->"


@pytest.mark.parametrize("variant", boosters.VARIANTS)
def test_the_boosters_are_those_of_the_card_and_of_the_evaluation(variant: str) -> None:
    described = CARD["variants"][variant]
    content = (ARTEFACT / described["file"]).read_bytes()
    assert sha256(content) == described["sha256"] == EVALUATION["variants"][variant]["sha256"]
    assert len(content) == described["bytes"]
    assert described["metrics"] == EVALUATION["variants"][variant]["metrics"]


def test_the_card_says_what_the_code_that_makes_it_says() -> None:
    described = export.card(CARD_AS_TRAINING, EVALUATION, TYPICALITY, CARD["version"])
    for part in ("input", "limitations", "intended_use", "licence", "attribution", "typicality", "validity"):
        assert CARD[part] == described[part]


@pytest.mark.parametrize("variant", boosters.VARIANTS)
def test_the_artefact_was_trained_with_the_committed_hyperparameters(variant: str) -> None:
    assert boosters.fitted_with(CARD["variants"][variant]) == boosters.hyperparameters()[variant]


@pytest.mark.parametrize("variant", boosters.VARIANTS)
def test_the_trees_keep_to_the_budget_of_speed(variant: str) -> None:
    described = CARD["variants"][variant]
    assert described["trees"] * described["max_depth"] <= boosters.NODES_PER_ROW


@pytest.mark.parametrize("score", TO_BEAT)
def test_the_published_model_beats_the_baseline(score: str) -> None:
    assert CARD["variants"]["with_redshift"]["metrics"][score]["value"] > TO_BEAT[score]


@pytest.mark.needs_data
@pytest.mark.parametrize("variant", boosters.VARIANTS)
def test_the_card_scores_are_found_again_by_the_serving_code(survey_data: Path, variant: str) -> None:
    # Given
    dataset = data.load(data.find(survey_data))
    test = dataset.take(split(dataset).test)
    redshift = test.photometry.redshift if variant == boosters.WITH_REDSHIFT else np.full(len(test), np.nan)

    # When
    answer = StarModel.load(ARTEFACT).classify(Photometry(test.photometry.magnitudes, redshift))

    # Then
    table = metrics.confusion(test.labels, answer.probabilities.argmax(axis=1).astype(np.int64), 3)
    scores = CARD["variants"][variant]["metrics"]
    assert table.tolist() == scores["confusion_matrix"]
    covered = answer.prediction_sets[np.arange(len(test)), test.labels].mean()
    assert covered == pytest.approx(scores["conformal"]["coverage"], abs=5e-4)


@pytest.mark.needs_data
def test_the_card_names_the_data_it_was_trained_on(survey_data: Path) -> None:
    described = description(data.load(data.find(survey_data)))
    assert described["splits"] == CARD["training_data"]["splits"]
    assert described["sha256"] == CARD["training_data"]["sha256"]
