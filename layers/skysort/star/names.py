"""Which of the names that a row or a table gives hold the measured values and the identifier.

The rules, the same for a JSON row, a form, a CSV and a dropped table:

* A column's own name wins over its other names (``u``, ``redshift``, ``id``).
* Magnitudes: the first family of columns.FAMILIES that is there for all five bands, so that no object
  is judged by colours of two kinds; the others are passed over. Where none is whole, the first of
  columns.DEREDDENED that is, which is said; else each band may come from another family.
* ``z`` is the redshift, as in SDSS's SpecObj and SpecPhoto, where it stands without ``u``, ``g``, ``r`` and ``i``
  beside a whole family of other magnitudes (``modelMag_u`` to ``modelMag_z``). Otherwise it is a magnitude.
* Two columns that hold the same quantity with equal right are an error: which is meant cannot be told. So are the two
  ``z`` of joined tables (skysort.star.joined).
* Gaia's ``Gmag`` beside its ``BPmag`` or ``RPmag`` is no g magnitude of SDSS, nor are VizieR's ``Umag``, ``Rmag`` and
  ``Imag`` beside ``Bmag`` or ``Vmag``, which are Johnson's and Cousins's, of SDSS's ``umag``, ``rmag`` and ``imag``.
* A redshift that was estimated from photometry is none: the row is classified from photometry alone, which is said.
  So it is of a column that calls itself a redshift in words that are not known.
* Identifiers are never an error: the first in the order of columns.ALIASES is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.errors import FieldError
from skysort.input_warnings import InputWarning
from skysort.star.columns import (
    ALIASES,
    BANDS,
    DEREDDENED,
    FAMILIES,
    IDENTIFIER,
    REDSHIFT,
    Reason,
    describe,
)
from skysort.star.joined import joined
from skysort.star.other_quantities import is_estimated_redshift, may_be_redshift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PLAIN: Final = FAMILIES[0]
_Z: Final = BANDS[-1]
# Names in this very case that are another survey's where one of the others stands beside them.
_OTHERS: Final = {("Gmag",): ("BPmag", "RPmag", "bpmag", "rpmag"), ("Umag", "Rmag", "Imag"): ("Bmag", "Vmag")}
DEREDDENED_CODE: Final = "dereddened_magnitudes"
ESTIMATED_CODE: Final = "photometric_redshift"
UNKNOWN_CODE: Final = "redshift_not_known"


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
    family = _whole(FAMILIES, spelled)
    dereddened = _whole(DEREDDENED, spelled) if family is None else None
    taken = family or dereddened
    candidates = {band: _magnitudes(band, taken, spelled) for band in BANDS}
    candidates[REDSHIFT] = _redshifts(taken, spelled)
    positions = {quantity: found[0] for quantity, found in candidates.items() if found}
    problems = [
        _repeated(quantity, [names[at] for at in found]) for quantity, found in candidates.items() if len(found) > 1
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
        if not any(names[at].strip() in signs for sign in signs for at in spelled.get(sign.lower(), ())):
            continue
        for other in others:
            kept = [at for at in spelled.pop(other.lower(), ()) if names[at].strip() != other]
            if kept:
                spelled[other.lower()] = kept
    return spelled


def _whole(families: Sequence[str], spelled: Mapping[str, list[int]]) -> str | None:
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
