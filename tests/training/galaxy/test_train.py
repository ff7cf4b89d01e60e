"""Loss, augmentation and the training loop, on pictures that are easy to tell apart."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from model_export.galaxy import predict, train
from model_export.galaxy import samples as drawing
from model_export.galaxy.choice import ALL_VIEWS
from model_export.galaxy.data import SIDE
from model_export.galaxy.labels import ANSWERS, CLASSES, QUESTIONS
from model_export.galaxy.recipe import Recipe
from model_export.galaxy.samples import Samples, without
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = torch.ones(1, 8, dtype=torch.bool)


def one_hot(*classes: int) -> torch.Tensor:
    return torch.eye(8)[list(classes)]


def test_a_known_class_costs_its_cross_entropy() -> None:
    logits = torch.tensor([[2.0, 0, 0, 0, 0, 0, 0, 0]])
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([0]))
    assert drawing.class_loss(logits, one_hot(0), EVERYTHING)[0] == pytest.approx(float(expected))


def test_a_partial_label_does_not_care_which_of_its_classes() -> None:
    # Given a picture that may be class 0 or 7
    allowed = torch.zeros(1, 8, dtype=torch.bool)
    allowed[0, [0, 7]] = True
    sure = torch.full((1, 8), -30.0)
    first, last, wrong = sure.clone(), sure.clone(), sure.clone()
    first[0, 0] = last[0, 7] = wrong[0, 3] = 30.0
    # Then
    unknown = torch.zeros(1, 8)
    assert drawing.class_loss(first, unknown, allowed)[0] == pytest.approx(0, abs=1e-4)
    assert drawing.class_loss(last, unknown, allowed)[0] == pytest.approx(0, abs=1e-4)
    assert drawing.class_loss(wrong, unknown, allowed)[0] > 10


def test_a_masked_question_teaches_nothing() -> None:
    logits = torch.randn(1, len(ANSWERS), requires_grad=True)
    asked = torch.zeros(1, len(QUESTIONS))
    drawing.tree_loss(logits, torch.rand(1, len(ANSWERS)), asked).sum().backward()
    assert logits.grad is not None
    assert not logits.grad.any()


def test_an_asked_question_is_right_at_the_votes() -> None:
    # Given a first question answered 70 : 20 : 10
    answers = torch.zeros(1, len(ANSWERS))
    answers[0, :3] = torch.tensor([0.7, 0.2, 0.1])
    asked = torch.zeros(1, len(QUESTIONS))
    asked[0, 0] = 1.0
    logits = torch.zeros(1, len(ANSWERS))
    logits[0, :3] = answers[0, :3].log()
    logits.requires_grad_()
    # When
    drawing.tree_loss(logits, answers, asked).sum().backward()
    # Then
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-6


def blobs(count: int) -> Samples:
    """Two classes: bright pictures are class 0, dark ones class 1."""
    generator = np.random.default_rng(1)
    label = np.arange(count) % 2
    level = np.where(label == 0, 180, 40)[:, None, None, None]
    crops = np.clip(level + generator.normal(0, 10, (count, SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
    prior = np.full(8, 0.01)
    prior[:2] = 0.47
    return Samples(
        (crops, crops[:0]),
        np.zeros(count, dtype=np.int64),
        np.arange(count),
        one_hot(*label),
        torch.ones(count, 8, dtype=torch.bool),
        torch.zeros(count, len(ANSWERS)),
        torch.zeros(count, len(QUESTIONS)),
        np.ones(count),
        prior,
    )


def two_surveys() -> Samples:
    """Six pictures: two exact ones of Galaxy Zoo 2 with votes, two known in part, two of EFIGI."""
    samples = blobs(6)
    target = torch.tensor([[0.7, 0.3], [0.1, 0.9], [0, 0], [0, 0], [0.9, 0.1], [0.1, 0.9]])
    return replace(
        samples,
        survey=np.array([0, 0, 0, 0, 1, 1]),
        target=torch.cat([target, torch.zeros(6, 6)], dim=1),
        asked=torch.ones_like(samples.asked),
    )


@pytest.mark.parametrize(("kind", "drawn"), [("partial", [1, 1, 0, 0, 1, 1]), ("efigi", [1, 1, 1, 1, 0, 0])])
def test_pictures_that_are_left_out_are_never_drawn(kind: str, drawn: list[int]) -> None:
    assert without(two_surveys(), kind).weight.tolist() == drawn


def test_without_the_tree_no_question_counts() -> None:
    less = without(two_surveys(), "tree")
    assert not less.asked.any()
    assert less.weight.tolist() == [1] * 6


def test_without_votes_a_picture_has_its_class_alone() -> None:
    # Given
    samples = two_surveys()
    # When
    less = without(samples, "votes")
    # Then EFIGI's labels, which no volunteer gave, stay, and so do those known in part
    assert less.target[:2, :2].tolist() == [[1, 0], [0, 1]]
    assert torch.equal(less.target[2:], samples.target[2:])


def recipe(steps: int) -> Recipe:
    return Recipe("crossformer", 1.0, steps=steps, batch=8, peak_rate=5e-4, averaging=0.5)


def nothing(_: int, __: int, ___: float) -> None:
    return None


def test_training_learns_and_leaves_what_the_next_commands_need(tmp_path: Path) -> None:
    # Given
    samples = blobs(32)
    # When
    record = train.train(recipe(30), samples, tmp_path, tmp_path, on_step=nothing)
    # Then
    logits = predict.logits(predict.load("crossformer", tmp_path), samples.crops[0], np.arange(32), 128)
    assert logits.shape == (32, len(ALL_VIEWS), len(CLASSES))
    assert (logits.mean(axis=1).argmax(axis=1) == np.arange(32) % 2).mean() > 0.9
    assert record["pictures_seen"] == 240
    assert not (tmp_path / "checkpoint.pt").exists()


def test_too_few_pictures_for_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a batch needs 8 different pictures"):
        train.train(recipe(1), blobs(4), tmp_path, tmp_path, on_step=nothing)


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a run that was never stopped
    samples = blobs(16)
    train.train(recipe(6), samples, tmp_path / "whole", tmp_path, on_step=nothing)
    # When another is stopped after three steps, with a checkpoint at each, and started again
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", -1.0)

    def stop(step: int, _: int, __: float) -> None:
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.train(recipe(6), samples, tmp_path / "stopped", tmp_path, on_step=stop)
    assert (tmp_path / "stopped" / "checkpoint.pt").exists()
    train.train(recipe(6), samples, tmp_path / "stopped", tmp_path, on_step=nothing)
    # Then
    whole, stopped = (predict.load("crossformer", tmp_path / name).state_dict() for name in ("whole", "stopped"))
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)


def test_a_budget_in_minutes_becomes_steps(tmp_path: Path) -> None:
    record = train.train(replace(recipe(0), minutes=0.02), blobs(16), tmp_path, tmp_path, on_step=nothing)
    assert record["steps"] >= 1


def test_the_rate_rises_then_falls() -> None:
    rates = [Recipe("crossformer", 1.0).rate(step, 100) for step in range(100)]
    assert rates.index(max(rates)) == pytest.approx(8, abs=1)
    assert rates[0] < 0.01 * max(rates)
    assert rates[-1] < 0.01 * max(rates)


def test_the_offset_is_that_of_what_is_drawn() -> None:
    # Given: class 0 is drawn three times as often as class 1, in the survey they are equally many
    samples = blobs(16)
    weighted = replace(samples, weight=np.where(np.arange(16) % 2 == 0, 3.0, 1.0))
    # Then
    offset = weighted.offset
    assert float(offset[0, 0] - offset[0, 1]) == pytest.approx(math.log(3), abs=1e-5)


def test_views_keep_size_and_range() -> None:
    crops = torch.randint(0, 256, (4, SIDE, SIDE, 3), dtype=torch.uint8)
    shown = drawing.views(crops, 96, torch.Generator().manual_seed(1))
    assert shown.shape == (4, 3, 96, 96)
    assert shown.min() >= 0
    assert shown.max() <= 255


def test_views_of_one_seed_are_the_same() -> None:
    crops = torch.randint(0, 256, (4, SIDE, SIDE, 3), dtype=torch.uint8)
    first, again = (drawing.views(crops, 64, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again)


def test_the_galaxy_stays_in_the_middle() -> None:
    # Given a bright spot in the middle of the crop
    crops = torch.zeros(32, SIDE, SIDE, 3, dtype=torch.uint8)
    middle = slice(SIDE // 2 - 4, SIDE // 2 + 4)
    crops[:, middle, middle] = 200
    # When
    shown = drawing.views(crops, 128, torch.Generator().manual_seed(2)).mean(dim=1)
    # Then its centre of light is within the shift that is allowed, and a pixel
    light = shown.clamp_min(20) - 20
    places = torch.arange(128.0)
    down = (light.sum(dim=2) * places).sum(dim=1) / light.sum(dim=(1, 2))
    assert (down - 63.5).abs().max() < drawing.SHIFT * 128 + 1


def test_the_centre_is_what_a_request_gives() -> None:
    crops = torch.randint(0, 256, (1, SIDE, SIDE, 3), dtype=torch.uint8)
    edge = (SIDE - 128) // 2
    shown = drawing.centre(crops, 128)[0].permute(1, 2, 0)
    assert torch.equal(shown, crops[0, edge : edge + 128, edge : edge + 128].float())


@pytest.mark.parametrize(
    ("candidate", "named", "complaint"),
    [("efficientnet_lite0", False, "name it with --weights"), ("mobilenetv3", True, "leave out --weights")],
)
def test_a_file_of_weights_is_named_for_the_candidate_that_takes_one(
    candidate: str, named: bool, complaint: str, tmp_path: Path
) -> None:
    weights = tmp_path / "package.whl" if named else None
    with pytest.raises(ConfigurationError, match=complaint):
        train.published(Recipe(candidate, 1.0), weights)


def test_other_candidates_start_as_before() -> None:
    assert train.published(Recipe("mobilenetv3", 1.0), None) is None
