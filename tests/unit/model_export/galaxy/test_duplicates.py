from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model_export.galaxy import split
from tests.unit.model_export.galaxy.galaxies import sky


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
