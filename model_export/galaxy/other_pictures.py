"""The pictures as other instruments, surveys and programs would have made them."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# The stretch of SDSS pictures, f = asinh(Q I) / Q with Q = 8 (Lupton et al. 2004).
Q: Final = 8.0
DARKEST: Final = 1 / 512  # half an 8-bit level
QUALITIES: Final = (30, 60)
# The pictures of the DESI Legacy Imaging Surveys: f = asinh(Q I) / sqrt(Q) of the bands z, r and g with an offset, at
# weights of 2.2, 3.4 and 6.0 and pixels of 0.262" instead of 0.396". i stands for z.
Z_TO_I: Final = 1.25  # a galaxy's flux in z relative to that in i, about
DECALS_Q, DECALS_OFFSET = 20.0, 0.03
DECALS_WEIGHTS: Final = np.array([2.2 * Z_TO_I / 1.0, 3.4 / 1.5, 6.0 / 2.5]) * (0.262 / 0.396) ** 2
TO_SIGMA: Final = 1.4826  # of the median absolute deviation of a normal distribution
# Neighbouring pixels of a compressed picture are alike, so the steps between them show too little noise, and frames of
# which most is cut off to black show none.
LEAST_NOISE: Final = 2.0  # of 255


def light(content: bytes) -> NDArray[np.float64]:
    """(height, width, 3) flux of a picture, red first, in arbitrary units."""
    pixels = _pixels(content) / 255
    shown = np.maximum(pixels.mean(axis=2, keepdims=True), DARKEST)
    return np.asarray(pixels / shown * np.sinh(Q * shown) / Q)


def png(pixels: NDArray[Any]) -> bytes:
    """A picture as a PNG file."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def half_the_resolution(content: bytes) -> bytes:
    """A picture of half the width and height."""
    picture = Image.open(BytesIO(content)).convert("RGB")
    return png(np.asarray(picture.reduce(2)))


def twice_the_noise(content: bytes) -> bytes:
    """A picture with so much noise added that the sky has twice its own."""
    pixels = _pixels(content)
    steps = np.diff(pixels, axis=1)
    sigma = TO_SIGMA * np.median(np.abs(steps), axis=(0, 1)) / np.sqrt(2)
    added = np.sqrt(3) * np.maximum(sigma, LEAST_NOISE)
    noise = np.random.default_rng(zlib.crc32(content)).normal(0, added, pixels.shape)
    return png(np.clip(np.round(pixels + noise), 0, 255).astype(np.uint8))


def as_decals(content: bytes) -> bytes:
    """A picture in the stretch and colours of DECaLS, with the depth of its own survey."""
    flux = light(content) * DECALS_WEIGHTS + DECALS_OFFSET
    mean = flux.mean(axis=2, keepdims=True)
    shown = flux * np.arcsinh(DECALS_Q * mean) / np.sqrt(DECALS_Q) / mean
    return png(np.round(255 * np.clip(shown, 0, 1)).astype(np.uint8))


def jpeg(quality: int) -> Callable[[bytes], bytes]:
    """The conversion into JPEG of a quality."""

    def convert(content: bytes) -> bytes:
        buffer = BytesIO()
        Image.open(BytesIO(content)).convert("RGB").save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()

    return convert


def _pixels(content: bytes) -> NDArray[np.float64]:
    return np.asarray(Image.open(BytesIO(content)).convert("RGB"), np.float64)


CONVERSIONS: Final[dict[str, Callable[[bytes], bytes]]] = {
    **{f"JPEG of quality {quality}": jpeg(quality) for quality in QUALITIES},
    "half the resolution": half_the_resolution,
    "twice the noise": twice_the_noise,
    "the stretch and colours of DECaLS": as_decals,
}
