"""Which of the names that a row or a table gives hold the measured values and the identifier.

The rules, the same for a JSON row, a form, a CSV and a dropped table:

* A column's own name wins over its other names (``u``, ``redshift``, ``id``).
* Magnitudes: the first family of columns.FAMILIES that is there for all five bands, so that no object
  is judged by colours of two kinds; the others are passed over. Where none is whole, each band may come from another.
* ``z`` is the redshift, as in SDSS's SpecObj and SpecPhoto, where it stands without ``u``, ``g``, ``r`` and ``i``
  beside a whole family of other magnitudes (``modelMag_u`` to ``modelMag_z``). Otherwise it is a magnitude.
* Two columns that hold the same quantity with equal right are an error: which is meant cannot be told.
* Identifiers are never an error: the first in the order of columns.ALIASES is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.errors import FieldError
from skysort.star.columns import (
    ALIASES,
    BANDS,
    FAMILIES,
    IDENTIFIER,
    REDSHIFT,
    Reason,
    dereddened_band,
    describe,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PLAIN: Final = FAMILIES[0]
_Z: Final = BANDS[-1]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Where the values are among the names.

    positions: index of the name for each of MEASURED and the identifier that is there.
    dereddened: the name of the dereddened magnitude that was given in place of a band.
    problems: names that cannot be used, and why.
    """

    positions: Mapping[str, int]
    dereddened: Mapping[str, str]
    problems: tuple[FieldError, ...]


def choose(names: Sequence[str]) -> Chosen:
    """Choose among names in any case, as the module's rules say."""
    spelled: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        spelled.setdefault(name.strip().lower(), []).append(position)
    family = next((kind for kind in FAMILIES if all(kind.format(band=band) in spelled for band in BANDS)), None)
    candidates = {band: _magnitudes(band, family, spelled) for band in BANDS}
    candidates[REDSHIFT] = _redshifts(family, spelled)
    positions = {quantity: found[0] for quantity, found in candidates.items() if found}
    problems = [
        _repeated(quantity, [names[at] for at in found]) for quantity, found in candidates.items() if len(found) > 1
    ]
    identifiers = [spelled[name][0] for name in (IDENTIFIER, *ALIASES[IDENTIFIER]) if name in spelled]
    if identifiers:
        positions[IDENTIFIER] = identifiers[0]
    dereddened = {band: name for name in names if (band := dereddened_band(name)) and band not in positions}
    problems += [describe(name, Reason.DEREDDENED) for name in dereddened.values()]
    return Chosen(positions, dereddened, tuple(problems))


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
