"""Matching the column names of a row or a table to the measured values and the identifier.

The rules, the same for a JSON row, a form, a CSV and a dropped table:

* A column's own name (``u``, ``redshift``, ``id``) takes precedence over its aliases.
* Magnitudes: the first family of spellings.FAMILIES that is complete in all five bands, so that colours never mix two
  kinds of magnitudes; the others are ignored. Where none is complete, the first complete one of spellings.DEREDDENED,
  with a warning; else each band may come from another family.
* ``z`` is the redshift, as in SDSS's SpecObj and SpecPhoto, where there is no ``u``, ``g``, ``r`` and ``i`` but another
  complete family of magnitudes (``modelMag_u`` to ``modelMag_z``). Otherwise it is a magnitude.
* Two columns with equally good names for one quantity are an error. So are columns that a join of two tables renamed,
  as TOPCAT, pandas, R, CasJobs, Polars and DuckDB do: z_1 and z_2, z_x and z_y, z.x and z.y, z.1, z1, z_right, z:1. The
  header does not say which one to use, and z may be a magnitude in one table and a redshift in the other: the message
  names them and guesses by their positions.
* Gaia's ``Gmag`` together with its ``BPmag`` or ``RPmag`` is not an SDSS g magnitude, nor are VizieR's Johnson-Cousins
  ``Umag``, ``Rmag`` and ``Imag`` together with ``Bmag`` or ``Vmag`` SDSS's ``umag``, ``rmag`` and ``imag``.
* A photometric redshift does not count: the row is classified from photometry alone, with a warning. The same holds for
  a column whose name claims a redshift in an unknown spelling.
* Identifiers are never an error: the first in the order of spellings.ALIASES is used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.errors import FieldError
from skysort.input_warnings import InputWarning
from skysort.star.columns import Reason, describe
from skysort.star.schema import CLASS, SDSS
from skysort.star.spellings import ALIASES, BANDS, DEREDDENED, FAMILIES, IDENTIFIER, REDSHIFT
from skysort.star.unknown_columns import is_estimated_redshift, may_be_redshift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysort.star.schema import Schema


_PLAIN: Final = FAMILIES[0]
_Z: Final = BANDS[-1]
# Names, in this case only, that are another survey's where one of the companions is present.
_OTHERS: Final = {("Gmag",): ("BPmag", "RPmag", "bpmag", "rpmag"), ("Umag", "Rmag", "Imag"): ("Bmag", "Vmag")}
DEREDDENED_CODE: Final = "dereddened_magnitudes"
ESTIMATED_CODE: Final = "photometric_redshift"
UNKNOWN_CODE: Final = "redshift_not_known"
_TWIN: Final = re.compile(r"(?:[_.:]?[1-9]|[_.][xy]|_left|_right)$")
_LAST: Final = (*"123456789xy", "t")
_BESIDE: Final = 2


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """The columns matched among some names.

    positions: index of the name of each of the schema's columns, and of the identifier, where present.
    explained: missing quantities that one of the problems is about.
    problems: unusable names, and why. notes: warnings for the caller.
    """

    positions: Mapping[str, int]
    explained: frozenset[str]
    problems: tuple[FieldError, ...]
    notes: tuple[InputWarning, ...] = ()


def choose(names: Sequence[str], schema: Schema = SDSS) -> ColumnMatch:
    """Match names in any case by the rules above."""
    exact = _spelled(names)
    spelled = _without_others(names, exact) if schema.is_sdss else exact
    family = _complete_family(FAMILIES, spelled, schema)
    dereddened = _complete_family(DEREDDENED, spelled, schema) if family is None and schema.is_sdss else None
    pattern = family or dereddened
    candidates = {band: _magnitudes(band, pattern, spelled) for band in schema.bands}
    candidates.update({name: spelled.get(name, []) for name in schema.extras})
    if schema.has_redshift:
        candidates[REDSHIFT] = _redshifts(pattern, spelled, schema)
    if schema.class_columns:
        candidates[CLASS] = next((spelled[name] for name in schema.class_columns if name in spelled), [])
    candidates.update({name: exact[column] for name, column in schema.columns.items() if column in exact})
    positions = {quantity: matches[0] for quantity, matches in candidates.items() if matches}
    problems = [
        _repeated(quantity, [names[i] for i in matches]) for quantity, matches in candidates.items() if len(matches) > 1
    ]
    identifiers = [spelled[name][0] for name in (IDENTIFIER, *ALIASES[IDENTIFIER]) if name in spelled]
    if identifiers:
        positions[IDENTIFIER] = identifiers[0]
    some = {
        band: names[spelled[kind.format(band=band)][0]]
        for kind in DEREDDENED
        for band in (schema.bands if schema.is_sdss else ())
        if band not in positions and kind.format(band=band) in spelled
    }
    problems += [describe(name, Reason.DEREDDENED) for name in some.values()]
    twins = joined(names, spelled, positions, schema)
    problems += twins.values()
    corrected = names[positions[schema.bands[0]]] if dereddened else None
    notes = _notes(names, corrected, redshift=REDSHIFT in positions or not schema.has_redshift)
    return ColumnMatch(positions, frozenset({*some, *twins}), tuple(problems), notes)


def _spelled(names: Sequence[str]) -> dict[str, list[int]]:
    """The positions of each name, in lower case."""
    spelled: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        spelled.setdefault(name.strip().lower(), []).append(position)
    return spelled


def _without_others(names: Sequence[str], exact: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """The positions of each name, without those that are another survey's."""
    spelled = dict(exact)
    for others, signs in _OTHERS.items():
        if not any(names[index].strip() in signs for sign in signs for index in spelled.get(sign.lower(), ())):
            continue
        for other in others:
            kept = [index for index in spelled.pop(other.lower(), ()) if names[index].strip() != other]
            if kept:
                spelled[other.lower()] = kept
    return spelled


