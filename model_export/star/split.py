"""Which objects train, and which only ever test.

An object's place is decided by a hash of its own five magnitudes and the seed, within its
class: the fifth of each class with the lowest hashes is the test split. So the split is
stratified, does not depend on the order of the file, and puts an object on the same side
whether it comes from the compact copy or from the original file.

Objects whose redshift fit failed (a redshift of exactly 0) neither train nor test, since the label
comes from the same fit. They take part in the ranking, so that leaving them out moves no other
object to the other side.

The seed is 17, after SDSS17. It was chosen before any score was looked at, and it is the only
one there has ever been. Tuning, calibration and the choice of features see the training part only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from model_export.star.data import Dataset

SEED: Final = 17
TEST_FRACTION: Final = 0.2
FOLDS: Final = 5
# SDSS17 gives magnitudes to five decimals: in whole steps of that size, how they were parsed no longer shows.
HASHED_STEP: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Split:
    """Row indices of the two parts, ascending.

    unmeasured: the objects without a redshift that would stand in the test part.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    unmeasured: NDArray[np.intp]


def split(dataset: Dataset, seed: int = SEED) -> Split:
    """80 % to train and 20 % to test, in each class; objects without a redshift are in neither."""
    order = _order(dataset.photometry.magnitudes, seed)
    test = np.zeros(len(dataset), dtype=np.bool_)
    for label in np.unique(dataset.labels):
        members = order[dataset.labels[order] == label]
        test[members[: round(TEST_FRACTION * len(members))]] = True
    measured = dataset.has_redshift
    return Split(*(np.flatnonzero(rows) for rows in (~test & measured, test & measured, test & ~measured)))


def folds(dataset: Dataset, seed: int = SEED, count: int = FOLDS) -> NDArray[np.int64]:
    """(n,) the fold from 0 to count - 1 that each object is held out in, dealt out within each class."""
    order = _order(dataset.photometry.magnitudes, seed + 1)
    fold = np.empty(len(dataset), dtype=np.int64)
    for label in np.unique(dataset.labels):
        members = order[dataset.labels[order] == label]
        fold[members] = np.arange(len(members)) % count
    return fold


def held_out(fold: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """(rows to fit, rows held out) for each fold."""
    for index in range(int(fold.max()) + 1):
        yield np.flatnonzero(fold != index), np.flatnonzero(fold == index)


def _order(magnitudes: NDArray[np.float64], seed: int) -> NDArray[np.intp]:
    steps = np.round(magnitudes / HASHED_STEP).astype("<i8")
    salt = seed.to_bytes(8, "little")
    keys = [hashlib.blake2b(row.tobytes(), digest_size=8, key=salt).digest() for row in steps]
    return np.argsort(np.array(keys, dtype="S8").view(">u8"), kind="stable")
