"""The columns of a star row: names, aliases, units, physical ranges, and the check of values.

One place for the HTTP body, the dropped table and the training data, so that a row is
judged alike wherever it comes from.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from numpy.typing import NDArray

BANDS: Final = ("u", "g", "r", "i", "z")
REDSHIFT: Final = "redshift"
MEASURED: Final = (*BANDS, REDSHIFT)
POSITION: Final = ("alpha", "delta")
IDENTIFIER: Final = "id"
LABELS: Final = ("GALAXY", "QSO", "STAR")

# SDSS writes -9999 where a quantity was not measured (SDSS DR17 data model, PhotoObjAll).
SENTINEL: Final = -9999.0
# SDSS17 spans 9.47 to 32.78 mag: asinh magnitudes (Lupton, Gunn & Szalay 1999) stay finite for
# sources fainter than the noise. The range leaves room around both ends.
MAGNITUDE_RANGE: Final = (5.0, 35.0)
# Blueshifted stars end near -0.004; the most distant SDSS17 quasar has 7.01.
REDSHIFT_RANGE: Final = (-0.05, 12.0)
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    **dict.fromkeys(BANDS, MAGNITUDE_RANGE),
    REDSHIFT: REDSHIFT_RANGE,
    "alpha": (0.0, 360.0),
    "delta": (-90.0, 90.0),
}
UNITS: Final[Mapping[str, str]] = {**dict.fromkeys(BANDS, "mag"), REDSHIFT: "", "alpha": "deg", "delta": "deg"}

# Families of magnitudes, the first that a table has whole is taken: the plain names, then the model magnitudes that
# those of SDSS17 are (SDSS PhotoObj's u, g, r, i, z are modelMag; VizieR's umag are too), then the other kinds.
FAMILIES: Final = ("{band}", "modelmag_{band}", "{band}mag", "mag_{band}", "cmodelmag_{band}", "psfmag_{band}")
# Magnitudes corrected for Galactic extinction, which the boosters have not seen.
DEREDDENED: Final = ("dered_{band}", "{band}_dered", "deredmag_{band}", "dered_mag_{band}")
# The other names of each column; of an identifier's, the first that is there is taken.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    **{band: tuple(family.format(band=band) for family in FAMILIES[1:]) for band in BANDS},
    REDSHIFT: (
        *("z_spec", "zspec", "spec_z", "specz", "z_sp", "zsp", "spec_redshift", "redshift_spec", "specredshift"),
        *("z_helio", "zhelio", "z_hel", "z_best", "zbest", "z_qso", "zqso", "z_pipe", "zpipe", "z_vi", "z_sdss"),
    ),
    "alpha": ("ra", "raj2000", "ra_deg"),
    "delta": ("dec", "decl", "dej2000", "decj2000", "dec_deg"),
    IDENTIFIER: ("objid", "obj_id", "specobjid", "spec_obj_id", "object_id", "source_id", "name"),
}
# Cells of text that say that there is no value, blanks around them aside.
BLANK: Final = ("", "nan", "NaN", "NAN", "null", "NULL", "Null", "NA", "N/A", "n/a", "none", "None", "NONE", "--")
# A number as tables write it, blanks around it aside.
NUMBER: Final = r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[iI][nN][fF]([iI][nN][iI][tT][yY])?)$"
# Columns that SDSS tables carry and that say nothing of the object's nature: accepted, not used.
IGNORED: Final = frozenset(
    {
        "run_id",
        "rerun_id",
        "cam_col",
        "field_id",
        "plate",
        "mjd",
        "fiber_id",
        "class",
        "run",
        "rerun",
        "camcol",
        "field",
    }
)
_CANONICAL: Final = {
    spelling: name for name in (*MEASURED, *POSITION, IDENTIFIER) for spelling in (name, *ALIASES[name])
}
_DEREDDENED: Final = {kind.format(band=band): band for band in BANDS for kind in DEREDDENED}
# A name of three letters is like too many others: zp would be taken for zsp.
_GUESSED: Final = tuple(spelling for spelling in _CANONICAL if len(spelling) != len("zsp"))


class Reason(IntEnum):
    """Why a value cannot be used; the lower-case name is the code in answers and reject tables."""

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
        """The reason as answers and reject tables spell it, e.g. ``out_of_range``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Photometry:
    """Measured values of n objects.

    magnitudes: (n, 5) float64, u g r i z in AB magnitudes.
    redshift: (n,) float64, NaN where the object has no spectrum.
    """

    magnitudes: NDArray[np.float64]
    redshift: NDArray[np.float64]

    def __len__(self) -> int:
        """The number of objects."""
        return len(self.redshift)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Photometry:
        """The objects that a mask or an index array chooses, in its order."""
        return Photometry(self.magnitudes[rows], self.redshift[rows])


