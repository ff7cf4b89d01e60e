"""What telescopes show that is no galaxy: empty sky, stars, trails, cosmic rays, faults of detectors.

Skies are rendered, or put together from the corners of galaxy frames, so that their noise is the survey's own. What is
added is added as light, under the stretch of SDSS's pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.common.odd_pictures import happens, smooth, to_pixels
from model_export.galaxy.other_pictures import Q, light

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from model_export.common.odd_pictures import Pixels

    Floats = NDArray[np.float64]
    Draw = Callable[[np.random.Generator, bytes], Pixels]

SIDES: Final = (64, 100, 128, 200, 256)
FRAME: Final = 256
# Of a frame's corners that show no part of its galaxy.
TILE: Final = 64
FLOOR: Final = 1e-4
# Peaks of stars, in units of the brightest that the stretch shows as it is.
BRIGHT, SATURATED = 3.0, 30.0


def sky(draw: np.random.Generator, frame: bytes) -> Floats:
    """(side, side, 3) light of a sky without its galaxy: the frame's own, put together anew, or a rendered one."""
    if happens(draw, 0.5):
        return _own_sky(draw, frame)
    side = int(draw.choice(SIDES))
    grain = smooth(draw.standard_normal((side, side, 3)), draw.choice([0, 0.5, 0.8, 1.5, 3.0]))
    flux = 10 ** draw.uniform(-2.7, -1.2) * grain / max(float(grain.std()), FLOOR)
    flux += draw.choice([0.0, 0.0, 0.01, 0.03, 0.1])
    for _ in range(draw.poisson(side / 60)):  # what lies behind, not in the middle
        place = draw.uniform(0, side, 2)
        if np.abs(place - side / 2).max() > side / 10:
            flux += (
                10 ** draw.uniform(-2, 0) * _moffat(side, place, draw.uniform(1.2, 3), 3.0)[..., np.newaxis] * hue(draw)
            )
    return flux


def empty(draw: np.random.Generator, frame: bytes) -> Pixels:
    """A sky with nothing in the middle."""
    return shown(draw, sky(draw, frame))


def star(draw: np.random.Generator, frame: bytes) -> Pixels:
    """A star in the middle, faint or saturated, with spikes and bleeding or without; sometimes a pair."""
    flux = sky(draw, frame)
    side = len(flux)
    width = side / 256 * np.exp(draw.uniform(np.log(2.0), np.log(14.0)))
    beta, full = draw.uniform(2.2, 5.0), 10 ** draw.uniform(0.3, 1.5)
    turn, spiked = draw.uniform(0, np.pi / 2) * happens(draw, 0.7), happens(draw, 0.5)
    for number in range(1 if happens(draw, 0.75) else 2):
        place = side / 2 + draw.normal(0, side / 60, 2) + (number > 0) * draw.uniform(-0.15, 0.15, 2) * side
        peak = 10 ** draw.uniform(-1.0, 3.0)
        shape = _moffat(side, place, width, beta)
        if peak > BRIGHT:  # only bright stars show what surrounds them
            shape += _halo(side, place, width) * 10 ** draw.uniform(-3.5, -2)
            if spiked:
                shape += _spikes(side, place, width, turn, int(draw.choice([2, 2, 2, 3, 4]))) * 10 ** draw.uniform(
                    -3, -1.3
                )
        flux = flux + peak * shape[..., np.newaxis] * hue(draw)
        if peak > SATURATED and happens(draw, 0.4):
            flux += full * _bleeding(draw, side, place, width)[..., np.newaxis]
    if happens(draw, 0.7):
        flux = np.minimum(flux, full)
    return shown(draw, flux)


def stars(draw: np.random.Generator, frame: bytes) -> Pixels:
    """A field of stars, or a cluster of them."""
    flux = sky(draw, frame)
    side = len(flux)
    width, spread = side / 256 * draw.uniform(2, 8), draw.uniform(0.08, 0.6)
    gathered = happens(draw, 0.4)
    for _ in range(draw.integers(6, 90)):
        place = side / 2 + spread * side * draw.standard_normal(2) / 2 if gathered else draw.uniform(0, side, 2)
        flux = flux + 10 ** draw.uniform(-1.3, 1.5) * _moffat(side, place, width, 3.0)[..., np.newaxis] * hue(draw)
    return shown(draw, flux)


