"""A row's typicality: a p-value in every class, none for what no object can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import ArtefactError
from skysort.star.mixtures import THRESHOLD, Mixtures, coordinates
from tests.fakes.mixtures import MIDDLES, mixtures, objects

PHOTOMETRIC = mixtures()
SPECTROSCOPIC = mixtures(with_redshift=True)


@pytest.mark.parametrize("label", range(len(MIDDLES)))
def test_good_rows_of_every_class_are_flagged_at_most_as_often_as_the_threshold_says(label: int) -> None:
    # Given rows of one class alone
    magnitudes, redshift = objects(20_000, seed=1, label=label)
    # Then at most one in 200 is flagged, and few more by chance
    assert (PHOTOMETRIC.typicality(magnitudes) < THRESHOLD).mean() < 2 * THRESHOLD
    assert (SPECTROSCOPIC.typicality(magnitudes, redshift) < THRESHOLD).mean() < 2 * THRESHOLD


@pytest.mark.parametrize("row", [[34.0] * 5, [5.0] * 5, [18.0, 28.0, 18.0, 28.0, 18.0]], ids=["faint", "bright", "odd"])
def test_a_row_that_no_object_can_have_is_flagged(row: list[float]) -> None:
    assert PHOTOMETRIC.typicality(np.array([row]))[0] < THRESHOLD
    assert SPECTROSCOPIC.typicality(np.array([row]), np.array([0.4]))[0] < THRESHOLD


def test_a_redshift_that_the_colours_cannot_have_is_flagged_with_a_redshift_alone() -> None:
    # Given quasars' colours with the redshift of a star
    magnitudes, _ = objects(50, label=1)
    far = np.full(50, 7.0)
    # Then
    assert (PHOTOMETRIC.typicality(magnitudes) >= THRESHOLD).all()
    assert (SPECTROSCOPIC.typicality(magnitudes, far) < THRESHOLD).all()


def test_a_row_is_as_typical_alone_as_among_thousands() -> None:
    magnitudes, _ = objects(3_000)
    together = PHOTOMETRIC.typicality(magnitudes)
    alone = [PHOTOMETRIC.typicality(magnitudes[place : place + 1])[0] for place in (0, 1_023, 1_024, 2_999)]
    # A height may fall into the next column by rounding.
    np.testing.assert_allclose(alone, together[[0, 1_023, 1_024, 2_999]], atol=0.01)


@given(st.lists(st.floats(5, 35), min_size=5, max_size=5))
def test_any_magnitudes_have_a_typicality_from_0_to_1(row: list[float]) -> None:
    assert 0 <= PHOTOMETRIC.typicality(np.array([row]))[0] <= 1


def test_the_height_is_that_of_the_gaussian() -> None:
    # Given a row in the middle of a class, and one a spread away in u - g
    middle, away = MIDDLES[0], MIDDLES[0] + np.array([0.3, 0, 0, 0, 0])
    # When
    heights = PHOTOMETRIC.heights(np.array([middle, away]))[0]
    # Then it falls by half the square
    np.testing.assert_allclose(heights[0] - heights[1], 0.5, atol=1e-4)


def test_coordinates_are_colours_r_and_the_redshift() -> None:
    found = coordinates(np.array([[5.0, 4.0, 2.0, 1.5, 1.0]]), np.array([0.05]))
    np.testing.assert_allclose(found, [[1.0, 2.0, 0.5, 0.5, 2.0, np.arcsinh(1.0)]])


def test_they_are_read_as_they_were_written() -> None:
    magnitudes, _ = objects(100)
    again = Mixtures.load(PHOTOMETRIC.save())
    assert np.array_equal(again.typicality(magnitudes), PHOTOMETRIC.typicality(magnitudes))


def _of_other_shapes() -> bytes:
    other = mixtures()
    other.low = other.low[:-1]
    return other.save()


@pytest.mark.parametrize(
    "content", [b"", PHOTOMETRIC.save()[:400], _of_other_shapes()], ids=["empty", "cut", "other shapes"]
)
def test_a_damaged_file_is_named(content: bytes) -> None:
    with pytest.raises(ArtefactError, match="file of mixtures"):
        Mixtures.load(content)
