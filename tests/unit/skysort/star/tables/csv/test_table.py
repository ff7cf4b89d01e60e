"""CSV in, classified CSV out."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.batches.merged import merged
from skysort.errors import (
    EmptyInputError,
    InputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.limits import TABLE_COLUMNS, TABLE_LINE_BYTES
from skysort.star.columns import Photometry
from skysort.star.tables.csv import table as csv_table
from tests.fakes.tables import APPENDED, HEADER, ROW, classify, columns, lines, load, row

if TYPE_CHECKING:
    from pathlib import Path


def test_a_row_keeps_its_text_and_gets_its_class(star_folder: Path) -> None:
    # Given / When
    result = classify(star_folder, lines(ROW))

    # Then
    header, line = result.table.decode().splitlines()
    assert header == f"{HEADER},{','.join(APPENDED)}"
    assert line.startswith(f"{ROW},GALAXY,0.")
    (found,) = result.rows
    assert found["skysort_variant"] == "with_redshift"
    assert found["skysort_model"] == "star 0.0.1"
    assert "GALAXY" in found["skysort_set"].split("|")
    assert sum(float(found[name]) for name in APPENDED[1:4]) == pytest.approx(1, abs=2e-6)
    assert result.rejected == b""
    assert result.summary["rows"] == {"total": 1, "classified": 1, "rejected": 0}
    assert result.summary["classes"] == {"GALAXY": 1, "QSO": 0, "STAR": 0}


def test_every_appended_cell_is_the_models(star_folder: Path) -> None:
    # Given
    made = columns(500)
    texts = [[repr(float(value)) for value in values] for values in zip(*made.values(), strict=True)]
    body = lines(*(",".join(cells) for cells in texts), header=",".join(made))

    # When
    rows = classify(star_folder, body).rows

    # Then
    magnitudes = np.column_stack([made[band] for band in "ugriz"])
    model = load(star_folder)
    expected = model.classify(Photometry(magnitudes, made["redshift"]))
    for found, probabilities, members, spectrum in zip(
        rows, expected.probabilities, expected.prediction_sets, expected.with_redshift, strict=True
    ):
        assert [found[name] for name in APPENDED[1:4]] == [f"{value:.6f}" for value in probabilities.astype(float)]
        assert found["skysort_class"] == model.labels[probabilities.argmax()]
        assert found["skysort_set"] == "|".join(
            label for label, is_in in zip(model.labels, members, strict=True) if is_in
        )
        assert found["skysort_variant"] == ("with_redshift" if spectrum else "photometry_only")


@pytest.mark.parametrize("blank", ["", "NaN", "nan", "null", " ", "N/A"])
def test_a_blank_redshift_means_photometry_alone(star_folder: Path, blank: str) -> None:
    result = classify(star_folder, lines(row(redshift=blank), ROW))
    assert [found["skysort_variant"] for found in result.rows] == ["photometry_only", "with_redshift"]
    assert result.summary["variants"] == {"with_redshift": 1, "photometry_only": 1}


def test_redshifts_that_stand_for_none_are_left_out_and_counted(star_folder: Path) -> None:
    # Given a table that writes none as 0 and as -9999, and stars at rest
    result = classify(star_folder, lines(row(redshift=0), row(redshift="-9999.0"), ROW, row(redshift="-7.9e-06")))
    # Then
    assert [found["skysort_variant"] for found in result.rows] == [*["photometry_only"] * 2, *["with_redshift"] * 2]
    (warning,) = result.summary["warnings"]
    assert (warning["code"], warning["rows"]) == ("redshift_sentinel", 2)
    assert "(-9999, 0)" in warning["detail"]


def test_a_table_of_dereddened_magnitudes_is_classified_with_a_word(star_folder: Path) -> None:
    # Given
    table = b"dered_u,dered_g,dered_r,dered_i,dered_z,redshift_phot\n" + b"23.9,22.3,20.4,19.2,18.8,0.6\n" * 3
    # When
    result = classify(star_folder, table)
    # Then
    assert result.summary["rows"] == {"total": 3, "classified": 3, "rejected": 0}
    assert {(each["code"], each["rows"]) for each in result.summary["warnings"]} == {
        ("dereddened_magnitudes", 3),
        ("photometric_redshift", 3),
    }


def test_a_table_without_redshifts_is_classified_from_photometry(star_folder: Path) -> None:
    result = classify(star_folder, b"u,g,r,i,z\n23.9,22.3,20.4,19.2,18.8\n")
    assert result.rows[0]["skysort_variant"] == "photometry_only"


@pytest.mark.parametrize(
    ("cells", "column", "reason", "part"),
    [
        ({"u": -9999}, "u", "sentinel", "-9999"),
        ({"u": "-9999.0"}, "u", "sentinel", "-9999"),
        ({"g": ""}, "g", "missing", "from 5 to 35 mag"),
        ({"r": "faint"}, "r", "not_a_number", "'faint'"),
        ({"i": 99}, "i", "out_of_range", "99"),
        ({"redshift": "abc"}, "redshift", "not_a_number", "'abc'"),
        ({"redshift": 50}, "redshift", "out_of_range", "50"),
    ],
)
def test_a_bad_value_rejects_its_row_and_no_other(
    star_folder: Path, cells: dict[str, object], column: str, reason: str, part: str
) -> None:
    # Given / When
    result = classify(star_folder, lines(ROW, row(**cells), ROW))

    # Then
    assert len(result.rows) == 2
    (reject,) = result.rejects
    assert (reject["row"], reject["line"], reject["column"], reject["reason"]) == ("2", "3", column, reason)
    assert part in reject["detail"]
    assert result.summary["rows"] == {"total": 3, "classified": 2, "rejected": 1}


def test_every_bad_value_of_a_row_is_named(star_folder: Path) -> None:
    result = classify(star_folder, lines(row(u="x", g="", redshift="y")))
    assert [(reject["row"], reject["column"]) for reject in result.rejects] == [
        ("1", "u"),
        ("1", "g"),
        ("1", "redshift"),
    ]
    assert result.rows == []


def test_a_row_with_a_wrong_number_of_cells_is_rejected_and_the_rest_goes_on(star_folder: Path) -> None:
    result = classify(star_folder, lines(ROW, "1,2,3", ROW, ROW + ",extra", row(u="x"), ROW))
    assert [(reject["row"], reject["line"], reject["reason"]) for reject in result.rejects] == [
        ("2", "3", "wrong_cell_count"),
        ("4", "5", "wrong_cell_count"),
        ("5", "6", "not_a_number"),
    ]
    assert result.rejects[0]["detail"] == "the row has 3 cells, the header has 8"
    assert len(result.rows) == 3


@pytest.mark.parametrize("number", ["+23.5", " 23.5 ", "2.35e1", "23.50", "2350E-2", '"23.5"'])
def test_numbers_may_be_written_in_many_ways(star_folder: Path, number: str) -> None:
    body = lines(row(u=number), row(u="x"))  # a bad cell sends the block the slow way
    assert number.strip().strip('"') in classify(star_folder, lines(row(u=number))).rows[0]["u"]
    assert len(classify(star_folder, body).rows) == 1


@pytest.mark.parametrize("number", ["1_000", "0x1F", "23,5", "٢٣", "1e", "..", "+", "\x80"])
def test_what_is_no_number_is_no_number(star_folder: Path, number: str) -> None:
    cell = f'"{number}"' if "," in number else number
    assert classify(star_folder, lines(ROW, row(u=cell))).rejects[0]["reason"] == "not_a_number"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("end", [True, False])
def test_delimiters_and_line_breaks_are_found_and_kept(
    star_folder: Path, delimiter: str, eol: str, *, end: bool
) -> None:
    # Given
    table = [HEADER, ROW, row(u="x"), ROW]
    body = eol.join([*table, ""] if end else table).replace(",", delimiter).encode()

    # When
    result = classify(star_folder, body)

    # Then
    expected = delimiter.join([ROW.replace(",", delimiter), "GALAXY", "0."]).encode()
    header, *rows, last = result.table.split(eol.encode())
    assert header == delimiter.join([HEADER.replace(",", delimiter), *APPENDED]).encode()
    assert last == b""
    assert len(rows) == 2
    assert all(line.startswith(expected) for line in rows)
    assert [(reject["row"], reject["line"]) for reject in result.rejects] == [("2", "3")]


def test_what_stands_before_the_header_stays_there(star_folder: Path) -> None:
    before = b"\xef\xbb\xbf# SDSS DR17\n\n#,u,g,r,i,z\n"
    result = classify(star_folder, before + lines(row(u="x"), ROW))
    assert result.table.startswith(before + HEADER.encode())
    assert result.rejects[0]["line"] == "5"


def test_blank_lines_are_passed_over_and_counted_as_lines(star_folder: Path) -> None:
    result = classify(star_folder, lines("", ROW, "", "", row(u="x"), "", ROW))
    assert len(result.rows) == 2
    assert [(reject["row"], reject["line"]) for reject in result.rejects] == [("2", "6")]


def test_line_breaks_within_cells_are_lines_and_no_rows(star_folder: Path) -> None:
    # Given
    header = f"{HEADER},note"
    cell = '"a, ""b""\nc"'

    # When
    result = classify(star_folder, lines(f"{ROW},{cell}", f"{row(u='x')},{cell}", f"{ROW},end", header=header))

    # Then
    assert [found["note"] for found in result.rows] == ['a, "b"\nc', "end"]
    assert f"{ROW},{cell},GALAXY".encode() in result.table
    assert [(reject["row"], reject["line"]) for reject in result.rejects] == [("2", "4")]


def test_columns_are_found_by_their_other_names_in_any_case(star_folder: Path) -> None:
    result = classify(star_folder, lines(ROW, row(i=99), header="RA,Dec,psfMag_u,gmag,R,ModelMag_i,MAG_Z,z_spec"))
    assert len(result.rows) == 1
    assert result.rejects[0]["column"] == "ModelMag_i"


@pytest.mark.parametrize(
    ("header", "field", "reason"),
    [
        ("ra,dec,u,g,r,i,zz,redshift", "z", "missing"),
        ("ra,dec,u,g,r,i,z,redshfit", "redshfit", "unknown_field"),
        ("ra,dec,u,g,r,i,z_vi,z_pipe", "z_vi", "repeated_field"),
        ("ra,dec,u,g,r,i,z,Z", "Z", "repeated_field"),
        ("a,b,c,d,e,f,g,h", "u", "missing"),
    ],
)
def test_columns_that_cannot_be_used_are_named(star_folder: Path, header: str, field: str, reason: str) -> None:
    with pytest.raises(InvalidFieldsError) as caught:
        classify(star_folder, lines(ROW, header=header))
    assert (field, reason) in {(problem.field, problem.reason) for problem in caught.value.fields}


def test_other_columns_may_be_there_twice(star_folder: Path) -> None:
    result = classify(star_folder, lines(f"{ROW},1,2", header=f"{HEADER},objid,objid"))
    assert f"{ROW},1,2,GALAXY".encode() in result.table


def test_a_result_dropped_again_is_classified_anew(star_folder: Path) -> None:
    # Given
    once = classify(star_folder, lines(f'{ROW},"a,b"', f"{row(redshift='')},c", header=f"{HEADER},note")).table

    # When / Then
    assert classify(star_folder, once).table == once
    moved = b"\n".join(b",".join(reversed(line.replace(b'"a,b"', b"ab").split(b","))) for line in once.splitlines())
    again = classify(star_folder, moved)
    assert list(again.rows[0]) == ["note", *reversed(HEADER.split(",")), *APPENDED]
    assert again.rows[0]["skysort_class"] == "GALAXY"


@pytest.mark.parametrize(
    ("body", "error", "sentence"),
    [
        (b"", EmptyInputError, "no bytes"),
        (b"\n\n", EmptyInputError, "no header"),
        (b"# only a comment\n", EmptyInputError, "no header"),
        (HEADER.encode(), EmptyInputError, "no rows"),
        (lines(), EmptyInputError, "no rows"),
        (b"1,2,3,4,5\n1,2,3,4,5\n", InvalidFieldsError, "header line"),
        (lines(ROW).decode().encode("utf-16"), UnsupportedFormatError, "UTF-8"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", UnsupportedFormatError, "JPEG"),
        (b"PK\x03\x04", UnsupportedFormatError, "Excel"),
        (b'{"u": 1}', UnsupportedFormatError, "JSON"),
        (b"<html></html>", UnsupportedFormatError, "HTML"),
        (bytes(range(256)), UnsupportedFormatError, "binary"),
        (gzip.compress(gzip.compress(lines(ROW))), UnsupportedFormatError, "twice"),
        (gzip.compress(lines(ROW))[:-5], MalformedInputError, "truncated"),
        (gzip.compress(lines(ROW)) + b"rubbish", MalformedInputError, "damaged"),
        (b"u,g\n" + b"x" * (TABLE_LINE_BYTES + 9), InvalidFieldsError, "no column r"),
        (lines("x" * (TABLE_LINE_BYTES + 1)), LimitExceededError, "line 2"),
        (lines(ROW, '"' + "x\n" * TABLE_LINE_BYTES), LimitExceededError, "line 3 does not end"),
        (b"x" * (TABLE_LINE_BYTES + 1), LimitExceededError, "line break"),
        (lines('"open'), LimitExceededError, "quote"),
        (b'"' + lines(ROW), MalformedInputError, "quote"),
        (",".join(map(str, range(TABLE_COLUMNS + 1))).encode() + b"\nu\n", InputError, "columns|header"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(
    star_folder: Path, body: bytes, error: type[InputError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        classify(star_folder, body)


def test_gzip_in_gzip_out_of_any_number_of_members(star_folder: Path) -> None:
    # Given
    plain = lines(ROW, ROW)
    members = gzip.compress(plain[:50]) + gzip.compress(b"") + gzip.compress(plain[50:]) + b"\0" * 100

    # When
    result = classify(star_folder, members)

    # Then the content is that of the plain table, and equal tables give equal bytes
    assert gzip.decompress(result.table) == classify(star_folder, plain).table
    assert result.table == classify(star_folder, gzip.compress(plain, 1)).table
    assert result.summary["format"] == "csv.gz"


cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
magnitudes = st.one_of(st.floats(5, 35).map(repr), st.sampled_from(["", "-9999", "x", "99", " 20 ", "1e400"]))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table with columns of its own; some rows have a cell too many."""
    own = draw(st.integers(0, 2))
    header = [*(f"own {n}" for n in range(own)), "u", "g", "r", "i", "z", "redshift"]
    measured = st.lists(magnitudes, min_size=6, max_size=6)
    some = draw(
        st.lists(
            st.tuples(st.lists(cells, min_size=own, max_size=own), measured, st.booleans()), min_size=1, max_size=8
        )
    )
    return header, [[*left, *right, *(["more"] if extra else [])] for left, right, extra in some]


