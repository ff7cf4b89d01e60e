"""One row of a request, field by field."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.limits import STAR_ID_CHARACTERS
from skysort.star.columns import MAGNITUDE_RANGE, REDSHIFT_RANGE
from skysort.star.rows import StarRow, as_photometry, read_row
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
        ({"redshift": -9999.0}, {"redshift": "sentinel"}),
        ({"redshift": math.nan}, {"redshift": "not_a_number"}),
        ({"z": 99}, {"z": "out_of_range"}),
        ({"alpha": 361, "delta": "+32:29:41"}, {}),
        ({"colour": "red"}, {"colour": "unknown_field"}),
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
