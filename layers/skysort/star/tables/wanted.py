"""The measured columns, or elements of array columns, of a typed table.

For formats whose columns have types and units: FITS, VOTable, Parquet, ECSV, IPAC. SDSS's own files have the magnitudes
of all five bands in one array column (``MODELMAG``, ``PSFMAG`` of photoObj and the quasar catalogues: u, g, r, i, z in
that order, SDSS DR17 data model), and fluxes in nanomaggies as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import FieldError, InvalidFieldsError, LimitExceededError
from skysort.input_warnings import InputWarning
from skysort.limits import TABLE_COLUMNS
from skysort.star.columns import SENTINEL, Photometry
from skysort.star.schema import SDSS
from skysort.star.spellings import BANDS
from skysort.star.tables.header import MeasuredColumns, check_units, locate
from skysort.star.tables.rows import Measured, column_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from skysort.star.schema import Schema
    from skysort.star.tables.rows import Cells


NANOMAGGIES: Final = frozenset({"nanomaggy", "nanomaggies", "nanomaggie", "nanomgy", "nmgy", "nmaggy", "nmaggies"})
# SDSS's fluxes, and the magnitudes of the same measurement.
FLUXES: Final = {"modelflux": "modelmag", "cmodelflux": "cmodelmag", "psfflux": "psfmag"}
CONVERTED: Final = "fluxes_converted"
REMARK: Final = (
    "the fluxes (nanomaggies) were converted to SDSS asinh magnitudes: "
    "m = -2.5/ln(10) [asinh(f / (2e9 b)) + ln(b)], b = 1.4, 0.9, 1.2, 1.8, 7.4e-10 in u, g, r, i, z"
)
_MAGGIE: Final = 1e9
_SOFTENING: Final = np.array([1.4e-10, 0.9e-10, 1.2e-10, 1.8e-10, 7.4e-10])
_POGSON: Final = 2.5 / np.log(10)
_ARRAYS: Final = ("modelmag", "cmodelmag", "psfmag", "deredmag", "dered_mag", "dered", *FLUXES)


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a typed table.

    elements: values per row, 1 unless it has arrays. usable: whether values are numbers or texts; truths: whether they
    are booleans. kind: its type in the format's terms, for a message. unit: as the table spells it.
    """

    name: str
    kind: str
    usable: bool = True
    elements: int = 1
    unit: str | None = None
    truths: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """The index of a column, and of an element in each cell of an array column."""

    column: int
    element: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The places in a table of the columns that a schema seeks.

    places: None for a missing redshift or optional column. masks: boolean columns that mark missing values. columns:
    from `locate`, with names for array elements. fluxes: whether the five bands are fluxes in nanomaggies.
    """

    places: tuple[Place | None, ...]
    columns: MeasuredColumns
    fluxes: bool = False
    masks: tuple[Place | None, ...] = (None,) * len(SDSS.measured)

    def read(
        self, cells: Callable[[Place], Cells], truths: Callable[[Place], NDArray[np.bool_]] | None = None
    ) -> Measured:
        """Read rows: masked values become NaN, fluxes magnitudes; cells, truths: read a column, a mask."""
        columns = [None if place is None else cells(place) for place in self.places]
        if truths is not None:
            for column, mask in zip(columns, self.masks, strict=True):
                if column is not None and mask is not None:
                    column.hide(truths(mask))
        measured = Measured.of(columns, self.columns.schema)
        if self.fluxes:
            magnitudes = measured.photometry.magnitudes
            magnitudes[:, : len(BANDS)] = asinh_magnitudes(magnitudes[:, : len(BANDS)])
            return replace(measured, photometry=Photometry(magnitudes, measured.photometry.redshift))
        return measured


def find(columns: Sequence[TableColumn], schema: Schema = SDSS) -> Wanted:
    """Find the measured columns by name and type, and check their units; magnitudes take precedence over fluxes.

    Returns
    -------
    Their places.

    Raises
    ------
    InvalidFieldsError
        From `locate` and `check_units`, and for a measured column whose type is not numeric.
    LimitExceededError
        For a table that is too wide.
    """
    if len(columns) > TABLE_COLUMNS:
        raise LimitExceededError(f"the table has {len(columns):,} columns; at most {TABLE_COLUMNS:,} are read")
    names, places = _named(columns)
    try:
        match, fluxes = locate(names, schema), False
    except InvalidFieldsError:
        magnitudes = _as_magnitudes(names, schema) if schema.is_sdss else None
        if magnitudes is None:
            _refuse_types(columns, schema.sought, schema)
            raise
        match, fluxes = _renamed(locate(magnitudes, schema), names), True
    units = [columns[place.column].unit for place in places]
    fluxes = _are_fluxes(match, units, fluxes=fluxes)
    measured_places = tuple(None if index is None else places[index] for index in match.positions)
    absent = [name for name, place in zip(schema.sought, measured_places, strict=True) if place is None]
    if absent:
        _refuse_types(columns, absent, schema)
    if fluxes:
        match = replace(match, notes=(*match.notes, InputWarning(CONVERTED, REMARK)))
    return Wanted(measured_places, match, fluxes, _masks(columns, measured_places))


def _named(columns: Sequence[TableColumn]) -> tuple[list[str], list[Place]]:
    """A name and place for each value of a row: the column's name, or an array's with the band appended."""
    # Other arrays get none: ``U`` may be a Stokes parameter.
    names: list[str] = []
    places: list[Place] = []
    for index, column in enumerate(columns):
        if column.usable and column.elements == 1:
            names.append(column.name)
            places.append(Place(index))
        elif column.usable and column.elements == len(BANDS) and column.name.strip().lower() in _ARRAYS:
            names.extend(f"{column.name.strip()}_{band}" for band in BANDS)
            places.extend(Place(index, element) for element in range(len(BANDS)))
    return names, places


def _are_fluxes(match: MeasuredColumns, units: Sequence[str | None], *, fluxes: bool) -> bool:
    """Whether the bands are in nanomaggies, by names (fluxes) or units; raises InvalidFieldsError for other units."""
    bands = [units[index] for index in match.positions[: len(BANDS)] if index is not None]
    if match.schema.is_sdss and all(
        (unit or "").strip().lower() in NANOMAGGIES or (fluxes and not unit) for unit in bands
    ):
        return True
    check_units(match, units)
    if fluxes:
        raise InvalidFieldsError(
            [FieldError(name, "wrong_unit", "must be in nanomaggies") for name in match.names[: len(BANDS)]]
        )
    return False


def _renamed(match: MeasuredColumns, names: Sequence[str]) -> MeasuredColumns:
    headings = (name if i is None else names[i] for name, i in zip(match.names, match.positions, strict=True))
    return replace(match, names=tuple(headings))


def _masks(columns: Sequence[TableColumn], places: Sequence[Place | None]) -> tuple[Place | None, ...]:
    """Mask columns written by astropy (table.serialize) in formats without masks: ``redshift.mask``."""
    truths = {column.name: index for index, column in enumerate(columns) if column.truths}

    def mask(place: Place | None) -> Place | None:
        if place is None or (index := truths.get(f"{columns[place.column].name}.mask")) is None:
            return None
        of_elements = columns[index].elements == columns[place.column].elements
        return Place(index, place.element if of_elements else None)

    return tuple(mask(place) for place in places)


def _refuse_types(columns: Sequence[TableColumn], quantities: Sequence[str], schema: Schema) -> None:
    """Raise InvalidFieldsError for a column with a quantity's name and a non-numeric type."""
    for column in columns:
        if not (column.usable and column.elements == 1) and schema.canonical(column.name) in quantities:
            raise column_error(column.name, column.kind)


