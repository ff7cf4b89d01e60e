"""Measured brightness (FITS, 32-bit TIFF, counts in 16 bits) as a picture of the size that a model takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from skysort.errors import MalformedInputError
from skysort.images import stretch
from skysort.images.geometry import MARGIN, inside, resampling
from skysort.limits import MEASURED_PIXELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysort.images.geometry import Box, InputSpec

SIXTEEN_BITS: Final = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
NUMBERS: Final = frozenset({"I", "F"})
# Pillow's modes of pictures of more than eight bits.
MODES: Final = SIXTEEN_BITS | NUMBERS
_BRIGHTEST: Final = 0.9995  # of the pixels: a hot one must not decide
_COUNTS_SHARE: Final = 0.25


def shrink(picture: Image.Image, spec: InputSpec, box: Box) -> Image.Image:
    """Pictures of more than eight bits: 16-bit grey by its full scale, 32-bit numbers as measurements.

    16-bit grey that uses little of its scale is a detector's counts, and measured like them.
    """
    numbers = np.asarray(picture)
    if picture.mode in SIXTEEN_BITS and not _is_counts(numbers):
        scaled = ((numbers.astype(np.uint32) + 128) // 257).astype(np.uint8)
        return Image.fromarray(scaled).resize((spec.width, spec.height), resampling(spec, box), box).convert("RGB")
    left, upper, right, lower = outer(box, picture.size)
    step = stretch.sample_step(numbers.size)
    frame, values = (
        _measured(part[..., np.newaxis]) for part in (numbers[::step, ::step], numbers[upper:lower, left:right])
    )
    return draw(values, frame, spec, (box[0] - left, box[1] - upper, box[2] - left, box[3] - upper))


def draw(values: NDArray[np.float64], frame: NDArray[np.float64], spec: InputSpec, box: Box) -> Image.Image:
    """Draw measured brightness, (height, width, 1 or 3) with NaN for no value, and cut a window out of it.

    frame: a sample of the whole picture's values, for its sky.
    """
    sky = stretch.sky_levels(frame, values)
    with np.errstate(over="ignore"):
        light = np.nan_to_num(values - sky, nan=0.0)
    factor = int(min((box[2] - box[0]) / spec.width, (box[3] - box[1]) / spec.height) / MARGIN)
    factor = max(1, factor)
    if not light.any():
        raise MalformedInputError("every pixel that the model looks at has the same value: there is nothing to be seen")
    light = stretch.reduce(light, factor)
    drawn = Image.fromarray(stretch.lupton_rgb(light))
    shown = inside((box[0] / factor, box[1] / factor, box[2] / factor, box[3] / factor), *drawn.size)
    return drawn.resize((spec.width, spec.height), resampling(spec, shown), shown)


def outer(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The whole pixels that a window touches."""
    return int(box[0]), int(box[1]), min(size[0], int(-(-box[2] // 1))), min(size[1], int(-(-box[3] // 1)))


def _is_counts(numbers: NDArray[Any]) -> bool:
    """Whether 16-bit numbers are counts: what was drawn to be looked at reaches further up its scale.

    Larger pictures than may be worked on as measurements are taken for drawn.
    """
    step = stretch.sample_step(numbers.size)
    brightest = float(np.quantile(numbers[::step, ::step], _BRIGHTEST))
    return numbers.size <= MEASURED_PIXELS and brightest < _COUNTS_SHARE * np.iinfo(np.uint16).max


def _measured(numbers: NDArray[Any]) -> NDArray[np.float64]:
    values = numbers.astype(np.float64)
    values[~np.isfinite(values)] = np.nan
    return values
