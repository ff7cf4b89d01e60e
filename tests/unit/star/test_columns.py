"""Names, aliases and ranges of star columns."""

from __future__ import annotations

import numpy as np
import pytest

from skysort.star.columns import (
    BANDS,
    MEASURED,
    Photometry,
    Reason,
    canonical,
    check,
    describe,
    is_known,
    misspelt,
    nearest,
)


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


def test_a_misspelt_redshift_is_reported_only_where_redshift_is_absent() -> None:
    assert [error.field for error in misspelt(["u", "g", "r", "i", "z", "redshfit"], BANDS)] == ["redshfit"]
    assert misspelt(["u", "g", "r", "i", "z", "redshift", "redshift_err"], MEASURED) == []
    assert misspelt(["u", "g", "r", "i", "z", "comment"], BANDS) == []
    assert nearest("redshfit") == "redshift"


@pytest.mark.parametrize("name", ["v_helio", "best", "qso", "zp", "z_phot", "z_err", "zWarning", "z_cmb", "zph"])
def test_columns_that_are_no_redshift_are_not_taken_for_a_misspelt_one(name: str) -> None:
    assert misspelt([*BANDS, name], BANDS) == []


@pytest.mark.parametrize("name", ["redshfit", "Redshif", "z_helo", "z_noqso", "zspecz"])
def test_columns_that_look_like_a_redshift_are_asked_about(name: str) -> None:
    (error,) = misspelt([*BANDS, name], BANDS)
    assert error.detail == "is not a known field; did you mean 'redshift'?"


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
        {"g": Reason.MISSING, "redshift": Reason.SENTINEL},
        {"z": Reason.OUT_OF_RANGE, "redshift": Reason.OUT_OF_RANGE},
    ]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_out_of_range(value: float) -> None:
    photometry = Photometry(np.full((1, 5), value), np.array([value]))
    assert (check(photometry) == Reason.OUT_OF_RANGE).all()


def test_a_description_says_what_would_be_right() -> None:
    assert describe("g", Reason.OUT_OF_RANGE, 99.0).detail == "must be from 5 to 35 mag, got 99.0"
    assert "photometry alone" in describe("redshift", Reason.SENTINEL).detail
    assert "did you mean 'redshift'" in describe("redshfit", Reason.UNKNOWN_FIELD).detail
