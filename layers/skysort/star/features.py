"""The features of the star model, and why.

Magnitudes
    Carry the survey's selection: which types of objects are that bright.
Colours, differences of two bands
    The shape of the spectrum, independent of distance. The stellar locus, the quasars' ultraviolet
    excess (Richards et al. 2002) and the red sequence of galaxies are lines and blobs in colour
    space. The four adjacent colours, and two wide ones that span the 4000 A break.
Curvatures, differences of adjacent colours
    Whether the spectrum bends. A quasar's power law is straight and a star's black body is not;
    an emission line in one band gives a bend there. A tree cuts along one column at a time, so a
    slanted line in colour space costs it many cuts unless the slant is a column of its own.
Redshift, where a spectrum was taken
    Nearly enough to separate stars (|z| < 0.005) from the rest.
Brightness at distance, r - 5 log10(z)
    The absolute magnitude up to a constant, by Hubble's law: at one redshift a quasar outshines
    a galaxy. Below z = 0.001, where motions through space outweigh the expansion, z counts as 0.001.

The value of each, by cross-validation on the training set, is in model_export/star/README.md: adjacent
colours and curvatures help, the two wide colours and the brightness at distance no longer do since the
booster is tuned. The position on the sky is not a property of an object: it is accepted in a row and
never used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.star.spellings import BANDS, REDSHIFT

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Pairs of indices into BANDS: the four adjacent colours, then two wide ones.
COLOURS: Final = ((0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (1, 3))
COLOUR_NAMES: Final = tuple(f"{BANDS[a]}-{BANDS[b]}" for a, b in COLOURS)
# The middle band of each curvature: (before - middle) - (middle - after).
BENDS: Final = (1, 2, 3)
BEND_NAMES: Final = tuple(f"bend_{BANDS[middle]}" for middle in BENDS)
DISTANCE_MAGNITUDE: Final = "r-5log10(redshift)"
# Peculiar velocities are a few hundred km/s, which is z = 0.001.
NEAREST_REDSHIFT: Final = 1e-3
R: Final = BANDS.index("r")
PHOTOMETRIC: Final = (*BANDS, *COLOUR_NAMES, *BEND_NAMES)
SPECTROSCOPIC: Final = (*PHOTOMETRIC, REDSHIFT, DISTANCE_MAGNITUDE)


def feature_matrix(magnitudes: NDArray[np.float64], redshift: NDArray[np.float64] | None) -> NDArray[np.float32]:
    """Compute the model's input.

    Parameters
    ----------
    magnitudes
        (n, 5), ugriz in mag.
    redshift
        (n,), or None for the photometric model.

    Returns
    -------
    (n, 16) in the order of SPECTROSCOPIC, or (n, 14) in that of PHOTOMETRIC.
    """
    width = len(PHOTOMETRIC) if redshift is None else len(SPECTROSCOPIC)
    features = np.empty((len(magnitudes), width), dtype=np.float32)
    features[:, : len(BANDS)] = magnitudes
    # Subtract in float64: rounding before the difference would cost colours a digit.
    for column, (first, second) in enumerate(COLOURS, start=len(BANDS)):
        features[:, column] = magnitudes[:, first] - magnitudes[:, second]
    for column, middle in enumerate(BENDS, start=len(BANDS) + len(COLOURS)):
        features[:, column] = magnitudes[:, middle - 1] + magnitudes[:, middle + 1] - 2.0 * magnitudes[:, middle]
    if redshift is not None:
        features[:, -2] = redshift
        features[:, -1] = magnitudes[:, R] - 5.0 * np.log10(np.maximum(redshift, NEAREST_REDSHIFT))
    return features
