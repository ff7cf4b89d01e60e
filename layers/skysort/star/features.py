"""What the star model looks at, and why.

Colours (differences of neighbouring bands) are the shape of the spectrum, free of distance
and most of reddening's brightness part: the stellar locus, the quasars' ultraviolet excess
(Richards et al. 2002) and the red sequence of galaxies are lines and blobs in colour space.
The magnitudes themselves carry the survey's selection. The redshift, where a spectrum gave
one, separates stars (|z| < 0.005) from the rest almost alone. The position on the sky is no
property of an object: it is accepted in a row and never learnt from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.star.columns import BANDS, REDSHIFT

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Pairs of indices into BANDS: the four neighbouring colours, then two wide ones.
COLOURS: Final = ((0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (1, 3))
COLOUR_NAMES: Final = tuple(f"{BANDS[a]}-{BANDS[b]}" for a, b in COLOURS)
PHOTOMETRIC: Final = (*BANDS, *COLOUR_NAMES)
SPECTROSCOPIC: Final = (*PHOTOMETRIC, REDSHIFT)


def feature_matrix(magnitudes: NDArray[np.float64], redshift: NDArray[np.float64] | None) -> NDArray[np.float32]:
    """The model's input.

    magnitudes: (n, 5) float64, ugriz. redshift: (n,) float64, or None for the photometric model.
    Returns (n, 12) float32 in the order of SPECTROSCOPIC, or (n, 11) in that of PHOTOMETRIC.
    """
    width = len(PHOTOMETRIC) if redshift is None else len(SPECTROSCOPIC)
    features = np.empty((len(magnitudes), width), dtype=np.float32)
    features[:, : len(BANDS)] = magnitudes
    for column, (first, second) in enumerate(COLOURS, start=len(BANDS)):
        # Subtract in float64: rounding before the difference would cost colours a digit.
        features[:, column] = magnitudes[:, first] - magnitudes[:, second]
    if redshift is not None:
        features[:, -1] = redshift
    return features