def trail(draw: np.random.Generator, frame: bytes) -> Pixels:
    """Trails of satellites, aeroplanes, meteors: whole, dashed, or one a band."""
    flux = sky(draw, frame)
    side = len(flux)
    down, across = _grid(side)
    for _ in range(1 if happens(draw, 0.7) else draw.integers(2, 5)):
        angle, offset = draw.uniform(0, np.pi), draw.normal(0, side / 12)
        beside = across * np.sin(angle) - down * np.cos(angle) + offset
        along = across * np.cos(angle) + down * np.sin(angle)
        width = side / 256 * draw.uniform(1.0, 6.0)
        line = np.exp(-0.5 * (beside / width) ** 2)
        if happens(draw, 0.25):
            line *= np.sin(2 * np.pi * along / draw.uniform(10, side)) > draw.uniform(-0.7, 0.7)
        if happens(draw, 0.2):
            line *= 1 / (1 + np.exp((np.abs(along) - draw.uniform(0.1, 0.4) * side) / 2))
        flux = flux + 10 ** draw.uniform(-1.2, 1.2) * line[..., np.newaxis] * hue(draw, 0.6)
    return shown(draw, flux)


def cosmic_rays(draw: np.random.Generator, frame: bytes) -> Pixels:
    """Hot pixels and short sharp tracks."""
    flux = sky(draw, frame)
    side = len(flux)
    for _ in range(draw.integers(3, 60)):
        place, angle = draw.uniform(0, side, 2), draw.uniform(0, np.pi)
        steps = np.arange(draw.exponential(6) + 1)
        down = (place[0] + steps * np.sin(angle)).astype(int).clip(0, side - 1)
        across = (place[1] + steps * np.cos(angle)).astype(int).clip(0, side - 1)
        flux[down, across] += 10 ** draw.uniform(-0.5, 1.0) * hue(draw, 0.8)
    return shown(draw, flux)


def fault(draw: np.random.Generator, frame: bytes) -> Pixels:
    """Faults of detectors and optics: columns, edges, steps, ghosts, fringes, saturated frames."""
    flux = sky(draw, frame)
    side = len(flux)
    down, across = _grid(side)
    level = 10 ** draw.uniform(-1.2, 0.7)
    match draw.integers(6):
        case 0:
            for _ in range(draw.integers(1, 8)):
                first, width = int(draw.integers(0, side)), int(draw.integers(1, max(2, side // 30)))
                flux[:, first : first + width] = draw.choice([0.0, level, 5 * level])
        case 1:
            flux[across + draw.normal(0, side / 8) > 0] = draw.choice([0.0, 0.0, level])
        case 2:
            flux[down > draw.normal(0, side / 8)] += level
            flux *= 1 + draw.uniform(-0.3, 0.3, 3)
        case 3:
            far = np.hypot(down - draw.normal(0, side / 10), across - draw.normal(0, side / 10)) / side
            outer = draw.uniform(0.08, 0.4)
            ring = _edge(far, outer) - draw.choice([0.0, 1.0]) * _edge(far, outer * draw.uniform(0.2, 0.6))
            flux = flux + 0.3 * level * ring[..., np.newaxis] * hue(draw)
        case 4:
            wave = np.sin(
                np.hypot(down - draw.uniform(-2, 2) * side, across - draw.uniform(-2, 2) * side) / draw.uniform(2, 20)
            )
            flux = flux + 0.2 * level * wave[..., np.newaxis]
        case _:
            flux = flux + 10 ** draw.uniform(-0.3, 1.5)
    return shown(draw, flux)


SKIES: Final[Mapping[str, Draw]] = {
    "empty sky": empty,
    "stars": star,
    "star fields": stars,
    "trails": trail,
    "cosmic rays": cosmic_rays,
    "faults": fault,
}


def _own_sky(draw: np.random.Generator, frame: bytes) -> Floats:
    """The light of a frame whose middle half is put together from its corners, turned at random."""
    flux = light(frame)
    if flux.shape[:2] != (FRAME, FRAME):
        return flux[:TILE, :TILE]
    corners = [flux[y : y + TILE, x : x + TILE] for y in (0, FRAME - TILE) for x in (0, FRAME - TILE)]
    corners = sorted(corners, key=lambda corner: float(np.quantile(corner, 0.995)))[:3]
    chosen = [corners[number] for number in draw.integers(0, len(corners), 4)]
    tiles = [np.rot90(tile[:: int(draw.choice([-1, 1]))], int(draw.integers(4))) for tile in chosen]
    flux = flux.copy()
    middle = slice(FRAME // 2 - TILE, FRAME // 2 + TILE)
    flux[middle, middle] = np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])])
    return flux


