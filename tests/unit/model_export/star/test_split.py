"""The split: fixed, stratified, and blind to the order of the file."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from model_export.star.data import description, fingerprint, folds, held_out, split
from tests.unit.model_export.star.factories import survey


def test_a_fifth_of_every_class_is_held_out() -> None:
    objects = survey(1_000)
    test = objects.take(split(objects).test)
    for label, count in objects.counts().items():
        assert test.counts()[label] == round(0.2 * count)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_order_of_the_rows_moves_no_object_to_the_other_side(seed: int) -> None:
    # Given
    objects = survey(200)
    shuffled = objects.take(np.random.default_rng(seed).permutation(len(objects)))

    # When
    parts = [each.take(split(each).test) for each in (objects, shuffled)]

    # Then
    assert fingerprint(parts[0]) == fingerprint(parts[1])


def test_the_last_bit_of_a_parsed_number_moves_no_object() -> None:
    objects, other = survey(500), survey(500)
    other.photometry.magnitudes[:] = np.nextafter(other.photometry.magnitudes, np.inf)
    np.testing.assert_array_equal(split(objects).test, split(other).test)


def test_train_and_test_share_no_row_and_leave_none_out() -> None:
    parts = split(survey(300))
    np.testing.assert_array_equal(np.sort(np.concatenate([parts.train, parts.test])), np.arange(300))


def test_objects_without_a_redshift_are_in_no_part_and_move_no_other() -> None:
    # Given
    objects = survey(400)
    before = split(objects)
    failed = np.array([*before.train[:30], *before.test[:10]])
    objects.photometry.redshift[failed] = np.nan

    # When
    parts = split(objects)

    # Then
    np.testing.assert_array_equal(parts.train, np.setdiff1d(before.train, failed))
    np.testing.assert_array_equal(parts.test, np.setdiff1d(before.test, failed))
    np.testing.assert_array_equal(parts.unmeasured, np.sort(before.test[:10]))
    assert description(objects)["rows"] == 360
    assert description(objects)["dropped"] == {"without_redshift": 40}


def test_another_seed_gives_another_split() -> None:
    objects = survey(300)
    assert not np.array_equal(split(objects, seed=1).test, split(objects, seed=2).test)


def test_every_object_is_held_out_in_one_fold() -> None:
    # Given
    fold = folds(survey(203))

    # When
    unseen = np.concatenate([held for _, held in held_out(fold)])

    # Then
    np.testing.assert_array_equal(np.sort(unseen), np.arange(203))
    assert all(not np.intersect1d(seen, held).size for seen, held in held_out(fold))
