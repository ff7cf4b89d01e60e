"""Which rows of a table are held out, decided by their contents: a later version of the table holds out the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysort.star.columns import Photometry

HELD_OUT_SHARE: Final = 0.2
_SPLIT_SEED: Final = 17
# Of each class: the least and the largest share held out, which matter where it is small.
_LEAST, _LARGEST = 0.1, 0.4
# Catalogues have magnitudes to five decimals: multiples of this step are independent of how they were parsed.
_STEP: Final = 1e-5
_BITS: Final = 2.0**64
_ID_CHARACTERS: Final = 16


def fractions(photometry: Photometry, seed: int) -> NDArray[np.float64]:
    """(n,) a number from 0 to 1 for each row: a hash of its values (splitmix64 of each, Steele et al. 2014)."""
    mixed = np.full(len(photometry), np.uint64(seed), np.uint64)
    with np.errstate(over="ignore"):
        for column in _keys(photometry).T:
            mixed = (mixed ^ column.view(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
    shares: NDArray[np.float64] = mixed.astype(np.float64) / _BITS
    return shares


def held_out(photometry: Photometry, classes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) the rows held out: a fifth, and of every class neither none nor most; the same in every training."""
    drawn = fractions(photometry, _SPLIT_SEED)
    held = np.zeros(len(classes), np.bool_)
    for label in np.unique(classes).tolist():
        members = np.flatnonzero(classes == label)
        count = int((drawn[members] < HELD_OUT_SHARE).sum())
        count = min(max(count, int(np.ceil(_LEAST * len(members)))), int(_LARGEST * len(members)))
        held[members[np.argsort(drawn[members], kind="stable")[:count]]] = True
    return held


def identifiers(photometry: Photometry) -> list[str]:
    """The id of each row in comparisons: the start of its values' SHA-256."""
    return [hashlib.sha256(row.tobytes()).hexdigest()[:_ID_CHARACTERS] for row in _keys(photometry)]


def folds(photometry: Photometry, classes: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """(n,) the fold of each row: every class is spread evenly, rows of the same values together."""
    drawn = fractions(photometry, seed)
    fold_of = np.empty(len(classes), np.int64)
    for label in np.unique(classes).tolist():
        members = np.flatnonzero(classes == label)
        # An object that a table lists twice would otherwise be known where it is held out.
        values, object_of = np.unique(drawn[members], return_inverse=True)
        # Of fewer objects than folds some folds would leave none to learn from.
        fold_of[members] = (object_of if len(values) >= count else np.arange(len(members))) % count
    return fold_of


def _keys(photometry: Photometry) -> NDArray[np.int64]:
    """(n, k) the values as multiples of a step, without the redshift, which a later version of the table may add."""
    steps = np.nan_to_num(np.rint(photometry.magnitudes / _STEP), nan=-1.0, posinf=-1.0, neginf=-1.0)
    return np.ascontiguousarray(np.clip(steps, -(2.0**62), 2.0**62).astype(np.int64))