@given(tables(), st.sampled_from([",", ";"]), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(20, 200))
def test_every_row_is_in_exactly_one_table_textually_and_in_order(
    star_folder: Path,
    table: tuple[list[str], list[list[str]]],
    delimiter: str,
    eol: str,
    quoted: bool,
    block: int,
) -> None:
    # Given any cells, written by the csv module, and any size of block
    header, rows = table
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter=delimiter, lineterminator=eol, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    )
    if not quoted:
        # Python's own writer leaves a lone carriage return unquoted, which ends a row for every reader, and # makes a
        # comment of it.
        rows = [[cell.replace("\r", " ").replace("#", "+") for cell in row] for row in rows]
    writer.writerows([header, *rows])

    # When
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_table, "BLOCK_BYTES", block)
        result = classify(star_folder, text.getvalue().encode())

    # Then
    rejected = {int(reject["row"]) for reject in result.rejects}
    kept = [cells for number, cells in enumerate(rows, start=1) if number not in rejected]
    found = list(csv.reader(io.StringIO(result.table.decode(), newline=""), delimiter=delimiter))
    assert found[0] == [*header, *APPENDED]
    assert [cells[: len(header)] for cells in found[1:]] == kept
    assert result.summary["rows"] == {"total": len(rows), "classified": len(kept), "rejected": len(rejected)}
    assert [int(reject["row"]) for reject in result.rejects] == sorted(int(reject["row"]) for reject in result.rejects)


