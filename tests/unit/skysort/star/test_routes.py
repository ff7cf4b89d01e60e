"""One table by every way in: as JSON rows, as CSV over HTTP and in the drop folder; all must judge it alike."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import InvalidFieldsError
from skysort.star.body import CSV, FORM, JSON, read_body
from skysort.star.columns import BLANK
from skysort.star.spellings import BANDS
from tests.factories import EXAMPLE_ROW
from tests.fakes.tables import classify

if TYPE_CHECKING:
    from pathlib import Path

    from skysort.star.rows import StarRow

MAGNITUDES = [EXAMPLE_ROW[band] for band in BANDS]
SDSS17 = {
    "obj_ID": "1237660961327743232",
    "alpha": "135.6891066",
    "delta": "32.49463184",
    **{band: str(EXAMPLE_ROW[band]) for band in BANDS},
    "run_ID": "3606",
    "rerun_ID": "301",
    "cam_col": "2",
    "field_ID": "79",
    "spec_obj_ID": "6543777369295181824",
    "class": "GALAXY",
    "redshift": "0.6347936",
    "plate": "5812",
    "MJD": "56354",
    "fiber_ID": "171",
}


def as_csv(*rows: dict[str, str]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def over_http(table: dict[str, str]) -> StarRow:
    (row,) = read_body(as_csv(table), CSV).rows
    return row


def named(family: str) -> dict[str, str]:
    return {family.format(band=band): str(value) for band, value in zip(BANDS, MAGNITUDES, strict=True)}


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (SDSS17, "1237660961327743232"),
        ({"objid": "1", "specobjid": "2", **named("{band}")}, "1"),
        ({"specobjid": "2", "name": "NGC 1", **named("{band}")}, "2"),
        ({"ra": "-9999", "dec": "-10", **named("{band}")}, "0"),
        ({"ra": "09:02:45.4", "dec": "+32:29:41", "RAJ2000": "370", **named("{band}")}, "0"),
        ({"name": "n" * 1_000, **named("{band}")}, "n" * 200),
    ],
)
def test_identifiers_and_positions_refuse_nothing(star_folder: Path, table: dict[str, str], name: str) -> None:
    # Given the table as a CSV, as JSON and as a form
    numbers = {column: float(cell) if column in {*BANDS, "redshift"} else cell for column, cell in table.items()}
    form = "&".join(f"{column}={cell.replace(' ', '+').replace('+', '%2B')}" for column, cell in table.items())

    # When it is read by each way
    rows = [over_http(table), *read_body(json.dumps(numbers).encode(), JSON).rows, *read_body(form.encode(), FORM).rows]

    # Then each has the object, with its name, and so has the drop folder
    for row in rows:
        assert row.errors == ()
        assert row.values[:5] == tuple(MAGNITUDES)
    assert [row.id for row in rows[:2]] == [name, name]
    assert classify(star_folder, as_csv(table)).summary["rows"]["classified"] == 1


@pytest.mark.parametrize("cell", [*BLANK, " null ", "\t--"])
def test_a_blank_redshift_is_blank_by_every_way(star_folder: Path, cell: str) -> None:
    # Given / When
    table = {**named("{band}"), "redshift": cell}
    # Then
    assert over_http(table).errors == ()
    assert classify(star_folder, as_csv(table)).summary["variants"]["photometry_only"] == 1


CELLS = (
    st.floats(width=32).map(repr)
    | st.floats(5, 35).map(str)
    | st.sampled_from([*BLANK, "-9999", "-9999.0", "+18.5", "1_8", "1e1", "٢٣", "inf", "-Infinity", "0x12", "18,5"])
    | st.text("0123456789.eE+-na ", max_size=6)
)


@given(st.dictionaries(st.sampled_from(["u", "z", "redshift"]), CELLS))
def test_any_cell_is_judged_alike(star_folder: Path, cells: dict[str, str]) -> None:
    # Given a row with arbitrary cells, above a good one, so that a table is never all rejects; a # at its beginning
    # would make it a comment
    good = {"id": "1", **named("{band}"), "redshift": "0.1"}
    bad = {**good, **cells}

    # When it goes by HTTP and into the drop folder
    row, _ = read_body(as_csv(bad, good), CSV).rows
    result = classify(star_folder, as_csv(bad, good))

    # Then the same cells are refused, for the same reasons
    assert {(error.field, error.reason) for error in row.errors} == {
        (reject["column"], reject["reason"]) for reject in result.rejects
    }


@pytest.mark.parametrize(
    ("table", "redshift"),
    [
        ({**named("modelMag_{band}"), "z": "0.25"}, 0.25),
        ({**named("{band}"), "z_helio": "0.25"}, 0.25),
        ({**named("{band}"), "ZBEST": "0.25"}, 0.25),
        ({**named("psfMag_{band}"), **dict.fromkeys(named("cModelMag_{band}"), "30"), "zsp": "0.25"}, 0.25),
    ],
)
def test_a_redshift_is_found_by_every_way(star_folder: Path, table: dict[str, str], redshift: float) -> None:
    (row,) = read_body(json.dumps({name: float(cell) for name, cell in table.items()}).encode(), JSON).rows
    for read in (row, over_http(table)):
        assert (read.errors, read.values[-1]) == ((), redshift)
    assert classify(star_folder, as_csv(table)).summary["variants"]["with_redshift"] == 1


def test_model_magnitudes_go_before_those_of_point_sources(star_folder: Path) -> None:
    # Given a table with both, whose PSF magnitudes are out of range
    table = {**dict.fromkeys(named("psfMag_{band}"), "99"), **named("modelMag_{band}")}
    # When / Then
    assert over_http(table).values[:5] == tuple(MAGNITUDES)
    assert classify(star_folder, as_csv(table)).summary["rows"]["classified"] == 1


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (as_csv(dict(list(named("dered_{band}").items())[:4])), "dered_u: is corrected for Galactic extinction"),
        (as_csv({**dict(list(named("{band}").items())[:4]), "z_1": "18.8", "z_2": "0.6"}), "'z_2' the redshift"),
        (as_csv(named("MAG_GAAP_{band}")), "MAG_GAAP_u is a GAaP magnitude"),
        (as_csv({**named("{band}"), "z_vi": "1", "z_pipe": "1"}), "rename the one to use to 'redshift'"),
        (as_csv({**named("{band}"), "redshfit": "1"}), "did you mean 'redshift'"),
        (as_csv({"a": "1", "b": "2"}), "there is no column u .* Its columns are: a, b"),
        (b"# astropy\nu g r i z redshift\n1 2 3 4 5 6\n", "are separated by spaces.*save the table as CSV"),
        (b"   objID  u   g  r\n 1 2 3 4\n", "are separated by spaces"),
        (b"# u g r i z\n19 18 17 17 17\n", "first line holds numbers.*remove the #"),
        (b"# u g r i z class\n19 18 17 17 17 GALAXY\n", "first line holds numbers.*remove the #"),
        (b'"u" "g" "r" "i" "z"\n"1" 19 18 17 17 17\n', "are separated by spaces"),
        (b"'u','g','r','i','z'\n'19','18','17','17','17'\n", "quotes that CSV does not have, as in 'u'"),
        (b'id, "u", "g", "r", "i", "z"\n1, 19, 18, 17, 17, 17\n', "quotes that CSV does not have"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_alike(star_folder: Path, body: bytes, sentence: str) -> None:
    with pytest.raises(InvalidFieldsError, match=sentence) as http:
        read_body(body, CSV)
    with pytest.raises(InvalidFieldsError, match=sentence) as dropped:
        classify(star_folder, body)
    assert http.value.detail == dropped.value.detail
    assert http.value.fields == dropped.value.fields


def test_a_dereddened_row_of_json_is_refused_with_the_same_reason() -> None:
    # Given a row with dereddened magnitudes in the place of two
    row = {**EXAMPLE_ROW, "dered_u": 20.0, "dered_g": 19.0}
    del row["u"], row["g"]
    # When / Then
    (read,) = read_body(json.dumps(row).encode(), JSON).rows
    assert [(error.field, error.reason) for error in read.errors] == [
        ("dered_u", "dereddened"),
        ("dered_g", "dereddened"),
    ]
