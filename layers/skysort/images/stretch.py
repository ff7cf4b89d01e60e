"""From measured brightness to display: the asinh stretch of Lupton et al. 2004 (PASP 116, 133)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import MalformedInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The stretch is linear up to about three times the noise, logarithmic beyond.
_SOFTENING_SIGMAS: Final = 3.0
# Without noise to go by (simulations): three decades of brightness between linear part and white.
_NOISELESS_RANGE: Final = 1_000.0
# Everything brighter than this share of the pixels is white: a galaxy's core fills more, a cosmic-ray hit less.
_WHITE_QUANTILE: Final = 0.9995
_SIGMA_PER_MAD: Final = 1.4826  # of a normal distribution
_MAX_SAMPLE: Final = 1_000_000


def sky_levels(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median of each band, which in a cutout is sky.

    values: (height, width, bands), NaN for no value. Returns (bands,).
    Raises MalformedInputError when a band has no value at all.
    """
    step = max(1, int((values.size / _MAX_SAMPLE) ** 0.5))
    levels = []
    for band in range(values.shape[-1]):
        plane = values[..., band]
        sample = plane[::step, ::step]
        known = sample[~np.isnan(sample)]
        if not known.size:
            known = plane[~np.isnan(plane)]
        if not known.size:
            raise MalformedInputError("the picture has no pixel with a value")
        levels.append(float(np.median(known)))
    return np.array(levels)


def reduce(values: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Mean of blocks of factor x factor pixels, in the linear scale where light adds up; a rest at the edges goes."""
    if factor <= 1:
        return values
    height, width, bands = values.shape
    rows, columns = height // factor, width // factor
    blocks = values[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor, bands)
    with np.errstate(over="ignore"):
        means: NDArray[np.float64] = blocks.mean(axis=(1, 3))
    return means


def lupton_rgb(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours as Lupton et al. draw them: intensity through asinh, the ratio of the bands kept.

    light: (height, width, 1 or 3) brightness above the sky, red first. Returns (height, width, 3).
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # Only ratios matter: scaled first, so that no sum overflows.
        peak = float(np.abs(light).max(initial=0.0))
        if peak == 0:
            return np.zeros((*light.shape[:2], 3), np.uint8)
        light = light / peak
        intensity = light.mean(axis=2)
        noise = _SIGMA_PER_MAD * float(np.median(np.abs(intensity - np.median(intensity))))
        white = float(np.quantile(intensity, _WHITE_QUANTILE))
        white = white if white > 0 else float(intensity.max())
        if white <= 0:
            return np.zeros((*light.shape[:2], 3), np.uint8)
        softening = max(_SOFTENING_SIGMAS * noise, white / _NOISELESS_RANGE)
        shown = np.arcsinh(intensity / softening) / np.arcsinh(white / softening)
        gain = np.where(intensity > 0, shown / intensity, 0.0)
        colours = np.clip(light * gain[..., np.newaxis], 0.0, None)
        # A colour too bright to be shown keeps its hue.
        colours /= np.maximum(colours.max(axis=2, keepdims=True), 1.0)
        scaled = (np.nan_to_num(colours, nan=0.0) * 255 + 0.5).astype(np.uint8)
    return np.repeat(scaled, 3, axis=2) if scaled.shape[2] == 1 else scaled