@pytest.mark.parametrize("delimiter", ["|", ",", ";", "\t"])
def test_a_set_of_several_classes_is_one_cell_in_every_dialect(star_folder: Path, delimiter: str) -> None:
    # Given objects of which some may be of two classes, so that their sets hold the bar that is a delimiter as well
    made = columns(300)
    rows = np.column_stack([made[band] for band in "ugriz"]).tolist()
    body = "\n".join(delimiter.join(map(str, cells)) for cells in ["ugriz", *rows])
    # When
    result = classify(star_folder, body.encode())
    # Then every row has the header's cells
    found = list(csv.reader(io.StringIO(result.table.decode(), newline=""), delimiter=delimiter))
    assert {len(cells) for cells in found} == {5 + len(APPENDED)}
    assert any("|" in cells[-3] for cells in found)
    # And a batch's table has every row's class and set
    told = list(merged(result.table.decode(), "", 300))
    assert [(label, members) for _, label, _, _, members, *_ in told] == [
        (cells[5], cells[-3].replace("|", ";")) for cells in found[1:]
    ]


@given(st.binary(max_size=300))
def test_rubbish_gives_a_typed_error(star_folder: Path, rubbish: bytes) -> None:
    with pytest.raises(InputError):
        classify(star_folder, rubbish)


@given(st.lists(st.sampled_from(['"', ",", "\n", "\r", "20", "x", ROW, " ", "é", "#"]), max_size=30))
def test_any_rows_are_counted_or_the_file_is_refused(star_folder: Path, pieces: list[str]) -> None:
    try:
        result = classify(star_folder, lines("".join(pieces)))
    except InputError:
        return
    counted = result.summary["rows"]
    assert counted["total"] == counted["classified"] + counted["rejected"]
    assert len({reject["row"] for reject in result.rejects}) == counted["rejected"]
    assert len(result.rows) == counted["classified"]
