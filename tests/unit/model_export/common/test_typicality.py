"""Fitting typicality, and the pictures that it is fitted against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_export.common import odd_pictures, typicality
from model_export.common.typicality import Answering, Answers
from skysort.errors import ConfigurationError
from skysort.pictures.model import PictureModel
from tests.factories_images import encode, picture_artefact, plain

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 80


def embeddings(count: int, seed: int, foreign: float = 0.0, at: int = -1) -> np.ndarray:
    draw = np.random.default_rng(seed)
    values = draw.standard_normal((count, WIDTH)) * np.linspace(3, 0.3, WIDTH)
    values[:, at] += foreign
    return values.astype(np.float32)


def answers(embedding: np.ndarray) -> Answers:
    return Answers(embedding, np.zeros((len(embedding), 2), np.float32))


def test_what_was_learnt_is_flagged_and_one_good_picture_in_200() -> None:
    # Given
    fitted = typicality.fit(embeddings(600, 1), embeddings(300, 2, foreign=5.0), embeddings(1_000, 3))
    # When
    good, foreign = (
        typicality.flagged(fitted, answers(each)) for each in (embeddings(2_000, 4), embeddings(200, 5, 5.0))
    )
    # Then
    assert good["value"] < 0.015
    assert good["low"] < good["value"] < good["high"]
    assert foreign["value"] > 0.97
    assert foreign["rows"] == 200


def test_a_kind_is_measured_by_a_score_that_was_learnt_without_it() -> None:
    # Given two kinds that lie along principal axes, where what is outside of them says nothing
    known = {name: answers(embeddings(300, 2, 20.0, at)) for name, at in (("first", 0), ("second", 1))}
    tested = {name: answers(embeddings(100, 7, 20.0, at)) for name, at in (("first", 0), ("second", 1))}
    good, held_out = embeddings(600, 1), embeddings(1_000, 3)
    # When the first is left out
    report = typicality.without_each(good, known, held_out, tested, {"a group": ("first", "not measured")})
    # Then it passes, which it does not otherwise
    fitted = typicality.fit(good, np.concatenate([each.embedding for each in known.values()]), held_out)
    assert typicality.flagged(fitted, tested["first"])["value"] > 0.9
    assert report["a group"]["value"] < 0.5
    assert report["a group"]["rows"] == 100


def test_answers_are_kept_by_name(tmp_path: Path) -> None:
    # Given
    model = PictureModel.load(picture_artefact(tmp_path / "model"))
    counted: list[int] = []
    answer = Answering(model, tmp_path, lambda: counted.append(1))
    files = [encode(plain((250, 0, 0))), encode(plain((0, 0, 250)))]
    # When
    first, again = answer("plain", files), answer("plain", [])
    # Then
    assert len(first) == len(again) == len(counted) == 2
    assert np.array_equal(first.embedding, again.embedding)
    assert first.probabilities.argmax(axis=1).tolist() == [0, 2]


def test_photographs_are_found_in_folders_of_folders(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    for name in ("b.JPG", "cats/a.png", "labels.csv"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in typicality.photographs(tmp_path)] == ["b.JPG", "a.png"]
    with pytest.raises(ConfigurationError, match="holds no pictures; set SKYSORT_DATA"):
        typicality.photographs(tmp_path / "dogs")


@pytest.mark.parametrize(
    "kind",
    [*odd_pictures.EMPTY.items(), *odd_pictures.NOISE.items(), *odd_pictures.DOCUMENTS.items()],
    ids=lambda kind: kind[0],
)
def test_every_kind_of_picture_is_drawn_the_same_for_a_seed(kind: tuple[str, odd_pictures.Draw]) -> None:
    _, picture = kind
    for seed in range(8):
        drawn = picture(np.random.default_rng(seed))
        assert drawn.dtype == np.uint8
        assert drawn.ndim == 3
        assert drawn.shape[2] == 3
        assert np.array_equal(drawn, picture(np.random.default_rng(seed)))


def test_rendered_pictures_become_png_and_jpeg() -> None:
    files = list(typicality.rendered(odd_pictures.blank, 20, np.random.default_rng(1)))
    assert {content[:3] for content in files} == {b"\xff\xd8\xff", b"\x89PN"}
