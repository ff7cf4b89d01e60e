"""Which of the names that a row or a table gives hold the measured values and the identifier.

The rules, the same for a JSON row, a form, a CSV and a dropped table:

* A column's own name wins over its other names (``u``, ``redshift``, ``id``).
* Magnitudes: the first family of spellings.FAMILIES that is there for all five bands, so that no object
  is judged by colours of two kinds; the others are passed over. Where none is whole, the first of
  spellings.DEREDDENED that is, which is said; else each band may come from another family.
* ``z`` is the redshift, as in SDSS's SpecObj and SpecPhoto, where it stands without ``u``, ``g``, ``r`` and ``i``
  beside a whole family of other magnitudes (``modelMag_u`` to ``modelMag_z``). Otherwise it is a magnitude.
* Two columns that hold the same quantity with equal right are an error: it is not known which is meant. So are those
  that a join of two tables renamed, as TOPCAT, pandas, R, CasJobs, Polars and DuckDB do: z_1 and z_2, z_x and z_y, z.x
  and z.y, z.1, z1, z_right, z:1. A header does not say which is the one to use, and z may be a magnitude in one table
  and a redshift in the other: they are named, and where they stand says which is likely which.
* Gaia's ``Gmag`` beside its ``BPmag`` or ``RPmag`` is not a g magnitude of SDSS, nor are VizieR's ``Umag``, ``Rmag``
  and ``Imag`` beside ``Bmag`` or ``Vmag``, which are Johnson's and Cousins's, of SDSS's ``umag``, ``rmag``, ``imag``.
* A redshift that was estimated from photometry is none: the row is classified from photometry alone, which is said.
  So it is of a column that calls itself a redshift in words that are not known.
* Identifiers are never an error: the first in the order of spellings.ALIASES is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.errors import FieldError
from skysort.input_warnings import InputWarning
from skysort.star.columns import Reason, describe
from skysort.star.spellings import ALIASES, BANDS, DEREDDENED, FAMILIES, IDENTIFIER, MEASURED, REDSHIFT
from skysort.star.unknown_columns import is_estimated_redshift, may_be_redshift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_PLAIN: Final = FAMILIES[0]
_Z: Final = BANDS[-1]
# Names in this very case that are another survey's where one of the others stands beside them.
_OTHERS: Final = {("Gmag",): ("BPmag", "RPmag", "bpmag", "rpmag"), ("Umag", "Rmag", "Imag"): ("Bmag", "Vmag")}
DEREDDENED_CODE: Final = "dereddened_magnitudes"
ESTIMATED_CODE: Final = "photometric_redshift"
UNKNOWN_CODE: Final = "redshift_not_known"
_TWIN: Final = re.compile(r"(?:[_.:]?[1-9]|[_.][xy]|_left|_right)$")
_LAST: Final = (*"123456789xy", "t")
_BESIDE: Final = 2


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """Where the values are among the names.

    positions: index of the name for each of MEASURED and the identifier that is there.
    explained: quantities that are not there, and why is among the problems.
    problems: names that cannot be used, and why. notes: what was done that the caller should know.
    """

    positions: Mapping[str, int]
    explained: frozenset[str]
    problems: tuple[FieldError, ...]
    notes: tuple[InputWarning, ...] = ()


def choose(names: Sequence[str]) -> ColumnMatch:
    """Choose among names in any case, as the module's rules say."""
    spelled = _spelled(names)
    family = _complete_family(FAMILIES, spelled)
    dereddened = _complete_family(DEREDDENED, spelled) if family is None else None
    pattern = family or dereddened
    candidates = {band: _magnitudes(band, pattern, spelled) for band in BANDS}
    candidates[REDSHIFT] = _redshifts(pattern, spelled)
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
        for band in BANDS
        if band not in positions and kind.format(band=band) in spelled
    }
    problems += [describe(name, Reason.DEREDDENED) for name in some.values()]
    twins = joined(names, spelled, positions)
    problems += twins.values()
    notes = _notes(names, names[positions[BANDS[0]]] if dereddened else None, redshift=REDSHIFT in positions)
    return ColumnMatch(positions, frozenset({*some, *twins}), tuple(problems), notes)


def _spelled(names: Sequence[str]) -> dict[str, list[int]]:
    """Where each name stands, in lower case."""
    spelled: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        spelled.setdefault(name.strip().lower(), []).append(position)
    for others, signs in _OTHERS.items():
        if not any(names[index].strip() in signs for sign in signs for index in spelled.get(sign.lower(), ())):
            continue
        for other in others:
            kept = [index for index in spelled.pop(other.lower(), ()) if names[index].strip() != other]
            if kept:
                spelled[other.lower()] = kept
    return spelled


def _complete_family(families: Sequence[str], spelled: Mapping[str, list[int]]) -> str | None:
    return next((kind for kind in families if all(kind.format(band=band) in spelled for band in BANDS)), None)


