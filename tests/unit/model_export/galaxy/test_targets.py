from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_export.galaxy import targets
from model_export.galaxy.catalogue import load_gz2
from model_export.galaxy.labels import ANSWERS, CLASSES, QUESTIONS
from tests.unit.model_export.galaxy.galaxies import catalogue, votes

if TYPE_CHECKING:
    from pathlib import Path

SPIRAL = {"Class1_2": 0.9, "Class2_2": 0.8, "Class4_1": 0.7, "Class4_2": 0.1}


@pytest.mark.parametrize(
    ("fractions", "expected"),
    [
        ({"Class1_1": 0.6, "Class7_1": 0.1, "Class7_2": 0.3, "Class7_3": 0.2}, "smooth_inbetween"),
        ({"Class1_2": 0.9, "Class2_1": 0.5, "Class2_2": 0.4}, "edge_on_disk"),
        ({**SPIRAL, "Class3_1": 0.5, "Class3_2": 0.3}, "barred_spiral"),
        ({**SPIRAL, "Class3_1": 0.3, "Class3_2": 0.5}, "unbarred_spiral"),
        ({"Class1_2": 0.9, "Class2_2": 0.8, "Class3_2": 0.8, "Class4_2": 0.8}, "featured_without_bar_or_spiral"),
        ({"Class1_2": 0.9, "Class2_2": 0.8, "Class3_1": 0.8, "Class4_2": 0.8}, "irregular"),
        ({"Class1_2": 0.6, "Class2_1": 0.2, "Class2_2": 0.4}, "irregular"),
        ({"Class1_1": 0.5, "Class1_2": 0.5}, "irregular"),
    ],
)
def test_the_decision_path_ends_in(fractions: dict[str, float], expected: str) -> None:
    assert CLASSES[int(targets.path_class(votes(**fractions))[0])] == expected


@pytest.mark.needs_data
def test_the_decision_path_gives_every_label_whose_votes_are_all_known(survey_data: Path) -> None:
    gz2 = load_gz2(survey_data)
    whole = ~np.isnan(gz2.votes).any(axis=1) & gz2.exact
    assert whole.sum() > 800
    assert np.array_equal(targets.path_class(gz2.votes[whole]), gz2.label[whole])


def test_volunteers_who_agree_vote_the_same_again() -> None:
    share = targets.redrawn(votes(Class1_1=1.0, Class7_1=1.0), seed=1)
    assert share[0, CLASSES.index("smooth_round")] == 1.0


def test_volunteers_who_are_split_come_out_both_ways() -> None:
    share = targets.redrawn(votes(Class1_1=1.0, Class7_1=0.5, Class7_2=0.5), seed=1)
    round_share = share[0, CLASSES.index("smooth_round")]
    assert 0.3 < round_share < 0.7
    assert share[0].sum() == pytest.approx(1.0)


def test_unknown_votes_cannot_be_redrawn() -> None:
    assert np.isnan(targets.redrawn(np.full((1, len(ANSWERS)), np.nan), seed=1)).all()


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_targets_of_exact_rows_are_distributions(smooth: float, edge_on: float, softness: float) -> None:
    # Given any division of the first votes
    shown = votes(Class1_1=smooth, Class1_2=1 - smooth, Class2_1=(1 - smooth) * edge_on)
    shown[0, ANSWERS.index("Class2.2")] = (1 - smooth) * (1 - edge_on)
    rows = replace(catalogue(["smooth_round", "face_on_featured"]), votes=np.vstack([shown, shown]))
    # When
    target = targets.class_targets(rows, softness, seed=1)
    # Then
    assert target[0].sum() == pytest.approx(1.0, abs=1e-5)
    assert target[0].min() >= 0
    assert target[1].sum() == 0


def test_a_question_without_votes_is_masked() -> None:
    # Given a galaxy whose volunteers were asked the first two questions only
    shown = votes(Class1_2=0.8, Class1_1=0.2, Class2_1=0.2, Class2_2=0.6)
    rows = replace(catalogue(["edge_on_disk"]), votes=shown)
    # When
    answers, asked = targets.tree_targets(rows)
    # Then
    questions = list(QUESTIONS)
    assert asked[0, questions.index("smooth_or_features")] == pytest.approx(1.0)
    assert asked[0, questions.index("edge_on")] == pytest.approx(0.8)
    assert asked[0, questions.index("bar")] == 0
    assert answers[0, ANSWERS.index("Class2.1")] == pytest.approx(0.25)
