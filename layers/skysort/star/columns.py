"""The columns of a star row: units, physical ranges and validation; their names are in spellings.

Shared by HTTP bodies, dropped tables and the training data, so that a row is validated the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import FieldError
from skysort.limits import CELL_CHARACTERS
from skysort.star.schema import REDSHIFT_RANGE, SDSS
from skysort.star.spellings import BANDS, REDSHIFT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skysort.star.schema import Schema

LABELS: Final = ("GALAXY", "QSO", "STAR")

# SDSS writes -9999 where a quantity was not measured (SDSS DR17 data model, PhotoObjAll).
SENTINEL: Final = -9999.0
# Placeholders for a missing redshift. 0 is the result of a failed fit (SDSS17's 412 rows of exactly 0 are all labelled
# GALAXY; so are LEDA's) and of filled-in blanks; the others are conventions of catalogues, some with decimals of nines.
# A star's redshift is small but not 0: Doppler shifts are measured to 1e-5 and better.
NO_REDSHIFT: Final = (
    *(0.0, -1.0, -9.0, -9.9, -9.99, -9.999),
    *(sign * nines for sign in (-1.0, 1.0) for nines in (99.0, 99.9, 99.99, 99.999, 999.0, 999.9, 999.99, 9999.0)),
    *(-9999.9, 9999.9, -99999.0, 99999.0),
)
RANGES: Final[Mapping[str, tuple[float, float]]] = {**SDSS.ranges, "alpha": (0.0, 360.0), "delta": (-90.0, 90.0)}
UNITS: Final[Mapping[str, str]] = {**dict.fromkeys(BANDS, "mag"), REDSHIFT: "", "alpha": "deg", "delta": "deg"}

# Text cells, stripped of blanks, that mean a missing value: pandas, R, Excel in English and German,
# databases' dumps (\\N), SAS and Stata (.), Julia, and tables for people.
BLANK: Final = (
    *("", "nan", "NaN", "NAN", "-nan", "-NaN", "null", "NULL", "Null", "NA", "N/A", "n/a", "none", "None", "NONE"),
    *("<NA>", "#N/A", "#NA", "#NV", "\\N", "missing", "masked", ".", "-", "--", "---"),
)
# A number in a table, with surrounding blanks. Its digits match in one way only, so that matching other text takes time
# linear in its length, not quadratic.
NUMBER: Final = r"^[+-]?(([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[iI][nN][fF]([iI][nN][iI][tT][yY])?)$"
# As 64-bit and 32-bit columns store them.
_NO_REDSHIFT: Final = np.concatenate([np.array(NO_REDSHIFT), np.array(NO_REDSHIFT, np.float32).astype(np.float64)])
_NO_REDSHIFTS: Final = frozenset(_NO_REDSHIFT.tolist())
_SENTINEL_DIGITS: Final = 3


class Reason(IntEnum):
    """Why a value is unusable; the lower-case name is the code in answers and reject tables."""

    OK = 0
    MISSING = 1
    NOT_A_NUMBER = 2
    SENTINEL = 3
    OUT_OF_RANGE = 4
    UNKNOWN_FIELD = 5
    REPEATED_FIELD = 6
    DEREDDENED = 7

    @property
    def code(self) -> str:
        """The code in answers and reject tables, e.g. ``out_of_range``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Photometry:
    """Measured values of n objects.

    magnitudes: (n, k) float64, the values of a schema: u g r i z in AB magnitudes; of a trained model, its bands and
    extra columns. redshift: (n,) float64, NaN where the object has no spectrum.
    """

    magnitudes: NDArray[np.float64]
    redshift: NDArray[np.float64]

    def __len__(self) -> int:
        """The number of objects."""
        return len(self.redshift)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Photometry:
        """The objects selected by a mask or an index array, in its order."""
        return Photometry(self.magnitudes[rows], self.redshift[rows])


def without_sentinels(photometry: Photometry, schema: Schema = SDSS) -> tuple[Photometry, dict[float, int]]:
    """Replace placeholders of a missing redshift (NO_REDSHIFT), and -9999 in optional columns, by NaN.

    Returns
    -------
    The photometry and the number of objects with each placeholder, ``{0.0: 412}``; the same photometry and an empty
    dict where there are none. Placeholders rounded to 32 bits are recognised.
    """
    optional = optional_columns(schema)
    if optional and (photometry.magnitudes[:, optional] == SENTINEL).any():
        values = photometry.magnitudes.copy()
        values[:, optional] = np.where(values[:, optional] == SENTINEL, np.nan, values[:, optional])
        photometry = Photometry(values, photometry.redshift)
    redshift = photometry.redshift
    absent = says_none(redshift)
    if not absent.any():
        return photometry, {}
    sentinels, counts = np.unique(redshift[absent].round(_SENTINEL_DIGITS), return_counts=True)
    kept = np.where(absent, np.nan, redshift)
    return Photometry(photometry.magnitudes, kept), {
        float(value): int(count) for value, count in zip(sentinels, counts, strict=True)
    }


