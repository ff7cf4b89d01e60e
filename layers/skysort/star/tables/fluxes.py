"""Fluxes in nanomaggies as the asinh magnitudes that the model takes.

Source: Lupton, Gunn & Szalay 1999, AJ 118, 1406; SDSS DR17, "Magnitudes: asinh magnitudes"
(https://www.sdss4.org/dr17/algorithms/magnitudes/): a nanomaggy is 1e-9 of the flux of an object of magnitude 0, and
each band's softening b is the table's there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.star.columns import BANDS, SENTINEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

NANOMAGGIES: Final = frozenset({"nanomaggy", "nanomaggies", "nanomaggie", "nanomgy", "nmgy", "nmaggy", "nmaggies"})
# SDSS's fluxes, each the measure of the magnitudes beside it.
FLUXES: Final = {"modelflux": "modelmag", "cmodelflux": "cmodelmag", "psfflux": "psfmag"}
CONVERTED: Final = "fluxes_converted"
REMARK: Final = (
    "the fluxes (nanomaggies) were converted to SDSS asinh magnitudes: "
    "m = -2.5/ln(10) [asinh(f / (2e9 b)) + ln(b)], b = 1.4, 0.9, 1.2, 1.8, 7.4e-10 in u, g, r, i, z"
)
_MAGGIE: Final = 1e9
_SOFTENING: Final = np.array([1.4e-10, 0.9e-10, 1.2e-10, 1.8e-10, 7.4e-10])
_POGSON: Final = 2.5 / np.log(10)


def is_nanomaggies(unit: str | None) -> bool:
    """Whether a unit is one of the spellings of nanomaggies."""
    return unit is not None and unit.strip().lower() in NANOMAGGIES


def asinh_magnitudes(fluxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """SDSS asinh magnitudes of fluxes.

    fluxes: (n, 5) in nanomaggies, u to z; NaN stays NaN, and -9999, which SDSS writes for what was not measured,
    stays -9999. Negative fluxes, which noise makes, have a magnitude too.
    """
    if fluxes.shape[1] != len(BANDS):
        raise ValueError(f"fluxes of {fluxes.shape[1]} bands; there are {len(BANDS)}")
    with np.errstate(invalid="ignore", over="ignore"):
        magnitudes: NDArray[np.float64] = -_POGSON * (
            np.arcsinh(fluxes / (2 * _MAGGIE * _SOFTENING)) + np.log(_SOFTENING)
        )
    return np.where(fluxes == SENTINEL, SENTINEL, magnitudes)
