"""What may have been done to a table's magnitudes, and how each is undone.

Vega magnitudes: the offsets of Blanton & Roweis 2007 (AJ 133, 734, table 1), m_AB = m_Vega + offset.
Reddening: A of each band over E(B-V), Schlafly & Finkbeiner 2011 (ApJ 737, 103, table 6, R_V = 3.1, SDSS).
Nanomaggies: m = 22.5 - 2.5 log10(flux), as SDSS defines them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from skysort.answers import CauseCode

Undo: TypeAlias = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64] | float]]
NAMES: Final = ("u", "g", "r", "i", "z")
VEGA: Final = np.array([0.91, -0.08, 0.16, 0.37, 0.54])
EXTINCTION: Final = np.array([4.239, 3.303, 2.285, 1.698, 1.263])
# E(B-V), from what most surveys avoid to what they hardly ever meet.
REDDENINGS: Final = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5)
# Magnitudes by which a table may be fainter or brighter as a whole.
SHIFTS: Final = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
# Magnitudes by which one band may be off.
ZERO_POINTS: Final = (0.25, 0.5, 1.0)
_ZERO_POINT: Final = 22.5
_POGSON: Final = 2.5 / np.log(10.0)
# Of a flux that is no more than noise.
_FAINTEST: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a table may be out of the domain: a stable code, and a sentence."""

    code: CauseCode
    detail: str


@dataclass(frozen=True, slots=True)
class Cure:
    """A cause, and what gives the magnitudes back, with the logarithm of its Jacobian."""

    cause: Cause
    undo: Undo


def _added(offsets: NDArray[np.float64] | float) -> Undo:
    return lambda magnitudes: (magnitudes + offsets, 0.0)


def _in_order(order: list[int]) -> Undo:
    return lambda magnitudes: (magnitudes[:, order], 0.0)


def _from_fluxes(fluxes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    positive = np.maximum(fluxes, _FAINTEST)
    # Magnitudes of fluxes are denser than the fluxes are: without it any numbers seem likelier as fluxes.
    jacobian = np.log(_POGSON / positive).sum(axis=1)
    return _ZERO_POINT - 2.5 * np.log10(positive), jacobian


def _cure(code: CauseCode, detail: str, undo: Undo) -> Cure:
    return Cure(Cause(code, detail), undo)


def _exchanged(first: int, second: int) -> Cure:
    order = list(range(len(NAMES)))
    order[first], order[second] = second, first
    return _cure("exchanged_bands", f"{NAMES[first]} and {NAMES[second]} are exchanged", _in_order(order))


def _zero_point(band: int, offset: float) -> Cure:
    wrong = "large" if offset > 0 else "small"
    detail = f"{NAMES[band]} is about {abs(offset):g} too {wrong} in every row: another zero point"
    return _cure("zero_point", detail, _added(-offset * np.eye(len(NAMES))[band]))


_VEGA_DETAIL: Final = "the magnitudes are in the Vega system; SDSS's are AB magnitudes"
_DEREDDENED: Final = "the magnitudes are corrected for extinction, E(B-V) about {:g}; the model takes observed ones"
_SHIFTED: Final = "all magnitudes are about {:g} too {}: another zero point, or {} objects of the same colours"
CURES: Final = (
    _cure("vega", _VEGA_DETAIL, _added(VEGA)),
    *(
        _cure("reddened", f"the objects are reddened by E(B-V) of about {amount:g}", _added(-amount * EXTINCTION))
        for amount in REDDENINGS
    ),
    *(_cure("dereddened", _DEREDDENED.format(amount), _added(amount * EXTINCTION)) for amount in REDDENINGS),
    *(_exchanged(first, second) for first, second in combinations(range(len(NAMES)), 2)),
    _cure("exchanged_bands", "the bands are in the reverse order, z i r g u", _in_order([4, 3, 2, 1, 0])),
    _cure("nanomaggies", "the values are fluxes in nanomaggies: m = 22.5 - 2.5 log10(flux)", _from_fluxes),
    *(_zero_point(band, sign * offset) for band, offset, sign in product(range(len(NAMES)), ZERO_POINTS, (1.0, -1.0))),
    *(_cure("fainter", _SHIFTED.format(shift, "large", "fainter"), _added(-shift)) for shift in SHIFTS),
    *(_cure("brighter", _SHIFTED.format(shift, "small", "brighter"), _added(shift)) for shift in SHIFTS),
)
FAINT_END: Final = Cause("faint_end", "the objects are fainter than nearly all of the survey's")
TOO_REGULAR: Final = Cause(
    "too_regular",
    "the magnitudes scatter less than measured ones do: simulated or smoothed objects, or the same ones again",
)
UNEXPLAINED: Final = Cause(
    "unexplained",
    "none of the known causes explains it: another survey's filters or apertures, simulated objects, or others than "
    "galaxies, quasars and stars",
)