def stands_for_none(redshift: float) -> bool:
    """Whether a redshift is a placeholder for a missing one."""
    return redshift in _NO_REDSHIFTS


def says_none(redshift: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) bool, the redshifts that are placeholders."""
    low, high = REDSHIFT_RANGE
    # All but 0 are out of range, so that three comparisons settle most blocks.
    absent: NDArray[np.bool_] = redshift == 0.0
    outside = np.flatnonzero((redshift < low) | (redshift > high))
    if len(outside):
        absent[outside] = np.isin(redshift[outside], _NO_REDSHIFT)
    return absent


def check(photometry: Photometry, schema: Schema = SDSS) -> NDArray[np.uint8]:
    """Validate every measured value, vectorised.

    Returns
    -------
    (n, k + 1) uint8, a Reason for each of the schema's measured columns. A NaN magnitude is MISSING; a redshift that is
    NaN or a placeholder is OK, since that object is classified from photometry alone, and so is an optional column's
    missing value.
    """
    reasons = np.zeros((len(photometry), len(schema.measured)), dtype=np.uint8)
    magnitudes, redshift = photometry.magnitudes, photometry.redshift
    bands = reasons[:, :-1]
    lowest, highest = _limits(schema)
    bands[~((magnitudes >= lowest) & (magnitudes <= highest))] = Reason.OUT_OF_RANGE
    bands[magnitudes == SENTINEL] = Reason.SENTINEL
    bands[np.isnan(magnitudes)] = Reason.MISSING
    for column in optional_columns(schema):
        # What a survey did not measure counts as missing.
        bands[np.isin(bands[:, column], (Reason.SENTINEL, Reason.MISSING)), column] = Reason.OK
    low, high = REDSHIFT_RANGE
    wrong = (redshift < low) | (redshift > high)
    if wrong.any():
        reasons[wrong & ~says_none(redshift), -1] = Reason.OUT_OF_RANGE
    return reasons


def optional_columns(schema: Schema) -> list[int]:
    """The positions of a schema's values that may be missing."""
    return [index for index, name in enumerate(schema.values) if name in schema.optional]


def _limits(schema: Schema) -> tuple[NDArray[np.float64] | float, NDArray[np.float64] | float]:
    """The valid ranges of a schema's values; numbers where all are the same, which compares faster."""
    ranges = [schema.ranges[name] for name in schema.values]
    if len(set(ranges)) == 1:
        return ranges[0]
    low, high = np.array(ranges).T
    return low, high


def describe(field: str, reason: Reason, value: object = None, schema: Schema = SDSS) -> FieldError:
    """The error of a value, with cause and cure; value: for an unknown field, the column probably meant."""
    low, high = schema.ranges.get(field, (0.0, 0.0))
    unit = f" {schema.unit(field)}" if schema.unit(field) else ""
    shown = "" if value is None else f", got {value!r:.60}"
    instead = (
        "leave it out to classify from photometry alone" if field == REDSHIFT else "this object cannot be classified"
    )
    sentences = {
        Reason.OK: "is valid",
        Reason.MISSING: f"is missing; give a number from {low:g} to {high:g}{unit}",
        Reason.NOT_A_NUMBER: f"must be a finite number from {low:g} to {high:g}{unit}{shown}{_point(value)}",
        Reason.SENTINEL: f"is -9999, which SDSS writes for a value that was not measured; {instead}",
        Reason.OUT_OF_RANGE: f"must be from {low:g} to {high:g}{unit}{shown}",
        Reason.UNKNOWN_FIELD: "is not a known field" + (f"; did you mean {value!r}?" if value else ""),
        Reason.REPEATED_FIELD: "is given twice",
        Reason.DEREDDENED: "is corrected for Galactic extinction, but not all five bands are; give all five magnitudes "
        "as catalogued, such as modelMag, or all five corrected",
    }
    return FieldError(field, reason.code, sentences[reason])


def _point(value: object) -> str:
    """The end of a message about a number with a decimal comma."""
    digits = value.replace(",", "", 1).strip(" +-") if isinstance(value, str) and len(value) <= CELL_CHARACTERS else ""
    written = isinstance(value, str) and "," in value and digits.isdecimal()
    return "; write it with a decimal point" if written else ""