def _magnitudes(band: str, family: str | None, spelled: Mapping[str, list[int]]) -> list[int]:
    kinds = FAMILIES if family is None else (family,)
    return [position for kind in kinds for position in spelled.get(kind.format(band=band), ())]


def _redshifts(family: str | None, spelled: Mapping[str, list[int]]) -> list[int]:
    if REDSHIFT in spelled:
        return spelled[REDSHIFT]
    if family not in {None, _PLAIN} and not any(band in spelled for band in BANDS[:-1]) and _Z in spelled:
        return spelled[_Z]
    return [position for alias in ALIASES[REDSHIFT] for position in spelled.get(alias, ())]


def _repeated(quantity: str, names: Sequence[str]) -> FieldError:
    first, second = names[:2]
    if quantity == REDSHIFT:
        instead = f"name the one to use {REDSHIFT!r}"
    elif quantity == _Z:
        instead = f"keep the magnitude alone, and name a redshift {REDSHIFT!r}"
    else:
        instead = "keep one of them"
    repeated = describe(second, Reason.REPEATED_FIELD)
    return FieldError(
        second, repeated.reason, f"{repeated.detail}: {first!r} and {second!r} are both {quantity}; {instead}"
    )


def _notes(names: Sequence[str], dereddened: str | None, *, redshift: bool) -> tuple[InputWarning, ...]:
    """dereddened: the name of the u magnitude where all five are corrected for extinction."""
    notes = []
    if dereddened is not None:
        notes.append(
            InputWarning(
                DEREDDENED_CODE,
                f"{dereddened:.60} and the like are corrected for Galactic extinction; the model learnt from "
                "magnitudes as catalogued, and is a little less often right on these",
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
                f"{unknown:.60} is not known as a redshift, and the classes are of photometry alone: where it was "
                f"measured from spectra, name it {REDSHIFT!r}",
            )
        )
    if estimated is not None:
        notes.append(
            InputWarning(
                ESTIMATED_CODE,
                f"{estimated:.60} is a redshift estimated from photometry and not measured: it is left out, and the "
                "classes are of photometry alone",
            )
        )
    return tuple(notes)


def joined(
    names: Sequence[str], spelled: Mapping[str, Sequence[int]], positions: Mapping[str, int]
) -> dict[str, FieldError]:
    """The quantities of which a table has several renamed columns, and what to do about each."""
    # A second ``z`` beside the magnitude is asked about where there is no redshift, which it probably is.
    if all(column in positions for column in MEASURED):
        return {}
    twins = _twins(spelled)
    errors: dict[str, FieldError] = {}
    for quantity in MEASURED:
        if quantity not in positions:
            named = next((twins[base] for base in (quantity, *ALIASES[quantity]) if len(twins.get(base, ())) > 1), None)
            if named:
                errors[quantity] = _error(quantity, [names[i] for i in named], _magnitude_among(named, positions))
    if _Z in positions and REDSHIFT not in positions and REDSHIFT not in errors and twins.get(_Z):
        z = positions[_Z]
        if names[z].strip().lower() == _Z:
            pair = [z, *(i for i in twins[_Z] if i != z)]
            errors[REDSHIFT] = _error(_Z, [names[i] for i in pair[:2]], _magnitude_among(pair, positions))
    return errors


def _twins(spelled: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Names without the mark of a join, to the indices of those that carry one."""
    twins: dict[str, list[int]] = {}
    for name in spelled:
        if not name.endswith(_LAST):
            continue
        base, marks = _TWIN.subn("", name)
        if marks and base:
            twins.setdefault(base, []).extend(spelled[name])
    return twins


def _magnitude_among(pair: Sequence[int], positions: Mapping[str, int]) -> int | None:
    """Which of two columns stands right behind the i magnitude, and so is the z magnitude; None where neither does."""
    i = positions.get("i")
    if i is None:
        return None
    behind = {index - i: place for place, index in enumerate(pair[:2]) if 0 < index - i <= _BESIDE}
    return behind[min(behind)] if behind else None


def _error(quantity: str, named: Sequence[str], magnitude: int | None) -> FieldError:
    first, second = (f"{name!r:.60}" for name in named[:2])
    both = f"{first} and {second} were one name before tables were joined"
    if quantity != _Z:
        detail = f"{both}: name the one to use {quantity!r}"
    elif magnitude is None:
        detail = (
            f"{both}: one is probably the z magnitude and the other the redshift (magnitudes are near 20, redshifts "
            f"below 7); name them {_Z!r} and {REDSHIFT!r}, or leave out the one that is neither"
        )
    else:
        z, other = (first, second) if magnitude == 0 else (second, first)
        detail = (
            f"{both}: {z} stands behind i and is probably the magnitude, {other} the redshift; name them {_Z!r} and "
            f"{REDSHIFT!r}, or leave out the one that is neither"
        )
    return FieldError(named[1], Reason.REPEATED_FIELD.code, detail)
