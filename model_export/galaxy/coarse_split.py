"""The parts of the Galaxy Zoo 1 pictures and of those without labels, beside the split of Galaxy Zoo 2, which stays.

Pictures of the same sky stay on one side here too, across the surveys: pictures that are alike (split.py), and Galaxy
Zoo 1 galaxies of the same SDSS field, whose frames may overlap. A group with a picture that Galaxy Zoo 2 holds back is
left out, one with a picture that it trains on trains. Of the other groups of each class a tenth is kept back for
validation and a tenth for the test. Pictures without labels train, unless their sky is kept back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.galaxy import split
from model_export.galaxy.split import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue

FOLDER: Final = split.FOLDER / "coarse"
TEST: Final = 0.1
VALIDATION: Final = 0.1
# The lowest bits of an SDSS objID number the object within its field; the higher ones are run, column and field.
OBJECT_BITS: Final = 16
# The frames of the releases are not cut at the same width: pictures are compared at these, with all others at
# split.WINDOW, and those of Galaxy Zoo 2 at the narrower ones.
WINDOWS: Final = (127, 137, 147, 158, 170, 185, split.WINDOW, 216)
NARROWER: Final = (147, 158, 170, 185)
# Of the pairs above it nearly all have more than 0.88 and show the same galaxy, and few lie between.
SAME_SKY: Final = 0.8


def make(gz2: Catalogue, gz1: Catalogue, unlabelled: Catalogue, group: NDArray[np.int64], placed: Split) -> Split:
    """Split by group; group: (gz2 + gz1 + unlabelled,) as returned by `split.groups`. placed: the split of gz2."""
    names = np.array(gz2.identifiers + gz1.identifiers + unlabelled.identifiers)
    trained = np.zeros(len(names), dtype=np.bool_)
    trained[split.rows(placed.train, gz2)] = True
    held = np.zeros(len(names), dtype=np.bool_)
    held[: len(gz2)] = ~trained[: len(gz2)]
    part = np.full(len(names), "train", dtype="<U10")
    free = ~np.isin(group, group[: len(gz2)])
    for members in _strata(gz1, group[len(gz2) : len(gz2) + len(gz1)], free[len(gz2) :]):
        ordered = sorted(members, key=lambda leader: split.order_hash(str(names[leader]), split.SEED))
        tested, validated = round(TEST * len(ordered)), round((TEST + VALIDATION) * len(ordered))
        part[np.isin(group, ordered[:tested])] = "test"
        part[np.isin(group, ordered[tested:validated])] = "validation"
    part[np.isin(group, group[held])] = "left_out"
    blank = np.arange(len(names)) >= len(gz2) + len(gz1)
    part[blank & (part != "train")] = "left_out"
    part[: len(gz2)] = ""
    return Split(**{name: tuple(sorted(names[part == name].tolist())) for name in split.PARTS})


def _strata(gz1: Catalogue, group: NDArray[np.int64], free: NDArray[np.bool_]) -> list[list[int]]:
    """The groups of each class, by the class of their first picture."""
    strata: dict[str, list[int]] = {}
    seen: set[int] = set()
    for row, leader in enumerate(group.tolist()):
        if free[row] and leader not in seen:
            seen.add(leader)
            strata.setdefault(gz1.source[row], []).append(leader)
    return [strata[key] for key in sorted(strata)]


def same_field(identifiers: Sequence[str]) -> list[tuple[int, int]]:
    """(first, later) picture of each SDSS field, by names such as ``gz1:587722953303916935``."""
    first: dict[int, int] = {}
    pairs = []
    for row, name in enumerate(identifiers):
        field = int(name.partition(":")[2]) >> OBJECT_BITS
        leader = first.setdefault(field, row)
        if leader != row:
            pairs.append((leader, row))
    return pairs


def same_sky(gz2: NDArray[np.uint8], gz1: NDArray[np.uint8], unlabelled: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Pairs of the same sky among the (n, 218, 218, 3) crops, numbered through, but those within Galaxy Zoo 2."""
    greys = [split.grey(crops) for crops in (gz2, gz1, unlabelled)]
    wide = np.concatenate([split.thumbnails(grey, split.WINDOW) for grey in greys])
    whitener = split.Whitener(wide)
    everything = whitener(wide)
    first, rest = len(gz2), everything[len(gz2) :]
    pairs: set[tuple[int, int]] = set()
    for window in WINDOWS:
        more = whitener(np.concatenate([split.thumbnails(grey, window) for grey in greys[1:]]))
        pairs |= {_pair(first + one, other) for one, other in split.pairs_above(more, everything, SAME_SKY)}
    for window in NARROWER:
        more = whitener(split.thumbnails(greys[0], window))
        pairs |= {_pair(one, first + other) for one, other in split.pairs_above(more, rest, SAME_SKY)}
    return sorted((left, right) for left, right in pairs if left != right)


def _pair(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)
