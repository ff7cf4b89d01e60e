"""Whether the galaxy of a picture is framed as the model knows it: neither too close, too small, nor off centre.

Measured on a coarse grid of the model's input: sky and its noise from the corners, then the light above them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np

from skysort.errors import ArtefactError
from skysort.input_warnings import InputWarning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

# The card's entry.
ENTRY: Final = "framing"
_GRID: Final = 64
_DOWN, _ACROSS = (np.mgrid[:_GRID, :_GRID] - (_GRID - 1) / 2) / (_GRID / 2)
_RADIUS: Final = np.hypot(_DOWN, _ACROSS).ravel()
# Of half a side: where sky is, where a galaxy that fills the frame still is, its middle, and where its light is sought.
_FAR, _EDGES, _NEAR = 1.15, (0.8, 1.0), 0.1
_CORNERS: Final = np.flatnonzero(_RADIUS > _FAR)
_EDGE: Final = np.flatnonzero((_EDGES[0] < _RADIUS) & (_EDGES[1] > _RADIUS))
_MIDDLE: Final = np.flatnonzero(_RADIUS < _NEAR)
_BINS: Final = 32
_BIN: Final = np.minimum((_RADIUS * _BINS).astype(np.intp), _BINS)
_WITHIN: Final = 20  # bins
_PLACE: Final = (np.arange(_GRID, dtype=np.float32) - (_GRID - 1) / 2) / (_GRID / 2)
_LEAST_NOISE: Final = np.float32(0.7)  # of 255
_TO_SIGMA: Final = np.float32(1.4826)  # of the lower quartile below the median
_ABOVE: Final = 2  # sigma
# Below it there is no galaxy to be framed.
_LEAST_CONTRAST: Final = 5.0


class Measured(NamedTuple):
    """The framing of a picture, in units of half its side.

    edge: brightness above the sky near the edges, relative to the middle's. half_light: radius that holds half of the
    light within 0.6. offset: distance of the centre of light from the middle. contrast: the middle above the sky, in
    units of its noise.
    """

    edge: float
    half_light: float
    offset: float
    contrast: float


@dataclass(frozen=True, slots=True)
class Framing:
    """The limits of good framing: the largest edge and offset, and the smallest half-light radius."""

    edge: float
    half_light: float
    offset: float

    @classmethod
    def of_card(cls, document: Mapping[str, Any]) -> Self | None:
        """What a card says, None if it says nothing; raises ArtefactError."""
        if ENTRY not in document:
            return None
        try:
            limits = document[ENTRY]["limits"]
            return cls(*(float(limits[name]) for name in ("edge", "half_light", "offset")))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"the card does not describe its framing in full: {error!r:.200}") from error

    def check(self, pixels: NDArray[np.uint8]) -> InputWarning | None:
        """What is wrong with the framing of a model's input, (side, side, 3); None if nothing is."""
        found = measure(pixels)
        if found.offset > self.offset:
            return InputWarning("framing_off_centre", "the brightest object is not in the middle; centre the galaxy")
        if found.contrast < _LEAST_CONTRAST:
            return None
        if found.edge > self.edge:
            return InputWarning(
                "framing_too_close", "the galaxy fills the frame; leave as much sky around it as it is wide"
            )
        if found.half_light < self.half_light:
            return InputWarning(
                "framing_too_small", "the object is small in its frame; cut it out at about four times its width"
            )
        return None


def measure(pixels: NDArray[np.uint8]) -> Measured:
    """Measure (side, side, 3) pixels, of a side that is a multiple of 64."""
    step = pixels.shape[0] // _GRID
    light = pixels[::step, ::step, 1].astype(np.float32)
    flat = light.ravel()
    corners = flat[_CORNERS]
    quarter, half = len(corners) // 4, len(corners) // 2
    corners.partition((quarter, half))
    sky = corners[half]
    noise = max((sky - corners[quarter]) * _TO_SIGMA, _LEAST_NOISE)
    middle = float(flat[_MIDDLE].mean() - sky)
    edge = flat[_EDGE]
    edge.partition(len(edge) // 2)
    light -= sky + _ABOVE * noise
    np.maximum(light, 0, out=light)
    enclosed = np.cumsum(np.bincount(_BIN, light.ravel(), _BINS + 1))
    total = max(float(enclosed[-1]), 1.0)
    down, across = float(light.sum(axis=1) @ _PLACE), float(light.sum(axis=0) @ _PLACE)
    return Measured(
        float(edge[len(edge) // 2] - sky) / max(middle, float(noise)),
        (int(np.searchsorted(enclosed[:_WITHIN], enclosed[_WITHIN - 1] / 2)) + 1) / _BINS,
        float(np.hypot(down, across)) / total,
        middle / float(noise),
    )
