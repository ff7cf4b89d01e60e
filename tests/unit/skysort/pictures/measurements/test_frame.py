"""Pixels without a value: what was not observed stays out of the sky, holes are filled from around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as shapes

from skysort.pictures.decode import InputSpec, decode, read
from skysort.pictures.measurements import frame as frames
from skysort.pictures.measurements import stretch
from skysort.pictures.measurements.frame import Frame
from tests.factories_images import encode, fits_file, sky

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPEC = InputSpec(80, 80, None, 0.5, "black", measurements=True)


def counts(side: int = 160, level: float = 1_000.0, flux: float = 400.0) -> NDArray[np.float32]:
    """A galaxy on a detector's sky, its first row at the bottom."""
    return sky(side, side, flux) + np.float32(level)


def turned(side: int, share: float = 0.34, degrees: float = 25.0) -> NDArray[np.bool_]:
    """What lies outside a square that is turned against the frame."""
    down, across = np.mgrid[0:side, 0:side] - (side - 1) / 2
    angle = np.deg2rad(degrees)
    along, beside = across * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - across * np.sin(angle)
    outside: NDArray[np.bool_] = (abs(along) > share * side) | (abs(beside) > share * side)
    return outside


def without(values: NDArray[Any], where: NDArray[np.bool_], number: float) -> NDArray[Any]:
    found = values.copy()
    found[where] = number
    return found


def found_in(values: NDArray[Any]) -> NDArray[np.bool_] | None:
    return Frame(values[np.newaxis, ::-1]).uncovered()


def is_area(found: NDArray[np.bool_] | None, area: NDArray[np.bool_]) -> bool:
    return found is not None and np.array_equal(found, area)


@pytest.mark.parametrize("number", [0.0, -999.0, -32_768.0, -1e30, -3.4028235e38, np.nan])
@pytest.mark.parametrize("degrees", [0.0, 25.0, 45.0])
def test_a_frame_filled_up_beyond_its_edge_is_drawn_as_without_the_filling(number: float, degrees: float) -> None:
    # Given a cutout at the edge of a survey: more than half of it was not observed
    values, edge = counts(), turned(160, degrees=degrees)
    assert edge.mean() > 0.5
    content = fits_file(without(values, edge, number))
    # When it is drawn
    picture = read(content, SPEC)
    # Then the galaxy looks as in the whole frame, and the answer says what was left out
    whole = decode(fits_file(values), SPEC)
    assert np.abs(picture.pixels.astype(int) - whole).mean() < 4
    assert [warning.code for warning in picture.warnings] == ["no_coverage"]
    assert f"{edge.mean():.0%} of the frame was not observed" in picture.warnings[0].detail


def test_the_area_is_the_one_that_was_filled_to_the_pixel() -> None:
    edge = turned(160)
    for number in (0.0, np.nan):
        assert is_area(found_in(without(counts(), edge, number)), edge)


def test_whole_numbers_with_an_edge_of_zeros_or_blanks_are_read_the_same() -> None:
    values, edge = counts().astype(np.int16), turned(160)
    zeros = decode(fits_file(without(values, edge, 0)), SPEC)
    assert np.array_equal(zeros, decode(fits_file(without(values, edge, -5), BLANK=-5), SPEC))
    # Unsigned ones as well, whose 0 is stored as another number
    stored = fits_file((without(values, edge, 0).astype(int) - 32_768).astype(np.int16), BZERO=32_768)
    assert np.array_equal(zeros, decode(stored, SPEC))


def test_counts_in_a_png_with_an_edge_of_zeros_are_read_like_fits() -> None:
    values = without(counts().astype(np.int16), turned(160), 0)
    picture = read(encode(values[::-1].astype(np.uint16)), SPEC)
    assert np.array_equal(picture.pixels, decode(fits_file(values), SPEC))
    assert [warning.code for warning in picture.warnings] == ["no_coverage"]


def test_noise_around_a_subtracted_sky_does_not_hide_the_edge() -> None:
    values = sky(160, 160) - np.float32(10.0)
    assert is_area(found_in(without(values, turned(160), 0.0)), turned(160))


def test_a_band_that_ends_before_the_others_ends_the_colour_picture() -> None:
    values = np.stack([counts(), counts(flux=300.0), counts(flux=200.0)])
    values[0, :, :50] = 0.0
    assert [warning.code for warning in read(fits_file(values), SPEC).warnings] == ["no_coverage"]