def _as_magnitudes(names: Sequence[str], schema: Schema) -> list[str] | None:
    """The names with one family of SDSS fluxes renamed to magnitudes; None if no family is complete."""
    # Single magnitudes are hidden, so that they are not taken for fluxes; z without u, g, r and i may be the redshift.
    spelled = {name.strip().lower() for name in names}
    flux = next((kind for kind in FLUXES if spelled >= {f"{kind}_{band}" for band in BANDS}), None)
    if flux is None:
        return None
    renamed = {f"{flux}_{band}": f"{FLUXES[flux]}_{band}" for band in BANDS}
    kept = {BANDS[-1]} if spelled.isdisjoint(BANDS[:-1]) else set()

    def name(original: str) -> str:
        key = original.strip().lower()
        return renamed.get(key, original if schema.canonical(key) not in BANDS or key in kept else "")

    return [name(given) for given in names]


def asinh_magnitudes(fluxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """SDSS asinh magnitudes of fluxes.

    Parameters
    ----------
    fluxes
        (n, 5) in nanomaggies, u to z. Negative fluxes (noise) have magnitudes too.

    Returns
    -------
    (n, 5) in mag; NaN stays NaN, and -9999, SDSS's value for "not measured", stays -9999.

    Notes
    -----
    Lupton, Gunn & Szalay 1999, AJ 118, 1406; SDSS DR17, "Magnitudes: asinh magnitudes"
    (https://www.sdss4.org/dr17/algorithms/magnitudes/): a nanomaggy is 1e-9 of the flux of an object of magnitude 0;
    the softening b of each band is in the table there.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        magnitudes: NDArray[np.float64] = -_POGSON * (
            np.arcsinh(fluxes / (2 * _MAGGIE * _SOFTENING)) + np.log(_SOFTENING)
        )
    return np.where(fluxes == SENTINEL, SENTINEL, magnitudes)
