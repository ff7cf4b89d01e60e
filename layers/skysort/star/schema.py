"""What a star model reads: its bands, its other columns, and the names that they may have in a table.

The built-in model reads SDSS's five bands and, where there is a spectrum, a redshift. A trained model's card may say
other bands, extra columns of numbers, and no redshift. Kept free of heavy imports.
"""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

from skysort.errors import ArtefactError
from skysort.star.spellings import ALIASES, BANDS, FAMILIES, IDENTIFIER, POSITION, REDSHIFT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# SDSS17 spans 9.47 to 32.78 mag: asinh magnitudes (Lupton, Gunn & Szalay 1999) stay finite for
# sources fainter than the noise. The range leaves room around both ends.
MAGNITUDE_RANGE: Final = (5.0, 35.0)
# Of other catalogues: from the brightest stars to the limits of the deepest surveys.
OTHER_MAGNITUDE_RANGE: Final = (-10.0, 45.0)
# Blueshifted stars end near -0.004; the most distant SDSS17 quasar has 7.01.
REDSHIFT_RANGE: Final = (-0.05, 12.0)
# Of extra columns: what float32, in which trees compare, holds.
NUMBER_RANGE: Final = (-1e30, 1e30)
MAGNITUDE: Final = "mag"
# The column of classes in a training table, as Schema.sought names it.
CLASS: Final = "class"
_Z: Final = "z"
_NO_COLUMNS: Final[Mapping[str, str]] = MappingProxyType({})


class Schema:
    """The columns of a star model.

    Parameters
    ----------
    bands
        Magnitudes in order of wavelength; features are made of neighbours.
    extras
        Other columns of numbers, features as they are.
    optional
        The extra columns that may be missing.
    has_redshift
        Whether a redshift is used where there is one.
    columns
        Names that quantities have in the training table, in lower case, where they are not known spellings; they take
        precedence.
    ranges
        Valid values, where they are not the defaults.
    model
        A trained model's name, for messages.
    class_columns
        Accepted names of the column of classes, in order, in lower case; for training tables.
    """

    def __init__(
        self,
        bands: Sequence[str] = BANDS,
        *,
        extras: Sequence[str] = (),
        optional: Sequence[str] = (),
        has_redshift: bool = True,
        columns: Mapping[str, str] = _NO_COLUMNS,
        ranges: Mapping[str, tuple[float, float]] = _NO_COLUMNS,  # type: ignore[assignment]
        model: str = "",
        class_columns: Sequence[str] = (),
    ) -> None:
        self.bands = tuple(bands)
        self.extras = tuple(extras)
        self.optional = frozenset(optional)
        self.has_redshift = has_redshift
        self.columns = dict(columns)
        self.model = model
        self.class_columns = tuple(class_columns)
        self.is_sdss = self.bands == BANDS
        # The columns with a value in every row, and all measured ones: the redshift is last, used or not.
        self.values = (*self.bands, *self.extras)
        self.required = tuple(name for name in self.values if name not in self.optional)
        self.measured = (*self.values, REDSHIFT)
        # What is looked for in a table.
        self.sought = (*self.measured, CLASS) if self.class_columns else self.measured
        default = MAGNITUDE_RANGE if self.is_sdss else OTHER_MAGNITUDE_RANGE
        self.ranges: Mapping[str, tuple[float, float]] = {
            **dict.fromkeys(self.bands, default),
            **dict.fromkeys(self.extras, NUMBER_RANGE),
            REDSHIFT: REDSHIFT_RANGE,
            **ranges,
        }

    @classmethod
    def from_card(cls, document: Mapping[str, Any], *, trained: bool = False) -> Self:
        """The schema that a card describes; raises ArtefactError for a card without usable columns."""
        try:
            columns = {name: about for name, about in document["input"]["columns"].items() if about["used"]}
            values = [name for name in columns if name != REDSHIFT]
            return cls(
                [name for name in values if columns[name]["unit"] == MAGNITUDE],
                extras=[name for name in values if columns[name]["unit"] != MAGNITUDE],
                optional=[name for name in values if not columns[name]["required"]],
                has_redshift=REDSHIFT in columns,
                columns={name: about["column"] for name, about in columns.items() if "column" in about},
                ranges={name: (float(about["range"][0]), float(about["range"][1])) for name, about in columns.items()},
                model=str(document["name"]) if trained else "",
            )
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise ArtefactError(f"the card does not describe its columns in full: {error!r}") from error

    def document(self) -> dict[str, dict[str, Any]]:
        """The columns for a card, which `from_card` reads."""
        used = self.measured if self.has_redshift else self.values
        return {
            name: {
                "unit": self.unit(name),
                "range": list(self.ranges[name]),
                "required": name in self.required,
                "used": True,
                "aliases": list(self.aliases(name)),
                **({"column": self.columns[name]} if name in self.columns else {}),
            }
            for name in used
        }

    def aliases(self, quantity: str) -> tuple[str, ...]:
        """Other names of a quantity, in lower case, in order of precedence."""
        if quantity in self.bands:
            return tuple(family.format(band=quantity) for family in FAMILIES[1:])
        if quantity == REDSHIFT and _Z not in self.bands:
            return (*ALIASES[REDSHIFT], _Z)
        return ALIASES.get(quantity, ()) if quantity not in self.extras else ()

    def unit(self, quantity: str) -> str:
        """The unit of a quantity, empty for a bare number."""
        return MAGNITUDE if quantity in self.bands else ""

    def canonical(self, name: str) -> str | None:
        """The quantity of a spelling in any case (``RA`` -> ``alpha``), None for an unknown one."""
        return self._spellings.get(name.strip().lower())

    def count(self, names: Sequence[str]) -> int:
        """The number of names that are measured columns."""
        return sum(self.canonical(name) in self._measured for name in names)

    def has_bands(self, names: Sequence[str]) -> bool:
        """Whether all bands are among some names."""
        return set(self.bands) <= {self.canonical(name) for name in names}

    @property
    def needs(self) -> str:
        """The columns of a row, for a message."""
        listed = ", ".join(self.required)
        return f"{listed} and, where there is a spectrum, {REDSHIFT}" if self.has_redshift else listed

    @cached_property
    def _measured(self) -> frozenset[str]:
        return frozenset(self.measured if self.has_redshift else self.values)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        others = (name for name in (*POSITION, IDENTIFIER) if name not in self._measured)
        quantities = [name for name in (*self.measured, *others) if name != REDSHIFT or self.has_redshift]
        known = {alias: name for name in reversed(quantities) for alias in self.aliases(name)}
        return {**known, **{name: name for name in quantities}, **{name: key for key, name in self.columns.items()}}


SDSS: Final = Schema()
