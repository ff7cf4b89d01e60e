"""The measured columns of a table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.errors import FieldError, InvalidFieldsError, LimitExceededError
from skysort.limits import TABLE_COLUMNS
from skysort.star.columns import Reason
from skysort.star.names import choose
from skysort.star.schema import CLASS, SDSS
from skysort.star.spellings import IDENTIFIER, REDSHIFT
from skysort.star.unknown_columns import instead_of, misspelt, other_magnitudes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort.input_warnings import InputWarning
    from skysort.star.schema import Schema
    from skysort.star.tables.csv.dialect import Head

_UNIT_WORD: Final = re.compile(r"[a-z]+|[0-9]+")
# Surface brightnesses, magnitudes of other systems, and powers and fractions of magnitudes.
_MAGNITUDES: Final = frozenset(
    {
        *("mag", "mags", "magnitude", "magnitudes", "ab", "abmag", "magab", "asinh", "asinhmag"),
        *("luptitude", "luptitudes", "lup", "sdss", "sdssmag", "modelmag"),
    }
)
_OTHER_MAGNITUDES: Final = frozenset(
    {
        *("st", "stmag", "arcsec", "arcmin", "arcsecond", "as", "sec", "deg", "pix", "pixel", "pc", "kpc", "yr"),
        *("d", "h", "s", "2"),
    }
)
_NANOMAGGIES: Final = frozenset({"nmgy", "mgy", "nanomgy"})
_FLUXES: Final = _NANOMAGGIES | {"jy", "mjy", "ujy", "njy"}
# Spellings of "no unit".
_NO_UNIT: Final = frozenset({"none", "null", "nan", "unitless", "dimensionless", "n/a", "1"})
_QUOTES: Final = "\"'` "
_LENGTHS: Final = frozenset({"km", "m", "cm"})
SPACES: Final = (
    "are separated by spaces, as in many ASCII tables; save the table as CSV "
    "(astropy: table.write('stars.csv', format='ascii.csv'))"
)


@dataclass(frozen=True, slots=True)
class MeasuredColumns:
    """The measured columns of a table.

    positions: index of the column for each that the schema seeks, None for a missing redshift or optional column.
    names: the table's own name of each, for messages. identifier: index of the identifier column.
    notes: warnings for every row, for answers and summaries. schema: the columns that were looked for.
    """

    positions: tuple[int | None, ...]
    names: tuple[str, ...]
    identifier: int | None = None
    notes: tuple[InputWarning, ...] = ()
    schema: Schema = SDSS

    @property
    def present(self) -> list[int]:
        """The positions of those present."""
        return [position for position in self.positions if position is not None]


def locate(names: Sequence[str], schema: Schema = SDSS) -> MeasuredColumns:
    """Find the measured columns under any of their names.

    Returns
    -------
    Their positions, and warnings for every row.

    Raises
    ------
    InvalidFieldsError
        With every missing, misspelt or duplicate column.
    LimitExceededError
        For a table that is too wide.
    """
    if len(names) > TABLE_COLUMNS:
        raise LimitExceededError(f"the table has {len(names):,} columns; at most {TABLE_COLUMNS:,} are read")
    match = choose(names, schema)
    if match.positions.keys().isdisjoint(schema.bands):
        _refuse_missing_header(names, schema)
    known = {*match.positions, *match.explained}
    needed = (*schema.required, CLASS) if schema.class_columns else schema.required
    missing = [name for name in needed if name not in known]
    others = other_magnitudes(names) if missing and schema.is_sdss else {}
    unknown = misspelt(names, known) if schema.is_sdss else []
    absent = _absent(names, schema) if schema.class_columns else ()
    problems = [*match.problems, *absent, *unknown, *(_missing(name, others, schema) for name in missing)]
    if problems:
        raise InvalidFieldsError(problems, _message(problems, names, schema))
    positions = tuple(match.positions.get(quantity) for quantity in schema.sought)
    headings = tuple(quantity if i is None else names[i] for quantity, i in zip(schema.sought, positions, strict=True))
    return MeasuredColumns(positions, headings, match.positions.get(IDENTIFIER), match.notes, schema)


def columns_of(head: Head) -> MeasuredColumns:
    """The measured columns of a CSV; raises InvalidFieldsError for unusable names and units."""
    columns = locate(head.names, head.schema)
    if head.units:
        check_units(columns, [*head.units, *[None] * (len(head.names) - len(head.units))])
    return columns


def _refuse_missing_header(names: Sequence[str], schema: Schema) -> None:
    """Raise InvalidFieldsError if the first line is not a CSV header, with what it is."""
    words = [word.strip(_QUOTES) for word in names[0].split()] if len(names) == 1 else []
    if schema.count(words) > 1:
        raise InvalidFieldsError([], f"the columns {SPACES}: {names[0]!r:.80}")
    quoted = next((name for name in names if name != name.strip(_QUOTES)), None)
    if quoted is not None and schema.has_bands([name.strip(_QUOTES) for name in names]):
        raise InvalidFieldsError(
            [],
            f"the column names are in quotes that CSV does not have, as in {quoted:.60}: a quoted cell begins "
            'and ends with ", next to the delimiter',
        )
    numbers = [word for word in words or names if _is_number(word)]
    if len(numbers) >= min(len(words or names), len(schema.bands)) > 0:
        raise InvalidFieldsError(
            [],
            "the first line holds numbers; the table needs a header line with column names. Lines that begin with # "
            "are comments: if the names are in one, remove the #",
        )


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True


def _absent(names: Sequence[str], schema: Schema) -> list[FieldError]:
    """Errors for the columns that were named for a training but are not in its table."""
    spelled = {name.strip().lower() for name in names}
    return [
        FieldError(column, Reason.MISSING.code, f"there is no column {column}, which was named for {name}")
        for name, column in schema.columns.items()
        if column not in spelled
    ]


def _missing(name: str, others: Mapping[str, tuple[str, str]], schema: Schema) -> FieldError:
    if name == CLASS:
        listed = ", ".join(schema.class_columns)
        return FieldError(
            name, Reason.MISSING.code, f"there is no column of classes ({listed}); name it by class_column"
        )
    known = schema.aliases(name) if schema.is_sdss else ()
    own = schema.columns.get(name)
    also = f" (nor {', '.join(known[:3])}, ...)" if known else f" (nor {own})" if own else ""
    return FieldError(name, Reason.MISSING.code, f"there is no column {name}{also}{instead_of(name, others)}")


def _message(problems: Sequence[FieldError], names: Sequence[str], schema: Schema) -> str:
    listed = "; ".join(f"{problem.field}: {problem.detail}" for problem in problems)
    shown = ", ".join(names[:20])[:200] or "none"
    return (
        f"the table's columns cannot be used: {listed}. {_who(schema)} needs {schema.needs}, named in its header. "
        f"Its columns are: {shown}"
    )


def _who(schema: Schema) -> str:
    return f"For model {schema.model} it" if schema.model else "It"


def check_units(columns: MeasuredColumns, units: Sequence[str | None]) -> None:
    """Reject magnitudes other than AB magnitudes or luptitudes, and redshifts that are velocities.

    Parameters
    ----------
    columns
        The measured columns.
    units
        One per column of the table, None or empty if missing.

    Raises
    ------
    InvalidFieldsError
        With every column of another unit.
    """
    problems = []
    schema = columns.schema
    for position, quantity, name in zip(columns.positions, schema.sought, columns.names, strict=True):
        if quantity not in (*schema.bands, REDSHIFT):
            continue
        unit = (units[position] or "").strip() if position is not None else ""
        said = unit.strip("-.") and unit.lower() not in _NO_UNIT
        detail = _wrong_unit(quantity, unit, schema) if said else None
        if detail:
            problems.append(FieldError(name, "wrong_unit", detail))
    if problems:
        raise InvalidFieldsError(problems)


def _wrong_unit(quantity: str, unit: str, schema: Schema) -> str | None:
    """The error of a unit; None for a valid one."""
    words = _UNIT_WORD.findall(unit.lower())
    if quantity == REDSHIFT:
        velocity = len(words) > 1 and words[0] in _LENGTHS
        return (
            f"is in {unit:.40}, which is a velocity; a redshift has no unit: divide by 299792.458 km/s"
            if velocity
            else None
        )
    if not schema.is_sdss:
        # Other catalogues have other systems; the model learnt the one of its own table.
        flux = any("magg" in word or word in _FLUXES for word in words)
        return f"is in {unit:.40}, a flux; {quantity} must be a magnitude" if flux else None
    if any("vega" in word for word in words):
        return (
            f"is in {unit:.40}, a magnitude of the Vega system; {quantity} must be an AB magnitude, as SDSS's are: "
            "the model is wrong on others"
        )
    if any("magg" in word or word in _NANOMAGGIES for word in words):
        return f"is in {unit:.40}, a flux; {quantity} must be an AB magnitude, 22.5 - 2.5 log10(flux in nanomaggies)"
    known = bool(words) and words[0] in _MAGNITUDES and _OTHER_MAGNITUDES.isdisjoint(words)
    return None if known else f"is in {unit:.40}; {quantity} must be an AB magnitude (mag)"
