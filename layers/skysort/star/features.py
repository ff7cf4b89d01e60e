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

A trained model has the same features of its own bands, and its extra columns as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from skysort.star.schema import SDSS
from skysort.star.spellings import REDSHIFT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysort.star.schema import Schema

# Peculiar velocities are a few hundred km/s, which is z = 0.001.
NEAREST_REDSHIFT: Final = 1e-3
# Colours of two bands with another between them, from the bluest band on.
_WIDE: Final = 2
_DISTANCE_BAND: Final = "r"


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """The features of a schema, in order.

    Attributes
    ----------
    names
        Of all features: values, colours, bends and, with a redshift, the redshift and the brightness at distance.
    colours
        Pairs of indices of bands: the adjacent ones, then the wide ones.
    bends
        The middle band of each curvature: (before - middle) - (middle - after).
    values
        The number of bands and extra columns.
    band
        The index of the band of the brightness at distance; None without a redshift.
    """

    names: tuple[str, ...]
    colours: tuple[tuple[int, int], ...]
    bends: tuple[int, ...]
    values: int
    band: int | None

    @classmethod
    def of(cls, schema: Schema, *, with_redshift: bool) -> Self:
        """The features of a schema's bands and extra columns."""
        bands = schema.bands
        wide = [(index, index + 2) for index in range(min(_WIDE, len(bands) - 2))]
        colours = (*pairwise(range(len(bands))), *wide)
        bends = tuple(range(1, len(bands) - 1))
        # The middle band stands in for r in other catalogues.
        brightness = _DISTANCE_BAND if _DISTANCE_BAND in bands else bands[len(bands) // 2]
        names = (
            *schema.values,
            *(f"{bands[first]}-{bands[second]}" for first, second in colours),
            *(f"bend_{bands[middle]}" for middle in bends),
        )
        if not with_redshift:
            return cls(names, colours, bends, len(schema.values), None)
        names = (*names, REDSHIFT, f"{brightness}-5log10({REDSHIFT})")
        return cls(names, colours, bends, len(schema.values), bands.index(brightness))

    def matrix(self, magnitudes: NDArray[np.float64], redshift: NDArray[np.float64]) -> NDArray[np.float32]:
        """Compute the model's input.

        Parameters
        ----------
        magnitudes
            (n, k), the schema's values.
        redshift
            (n,), ignored by the photometric features.

        Returns
        -------
        (n, features) in the order of the names.
        """
        features = np.empty((len(magnitudes), len(self.names)), dtype=np.float32)
        features[:, : self.values] = magnitudes
        # Subtract in float64: rounding before the difference would cost colours a digit.
        for column, (first, second) in enumerate(self.colours, start=self.values):
            features[:, column] = magnitudes[:, first] - magnitudes[:, second]
        for column, middle in enumerate(self.bends, start=self.values + len(self.colours)):
            features[:, column] = magnitudes[:, middle - 1] + magnitudes[:, middle + 1] - 2.0 * magnitudes[:, middle]
        if self.band is not None:
            features[:, -2] = redshift
            features[:, -1] = magnitudes[:, self.band] - 5.0 * np.log10(np.maximum(redshift, NEAREST_REDSHIFT))
        return features


# Of the built-in model.
WITHOUT_REDSHIFT: Final = FeatureSet.of(SDSS, with_redshift=False)
WITH_REDSHIFT: Final = FeatureSet.of(SDSS, with_redshift=True)
PHOTOMETRIC: Final = WITHOUT_REDSHIFT.names
SPECTROSCOPIC: Final = WITH_REDSHIFT.names
COLOURS: Final = WITHOUT_REDSHIFT.colours
COLOUR_NAMES: Final = PHOTOMETRIC[len(SDSS.bands) : len(SDSS.bands) + len(COLOURS)]
BENDS: Final = WITHOUT_REDSHIFT.bends
BEND_NAMES: Final = PHOTOMETRIC[-len(BENDS) :]
DISTANCE_MAGNITUDE: Final = SPECTROSCOPIC[-1]


def feature_matrix(magnitudes: NDArray[np.float64], redshift: NDArray[np.float64] | None) -> NDArray[np.float32]:
    """Compute the built-in model's input; see FeatureSet.matrix. redshift: None for the photometric model."""
    if redshift is None:
        return WITHOUT_REDSHIFT.matrix(magnitudes, np.empty(0))
    return WITH_REDSHIFT.matrix(magnitudes, redshift)
