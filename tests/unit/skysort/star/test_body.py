"""Request bodies: JSON, CSV and forms."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import (
    EmptyInputError,
    InputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.limits import STAR_ROWS_PER_REQUEST
from skysort.star.body import CSV, FORM, JSON, read_body
from tests.factories import EXAMPLE_ROW, star_row

HEADER = "u,g,r,i,z,redshift"
LINE = "23.87882,22.2753,20.39501,19.16573,18.79371,0.6347936"


def as_json(document: Any) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize("document", [EXAMPLE_ROW, {"instances": [EXAMPLE_ROW]}, {**EXAMPLE_ROW, "top_k": 2}])
def test_a_row_comes_bare_or_as_instances(document: Any) -> None:
    request = read_body(as_json(document), JSON)
    assert [row.values[0] for row in request.rows] == [23.87882]


def test_options_come_beside_the_rows() -> None:
    request = read_body(as_json({"instances": [EXAMPLE_ROW], "top_k": 1, "explain": True}), JSON)
    assert request.options == {"top_k": 1, "explain": True}


TABLE = f"{HEADER}\n{LINE}\n".encode()


@pytest.mark.parametrize(
    ("body", "content_type", "single"),
    [
        (as_json(EXAMPLE_ROW), "", True),
        (b"\xef\xbb\xbf\n " + as_json(EXAMPLE_ROW), "text/plain; charset=utf-8", True),
        (as_json(EXAMPLE_ROW), "application/octet-stream", True),
        (as_json(EXAMPLE_ROW), FORM, True),
        (TABLE, "", False),
        (TABLE, "text/plain", False),
        (TABLE, "binary/octet-stream", False),
        (TABLE, FORM, False),
        (TABLE.replace(b",", b"\t"), "text/tab-separated-values", False),
    ],
)
def test_what_a_client_leaves_unsaid_the_body_says(body: bytes, content_type: str, *, single: bool) -> None:
    request = read_body(body, content_type)
    assert (request.single, request.rows[0].errors) == (single, ())
    assert request.rows[0].values[0] == 23.87882


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{LINE}\n",
        f"\ufeff# a comment\r\n{HEADER}\r\n{LINE}",
        HEADER.replace(",", ";") + "\n" + LINE.replace(",", ";"),
        HEADER.replace(",", "\t") + "\n\n" + LINE.replace(",", "\t") + "\n\n",
    ],
)
def test_csv_is_read_as_programs_write_it(text: str) -> None:
    (row,) = read_body(text.encode(), f"{CSV}; charset=utf-8").rows
    assert (row.id, row.values, row.errors) == ("0", tuple(float(cell) for cell in LINE.split(",")), ())


def test_a_ragged_csv_row_is_refused_alone() -> None:
    first, second, third = read_body(f"{HEADER}\n{LINE}\n1,2\n{LINE}\n".encode(), CSV).rows
    assert [error.reason for error in second.errors] == ["wrong_cell_count"]
    assert not first.errors
    assert not third.errors


def test_a_column_given_twice_in_a_form_is_refused_and_a_catalogues_other_one_let_be() -> None:
    (row,) = read_body(b"u=19&g=18&r=17&i=17&z=17&plate=1&plate=2&note=a&note=b", FORM).rows
    assert not row.errors
    (row,) = read_body(b"u=19&u=20&g=18&r=17&i=17&z=17", FORM).rows
    assert [(error.field, error.reason) for error in row.errors] == [("u", "given_twice")]


def test_a_form_is_one_row_with_options() -> None:
    request = read_body(b"u=19&g=18&r=17&i=17&z=17&redshift=&top_k=1", FORM)
    assert request.single
    assert request.options == {"top_k": "1"}
    assert not request.rows[0].errors


@pytest.mark.parametrize(
    ("body", "content_type", "error", "says"),
    [
        (b"", JSON, EmptyInputError, "u, g, r, i, z"),
        (b"{", JSON, MalformedInputError, "not JSON"),
        (b"3", JSON, MalformedInputError, "instances"),
        (b"\xff\xfe", JSON, MalformedInputError, "UTF-16"),
        (b"\xff", JSON, MalformedInputError, "UTF-8"),
        (HEADER.encode("utf-16"), CSV, MalformedInputError, "is UTF-16 text; send it as UTF-8"),
        (HEADER.encode("utf-16-le"), CSV, MalformedInputError, "as in UTF-16"),
        (b"[" * 100_000, JSON, MalformedInputError, "nested"),
        (b'{"u": ' + b"1" * 5_000 + b"}", JSON, MalformedInputError, "number"),
        (b'{"instances": []}', JSON, EmptyInputError, "empty"),
        (b"[{}]", JSON, MalformedInputError, "must be a row or"),
        (as_json({"instances": {}}), JSON, InvalidFieldsError, "must be a list"),
        (as_json({"instances": [{}], "topk": 1}), JSON, InvalidFieldsError, "topk"),
        (as_json({"instances": [{}] * (STAR_ROWS_PER_REQUEST + 1)}), JSON, LimitExceededError, "drop folder"),
        (f"{HEADER}\n".encode() + f"{LINE}\n".encode() * (STAR_ROWS_PER_REQUEST + 1), CSV, LimitExceededError, "drop"),
        (HEADER.encode(), CSV, EmptyInputError, "no rows"),
        (b"u,g,r\n1,2,3", CSV, InvalidFieldsError, "i: there is no column i"),
        (b"u,g,r,i,z,Z\n1,2,3,4,5,6", CSV, InvalidFieldsError, "twice"),
        (b"u,g,r,i,z,redshfit\n1,2,3,4,5,6", CSV, InvalidFieldsError, "did you mean 'redshift'"),
        (f'{HEADER}\n"{LINE}\n'.encode(), CSV, MalformedInputError, "not CSV"),
        (b"x", "image/png", UnsupportedFormatError, "image/png"),
        # As curl -d without a type sends a row whose braces the shell took, and a CSV.
        (b'"u": 23.9, "g": 22.3', FORM, MalformedInputError, "send JSON with Content-Type: application/json"),
        (b"u,g,r,i,z1,2,3,4,5", FORM, MalformedInputError, r"curl --data-binary\), with Content-Type: text/csv"),
    ],
)
def test_a_body_that_cannot_be_read_says_why(
    body: bytes, content_type: str, error: type[InputError], says: str
) -> None:
    with pytest.raises(error, match=says):
        read_body(body, content_type)


def test_an_instance_that_is_no_object_is_refused_alone() -> None:
    bad, good = read_body(as_json({"instances": [[1, 2], star_row()]}), JSON).rows
    assert [error.reason for error in bad.errors] == ["not_an_object"]
    assert not good.errors


@given(st.binary(max_size=300), st.sampled_from([JSON, CSV, FORM]))
def test_any_bytes_give_rows_or_an_input_error(body: bytes, content_type: str) -> None:
    with contextlib.suppress(InputError):
        assert read_body(body, content_type).rows


@given(st.lists(st.lists(st.text(alphabet='0123456789.,;-"\n e', max_size=8), max_size=7), max_size=5))
def test_any_csv_below_a_good_header_gives_rows_or_an_input_error(cells: list[list[str]]) -> None:
    body = "\n".join([HEADER, *(",".join(line) for line in cells)])
    with contextlib.suppress(InputError):
        assert read_body(body.encode(), CSV).rows


@pytest.mark.parametrize("content_type", [JSON, CSV, "", "application/octet-stream", "application/fits"])
@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"SIMPLE  =                    T", "a FITS file"),
        (b"PAR1\x15\x04\x00", "a Parquet file"),
        (b'<?xml version="1.0"?>\n<VOTABLE version="1.4">', "a VOTable"),
        (b"# %ECSV 1.0\n# ---\nu g r i z\n19 18 17 17 17\n", "an ECSV table"),
        (b"|  u|  g|  r|  i|  z|\n|real|real|real|real|real|\n 19 18 17 17 17\n", "an IPAC table"),
        (b"\x1f\x8b\x08\x00u,g,r,i,z", "compressed with gzip"),
        (b"PK\x03\x04", "an Excel workbook"),
        (b"\x89PNG\r\n\x1a\n\x00", "a PNG picture"),
    ],
)
def test_a_whole_file_of_another_kind_is_named_for_what_it_is(body: bytes, what: str, content_type: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=f"the body is .*{what}; send its rows as CSV or JSON, or drop"):
        read_body(body, content_type)
