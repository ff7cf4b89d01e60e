"""Stratified folds: every class is spread over the folds as evenly as its size allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def assign(labels: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """(n,) the fold of each example.

    Parameters
    ----------
    labels
        (n,) class of each example.
    folds
        How many; a class with fewer examples is in as many folds as it has examples.
    seed
        Of the shuffle.

    Returns
    -------
    ndarray of int64
        Folds of a class differ by at most one example; the first fold of each class is drawn, so that small classes
        do not all end in the same folds.
    """
    generator = np.random.default_rng(seed)
    fold_of = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        fold_of[members] = (np.arange(len(members)) + generator.integers(folds)) % folds
    return fold_of


def splits(labels: NDArray[np.int64], folds: int, seed: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """(training, held-out) rows of each fold; no fold leaves a class without a training example."""
    fold_of = assign(labels, folds, seed)
    for fold in range(folds):
        held_out = fold_of == fold
        if held_out.any():
            yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


def largest(labels: NDArray[np.int64], wanted: int) -> int:
    """How many folds there can be, at most `wanted`: each class has to have an example in every fold but one."""
    smallest = int(np.bincount(labels)[np.unique(labels)].min())
    return max(2, min(wanted, smallest))


def subset(labels: NDArray[np.int64], size: int, seed: int) -> NDArray[np.intp]:
    """`size` rows with the class mix of all, but at least two of each class where there are as many."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(labels))
    # The examples of a class are evenly spaced over [0, 1): the first `size` of all have the mix of all.
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = order[labels[order] == label]
        spacing = (np.arange(len(members)) + generator.random()) / len(members)
        spacing[:2] = -1.0
        place[members] = spacing
    return np.sort(np.argsort(place, kind="stable")[:size])
