from __future__ import annotations

import numpy as np
import pytest

from model_export.galaxy import metrics
from model_export.galaxy.choice import ALL_VIEWS, STRENGTHS, VIEW_SETS, Choice, choose, thresholds, views
from model_export.galaxy.labels import CLASSES

PRIOR = np.full(8, 1 / 8)


def answers(seed: int, count: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a reader who is right but for noise that each view draws anew."""
    generator = np.random.default_rng(seed)
    truth = np.arange(count) % len(CLASSES)
    clear = 4.0 * np.eye(len(CLASSES))[truth]
    return clear[:, None] + generator.normal(0, noise, (count, len(ALL_VIEWS), len(CLASSES))), truth


def test_independent_views_are_averaged_up_to_the_limit() -> None:
    logits, truth = answers(1, 400, noise=3.0)
    choice, record = choose(logits, truth, PRIOR)
    assert choice.views == "quarter turns"
    assert record["views"]["all eight"]["log_loss"] < record["views"]["quarter turns"]["log_loss"]


def test_more_views_are_not_taken_than_may_be() -> None:
    logits, truth = answers(1, 400, noise=3.0)
    assert choose(logits, truth, PRIOR, max_views=1)[0].views == "as it is"


def test_the_record_shows_everything_that_was_tried() -> None:
    logits, truth = answers(2, 200, noise=2.0)
    _, record = choose(logits, truth, PRIOR)
    assert set(record["views"]) == set(VIEW_SETS)
    assert set(record["strengths"]) == {str(strength) for strength in STRENGTHS}


def test_a_choice_survives_json() -> None:
    logits, truth = answers(3, 200, noise=2.0)
    choice, _ = choose(logits, truth, PRIOR)
    again = Choice.of(choice.document())
    assert np.allclose(again.probabilities(logits), choice.probabilities(logits))
    assert np.allclose(again.thresholds, choice.thresholds, atol=1e-6)


def test_rare_classes_share_a_threshold_and_frequent_ones_have_their_own() -> None:
    # Given 100 pictures of class 0, well read, and 20 each of two rare classes, badly read
    truth = np.repeat([0, 1, 2], [100, 20, 20])
    probability = np.full((140, 8), 0.01)
    probability[np.arange(140), truth] = np.where(truth == 0, 0.9, np.linspace(0.1, 0.5, 140))
    # When
    limits = thresholds(probability, truth)
    # Then
    assert limits[0] == pytest.approx(0.9)
    assert limits[1] == limits[2] < 0.5


def test_thresholds_cover_what_they_promise() -> None:
    logits, truth = answers(4, 4_000, noise=4.0)
    choice, _ = choose(logits[:2_000], truth[:2_000], PRIOR)
    fresh = choice.probabilities(logits[2_000:])
    own = fresh[np.arange(2_000), truth[2_000:]]
    assert (own >= choice.thresholds[truth[2_000:]]).mean() > 0.87


def test_view_sets_begin_with_the_picture_as_it_is() -> None:
    assert all(views(name)[0] == (0, False) for name in VIEW_SETS)


def test_reweighting_a_perfect_reader_changes_nothing() -> None:
    table = np.diag([3, 1, 4, 1, 5, 9, 2, 6])
    assert metrics.reweighted_accuracy(table) == {"raw_votes": 1.0, "decision_path": 1.0}


def test_reweighting_follows_the_survey_not_the_test_part() -> None:
    # Given a reader who is right on smooth in-between galaxies alone
    table = np.zeros((8, 8), dtype=np.int64)
    table[:, CLASSES.index("smooth_inbetween")] = 10
    # Then
    assert metrics.reweighted_accuracy(table)["raw_votes"] == pytest.approx(78_460 / 209_293, abs=1e-6)


def test_accuracy_by_source() -> None:
    found = metrics.by_source(np.array([1, 2, 3]), np.array([1, 2, 4]), ["a", "b", "b"])
    assert found == {"a": {"rows": 1, "accuracy": 1.0}, "b": {"rows": 2, "accuracy": 0.5}}


def test_few_pictures_show_an_error_even_if_there_is_none() -> None:
    # Given honest probabilities of 0.7
    honest = np.full((4_000, 8), 0.3 / 7)
    honest[:, 0] = 0.7
    # Then the error that chance alone shows shrinks with the number of pictures
    few, many = (metrics.ece_of_perfect(honest[:count])["mean"] for count in (100, 4_000))
    assert few > 4 * many > 0
