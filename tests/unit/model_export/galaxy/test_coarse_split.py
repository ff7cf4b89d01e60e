from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_export.galaxy import coarse_split, split
from model_export.galaxy.catalogue import load_gz1, load_gz2, load_unlabelled
from model_export.galaxy.split import Split
from tests.unit.model_export.galaxy.galaxies import catalogue, sky

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue


def coarse(*sources: str) -> Catalogue:
    return replace(catalogue([""] * len(sources), survey="gz1"), source=sources)


def placed(gz2: Catalogue, *parts: str) -> Split:
    """The split that puts the pictures of gz2 into these parts."""
    names = np.array(gz2.identifiers)
    return Split(**{part: tuple(names[np.array(parts, dtype="<U10") == part].tolist()) for part in split.PARTS})


def alone(count: int) -> NDArray[np.int64]:
    return np.arange(count, dtype=np.int64)


def test_a_tenth_of_every_class_is_kept_back_twice() -> None:
    # Given
    gz1 = coarse(*["elliptical"] * 200, *["edge_on"] * 50)
    # When
    parts = coarse_split.make(catalogue([]), gz1, catalogue([], survey="unlabelled"), alone(250), placed(catalogue([])))
    # Then
    for held in (parts.validation, parts.test):
        sources = [gz1.source[row] for row in split.rows(held, gz1)]
        assert (sources.count("elliptical"), sources.count("edge_on")) == (20, 5)
    assert len(parts.train) == 250 - 2 * 25


@pytest.mark.parametrize(
    ("part", "expected"),
    [("train", "train"), ("validation", "left_out"), ("test", "left_out"), ("left_out", "left_out")],
)
def test_a_picture_follows_the_galaxy_zoo_2_picture_of_its_sky(part: str, expected: str) -> None:
    # Given twenty skies, each with a picture of every survey
    gz2 = catalogue(["irregular"] * 20)
    gz1, unlabelled = coarse(*["elliptical"] * 20), catalogue([""] * 20, survey="unlabelled")
    # When
    parts = coarse_split.make(gz2, gz1, unlabelled, np.tile(alone(20), 3), placed(gz2, *[part] * 20))
    # Then
    assert set(parts.part(expected)) == {*gz1.identifiers, *unlabelled.identifiers}


def test_an_unlabelled_picture_of_a_held_sky_is_left_out() -> None:
    # Given fifty skies, each seen with a coarse label and without
    gz1, unlabelled = coarse(*["edge_on"] * 50), catalogue([""] * 50, survey="unlabelled")
    # When
    parts = coarse_split.make(catalogue([]), gz1, unlabelled, np.tile(alone(50), 2), placed(catalogue([])))
    # Then
    assert (len(parts.validation), len(parts.test), len(parts.left_out)) == (5, 5, 10)
    held = {name.partition(":")[2] for name in parts.validation + parts.test}
    assert {name.partition(":")[2] for name in parts.left_out} == held


def test_galaxies_of_one_field_are_one_sky() -> None:
    # Given objects 1, 2 and 7 of two fields of one run
    field, next_field = 0x0869_0423_0010_0000, 0x0869_0423_0011_0000
    names = [f"gz1:{field + 1}", f"gz1:{next_field + 2}", f"gz1:{field + 7}"]
    # Then
    assert coarse_split.same_field(names) == [(0, 2)]


def test_a_copy_in_another_survey_is_found() -> None:
    # Given a picture of Galaxy Zoo 2 that is the third one without a label too
    gz2, gz1, unlabelled = (sky(seed=seed, count=count) for seed, count in ((1, 60), (2, 40), (3, 20)))
    unlabelled[2] = gz2[5]
    # Then
    assert (5, 60 + 40 + 2) in coarse_split.same_sky(gz2, gz1, unlabelled)


@pytest.mark.needs_data
def test_the_committed_lists_are_those_of_the_pairs(survey_data: Path) -> None:
    # Given
    gz2, gz1, unlabelled = load_gz2(survey_data), load_gz1(survey_data), load_unlabelled(survey_data)
    names = gz2.identifiers + gz1.identifiers + unlabelled.identifiers
    place = {name: row for row, name in enumerate(names)}
    lines = (coarse_split.FOLDER / split.PAIRS).read_text(encoding="utf-8").splitlines()
    pairs = [(place[one], place[other]) for one, other in (line.split() for line in lines)]
    pairs += [(len(gz2) + one, len(gz2) + other) for one, other in coarse_split.same_field(gz1.identifiers)]
    # When
    parts = coarse_split.make(gz2, gz1, unlabelled, split.groups(len(names), pairs), split.load())
    # Then
    assert parts == split.load(coarse_split.FOLDER)
    assert len(parts.validation) > 500
