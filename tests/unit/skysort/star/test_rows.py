"""One row of a request, field by field."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.limits import CELL_CHARACTERS, STAR_ID_CHARACTERS, TABLE_COLUMNS
from skysort.star.rows import StarRow, as_photometry, read_row
from skysort.star.schema import MAGNITUDE_RANGE, REDSHIFT_RANGE
from tests.factories import EXAMPLE_ROW, star_row


def reasons(row: StarRow) -> dict[str, str]:
    return {error.field: error.reason for error in row.errors}


def test_the_example_row_is_read() -> None:
    row = read_row(EXAMPLE_ROW, "0", text=False)
    assert row == StarRow("0", (23.87882, 22.2753, 20.39501, 19.16573, 18.79371, 0.6347936))


def test_aliases_and_an_id_are_understood() -> None:
    row = read_row({"objid": 1237, "RA": 1, "Dec": 2, **star_row(alpha=..., delta=...)}, "0", text=False)
    assert (row.id, row.errors) == ("1237", ())


@pytest.mark.parametrize(
    ("given_id", "name"),
    [
        ("NGC 1", "NGC 1"),
        (1237660961327743232, "1237660961327743232"),
        ("x" * (STAR_ID_CHARACTERS + 1), "x" * STAR_ID_CHARACTERS),
        (None, "7"),
        ("", "7"),
        ({}, "7"),
        ([1], "7"),
        (True, "7"),
    ],
)
def test_an_id_comes_back_where_it_is_text_or_a_number(given_id: Any, name: str) -> None:
    row = read_row(star_row(id=given_id), "7", text=False)
    assert (row.id, row.errors) == (name, ())


@pytest.mark.parametrize("absent", [..., None])
def test_without_redshift_an_object_is_photometric(absent: Any) -> None:
    row = read_row(star_row(redshift=absent), "0", text=False)
    assert row.errors == ()
    assert math.isnan(as_photometry([row]).redshift[0])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"u": ...}, {"u": "missing"}),
        ({"u": None}, {"u": "missing"}),
        ({"u": "22.1"}, {"u": "not_a_number"}),
        ({"u": True}, {"u": "not_a_number"}),
        ({"u": [1]}, {"u": "not_a_number"}),
        ({"u": math.nan}, {"u": "not_a_number"}),
        ({"u": math.inf}, {"u": "not_a_number"}),
        ({"u": 10**400}, {"u": "not_a_number"}),
        ({"g": -9999}, {"g": "sentinel"}),
        ({"redshift": -9999.0}, {}),
        ({"redshift": 40}, {"redshift": "out_of_range"}),
        ({"redshift": math.nan}, {"redshift": "not_a_number"}),
        ({"z": 99}, {"z": "out_of_range"}),
        ({"alpha": 361, "delta": "+32:29:41"}, {}),
        ({"colour": "red", "type": 3, "Err_u": 0.66}, {}),
        ({"redshfit": 0.1, "redshift": ...}, {"redshfit": "unknown_field"}),
        ({"redshfit": 0.1}, {}),
        ({"ra": 135.0}, {}),
        ({"id": {}, "objid": []}, {}),
        ({"psfMag_u": 99, "dered_u": 20.0}, {}),
        ({"U": 20.0}, {"U": "repeated_field"}),
        ({"u": "a", "g": -9999, "r": ...}, {"u": "not_a_number", "g": "sentinel", "r": "missing"}),
    ],
)
def test_every_bad_field_is_named_with_its_reason(change: dict[str, Any], expected: dict[str, str]) -> None:
    assert reasons(read_row(star_row(**change), "0", text=False)) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"u": " 22.1 "}, {}),
        ({"redshift": ""}, {}),
        ({"redshift": "NaN"}, {}),
        ({"redshift": " N/A "}, {}),
        ({"u": ""}, {"u": "missing"}),
        ({"u": "nan"}, {"u": "missing"}),
        ({"u": "inf"}, {"u": "out_of_range"}),
        ({"u": "2_2"}, {"u": "not_a_number"}),
        ({"u": "bright"}, {"u": "not_a_number"}),
        ({"u": "٢٣"}, {"u": "not_a_number"}),
    ],
)
def test_text_values_are_read_as_a_catalogue_writes_them(change: dict[str, str], expected: dict[str, str]) -> None:
    text = {name: str(value) for name, value in star_row(**change).items()}
    assert reasons(read_row(text, "0", text=True)) == expected


@pytest.mark.parametrize(
    "none", [0, -0.0, "0", "0.0", -9999, "-9999.0", -999, -99, -9, -1, "-1.0", 99, 999.0, 9999, -99.99]
)
def test_a_redshift_that_stands_for_none_is_left_out_with_a_word(none: Any) -> None:
    row = read_row({**star_row(), "redshift": none} | _as_text(none), "0", text=isinstance(none, str))
    assert row.errors == ()
    assert math.isnan(row.values[-1])
    (warning,) = row.warnings
    assert warning.code == "redshift_sentinel"
    assert f"the redshift {float(none):g} means that none was measured" in warning.detail


def _as_text(value: Any) -> dict[str, Any]:
    """The other values as the value is given: text in a form."""
    return {name: str(each) for name, each in star_row(redshift=value).items()} if isinstance(value, str) else {}


@pytest.mark.parametrize("small", [-7.895373e-06, 3e-08, 1e-300, -0.04])
def test_a_star_at_rest_keeps_its_redshift(small: float) -> None:
    row = read_row(star_row(redshift=small), "0", text=False)
    assert (row.values[-1], row.warnings) == (small, ())


def test_a_cell_of_thousands_of_digits_is_no_number() -> None:
    # Given a text that a number may begin with, and a number of more digits than say anything
    for cell in ("1" * 40_000 + "x", "1" * (CELL_CHARACTERS + 1), "1." + "0" * CELL_CHARACTERS):
        row = read_row({name: str(value) for name, value in star_row(u=cell).items()}, "0", text=True)
        assert reasons(row) == {"u": "not_a_number"}
        assert len(row.errors[0].detail) < 200


def test_a_row_of_more_fields_than_a_catalogue_has_is_refused_as_one() -> None:
    row = read_row({f"x{number}": 1 for number in range(TABLE_COLUMNS + 1)}, "0", text=False)
    assert reasons(row) == {"row": "too_many_fields"}


def test_a_row_of_another_survey_is_told_why_its_magnitudes_are_not_taken() -> None:
    row = read_row({f"MAG_GAAP_{band}": 20 for band in "ugri"} | {"MAGERR_GAAP_u": 0.1}, "0", text=False)
    assert reasons(row) == dict.fromkeys("ugriz", "missing")
    assert "MAG_GAAP_u is a GAaP magnitude" in row.errors[0].detail


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from([*EXAMPLE_ROW, "ra", "id", "redshfit"]) | st.text()


@given(st.dictionaries(NAMES, JSON_VALUES, max_size=12))
def test_any_object_is_either_valid_or_explained(given_row: dict[str, Any]) -> None:
    row = read_row(given_row, "0", text=False)
    if not row.errors:
        *magnitudes, redshift = row.values
        assert all(MAGNITUDE_RANGE[0] <= value <= MAGNITUDE_RANGE[1] for value in magnitudes)
        assert math.isnan(redshift) or REDSHIFT_RANGE[0] <= redshift <= REDSHIFT_RANGE[1]
    assert all(error.detail for error in row.errors)


@given(st.dictionaries(NAMES, st.text(), max_size=12))
def test_any_text_is_either_valid_or_explained(given_row: dict[str, str]) -> None:
    row = read_row(given_row, "0", text=True)
    assert row.errors or all(math.isfinite(value) for value in row.values[:5])
