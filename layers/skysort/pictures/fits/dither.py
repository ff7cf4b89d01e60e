"""Real numbers that a FITS image holds as scaled whole ones (FITS Standard 4.0, section 10.2 and appendix I)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NONE: Final = "NONE"
NO_DITHER: Final = "NO_DITHER"
DITHER_1: Final = "SUBTRACTIVE_DITHER_1"
DITHER_2: Final = "SUBTRACTIVE_DITHER_2"
METHODS: Final = frozenset({NO_DITHER, DITHER_1, DITHER_2})
SEEDS: Final = 10_000
# The whole number that stands for exactly 0 under the second method.
ZERO: Final = -2_147_483_646
_MULTIPLIER: Final = 16_807
_MODULUS: Final = 2_147_483_647
_SPREAD: Final = 500  # numbers among which a tile begins


@cache
def random_numbers() -> NDArray[np.float32]:
    """The 10,000 numbers between 0 and 1 that every writer and reader uses (Park and Miller 1988, CACM 31, 1192)."""
    numbers, seed = np.empty(SEEDS, np.float32), 1
    for number in range(SEEDS):
        seed = seed * _MULTIPLIER % _MODULUS
        numbers[number] = seed / _MODULUS
    return numbers


def dither(tile: int, seed: int, values: int) -> NDArray[np.float32]:
    """The random numbers of a tile's values.

    tile: its number, from 0. seed: the image's ZDITHER0, 1 to 10,000.
    """
    numbers = random_numbers()
    at = (tile + seed - 1) % SEEDS
    parts = []
    while values > 0:
        start = int(numbers[at] * np.float32(_SPREAD))
        parts.append(numbers[start : start + values])
        values -= len(parts[-1])
        at = (at + 1) % SEEDS
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def real(
    whole: NDArray[Any], scale: float, zero: float, noise: NDArray[np.float32] | None = None
) -> NDArray[np.float64]:
    """A tile's real numbers.

    whole: its whole ones. noise: what was added to them, as dither returns it; None without dithering.
    """
    values = whole.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        if noise is not None:
            values -= noise
            values += 0.5
        values *= scale
        values += zero
    return values
