"""Galaxies rendered by arithmetic: exponential discs with arms, seen from any side, and Sersic's ellipticals.

They keep what is learnt against rendered pictures from taking every rendered picture for foreign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from model_export.common.odd_pictures import happens, smooth
from model_export.galaxy.odd_skies import SIDES, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from model_export.common.odd_pictures import Pixels


def galaxy(draw: np.random.Generator) -> Pixels:
    """A galaxy in the middle of a frame some eight of its radii wide, as in Galaxy Zoo 2."""
    side = int(draw.choice(SIDES))
    down, across = (np.mgrid[:side, :side] + 0.5 - side / 2 + draw.normal(0, side / 200, (2, 1, 1))) / side
    angle = draw.uniform(0, np.pi)
    along = across * np.cos(angle) + down * np.sin(angle)
    off = down * np.cos(angle) - across * np.sin(angle)
    size = np.exp(draw.normal(np.log(0.07), 0.25))
    flat, index = draw.uniform(0.5, 1.0), draw.uniform(1.0, 3.5)
    arms = np.zeros_like(along)
    if happens(draw, 0.4):
        light = _sersic(np.hypot(along, off / flat) / size, index)
    elif happens(draw, 0.5):  # from its side
        thin = size * draw.uniform(0.08, 0.25)
        light = np.exp(-np.abs(along) / size) / np.cosh(off / thin) ** 2
        light += draw.uniform(0.1, 0.9) * np.exp(-((np.hypot(along, off * 1.4) / (0.25 * size)) ** 1.2))
    else:
        radius, turn = np.hypot(along, off / flat) / size, np.arctan2(off / flat, along)
        winding = draw.uniform(1.5, 4) * np.log(radius + 0.2) * draw.choice([-1, 1])
        arms = np.exp(draw.uniform(0.8, 2.5) * (np.cos(draw.choice([2, 2, 3]) * (turn - winding)) - 1))
        light = np.exp(-radius) * (0.35 + draw.uniform(0, 1) * arms) + np.exp(-((radius / 0.25) ** 0.9))
    light = smooth(light[..., np.newaxis], side / 424 * draw.uniform(0.5, 4)) * np.exp(
        0.3 * (1 - 3 * arms[..., np.newaxis]) * [0.5, 0.0, -0.7]
    )
    sky = smooth(draw.standard_normal((side, side, 3)), draw.choice([0, 0.5, 1.0]))
    flux = 10 ** draw.uniform(-0.4, 0.4) * light / light.max() * np.exp(draw.normal(0.1, 0.15) * np.array([1, 0, -1]))
    return shown(draw, flux + 10 ** draw.uniform(-2.6, -1.7) * sky / sky.std() + draw.choice([0.0, 0.0, 0.01, 0.03]))


def _sersic(radius: NDArray[np.float64], index: float) -> NDArray[np.float64]:
    """Sersic's profile of a radius in units of the half-light radius (Ciotti & Bertin 1999)."""
    return np.asarray(np.exp(-(2 * index - 1 / 3) * ((radius + 0.03) ** (1 / index) - 1)))
