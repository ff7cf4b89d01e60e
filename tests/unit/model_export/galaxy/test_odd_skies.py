"""Skies without galaxies, and rendered galaxies."""

from __future__ import annotations

import numpy as np
import pytest

from model_export.galaxy.odd_skies import SKIES
from model_export.galaxy.rendered_galaxies import galaxy
from tests.factories_images import encode

# A frame with a galaxy in its middle.
DOWN, ACROSS = np.mgrid[-128:128, -128:128]
FRAME = encode(
    np.clip(
        np.random.default_rng(1).normal(12, 4, (256, 256, 3))
        + 240 * np.exp(-np.hypot(DOWN, ACROSS) / 20)[..., np.newaxis],
        0,
        255,
    ).astype(np.uint8)
)


def middle(picture: np.ndarray) -> float:
    """How much brighter the central tenth of a picture is than the whole."""
    height, width = (size * 9 // 20 for size in picture.shape[:2])
    return float(picture[height:-height, width:-width].mean() - np.median(picture))


@pytest.mark.parametrize("kind", SKIES)
def test_every_kind_of_sky_is_drawn_the_same_for_a_seed(kind: str) -> None:
    for seed in range(3):
        first, again = (SKIES[kind](np.random.default_rng(seed), FRAME) for _ in range(2))
        assert first.dtype == np.uint8
        assert first.shape[0] == first.shape[1]
        assert np.array_equal(first, again)


def test_an_empty_sky_has_lost_the_galaxy_of_its_frame_and_a_star_is_in_the_middle() -> None:
    draws = [np.random.default_rng(seed) for seed in range(12)]
    assert np.median([middle(SKIES["empty sky"](draw, FRAME)) for draw in draws]) < 3
    assert np.median([middle(SKIES["stars"](draw, FRAME)) for draw in draws]) > 15


def test_rendered_galaxies_are_in_the_middle() -> None:
    drawn = [galaxy(np.random.default_rng(seed)) for seed in range(12)]
    assert np.median([middle(picture) for picture in drawn]) > 15
