"""Cures undo what they name."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from skysort.star.cures import CURES, EXTINCTION, NAMES, VEGA, Cure

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = np.array([[19.1, 18.0, 17.2, 16.9, 16.7], [23.9, 22.3, 20.4, 19.2, 18.8]])


def named(text: str) -> Cure:
    (cure,) = (cure for cure in CURES if text in cure.cause.detail)
    return cure


@pytest.mark.parametrize(
    ("text", "spoilt"),
    [
        ("Vega", ROWS - VEGA),
        ("reddened by E(B-V) of about 0.5", ROWS + 0.5 * EXTINCTION),
        ("extinction, E(B-V) about 0.3", ROWS - 0.3 * EXTINCTION),
        ("u and z are exchanged", ROWS[:, [4, 1, 2, 3, 0]]),
        ("reverse order", ROWS[:, ::-1]),
        ("nanomaggies", 10 ** ((22.5 - ROWS) / 2.5)),
        ("about 2 too large", ROWS + 2.0),
        ("u is about 0.5 too large", ROWS + np.array([0.5, 0, 0, 0, 0])),
        ("z is about 1 too small", ROWS - np.array([0, 0, 0, 0, 1.0])),
    ],
    ids=["vega", "reddened", "dereddened", "exchanged", "reversed", "fluxes", "fainter", "u faint", "z bright"],
)
def test_a_cure_gives_the_magnitudes_back(text: str, spoilt: NDArray[np.float64]) -> None:
    cured, _ = named(text).undo(spoilt)
    np.testing.assert_allclose(cured, ROWS)


def test_every_pair_of_bands_is_tried() -> None:
    details = {cure.cause.detail for cure in CURES}
    assert {f"{first} and {second} are exchanged" for first, second in combinations(NAMES, 2)} <= details


def test_the_jacobian_of_fluxes_is_that_of_the_logarithm() -> None:
    # Given fluxes, and the same a thousandth brighter in u
    fluxes = 10 ** ((22.5 - ROWS) / 2.5)
    brighter = fluxes * np.array([1.001, 1, 1, 1, 1])
    cure = named("nanomaggies")
    # When
    slope = (cure.undo(fluxes)[0][:, 0] - cure.undo(brighter)[0][:, 0]) / (brighter - fluxes)[:, 0]
    others = np.log(2.5 / np.log(10) / fluxes[:, 1:]).sum(axis=1)
    # Then
    np.testing.assert_allclose(cure.undo(fluxes)[1], np.log(slope) + others, atol=1e-3)


def test_fluxes_below_zero_are_fainter_than_all() -> None:
    assert (named("nanomaggies").undo(np.full((1, 5), -3.0))[0] > 30).all()
