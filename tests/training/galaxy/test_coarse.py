"""Pictures with coarser labels or none, and what a teacher says of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from model_export.galaxy import samples as drawing
from model_export.galaxy import teach
from model_export.galaxy.labels import CLASSES, COARSE, INDEX
from model_export.galaxy.samples import joined, taught
from model_export.galaxy.workspace import Workspace
from skysort.errors import ConfigurationError
from tests.training.galaxy.test_train import blobs
from tests.unit.model_export.galaxy.galaxies import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from model_export.galaxy.catalogue import Catalogue
    from model_export.galaxy.samples import Samples


def gz1(*sources: str) -> Catalogue:
    allowed = np.array([[name in COARSE[source] for name in CLASSES] for source in sources])
    return replace(catalogue([""] * len(sources), survey="gz1"), source=sources, allowed=allowed)


def with_coarse(*sources: str) -> Samples:
    """Four exact pictures and those of the Galaxy Zoo 1 classes."""
    samples = blobs(4)
    return joined(samples, gz1(*sources), samples.crops[0][: len(sources)], np.arange(len(sources)))


def test_joined_pictures_are_drawn_if_their_label_says_something() -> None:
    assert with_coarse("elliptical", "merger", "unknown").weight[4:].tolist() == [drawing.COARSE_SHARE, 0, 0]


def test_rare_classes_are_drawn_more_often_within_limits() -> None:
    # Given four ellipticals, a spiral, and a survey in which edge-on galaxies are nearly absent
    four, many = with_coarse(*["elliptical"] * 4, "spiral_clockwise").weight[4:], gz1(*["elliptical"] * 40, "edge_on")
    # Then a class is drawn more often by the root of its rarity
    assert four[-1] == pytest.approx(2 * four[0])
    # And never more than a few times as often
    crops = np.repeat(blobs(4).crops[0][:1], 41, axis=0)
    assert joined(blobs(4), many, crops, np.arange(41)).weight[-1] == drawing.COARSE_SHARE * drawing.RARE


def test_joined_pictures_are_those_of_their_survey() -> None:
    # Given a survey of one dark picture
    samples = blobs(4)
    dark = np.zeros_like(samples.crops[0][:1])
    # When
    both = joined(samples, gz1("edge_on"), dark, np.arange(1))
    # Then
    assert not both.pictures(np.array([4])).any()
    assert both.pictures(np.array([0])).any()


def test_a_survey_s_class_mix_does_not_pull_the_prior() -> None:
    # Given a survey with nine ellipticals to each edge-on galaxy, in a sky that has as many of every class
    samples = replace(blobs(4), prior=np.full(8, 1 / 8))
    labels = ["elliptical"] * 9 + ["edge_on"]
    more = joined(samples, gz1(*labels), np.repeat(samples.crops[0][:1], 10, axis=0), np.arange(10))
    # When a network that knows nothing of the pictures learns their sets
    logits = torch.zeros(1, 8, requires_grad=True)
    outputs = logits.expand(10, 8) + more.offset[4:]
    losses = drawing.class_loss(outputs, more.target[4:], more.allowed[4:])
    (losses * torch.from_numpy(more.weight[4:])).sum().backward()
    # Then it stays at the sky's prior
    assert logits.grad is not None
    assert logits.grad.abs().max() < 2e-2


def test_the_other_surveys_keep_their_offset() -> None:
    assert torch.equal(with_coarse("elliptical").offset[:4], blobs(4).offset)


def test_what_says_nothing_has_no_offset() -> None:
    assert not with_coarse("merger").offset[4].any()


def test_a_teacher_is_limited_to_the_classes_of_the_label() -> None:
    # Given a teacher to whom everything is alike, but bars, which are twice as likely
    said = np.full((1, 8), 1 / 9)
    said[0, INDEX["barred_spiral"]] = 2 / 9
    # When
    learnt = taught(with_coarse("spiral_clockwise"), {2: said})
    # Then
    assert learnt.taught is not None
    assert learnt.taught[4, INDEX["barred_spiral"]] == pytest.approx(2 / 3)
    assert learnt.taught[4, INDEX["unbarred_spiral"]] == pytest.approx(1 / 3)
    assert not learnt.taught[:4].any()


def test_a_teacher_makes_a_picture_without_a_label_useful() -> None:
    learnt = taught(with_coarse("merger"), {2: np.full((1, 8), 1 / 8)})
    assert learnt.weight[4] == drawing.BLANK_SHARE
    assert learnt.weight[:4].tolist() == [1] * 4


def test_a_picture_of_which_the_teacher_is_silent_is_not_drawn() -> None:
    assert taught(with_coarse("unknown"), {2: np.zeros((1, 8))}).weight[4] == 0


def test_learning_from_a_teacher_is_right_at_its_answer() -> None:
    # Given a picture without a label
    said = torch.tensor([[0.5, 0.2, 0.1, 0.05, 0.05, 0.05, 0.03, 0.02]])
    logits = said.log().requires_grad_()
    # When
    drawing.taught_loss(logits, torch.zeros(1), said).sum().backward()
    # Then
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-6


def test_a_teacher_that_says_nothing_leaves_the_label() -> None:
    labelled = torch.tensor([1.5])
    assert torch.equal(drawing.taught_loss(torch.randn(1, 8), labelled, torch.zeros(1, 8)), labelled)


def workspace(folder: Path) -> Workspace:
    return Workspace(folder, folder, folder)


def test_the_answers_of_two_runs_are_averaged(tmp_path: Path) -> None:
    # Given
    for name, level in (("one", 0.25), ("two", 0.75)):
        folder = workspace(tmp_path).run(name)
        folder.mkdir(parents=True)
        np.savez(folder / teach.ANSWERS, gz2=np.full((3, 8), level))
    # Then
    assert teach.answers(workspace(tmp_path), ["one", "two"], None)[0].tolist() == [[0.5] * 8] * 3


def test_answers_that_are_not_there_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="galaxy teach absent"):
        teach.answers(workspace(tmp_path), ["absent"], None)
