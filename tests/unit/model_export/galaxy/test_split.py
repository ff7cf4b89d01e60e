from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_export.galaxy import split
from model_export.galaxy.catalogue import load_efigi, load_gz2
from model_export.galaxy.labels import CLASSES
from model_export.galaxy.split import groups
from skysort.errors import ConfigurationError
from tests.unit.model_export.galaxy.galaxies import catalogue, sky

if TYPE_CHECKING:
    from pathlib import Path


def alone(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(count, dtype=np.int64)


def test_every_class_has_its_share_in_every_part() -> None:
    # Given
    gz2 = catalogue(["smooth_round"] * 200 + ["irregular"] * 100 + ["face_on_featured"] * 50)
    efigi = catalogue(["edge_on_disk"] * 10, survey="efigi")
    # When
    parts = split.make(gz2, efigi, alone(360))
    # Then
    test = split.counts(gz2, split.rows(parts.test, gz2))
    assert (test["smooth_round"], test["irregular"], test["partial"]) == (36, 18, 0)
    validation = split.counts(gz2, split.rows(parts.validation, gz2))
    assert (validation["smooth_round"], validation["irregular"]) == (24, 12)
    assert len(parts.train) == 140 + 70 + 50 + 10


def test_pictures_of_one_sky_stay_on_one_side() -> None:
    # Given two pictures of every galaxy
    gz2 = catalogue(["smooth_round"] * 100)
    group = np.repeat(np.arange(0, 100, 2), 2)
    # When
    parts = split.make(gz2, catalogue([], survey="efigi"), group)
    # Then
    for part in (parts.train, parts.validation, parts.test):
        rows = split.rows(part, gz2)
        assert sorted(set(group[rows])) == sorted(rows[::2])


def test_a_partial_picture_of_a_tested_sky_is_left_out() -> None:
    # Given: each exact picture has a partial one and an EFIGI one of the same sky
    gz2 = catalogue(["smooth_round"] * 50 + ["smooth_unknown_shape"] * 50)
    efigi = catalogue(["smooth_round"] * 50, survey="efigi")
    # When
    parts = split.make(gz2, efigi, np.tile(alone(50), 3))
    # Then
    assert (len(parts.test), len(parts.validation)) == (9, 6)
    assert len(parts.left_out) == 2 * (9 + 6)


def test_efigi_pictures_without_a_class_are_in_no_part() -> None:
    efigi = catalogue(["", "irregular"], survey="efigi")
    parts = split.make(catalogue(["smooth_round"] * 10), efigi, alone(12))
    assert "efigi:000000" not in {name for part in split.PARTS for name in parts.part(part)}
    assert "efigi:000001" in parts.train


def test_lists_survive_the_files(tmp_path: Path) -> None:
    parts = split.make(catalogue(["irregular"] * 30), catalogue([], survey="efigi"), alone(30))
    split.save(parts, tmp_path)
    assert split.load(tmp_path) == parts


def test_missing_lists_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="galaxy data"):
        split.load(tmp_path)


def committed_pairs() -> list[list[str]]:
    return [line.split() for line in (split.FOLDER / split.PAIRS).read_text(encoding="utf-8").splitlines()]


def test_no_committed_picture_is_in_two_parts() -> None:
    parts = split.load()
    names = [name for part in split.PARTS for name in parts.part(part)]
    assert len(names) == len(set(names))


@pytest.mark.needs_data
def test_the_committed_lists_are_those_of_the_seed(survey_data: Path) -> None:
    # Given the tables and the committed pairs of one sky
    gz2, efigi = load_gz2(survey_data), load_efigi(survey_data)
    place = {name: row for row, name in enumerate(gz2.identifiers + efigi.identifiers)}
    pairs = [(place[one], place[other]) for one, other in committed_pairs()]
    # When
    parts = split.make(gz2, efigi, groups(len(place), pairs))
    # Then
    assert parts == split.load()
    assert {len(parts.test), len(pairs)} <= {1_026, 492}
    assert set(np.unique(gz2.label[split.rows(parts.test, gz2)])) == set(range(len(CLASSES)))


def test_no_committed_pair_has_a_side_each() -> None:
    parts = split.load()
    side = {name: part for part in split.PARTS for name in parts.part(part)}
    apart = [
        (one, other)
        for one, other in committed_pairs()
        if "left_out" not in {side.get(one, "left_out"), side.get(other, "left_out")} and side[one] != side[other]
    ]
    assert not apart


def test_a_noisy_copy_is_found_among_look_alikes() -> None:
    # Given sixty pictures with the same galaxy in the middle, and a noisy copy of one
    pictures = sky(seed=1, count=60)
    noise = np.random.default_rng(2).normal(0, 8, pictures[7].shape)
    copy = np.clip(pictures[7] + noise, 0, 255).astype(np.uint8)
    greys = split.grey(np.concatenate([pictures, copy[None]]))
    thumbnails = split.thumbnails(greys, split.WINDOW)
    # When
    projected = split.Whitener(thumbnails, components=40)(thumbnails)
    found = split.pairs_above(projected, projected, split.SAME_SKY)
    # Then
    assert [(one, other) for one, other in found if one < other] == [(7, 60)]


def test_a_picture_is_wholly_like_itself() -> None:
    thumbnails = split.thumbnails(split.grey(sky(seed=3, count=20)), 100)
    projected = split.Whitener(thumbnails, components=10)(thumbnails)
    assert np.allclose((projected * projected).sum(axis=1), 1.0, atol=1e-5)


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_groups_are_the_connected_parts(pairs: list[tuple[int, int]]) -> None:
    group = split.groups(20, pairs)
    assert all(group[one] == group[other] for one, other in pairs)
    assert all(group[leader] == leader <= place for place, leader in enumerate(group))
    linked = {place for pair in pairs for place in pair}
    assert all(group[place] == place for place in range(20) if place not in linked)


def test_links_chain() -> None:
    assert split.groups(5, [(0, 1), (3, 1)]).tolist() == [0, 0, 2, 0, 4]