def _complete_family(families: Sequence[str], spelled: Mapping[str, list[int]], schema: Schema) -> str | None:
    return next((kind for kind in families if all(kind.format(band=band) in spelled for band in schema.bands)), None)


def _magnitudes(band: str, family: str | None, spelled: Mapping[str, list[int]]) -> list[int]:
    kinds = FAMILIES if family is None else (family,)
    return [position for kind in kinds for position in spelled.get(kind.format(band=band), ())]


def _redshifts(family: str | None, spelled: Mapping[str, list[int]], schema: Schema) -> list[int]:
    if REDSHIFT in spelled:
        return spelled[REDSHIFT]
    others = (band for band in schema.bands if band != _Z)
    if _Z in schema.bands and family not in {None, _PLAIN} and not any(map(spelled.__contains__, others)):
        named = spelled.get(_Z)
        if named:
            return named
    return [position for alias in schema.aliases(REDSHIFT) for position in spelled.get(alias, ())]


def _repeated(quantity: str, names: Sequence[str]) -> FieldError:
    first, second = names[:2]
    if quantity == REDSHIFT:
        instead = f"rename the one to use to {REDSHIFT!r}"
    elif quantity == _Z:
        instead = f"keep only the magnitude, and rename a redshift to {REDSHIFT!r}"
    else:
        instead = "keep one of them"
    repeated = describe(second, Reason.REPEATED_FIELD)
    return FieldError(
        second, repeated.reason, f"{repeated.detail}: {first!r} and {second!r} are both {quantity}; {instead}"
    )


def _notes(names: Sequence[str], dereddened: str | None, *, redshift: bool) -> tuple[InputWarning, ...]:
    """The warnings; dereddened: name of the u magnitude where all five are corrected for extinction."""
    notes = []
    if dereddened is not None:
        notes.append(
            InputWarning(
                DEREDDENED_CODE,
                f"{dereddened:.60} and the like are corrected for Galactic extinction; the model was trained on "
                "magnitudes as catalogued and is slightly less accurate on these",
            )
        )
    if redshift:
        return tuple(notes)
    estimated = next(filter(is_estimated_redshift, names), None)
    unknown = next(filter(may_be_redshift, names), None)
    if unknown is not None:
        notes.append(
            InputWarning(
                UNKNOWN_CODE,
                f"{unknown:.60} is not a known name of a redshift, so rows are classified from photometry alone; if it "
                f"was measured from spectra, rename it to {REDSHIFT!r}",
            )
        )
    if estimated is not None:
        notes.append(
            InputWarning(
                ESTIMATED_CODE,
                f"{estimated:.60} is a redshift estimated from photometry, not measured: it is ignored, and rows are "
                "classified from photometry alone",
            )
        )
    return tuple(notes)


def joined(
    names: Sequence[str],
    spelled: Mapping[str, Sequence[int]],
    positions: Mapping[str, int],
    schema: Schema = SDSS,
) -> dict[str, FieldError]:
    """Errors for quantities with several columns renamed by a join."""
    # A second ``z`` is reported where there is no redshift, as it probably is one.
    quantities = schema.measured if schema.has_redshift else schema.required
    if all(column in positions for column in quantities):
        return {}
    twins = _twins(spelled)
    errors: dict[str, FieldError] = {}
    for quantity in quantities:
        if quantity not in positions:
            bases = (quantity, *schema.aliases(quantity))
            named = next((twins[base] for base in bases if len(twins.get(base, ())) > 1), None)
            if named:
                errors[quantity] = _error(quantity, [names[i] for i in named], _magnitude_among(named, positions))
    wanted = schema.has_redshift and REDSHIFT not in positions and REDSHIFT not in errors
    if wanted and _Z in positions and twins.get(_Z):
        z = positions[_Z]
        if names[z].strip().lower() == _Z:
            pair = [z, *(i for i in twins[_Z] if i != z)]
            errors[REDSHIFT] = _error(_Z, [names[i] for i in pair[:2]], _magnitude_among(pair, positions))
    return errors


def _twins(spelled: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Base names without the suffix of a join, with the indices of the columns that have one."""
    twins: dict[str, list[int]] = {}
    for name in spelled:
        if not name.endswith(_LAST):
            continue
        base, marks = _TWIN.subn("", name)
        if marks and base:
            twins.setdefault(base, []).extend(spelled[name])
    return twins


def _magnitude_among(pair: Sequence[int], positions: Mapping[str, int]) -> int | None:
    """Which of two columns follows the i magnitude, and so is the z magnitude; None if neither does."""
    i = positions.get("i")
    if i is None:
        return None
    behind = {index - i: place for place, index in enumerate(pair[:2]) if 0 < index - i <= _BESIDE}
    return behind[min(behind)] if behind else None


def _error(quantity: str, named: Sequence[str], magnitude: int | None) -> FieldError:
    first, second = (f"{name!r:.60}" for name in named[:2])
    both = f"{first} and {second} had the same name before tables were joined"
    if quantity != _Z:
        detail = f"{both}: rename the one to use to {quantity!r}"
    elif magnitude is None:
        detail = (
            f"{both}: one is probably the z magnitude and the other the redshift (magnitudes are near 20, redshifts "
            f"below 7); rename them to {_Z!r} and {REDSHIFT!r}, or leave out the one that is neither"
        )
    else:
        z, other = (first, second) if magnitude == 0 else (second, first)
        detail = (
            f"{both}: {z} follows i and is probably the magnitude, {other} the redshift; rename them to {_Z!r} and "
            f"{REDSHIFT!r}, or leave out the one that is neither"
        )
    return FieldError(named[1], Reason.REPEATED_FIELD.code, detail)
