"""Names, aliases and ranges of star columns."""

from __future__ import annotations

import importlib
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.star.columns import (
    NO_REDSHIFT,
    NUMBER,
    Photometry,
    Reason,
    check,
    describe,
    without_sentinels,
)
from skysort.star.schema import REDSHIFT_RANGE
from skysort.star.spellings import MEASURED, canonical, is_known


@pytest.mark.parametrize(
    ("spelling", "column"),
    [
        ("u", "u"),
        ("psfMag_u", "u"),
        (" RA ", "alpha"),
        ("dec", "delta"),
        ("z", "z"),
        ("Z_spec", "redshift"),
        ("objID", "id"),
    ],
)
def test_a_column_is_known_by_its_aliases_in_any_case(spelling: str, column: str) -> None:
    assert canonical(spelling) == column


def test_columns_that_say_nothing_of_the_object_are_known_and_have_no_canonical_name() -> None:
    assert is_known("fiber_ID")
    assert canonical("fiber_ID") is None


def test_each_bad_value_has_its_reason() -> None:
    # Given four objects: sound, unmeasured u, absent g, and out of range in z and redshift
    good = [19.0, 18.0, 17.5, 17.3, 17.2]
    magnitudes = np.array([good, [-9999.0, *good[1:]], [19.0, np.nan, *good[2:]], [*good[:4], 77.0]])
    redshift = np.array([0.1, np.nan, -9999.0, 40.0])
    # When they are checked
    reasons = check(Photometry(magnitudes, redshift))
    # Then every bad value is named and nothing else
    named = [
        {column: Reason(reason) for column, reason in zip(MEASURED, row, strict=True) if reason} for row in reasons
    ]
    assert named == [
        {},
        {"u": Reason.SENTINEL},
        {"g": Reason.MISSING},
        {"z": Reason.OUT_OF_RANGE, "redshift": Reason.OUT_OF_RANGE},
    ]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_out_of_range(value: float) -> None:
    photometry = Photometry(np.full((1, 5), value), np.array([value]))
    assert (check(photometry) == Reason.OUT_OF_RANGE).all()


def test_a_description_says_what_would_be_right() -> None:
    assert describe("g", Reason.OUT_OF_RANGE, 99.0).detail == "must be from 5 to 35 mag, got 99.0"
    assert describe("u", Reason.NOT_A_NUMBER, "18,25").detail.endswith("got '18,25'; write it with a decimal point")
    assert describe("u", Reason.NOT_A_NUMBER, "18,2,5").detail.endswith("got '18,2,5'")
    assert "this object cannot be classified" in describe("u", Reason.SENTINEL).detail
    assert "did you mean 'redshift'" in describe("redshfit", Reason.UNKNOWN_FIELD, "redshift").detail


def with_redshift(*redshift: float) -> Photometry:
    return Photometry(np.full((len(redshift), 5), 18.0), np.array(redshift))


def test_a_catalogue_that_writes_no_redshift_in_its_own_way_is_classified_from_photometry_alone() -> None:
    # Given every way of writing none, beside a quasar, a star at rest, and two redshifts that cannot be
    objects = with_redshift(*NO_REDSHIFT, 2.03, -7.895373e-06, 40.0, -3.0)
    # When
    photometry, counts = without_sentinels(objects)
    # Then
    assert np.isnan(photometry.redshift[: len(NO_REDSHIFT)]).all()
    assert photometry.redshift[len(NO_REDSHIFT) :].tolist() == [2.03, -7.895373e-06, 40.0, -3.0]
    assert counts == dict.fromkeys(NO_REDSHIFT, 1)
    # And the check refuses only those that cannot be
    assert check(objects)[:, -1].nonzero()[0].tolist() == [len(NO_REDSHIFT) + 2, len(NO_REDSHIFT) + 3]


def test_sentinels_are_found_in_columns_of_32_bits() -> None:
    rounded = np.array(NO_REDSHIFT, np.float32).astype(np.float64)
    photometry, counts = without_sentinels(with_redshift(*rounded))
    assert np.isnan(photometry.redshift).all()
    assert counts[-99.99] == 1


@given(st.lists(st.floats(*REDSHIFT_RANGE, exclude_min=True).filter(bool) | st.just(math.nan)))
def test_a_measured_redshift_is_never_taken_for_none(redshift: list[float]) -> None:
    objects = with_redshift(*redshift)
    assert without_sentinels(objects) == (objects, {})


def ambiguous(pattern: Any) -> bool:
    """Whether characters can be shared out among two repeats of a parsed regular expression in more than one way.

    That is where an endless repeat of some characters can follow another of the same with nothing that has to be
    between, or where one holds another.
    """
    items = list(pattern)
    for at, (name, argument) in enumerate(items):
        inner = parts(name, argument)
        if any(ambiguous(part) for part in inner):
            return True
        if is_endless(name, argument):
            if any(has_endless(part) for part in inner):
                return True
            for following, given in items[at + 1 :]:
                if is_endless(following, given) and str(given[2]) == str(argument[2]):
                    return True
                if not is_optional(following, given):
                    break
    return False


def parts(name: Any, argument: Any) -> list[Any]:
    """The expressions inside of a part of one."""
    if str(name).endswith("REPEAT"):
        return [argument[2]]
    if str(name) == "BRANCH":
        return list(argument[1])
    return [argument[-1]] if str(name) == "SUBPATTERN" else []


def has_endless(pattern: Any) -> bool:
    return any(is_endless(name, argument) or any(map(has_endless, parts(name, argument))) for name, argument in pattern)


def is_endless(name: Any, argument: Any) -> bool:
    return str(name).endswith("REPEAT") and str(argument[1]) == "MAXREPEAT"


def is_optional(name: Any, argument: Any) -> bool:
    return str(name).endswith("REPEAT") and argument[0] == 0


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [(NUMBER, False), (r"[0-9]+\.?[0-9]*", True), (r"(a+)+", True), (r"a+(?:\.a*)?|\.a+", False)],
)
def test_digits_that_end_in_no_number_can_be_shared_out_in_one_way_only(pattern: str, expected: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        parser = importlib.import_module("re._parser")
    assert ambiguous(parser.parse(pattern)) == expected
