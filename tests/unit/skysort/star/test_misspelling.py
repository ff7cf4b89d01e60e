"""Unknown columns that were meant for measured ones, and those that were not."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.limits import GUESSED_COLUMNS, TABLE_COLUMNS
from skysort.star import unknown_columns
from skysort.star.spellings import BANDS, MEASURED, SPELLINGS
from skysort.star.unknown_columns import is_other, misspelt, nearest


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


@pytest.mark.parametrize(
    "name",
    [
        *(
            "MAG_AUTO",
            "err_u",
            "u_err",
            "e_umag",
            "umag_err",
            "umagerr",
            "MAGERR_u",
            "modelMagErr_u",
            "extinction_u",
            "A_u",
        ),
        *(
            "psfMagErr_u",
            "modelFlux_u",
            "psfflux_u",
            "umag_flag",
            "z_spec_err",
            "redshift_err",
            "e_redshift",
            "redshift_q",
        ),
        *("photoz", "redshift_phot", "zphot", "zspec_min", "q_zsp", "u_ivar", "ebv", "redshift_flag", "x" * 1_000, ""),
    ],
)
def test_no_error_and_no_other_quantity_is_suggested(name: str) -> None:
    assert nearest(name) is None


@pytest.mark.parametrize(
    ("name", "meant"), [("u_mag", "u"), ("modelmagu", "u"), ("gmagg", "g"), ("redsihft", "redshift")]
)
def test_a_slip_of_one_or_two_letters_is_told(name: str, meant: str | None) -> None:
    assert nearest(name) == meant


@pytest.mark.parametrize(
    "kind",
    ["M_{}", "{}Kmag", "absmag_{}", "modelMag", "psfmag", "{}petromag", "mag_iso_{}", "mag_y", "bmag", "psfMag_Y"],
)
def test_a_magnitude_that_is_not_sdsss_is_no_misspelt_one(kind: str) -> None:
    assert misspelt([kind.format(band) for band in "ugriz"], {}) == []


def test_a_table_of_many_columns_is_asked_about_the_first_unknown_ones_only(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    asked: list[str] = []
    monkeypatch.setattr(unknown_columns, "nearest", asked.append)
    # When
    misspelt([f"zspecx{number}" for number in range(TABLE_COLUMNS)], BANDS)
    # Then
    assert len(asked) == GUESSED_COLUMNS


@pytest.mark.parametrize("name", ["z" * 60, "zspecredshift" * 4, "redshifted" * 6])
def test_what_a_long_name_costs_grows_with_its_length_alone(name: str) -> None:
    looked_up = list(unknown_columns._shortened(name, 1))
    assert len(looked_up) <= len(name) + 1
    assert sum(map(len, unknown_columns._known().values())) < 20_000


@given(st.text(max_size=80))
def test_any_name_is_known_by_a_measured_column_or_none(name: str) -> None:
    assert nearest(name) in {None, *SPELLINGS.values()}


@given(st.sampled_from([each for each in SPELLINGS if len(each) > 5]), st.data())
def test_a_letter_left_out_of_a_long_name_is_found_again(spelling: str, data: st.DataObject) -> None:
    # Given a name without one of its letters
    at = data.draw(st.integers(1, len(spelling) - 1))
    given_name = spelling[:at] + spelling[at + 1 :]
    # Then it is taken for a name that it is as much like as that one; of its own words some say something else
    assert nearest(given_name) is not None or is_other(given_name) or given_name in SPELLINGS


def test_the_letters_left_out_are_every_one_and_every_two() -> None:
    assert set(unknown_columns._shortened("abc", 2)) == {
        "".join(kept) for count in (3, 2, 1) for kept in itertools.combinations("abc", count)
    }
    assert all(column in MEASURED for column in BANDS)
