"""From measured brightness to display: filling holes, binning, the asinh stretch of Lupton et al. 2004."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import MalformedInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMOOTHING_PASSES: Final = 8
# The stretch (PASP 116, 133) is linear up to about three times the noise, logarithmic beyond.
_SOFTENING_SIGMAS: Final = 3.0
# Without noise (simulations): three decades of brightness between the linear part and white.
_NOISELESS_RANGE: Final = 1_000.0
# Pixels above this quantile are white: a galaxy's core fills more, a cosmic-ray hit less.
_WHITE_QUANTILE: Final = 0.9995
_SIGMA_PER_MAD: Final = 1.4826  # of a normal distribution
_MAX_SAMPLE: Final = 1_000_000
# Red, green and blue light of a galaxy relative to their mean, in the galaxy network's training pictures
# (model_export/galaxy/results/forms.json).
GALAXY_COLOUR: Final = (1.159, 0.997, 0.844)


def sample_step(values: int) -> int:
    """The sampling step of rows and columns that is enough to estimate the sky of a frame of so many values."""
    return max(1, math.isqrt(values // _MAX_SAMPLE))


def sky_levels(frame: NDArray[np.float64], window: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median of each band over the whole frame, which is mostly sky, unlike its centre.

    Parameters
    ----------
    frame
        (height, width, bands) values of the frame, or a sample of them; NaN for no value.
    window
        (height, width, bands), the part that is drawn.

    Returns
    -------
    (bands,)

    Raises
    ------
    MalformedInputError
        Where a band has no value in the window.
    """
    levels = []
    for band in range(window.shape[-1]):
        shown, sky = (part[..., band][~np.isnan(part[..., band])] for part in (window, frame))
        if not shown.size:
            raise MalformedInputError("the picture has no pixel with a value")
        levels.append(float(np.median(sky if sky.size else shown)))
    return np.array(levels)


def reduce(values: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Bin by factor: the mean of each block of pixels, ignoring NaN; an incomplete last block is dropped."""
    # On the linear scale, where light adds up.
    if factor <= 1:
        return values
    height, width, bands = values.shape
    rows, columns = height // factor, width // factor
    blocks = values[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor, bands)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        means: NDArray[np.float64] = blocks.mean(axis=(1, 3))
        if np.isnan(means).any():
            known = ~np.isnan(blocks)
            means = np.where(known, blocks, 0.0).sum(axis=(1, 3)) / known.sum(axis=(1, 3))
    return means


def fill(values: NDArray[np.float64], outside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill holes from the surrounding pixels: a saturated core is bright, a dead column is like its neighbours.

    Parameters
    ----------
    values
        (height, width, bands), NaN for no value.
    outside
        (height, width) mask of unobserved pixels, which stay NaN.

    Returns
    -------
    The filled values; a band without any value stays NaN.
    """
    missing = np.isnan(values) & ~outside[..., np.newaxis]
    if not missing.any():
        return values
    filled = np.stack([_from_the_rim(values[..., band], missing[..., band]) for band in range(values.shape[2])], axis=2)
    known = np.where(np.isnan(filled), 0.0, 1.0)
    for _ in range(_SMOOTHING_PASSES):
        light, weight = _neighbours(np.nan_to_num(filled, nan=0.0)), _neighbours(known)
        with np.errstate(invalid="ignore", divide="ignore"):
            filled = np.where(missing & (weight > 0), light / weight, filled)
    return filled


def _from_the_rim(values: NDArray[np.float64], holes: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill one band's holes from their rims inwards, each pixel once, by the mean of its known neighbours."""
    wide = np.pad(values, 1, constant_values=np.nan)
    stride = wide.shape[1]
    around = np.array([-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1])
    flat, open_ = wide.reshape(-1), np.pad(holes, 1).reshape(-1)
    waiting = np.flatnonzero(open_)
    while waiting.size:
        near = waiting[:, np.newaxis] + around
        light = flat[near]
        known = ~np.isnan(light)
        count = known.sum(axis=1)
        ready = count > 0
        with np.errstate(over="ignore"):
            flat[waiting[ready]] = np.where(known, light, 0.0)[ready].sum(axis=1) / count[ready]
        open_[waiting[ready]] = False
        further = near[ready]
        waiting = np.unique(further[open_[further]])
    return wide[1:-1, 1:-1]


def _neighbours(values: NDArray[np.float64]) -> NDArray[np.float64]:
    wide = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    return wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]


def lupton_rgb(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The colour composite of Lupton et al.: asinh of the intensity, so that bright and faint parts keep their colour.

    Parameters
    ----------
    light
        (height, width, 1 or 3) brightness above the sky, red first; NaN is drawn as sky and ignored in the noise.

    Returns
    -------
    (height, width, 3)
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        known = None
        if np.isnan(light).any():
            known = ~np.asarray(np.isnan(light).any(axis=2))
            light = np.where(known[..., np.newaxis], light, 0.0)
        # Only ratios matter: normalised first, so that no sum overflows.
        peak = float(np.abs(light).max(initial=0.0))
        if peak == 0:
            return np.zeros((*light.shape[:2], 3), np.uint8)
        light = light / peak
        light = light * _band_weights(light if known is None else light[known])
        intensity = light.mean(axis=2)
        observed = intensity if known is None else intensity[known]
        noise = _noise(observed)
        white = float(np.quantile(observed, _WHITE_QUANTILE))
        white = white if white > 0 else float(observed.max())
        if white <= 0:
            return np.zeros((*light.shape[:2], 3), np.uint8)
        softening = max(_SOFTENING_SIGMAS * noise, white / _NOISELESS_RANGE)
        shown = np.arcsinh(intensity / softening) / np.arcsinh(white / softening)
        gain = np.where(intensity > 0, shown / intensity, 0.0)
        colours = np.clip(light * gain[..., np.newaxis], 0.0, None)
        # A saturated colour keeps its hue.
        colours /= np.maximum(colours.max(axis=2, keepdims=True), 1.0)
        scaled = (np.nan_to_num(colours, nan=0.0) * 255 + 0.5).astype(np.uint8)
    return np.repeat(scaled, 3, axis=2) if scaled.shape[2] == 1 else scaled


def colour(light: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The light of (..., bands) above the noise, by band, relative to the mean; None where a band has no light."""
    intensity = light.mean(axis=-1)
    sums = light[intensity > _SOFTENING_SIGMAS * _noise(intensity)].sum(axis=0)
    return sums / sums.mean() if (sums > 0).all() else None


def _band_weights(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the bands that give the light above the noise a typical galaxy's colour."""
    # A galaxy's colour depends on the unit: in nanomaggies it is twice as bright in i as in g, with another zero point
    # or in counts anything. Lupton et al. choose the weights of one survey by hand.
    balance = colour(light) if light.shape[-1] > 1 else None
    if balance is None:
        return np.ones(light.shape[-1])
    weights: NDArray[np.float64] = np.array(GALAXY_COLOUR) / balance
    weights /= weights.max()
    return weights


def _noise(intensity: NDArray[np.float64]) -> float:
    return _SIGMA_PER_MAD * float(np.median(np.abs(intensity - np.median(intensity))))
