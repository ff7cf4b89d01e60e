"""Measured brightness (FITS, 32-bit TIFF, 16-bit counts) drawn as a picture of a model's input size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from PIL import Image

from skysort.errors import MalformedInputError
from skysort.input_warnings import InputWarning
from skysort.limits import MEASURED_PIXELS
from skysort.pictures.geometry import MARGIN, inside, resampling
from skysort.pictures.measurements import stretch
from skysort.pictures.measurements.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysort.pictures.geometry import Box, InputSpec

SIXTEEN_BITS: Final = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
NUMBERS: Final = frozenset({"I", "F"})
# Pillow's modes for more than eight bits.
MODES: Final = SIXTEEN_BITS | NUMBERS
_BRIGHTEST: Final = 0.9995  # of the pixels, since hot ones must not count
# Pictures made for display use more of their range than a detector's counts.
_COUNTS_SHARE: Final = 0.25
_FULL_SCALE: Final = 65_535
_EIGHT_BITS: Final = 255


class Drawn(NamedTuple):
    """A picture of a model's input size, grey if it is a photograph, and its warnings."""

    picture: Image.Image
    warnings: tuple[InputWarning, ...] = ()


def shrink(picture: Image.Image, spec: InputSpec, box: Box) -> Drawn:
    """Cut a window out of a picture with more than eight bits."""
    # 32-bit numbers are measurements. 16-bit grey that uses little of its range is detector counts for a model that is
    # meant for measurements, and a photograph of fewer bits for one of photographs.
    numbers = np.asarray(picture)
    if picture.mode in SIXTEEN_BITS:
        brightest = _brightest(numbers)
        if brightest < _COUNTS_SHARE * _FULL_SCALE and not spec.measurements:
            bits = max(8, int(brightest).bit_length())  # those in use
            return Drawn(_photograph(numbers, 2**bits - 1, spec, box), (_scaled(bits),))
        if brightest >= _COUNTS_SHARE * _FULL_SCALE or numbers.size > MEASURED_PIXELS:
            return Drawn(_photograph(numbers, _FULL_SCALE, spec, box))
    return draw(Frame(numbers[np.newaxis, ::-1]), spec, box)


def _photograph(numbers: NDArray[Any], scale: int, spec: InputSpec, box: Box) -> Image.Image:
    """Scale 16-bit values."""
    wide = numbers.astype(np.uint32)
    scaled = np.minimum((wide * 255 + scale // 2) // scale, 255).astype(np.uint8)
    return Image.fromarray(scaled).resize((spec.width, spec.height), resampling(spec, box), box)


def brightened(small: Image.Image) -> Drawn:
    """A small picture of 16 bits per channel, of which the decoder kept 8, scaled like dark 16-bit grey."""
    colours = np.asarray(small).copy()
    brightest = float(np.quantile(colours[..., :3].max(axis=2), _BRIGHTEST))
    if not 1 <= brightest < _COUNTS_SHARE * _EIGHT_BITS:
        return Drawn(small)
    bits = int(brightest).bit_length()
    scaled = np.minimum(colours[..., :3].astype(np.uint16) * _EIGHT_BITS // (2**bits - 1), _EIGHT_BITS)
    colours[..., :3] = scaled
    return Drawn(Image.fromarray(colours, small.mode), (_scaled(8 + bits),))


def _scaled(bits: int) -> InputWarning:
    detail = f"the 16-bit picture uses {bits} bits of its brightness: {2**bits - 1:,} was taken as white"
    return InputWarning("brightness_scaled", detail)


def draw(frame: Frame, spec: InputSpec, box: Box) -> Drawn:
    """Draw a window of measured brightness; raises MalformedInputError where it is constant."""
    # The sky level is that of the whole frame. Unobserved areas do not count and are drawn as sky; single pixels
    # without a value are filled from their neighbours.
    left, upper, right, lower = outer(box, frame.size)
    step = stretch.sample_step(frame.planes.size)
    values = frame.values(slice(upper, lower), slice(left, right))
    sample = frame.values(slice(None, None, step), slice(None, None, step))
    outside = frame.uncovered()
    beyond = np.zeros(values.shape[:2], np.bool_)
    if outside is not None:
        beyond = outside[upper:lower, left:right]
        values[beyond] = np.nan
        sample[outside[::step, ::step]] = np.nan
    sky = stretch.sky_levels(sample, values)
    with np.errstate(over="ignore", invalid="ignore"):
        light = values - sky
    missing = ~np.isfinite(light)
    if not light[~missing].any() if missing.any() else not light.any():
        raise MalformedInputError("all pixels in the model's window have the same value")
    factor = max(1, int(min((box[2] - box[0]) / spec.width, (box[3] - box[1]) / spec.height) / MARGIN))
    holes = 0
    if missing.any():
        light[missing] = np.nan
        holes = int((missing.any(axis=2) & ~beyond).sum())
    light = stretch.reduce(light, factor)
    if outside is not None or holes:
        light = _completed(light, beyond, factor)
    drawn = Image.fromarray(stretch.lupton_rgb(light))
    edges = (edge - start for edge, start in zip(box, (left, upper, left, upper), strict=True))
    shown = inside(tuple(edge / factor for edge in edges), *drawn.size)  # type: ignore[arg-type]  # four of them
    small = drawn.resize((spec.width, spec.height), resampling(spec, shown), shown)
    return Drawn(small, (*frame.warnings, *_remarks(outside, holes)))


def _completed(light: NDArray[np.float64], beyond: NDArray[np.bool_], factor: int) -> NDArray[np.float64]:
    """Brightness with holes filled; NaN in all bands where one was not observed."""
    missing = np.isnan(light).any(axis=2)
    gone = stretch.reduce(beyond[..., np.newaxis].astype(np.float64), factor)[..., 0] > 0
    filled = stretch.fill(light, gone & missing)
    filled[gone & missing] = np.nan
    return filled


def _remarks(outside: NDArray[np.bool_] | None, holes: int) -> Iterator[InputWarning]:
    if outside is not None:
        share = float(outside.mean())
        detail = f"{share:.0%} of the frame was not observed (constant or empty up to its edge) and was left out"
        yield InputWarning("no_coverage", detail)
    if holes:
        yield InputWarning("holes_filled", f"{holes:,} pixels without a value were filled from those around them")


def outer(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The pixels that a window touches."""
    return int(box[0]), int(box[1]), min(size[0], int(-(-box[2] // 1))), min(size[1], int(-(-box[3] // 1)))


def _brightest(numbers: NDArray[Any]) -> float:
    """The maximum brightness, hot pixels aside."""
    step = stretch.sample_step(numbers.size)
    return float(np.quantile(numbers[::step, ::step], _BRIGHTEST))
