"""Unknown columns that were most likely meant for a measured one.

A table may carry any columns of its own, but ``redshfit`` in place of ``redshift`` would silently send every row to the
photometric model. What one looks up is bounded: both names are compared with up to two letters left out, which takes
some dozens of look-ups a name, and names as well as their number have a limit.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, islice
from typing import TYPE_CHECKING, Final

from skysort.limits import COLUMN_NAME_CHARACTERS, GUESSED_COLUMNS
from skysort.star.columns import MEASURED, SPELLINGS, Reason, describe, is_known
from skysort.star.other_quantities import is_estimated_redshift, is_other, other_magnitudes

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from skysort.errors import FieldError

# A name of three letters is like too many others: zp would be taken for zsp.
_LEAST: Final = 4
_LEFT_OUT: Final = 2
# Both letters of a longer name are hardly ever wrong, and trying them takes longer.
_SHORT: Final = 10
# Letters in common, twice, over the letters of both names.
_LIKENESS: Final = 0.75


def nearest(name: str) -> str | None:
    """The known column that an unknown name most likely meant, for a message.

    Both begin with the same letter: v_helio is like z_helio, and is a velocity. None for names that say that they are
    an error, an extinction or a flag, or an estimated redshift.
    """
    given = name.strip().lower()
    if not given or len(given) > COLUMN_NAME_CHARACTERS or is_other(given) or is_estimated_redshift(given):
        return None
    best, likeness = None, _LIKENESS
    left_out = _LEFT_OUT if len(given) <= _SHORT else 1
    for shortened in _shortened(given, left_out):
        for spelling in _known().get(shortened, ()):
            alike = 2 * len(shortened) / (len(given) + len(spelling))
            if alike >= likeness and spelling[0] == given[0] and (best is None or alike > likeness):
                best, likeness = spelling, alike
    return SPELLINGS[best] if best else None


def misspelt(names: Iterable[str], found: Container[str]) -> list[FieldError]:
    """Unknown columns that look like a measured column that is not among those found; the first columns are looked at.

    found: the measured columns that are there under a name of theirs.
    """
    if all(column in found for column in MEASURED):
        return []
    unknown = islice((name for name in names if not is_known(name)), GUESSED_COLUMNS)
    return [
        describe(name, Reason.UNKNOWN_FIELD, meant)
        for name in unknown
        if (meant := nearest(name)) in MEASURED and meant not in found and not other_magnitudes([name])
    ]


@cache
def _known() -> dict[str, list[str]]:
    """The known spellings by what is left of them without some letters."""
    known: dict[str, list[str]] = {}
    for spelling in SPELLINGS:
        if len(spelling) >= _LEAST:
            for shortened in _shortened(spelling, _LEFT_OUT):
                known.setdefault(shortened, []).append(spelling)
    return known


def _shortened(name: str, most: int) -> Iterator[str]:
    """The name itself and without up to so many letters, each once, the longest first."""
    for count in range(min(most, len(name)) + 1):
        yield from dict.fromkeys(
            "".join(name[at] for at in kept) for kept in combinations(range(len(name)), len(name) - count)
        )
