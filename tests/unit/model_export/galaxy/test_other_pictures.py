from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from model_export.galaxy import other_pictures
from model_export.galaxy.other_pictures import png

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pixels(content: bytes) -> NDArray[np.float64]:
    return np.asarray(Image.open(BytesIO(content)).convert("RGB"), np.float64)


def noisy_sky(level: float, sigma: float, side: int = 64) -> bytes:
    drawn = np.random.default_rng(1).normal(level, sigma, (side, side, 3))
    return png(np.clip(np.round(drawn), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("name", other_pictures.CONVERSIONS)
def test_a_conversion_is_another_picture_and_the_same_every_time(name: str) -> None:
    content = noisy_sky(level=60, sigma=10)
    convert = other_pictures.CONVERSIONS[name]
    assert convert(content) == convert(content)
    assert convert(content) != content


def test_the_noise_is_doubled() -> None:
    before = noisy_sky(level=100, sigma=6)
    assert pixels(other_pictures.twice_the_noise(before)).std() == pytest.approx(2 * pixels(before).std(), rel=0.05)


def test_a_sky_that_is_cut_off_to_black_gets_noise_too() -> None:
    assert pixels(other_pictures.twice_the_noise(noisy_sky(level=0, sigma=0))).std() > 1


def test_half_the_resolution_is_half_the_side() -> None:
    assert pixels(other_pictures.half_the_resolution(noisy_sky(level=60, sigma=5))).shape == (32, 32, 3)


def test_decals_shows_a_black_sky_grey_and_faint_light_brighter() -> None:
    # Given a black frame and a faint one
    black, faint = (pixels(other_pictures.as_decals(noisy_sky(level, sigma=0))) for level in (0, 20))
    # Then
    assert 20 < black.mean() < 45
    assert faint.mean() - black.mean() > 20
