"""Folds spread every class, and parts keep the mix."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skysort.learning import folds

SIZES = st.lists(st.integers(2, 12), min_size=2, max_size=5)


@given(sizes=SIZES, wanted=st.integers(2, 6), seed=st.integers(0, 1000))
def test_every_fold_leaves_each_class_something_to_learn_from(sizes: list[int], wanted: int, seed: int) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    count = folds.largest(labels, wanted)
    held_out_once: list[int] = []
    for train, held_out in folds.splits(labels, count, seed):
        assert set(labels[train]) == set(labels)
        assert not set(train) & set(held_out)
        held_out_once.extend(held_out)
    assert sorted(held_out_once) == list(range(len(labels)))


def test_the_folds_of_a_class_differ_by_one_example_at_most() -> None:
    labels = np.repeat([0, 1], [50, 13])
    fold_of = folds.assign(labels, 5, seed=3)
    for label in (0, 1):
        counts = np.bincount(fold_of[labels == label], minlength=5)
        assert counts.max() - counts.min() <= 1


@given(sizes=SIZES, seed=st.integers(0, 1000), data=st.data())
def test_a_part_has_two_examples_of_each_class_at_least(sizes: list[int], seed: int, data: st.DataObject) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    size = data.draw(st.integers(2 * len(sizes), len(labels)))
    rows = folds.subset(labels, size, seed)
    assert len(rows) == len(set(rows)) == size
    assert np.bincount(labels[rows], minlength=len(sizes)).min() >= 2


def test_the_same_seed_draws_the_same() -> None:
    labels = np.repeat([0, 1, 2], 30)
    np.testing.assert_array_equal(folds.assign(labels, 5, 7), folds.assign(labels, 5, 7))
    assert (folds.assign(labels, 5, 7) != folds.assign(labels, 5, 8)).any()