def canonical(name: str) -> str | None:
    """The canonical column for a spelling in any case (``RA`` -> ``alpha``), None for an unknown one."""
    return _CANONICAL.get(name.strip().lower())


def dereddened_band(name: str) -> str | None:
    """The band whose magnitude, corrected for extinction, a column holds (``dered_u`` -> ``u``); None for others."""
    return _DEREDDENED.get(name.strip().lower())


def is_known(name: str) -> bool:
    """Whether a column is used here or knowingly ignored."""
    return canonical(name) is not None or name.strip().lower() in IGNORED or dereddened_band(name) is not None


def nearest(name: str) -> str | None:
    """The known column that an unknown name most likely meant, for a message.

    Both begin with the same letter: v_helio is like z_helio, and is a velocity.
    """
    given = name.strip().lower()
    close = difflib.get_close_matches(given, [known for known in _GUESSED if known[0] == given[:1]], n=1, cutoff=0.75)
    return _CANONICAL[close[0]] if close else None


def check(photometry: Photometry) -> NDArray[np.uint8]:
    """A Reason for every measured value, vectorised.

    Returns (n, 6) uint8 in the order of MEASURED. A NaN magnitude is MISSING; a NaN
    redshift is OK, since that object is classified from photometry alone.
    """
    reasons = np.zeros((len(photometry), len(MEASURED)), dtype=np.uint8)
    magnitudes, redshift = photometry.magnitudes, photometry.redshift
    bands = reasons[:, : len(BANDS)]
    low, high = MAGNITUDE_RANGE
    bands[~((magnitudes >= low) & (magnitudes <= high))] = Reason.OUT_OF_RANGE
    bands[magnitudes == SENTINEL] = Reason.SENTINEL
    bands[np.isnan(magnitudes)] = Reason.MISSING
    low, high = REDSHIFT_RANGE
    with_spectrum = ~np.isnan(redshift)
    reasons[with_spectrum & ~((redshift >= low) & (redshift <= high)), -1] = Reason.OUT_OF_RANGE
    reasons[redshift == SENTINEL, -1] = Reason.SENTINEL
    return reasons


def describe(field: str, reason: Reason, value: object = None) -> FieldError:
    """The sentence for one bad value: what was wrong and what would be right."""
    low, high = RANGES.get(field, (0.0, 0.0))
    unit = f" {UNITS[field]}" if UNITS.get(field) else ""
    shown = "" if value is None else f", got {value!r:.60}"
    instead = (
        "leave it out to classify from photometry alone" if field == REDSHIFT else "this object cannot be classified"
    )
    # Only looked for where it is said: difflib takes longer than the row's prediction.
    meant = nearest(field) if reason is Reason.UNKNOWN_FIELD else None
    sentences = {
        Reason.OK: "is valid",
        Reason.MISSING: f"is missing; give a number from {low:g} to {high:g}{unit}",
        Reason.NOT_A_NUMBER: f"must be a finite number from {low:g} to {high:g}{unit}{shown}",
        Reason.SENTINEL: f"is -9999, which SDSS writes for a value that was not measured; {instead}",
        Reason.OUT_OF_RANGE: f"must be from {low:g} to {high:g}{unit}{shown}",
        Reason.UNKNOWN_FIELD: "is not a known field" + (f"; did you mean {meant!r}?" if meant else ""),
        Reason.REPEATED_FIELD: "is given twice",
        Reason.DEREDDENED: "is corrected for Galactic extinction; the model takes magnitudes as catalogued, such as "
        "modelMag, which are dered plus extinction",
    }
    return FieldError(field, reason.code, sentences[reason])


def misspelt(names: Iterable[str], found: Container[str]) -> list[FieldError]:
    """Unknown columns that look like a measured column that is not among those found.

    A table may carry any columns of its own, but ``redshfit`` in place of ``redshift``
    would silently send every row to the photometric model.
    """
    return [
        describe(name, Reason.UNKNOWN_FIELD)
        for name in names
        if not is_known(name) and (meant := nearest(name)) in MEASURED and meant not in found
    ]