def shown(draw: np.random.Generator, flux: Floats) -> Pixels:
    """Light as SDSS's pictures show it, sometimes as grey or under another stretch."""
    flux = np.maximum(flux, 0.0) * draw.choice([1.0, 1.0, 0.5, 2.0])
    mean = np.maximum(flux.mean(axis=2, keepdims=True), FLOOR)
    if happens(draw, 0.8):
        shown = flux / mean * np.arcsinh(Q * mean) / Q
    else:
        shown = np.sqrt(flux) if happens(draw, 0.5) else flux
    shown = shown / np.maximum(shown.max(axis=2, keepdims=True), 1.0)
    if happens(draw, 0.2):
        shown = np.repeat(shown.mean(axis=2, keepdims=True), 3, axis=2)
    return to_pixels(255 * shown)


def hue(draw: np.random.Generator, spread: float = 0.25) -> Floats:
    """(3,) colour around white, mostly from red to blue."""
    tilt = draw.normal(0, spread)
    return np.exp(np.array([tilt, 0.0, -tilt]) + draw.normal(0, spread / 5, 3))


def _grid(side: int) -> tuple[Floats, Floats]:
    down, across = np.mgrid[:side, :side] - side / 2
    return down, across


def _moffat(side: int, place: Floats, width: float, beta: float) -> Floats:
    """A star's profile of a full width at half maximum, with a peak of 1."""
    down, across = np.mgrid[:side, :side] + 0.5
    core = (width / 2) ** 2 / (2 ** (1 / beta) - 1)
    return np.asarray((1 + ((down - place[0]) ** 2 + (across - place[1]) ** 2) / core) ** -beta)


def _halo(side: int, place: Floats, width: float) -> Floats:
    down, across = np.mgrid[:side, :side] + 0.5
    return np.asarray(1 / (1 + np.hypot(down - place[0], across - place[1]) / (3 * width)) ** 2)


def _spikes(side: int, place: Floats, width: float, turn: float, count: int) -> Floats:
    """`count` lines through a star, falling off outwards."""
    down, across = np.mgrid[:side, :side] + 0.5
    down, across = down - place[0], across - place[1]
    far = 1 / (1 + np.hypot(down, across) / (4 * width)) ** 1.5
    angles = turn + np.arange(count) * np.pi / count
    lines = [np.exp(-0.5 * ((across * np.sin(a) - down * np.cos(a)) / (0.3 * width)) ** 2) for a in angles]
    return np.asarray(far * np.sum(lines, axis=0))


def _bleeding(draw: np.random.Generator, side: int, place: Floats, width: float) -> Floats:
    """Charge that runs along a star's columns or rows."""
    down, across = np.mgrid[:side, :side] + 0.5
    down, across = down - place[0], across - place[1]
    if happens(draw, 0.5):
        down, across = across, down
    reach = draw.uniform(0.05, 0.7) * side
    return ((np.abs(across) < draw.uniform(0.3, 1.2) * width) & (np.abs(down) < reach)).astype(np.float64)


def _edge(far: Floats, radius: float) -> Floats:
    return np.asarray(1 / (1 + np.exp((far - radius) * 100)))