@pytest.mark.parametrize(
    "values",
    [
        counts(),
        np.where(np.random.default_rng(1).random((160, 160)) < 0.4, 0, counts()),  # single zeros
        np.random.default_rng(2).poisson(0.7, (160, 160)).astype(np.int16),  # few photons
        np.round(np.random.default_rng(3).normal(0, 0.5, (160, 160))).astype(np.int16),  # a sky of small numbers
        np.pad(sky(60, 60, 400.0) - 9, 50, constant_values=0.0) * 0 + np.eye(160),  # one diagonal
        np.exp(-np.hypot(*(np.mgrid[0:160, 0:160] - 80)) / 9).round(3),  # a simulation fading into nothing
        np.where(turned(160, 0.2), 0.0, 100.0),  # a drawing
    ],
    ids=["whole", "single zeros", "photons", "small numbers", "diagonal", "simulation", "drawing"],
)
def test_zeros_that_are_values_stay_values(values: NDArray[Any]) -> None:
    assert found_in(values) is None


def test_a_galaxy_cut_out_along_its_edge_keeps_its_background() -> None:
    # Given a galaxy's pixels, everything else set to 0 by its outline
    radius = np.hypot(*(np.mgrid[0:160, 0:160] - 80.0))
    light = 100 * np.exp(-radius / 12) + np.random.default_rng(4).normal(0, 0.3, radius.shape)
    assert found_in(np.where(radius < 36, light, 0.0)) is None


def test_dark_frames_of_zeros_inside_are_values() -> None:
    values = counts()
    values[60:80, 60:80] = 0.0
    assert found_in(values) is None


@pytest.mark.parametrize("size", [1, 3, 9, 20])
def test_a_saturated_core_without_value_is_drawn_bright(size: int) -> None:
    # Given a galaxy whose core has no value
    values = counts()
    middle = slice(80 - size // 2, 80 - size // 2 + size)
    values[middle, middle] = np.nan
    # When it is drawn
    picture = read(fits_file(values), SPEC)
    # Then its middle is as bright as what surrounds it
    ring = picture.pixels[40 - size // 2 - 2, 40]
    assert picture.pixels[40, 40].min() >= ring.min() - 3
    (warning,) = picture.warnings
    assert (warning.code, warning.detail.split()[0]) == ("holes_filled", str(size * size))


def test_a_dead_column_is_like_its_neighbours() -> None:
    values = counts()
    whole = decode(fits_file(values), SPEC)
    values[:, 70] = np.nan
    assert np.abs(decode(fits_file(values), SPEC).astype(int) - whole).mean() < 2


def test_an_area_and_a_hole_are_told_apart() -> None:
    values = without(counts(), turned(160), np.nan)
    values[78:83, 78:83] = np.nan
    picture = read(fits_file(values), SPEC)
    assert [warning.code for warning in picture.warnings] == ["no_coverage", "holes_filled"]
    assert picture.pixels[40, 40].min() > 200
    assert np.median(picture.pixels) < 60


def test_large_pictures_have_their_holes_filled_too() -> None:
    values = np.kron(counts(), np.ones((5, 5), np.float32))
    values[380:420, 380:420] = np.nan
    assert decode(fits_file(values), SPEC)[40, 40].min() > 200


NUMBERS = st.one_of(st.sampled_from([0.0, -999.0, 1.0, float("nan"), float("inf"), -3e38]), st.floats(width=32))


@given(shapes.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=NUMBERS))
@settings(max_examples=100, deadline=None)
def test_any_frame_has_an_area_of_its_shape_or_none(values: NDArray[np.float32]) -> None:
    area = found_in(values)
    assert area is None or area.shape == values.shape


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 99), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_filling_leaves_no_hole_and_changes_no_value(height: int, width: int, seed: int, share: float) -> None:
    chance = np.random.default_rng(seed)
    values = chance.normal(5, 1, (height, width, 3))
    values[chance.random(values.shape) < share] = np.nan
    filled = stretch.fill(values, np.zeros((height, width), np.bool_))
    known = ~np.isnan(values)
    assert np.array_equal(filled[known], values[known])
    for band in range(3):
        assert np.isnan(filled[..., band]).any() == (not known[..., band].any())


def test_each_square_of_a_maze_is_stepped_on_once() -> None:
    # Given a path that winds through the whole frame, as long as it can be
    maze = np.zeros((128, 128), np.bool_)
    maze[::2] = True
    maze[1::4, -1] = maze[3::4, 0] = True
    assert np.array_equal(frames._reached(maze), maze)
