"""Whether a galaxy is framed as the model knows it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import ArtefactError
from skysort.options import parse_options
from skysort.pictures.classify import ShippedJudge
from skysort.pictures.framing import Framing, measure
from skysort.pictures.model import PictureModel
from tests.conftest import ROOT
from tests.factories_images import encode

SIDE = 128
LIMITS = Framing(edge=0.1, half_light=0.17, offset=0.5)


def galaxy(
    scale: float = 12.0, down: float = 0.0, across: float = 0.0, side: int = SIDE, peak: float = 200
) -> np.ndarray:
    """An exponential disc on noisy sky; scale, down, across: pixels."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    light = peak * np.exp(-np.hypot(y - down, x - across) / scale)
    noise = np.random.default_rng(1).normal(12, 3, (side, side, 3))
    return np.asarray(np.clip(light[..., np.newaxis] + noise, 0, 255), np.uint8)


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (galaxy(), None),
        (galaxy(scale=50), "framing_too_close"),
        (galaxy(scale=3), "framing_too_small"),
        (galaxy(down=30, across=-30), "framing_off_centre"),
        (galaxy(peak=0), None),
        (np.zeros((SIDE, SIDE, 3), np.uint8), None),
        (np.full((SIDE, SIDE, 3), 255, np.uint8), None),
    ],
    ids=["as it should be", "fills the frame", "small", "beside the middle", "empty sky", "black", "white"],
)
def test_framing_is_told(picture: np.ndarray, code: str | None) -> None:
    warning = LIMITS.check(picture)
    assert (warning.code if warning is not None else None) == code


def test_a_larger_input_is_measured_alike() -> None:
    small, large = measure(galaxy()), measure(galaxy(scale=24, side=2 * SIDE))
    assert large.half_light == pytest.approx(small.half_light, abs=0.04)
    assert large.edge == pytest.approx(small.edge, abs=0.02)


@given(st.integers(0, 2**32 - 1))
def test_any_pixels_have_finite_measures(seed: int) -> None:
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, draw.integers(1, 257), (SIDE, SIDE, 3)).astype(np.uint8)
    found = measure(pixels)
    assert np.isfinite(found).all()
    assert 0 < found.half_light < 1
    assert found.offset >= 0


def test_the_galaxy_model_warns_and_the_image_model_does_not() -> None:
    # Given a picture with its galaxy beside the middle
    beside = encode(galaxy(down=30, across=-30))
    galaxies, image = (PictureModel.load(ROOT / "functions" / name / "model") for name in ("galaxy", "image"))
    judge = ShippedJudge(galaxies)
    whole = np.pad(galaxy(down=30, across=-30), ((64, 64), (64, 64), (0, 0)), mode="symmetric")
    # When
    (answer,) = judge.classes([judge.read(encode(whole), None)], parse_options({}, judge.labels))
    # Then
    assert [warning["code"] for warning in answer["warnings"]] == ["framing_off_centre"]
    assert image.framing is None
    assert (
        "warnings"
        not in ShippedJudge(image).classes([ShippedJudge(image).read(beside, None)], parse_options({}, image.labels))[0]
    )


def test_limits_come_from_the_card() -> None:
    card = {"framing": {"limits": {"edge": 0.1, "half_light": 0.17, "offset": 0.5}}}
    assert Framing.of_card(card) == LIMITS
    assert Framing.of_card({}) is None
    with pytest.raises(ArtefactError, match="does not describe its framing in full"):
        Framing.of_card({"framing": {"limits": {"edge": 0.1}}})
