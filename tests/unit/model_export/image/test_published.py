"""The artefact, its card, the figures and the README agree with each other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_export.image import data, readme
from skysort.pictures.model import PictureModel
from tests.factories_images import render

FOLDER = Path(__file__).resolve().parents[4] / "functions" / "image" / "model"


@pytest.fixture(scope="module")
def card() -> Any:
    return json.loads((FOLDER / "card.json").read_bytes())


@pytest.fixture(scope="module")
def model() -> PictureModel:
    return PictureModel.load(FOLDER)


def results(name: str) -> Any:
    return json.loads((readme.PAGE.results / name).read_bytes())


def test_the_card_describes_the_file(card: Any) -> None:
    content = (FOLDER / card["file"]).read_bytes()
    assert card["sha256"] == hashlib.sha256(content).hexdigest() == results("export.json")["sha256"]
    assert card["bytes"] == len(content)


def test_the_card_carries_the_classes_as_they_are(card: Any) -> None:
    named = data.load_labels()
    assert card["labels"] == list(named.names)
    assert card["wordnet_ids"] == list(named.wordnet_ids)
    assert card["subsets"] == named.subsets()


def test_the_card_says_what_was_measured(card: Any) -> None:
    evaluation = results("evaluation.json")
    assert card["temperature"] == evaluation["temperature"]
    assert card["conformal"]["threshold"] == evaluation["conformal"]["threshold"]
    assert card["metrics"]["accuracy"] == results("export.json")["exported_file"][data.SAMPLE]["top_1"]
    assert card["training_data"]["origin"]["sha256"] == results("weights.json")["origin"]["sha256"]


def test_the_readme_is_filled_from_the_figures() -> None:
    text = readme.PAGE.path.read_text(encoding="utf-8")
    assert readme.PAGE.render(text, readme.PAGE.results) == text


def test_a_readme_without_figures_names_the_command(tmp_path: Path) -> None:
    assert "image evaluate" in readme.PAGE.render("<!-- table held_out -->\n<!-- end -->", tmp_path)


def test_the_shipped_model_answers(model: PictureModel) -> None:
    given = model.predict(np.stack([render(224, 224, seed=seed) for seed in range(3)]))
    assert given.probabilities.shape == (3, 1000)
    np.testing.assert_allclose(given.probabilities.sum(axis=1), 1, rtol=1e-5)
    limit = model.card.document["conformal"]["threshold"]
    assert np.array_equal(given.prediction_sets, given.probabilities >= np.float32(limit))


@pytest.mark.needs_data
def test_the_shipped_model_knows_photographs_that_did_not_tune_it(model: PictureModel, survey_data: Path) -> None:
    # Given every tenth photograph of the sample's held-out half
    found = data.find(survey_data)
    held = data.select(found, data.SAMPLE, data.HELD_OUT)[::10]
    # When the shipped file judges them
    given = model.predict(data.pixels(held, model.spec)).probabilities.argmax(axis=1)
    # Then it is right about most: the card's figure of all of them, less what fifty may be unlucky by
    right = float((given == data.labels_of(held)).mean())
    assert right > results("export.json")["exported_file"][data.SAMPLE]["top_1"]["low"] - 0.15
