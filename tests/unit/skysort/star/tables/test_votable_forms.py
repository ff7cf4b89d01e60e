"""VOTables as archives and tools write them, and those that say more than they hold."""

from __future__ import annotations

import base64
import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io.votable import parse, ucd
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.errors import (
    EmptyInputError,
    InputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    SkysortError,
)
from skysort.star.tables import votable_rows
from tests.fakes.tables import APPENDED, classify, columns
from tests.unit.skysort.star.tables.samples import as_votable

if TYPE_CHECKING:
    from pathlib import Path

BANDS = "ugriz"
MAGNITUDES = (21.5, 20.25, 19.5, 19.25, 19.0)
CELLS = "".join(f"<TD>{value}</TD>" for value in MAGNITUDES)
ROW = f"<TR>{CELLS}</TR>"


def fields(datatype: str = "double", extra: str = 'unit="mag"') -> str:
    return "".join(f'<FIELD name="{band}" datatype="{datatype}" {extra}/>' for band in BANDS)


def votable(data: str, declared: str = "", table: str = "") -> bytes:
    """A VOTable of one table: its data, its FIELD elements, attributes of TABLE."""
    return (
        '<?xml version="1.0"?>\n<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>'
        f"<TABLE {table}>{declared or fields()}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()


def tabledata(*rows: str) -> str:
    return f"<TABLEDATA>{''.join(rows)}</TABLEDATA>"


def binary(content: bytes, kind: str = "BINARY") -> str:
    return f"<{kind}><STREAM encoding='base64'>{base64.encodebytes(content).decode()}</STREAM></{kind}>"


def read(body: bytes) -> Any:
    return parse(io.BytesIO(body)).get_first_table()


def test_appended_columns_say_what_they_are(star_folder: Path) -> None:
    # When
    table = read(classify(star_folder, votable(tabledata(ROW))).table)
    # Then each has a word of IVOA's controlled vocabulary, and a description
    appended = {one.name: one for one in table.fields if one.name in APPENDED}
    assert list(appended) == APPENDED
    assert appended["skysort_class"].ucd == "meta.code.class"
    assert appended["skysort_p_star"].ucd == "stat.probability"
    assert str(appended["skysort_p_star"].unit) == ""
    for one in appended.values():
        assert ucd.check_ucd(one.ucd, check_controlled_vocabulary=True)
        assert 10 < len(one.description) <= 68


@pytest.mark.needs_data
def test_a_table_that_says_it_has_two_thousand_million_rows(star_folder: Path, survey_data: Path) -> None:
    body = (survey_data.parent / "faults" / "hostile" / "votable_nrows.vot").read_bytes()
    result = classify(star_folder, body)
    assert result.summary["rows"]["total"] == 1
    assert b'nrows="1"' in result.table


@pytest.mark.parametrize("claimed", ["2000000000", "0", "-1", "many"])
def test_the_number_of_rows_is_counted_not_believed(star_folder: Path, claimed: str) -> None:
    rejected = ROW.replace("21.5", "-9999")
    result = classify(star_folder, votable(tabledata(ROW, rejected, ROW), table=f'name="t" nrows="{claimed}"'))
    assert b'<TABLE name="t" nrows="2">' in result.table
    assert len(read(result.table).array) == 2


def test_what_is_not_the_tables_own_stays_byte_for_byte(star_folder: Path) -> None:
    # Given a document with comments, CDATA, entities, a prefix, links and another table
    before = '<!-- a > b --><RESOURCE><INFO name="q" value="x &gt; y"/><DESCRIPTION><![CDATA[<TR>]]></DESCRIPTION>'
    other = '<TABLE><FIELD name="a" datatype="int"/><DATA><TABLEDATA><TR><TD>1</TD></TR></TABLEDATA></DATA></TABLE>'
    rows = f"\n <TR><!-- one -->{CELLS}</TR>\n <TR >{CELLS}</TR >\n"
    own = f'<TABLE>{fields(extra="")}<LINK href="http://x/y"/><DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>'
    body = f'<VOTABLE version="1.4">{before}{other}{own}</RESOURCE></VOTABLE>'.encode()
    # When
    result = classify(star_folder, body).table
    # Then, the appended columns taken away, it is the same
    text = result.decode()
    inserted = text[text.index('<FIELD ID="skysort_class"') : text.index("<LINK")]
    assert inserted.count("<FIELD") == len(APPENDED)
    text = text.replace(inserted, "")
    for line in (" <TR><!-- one -->", " <TR >"):
        start = text.index(CELLS, text.index(line)) + len(CELLS)
        text = text[:start] + text[text.index("</TR", start) :]
    assert text.encode() == body


def test_a_prefix_is_kept(star_folder: Path) -> None:
    body = votable(tabledata(ROW)).decode().replace("<", "<v:").replace("<v:/", "</v:").replace("<v:?", "<?")
    body = body.replace("xmlns=", "xmlns:v=")
    result = classify(star_folder, body.encode())
    assert b"<v:TD>" in result.table
    assert read(result.table).fields[-1].name == APPENDED[-1]


def test_a_number_that_stands_for_none_is_none(star_folder: Path) -> None:
    # Given integers with a null, in text and in bytes
    null = "".join(f'<FIELD name="{band}" datatype="short"><VALUES null="-1"/></FIELD>' for band in BANDS)
    cells = "".join(f"<TD>{n}</TD>" for n in (-1, 20, 19, 18, 17))
    for data in (tabledata(f"<TR>{cells}</TR>"), binary(struct.pack(">5h", -1, 20, 19, 18, 17))):
        # When / Then
        (reject,) = classify(star_folder, votable(data, null)).rejects
        assert (reject["column"], reject["reason"]) == ("u", "missing")


@pytest.mark.parametrize("kind", ["BINARY", "BINARY2"])
def test_texts_and_arrays_of_varying_length_pass_through(star_folder: Path, kind: str) -> None:
    # Given a text and an array before the magnitudes, and a text that holds a number
    declared = (
        '<FIELD name="note" datatype="char" arraysize="*"/><FIELD name="list" datatype="int" arraysize="*"/>'
        '<FIELD name="bits" datatype="bit" arraysize="9"/><FIELD name="redshift" datatype="char" arraysize="8"/>'
    )
    flags = b"\0\0" if kind == "BINARY2" else b""

    def row(note: bytes, numbers: list[int], redshift: bytes) -> bytes:
        packed = struct.pack(f">I{len(numbers)}i", len(numbers), *numbers)
        cells = struct.pack(">I", len(note)) + note + packed + b"\xff\x80" + redshift.ljust(8, b"\0")
        return flags + cells + struct.pack(">5d", *MAGNITUDES)

    content = row(b"first", [1, 2, 3], b"0.5") + row(b"", [], b"") + row(b"x" * 300, [7], b"far")
    # When
    result = classify(star_folder, votable(binary(content, kind), declared + fields()))
    # Then
    assert result.summary["variants"] == {"with_redshift": 1, "photometry_only": 1}
    assert [(reject["row"], reject["column"], reject["reason"]) for reject in result.rejects] == [
        ("3", "redshift", "not_a_number")
    ]
    table = read(result.table).array
    assert list(table["note"]) == ["first", ""]
    assert [list(cell) for cell in table["list"]] == [[1, 2, 3], []]
    assert set(table["skysort_class"]) <= {"GALAXY", "QSO", "STAR"}
    assert classify(star_folder, result.table).table == result.table


def test_arrays_of_five_are_read_as_u_g_r_i_z(star_folder: Path) -> None:
    declared = '<FIELD name="PSFMAG" datatype="float" arraysize="5"/><FIELD name="U" datatype="float" arraysize="5"/>'
    numbers = " ".join(map(str, MAGNITUDES))
    for data in (
        tabledata(f"<TR><TD>{numbers}</TD><TD>1 2 3 4 5</TD></TR>"),
        binary(struct.pack(">10f", *MAGNITUDES, *range(5))),
    ):
        plain = read(classify(star_folder, votable(tabledata(ROW))).table).array
        arrays = read(classify(star_folder, votable(data, declared)).table).array
        assert list(arrays["skysort_class"]) == list(plain["skysort_class"])


def test_numbers_as_text_are_read_as_in_a_csv(star_folder: Path) -> None:
    data = tabledata(ROW, ROW.replace("20.25", ""), ROW.replace("20.25", "bright"))
    result = classify(star_folder, votable(data, fields("char", 'arraysize="*"')))
    assert [(reject["row"], reject["reason"]) for reject in result.rejects] == [("2", "missing"), ("3", "not_a_number")]


def test_a_cell_of_rubbish_is_a_rejected_row_not_a_refused_file(star_folder: Path) -> None:
    result = classify(star_folder, votable(tabledata(ROW, ROW.replace("19.5", "19,5"))))
    assert [(reject["row"], reject["column"]) for reject in result.rejects] == [("2", "r")]


def test_fluxes_are_converted_with_a_remark(star_folder: Path) -> None:
    result = classify(star_folder, votable(tabledata(ROW, ROW), fields(extra='unit="nanomaggy"')))
    assert [(one["code"], one["rows"]) for one in result.summary["warnings"]] == [("fluxes_converted", 2)]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (votable(tabledata(ROW.replace("<TD>19.0</TD>", ""))), "row 1 has 4 cells"),
        (votable(tabledata(ROW.replace("</TR>", "<TD/></TR>"))), "row 1 has 6 cells"),
        (votable(tabledata()), "no rows"),
        (votable(binary(b"")), "no rows"),
        (votable(binary(struct.pack(">5d", *MAGNITUDES) + b"x")), "end inside a row"),
        (votable("<BINARY><STREAM encoding='base64'>%%%%</STREAM></BINARY>"), "not base64"),
        (votable("<BINARY><STREAM encoding='gzip'>AAAA</STREAM></BINARY>"), "not encoded as base64"),
        (votable("<FITS extnum='1'><STREAM encoding='base64'>AAAA</STREAM></FITS>"), "FITS data"),
        (votable(tabledata(ROW), fields("float128")), "datatype of u"),
        (votable(tabledata(ROW), fields(extra='arraysize="1e9"')), "arraysize of u"),
        (votable(tabledata(ROW), "<FIELD/>" + fields()), "datatype of"),
        (votable(""), "no rows"),
        (votable(tabledata(ROW)).decode().encode("utf-16"), "UTF-16"),
        (votable(tabledata(ROW)).replace(b"</TD>", b"\0</TD>", 1), "not well-formed"),
    ],
)
def test_what_cannot_be_classified_is_refused_with_the_reason(star_folder: Path, body: bytes, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        classify(star_folder, body)


def test_a_table_without_fields_has_no_rows_that_never_end(star_folder: Path) -> None:
    body = votable(binary(b"x" * 100), " ") + b""
    with pytest.raises(EmptyInputError):
        classify(star_folder, body)


def test_a_cell_that_claims_four_thousand_million_elements_is_refused(star_folder: Path) -> None:
    declared = '<FIELD name="note" datatype="char" arraysize="*"/>' + fields()
    with pytest.raises(MalformedInputError, match="inside a row"):
        classify(star_folder, votable(binary(b"\xff\xff\xff\xff" + b"x" * 5_000), declared))


def test_a_text_of_a_thousand_million_characters_takes_what_its_cells_hold(star_folder: Path) -> None:
    # Given a width for which each of 3 rows would take 4 GB in an array
    declared = '<FIELD name="note" datatype="unicodeChar" arraysize="1000000000"/>' + fields()
    body = votable(tabledata(*[ROW.replace("<TR>", "<TR><TD>short</TD>")] * 3), declared)
    assert classify(star_folder, body).summary["rows"]["classified"] == 3


def test_elements_nested_too_deep_and_tags_too_long_are_refused(star_folder: Path) -> None:
    deep = b"<VOTABLE>" + b"<RESOURCE>" * 200 + b"</RESOURCE>" * 200 + b"</VOTABLE>"
    with pytest.raises(LimitExceededError, match="100 deep"):
        classify(star_folder, deep)
    long = b'<VOTABLE><INFO value="' + b"x" * 5 * 2**20 + b'"/></VOTABLE>'
    with pytest.raises(LimitExceededError, match="tag or comment"):
        classify(star_folder, long)


def test_more_columns_than_are_read_are_refused(star_folder: Path) -> None:
    many = "".join(f'<FIELD name="c{n}" datatype="int"/>' for n in range(2_001))
    with pytest.raises(LimitExceededError, match=r"2,000 columns"):
        classify(star_folder, votable(tabledata(ROW), many))


def test_more_tables_than_any_archive_writes_are_refused(star_folder: Path) -> None:
    # Each is looked at: half a million of them, in 20 MB, took a minute
    table = '<TABLE><FIELD name="x" datatype="int"/></TABLE>'
    few = f"<VOTABLE><RESOURCE>{table * 10_000}</RESOURCE></VOTABLE>"
    with pytest.raises(InvalidFieldsError, match="there is no column u"):
        classify(star_folder, few.encode())
    with pytest.raises(LimitExceededError, match=r"10,000 tables"):
        classify(star_folder, few.replace("<RESOURCE>", f"<RESOURCE>{table}").encode())


def test_a_long_row_is_not_looked_at_for_every_piece_of_it(star_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a row with a long text, in bytes
    declared = '<FIELD name="note" datatype="char" arraysize="*"/>' + fields()
    looked_at: list[int] = []
    places = votable_rows.BinaryRows._places

    def watched(self: votable_rows.BinaryRows, data: bytes, start: int) -> list[int] | None:
        looked_at.append(len(data) - start)
        return places(self, data, start)

    monkeypatch.setattr(votable_rows.BinaryRows, "_places", watched)

    def bytes_looked_at(length: int) -> int:
        looked_at.clear()
        row = struct.pack(">I", length) + b"x" * length + struct.pack(">5d", *MAGNITUDES)
        classify(star_folder, votable(binary(row), declared))
        return sum(looked_at)

    # When it is twice as long, Then it costs twice as much
    assert bytes_looked_at(16 * 2**20) <= 2.2 * bytes_looked_at(8 * 2**20)


SMALL = [as_votable({**columns(6), "note": ["a", "bb"] * 3}, kind) for kind in ("tabledata", "binary", "binary2")]


@settings(max_examples=200)
@given(
    st.sampled_from(SMALL),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=3)), min_size=1, max_size=4),
)
def test_changed_bytes_never_end_in_another_error(
    star_folder: Path, body: bytes, changes: list[tuple[float, bytes]]
) -> None:
    for where, new in changes:
        at = int(where * len(body))
        body = body[:at] + new + body[at + len(new) :]
    try:
        classify(star_folder, body)
    except SkysortError:
        return


def test_magnitudes_agree_with_astropy(star_folder: Path) -> None:
    made = columns(200)
    plain = read(classify(star_folder, SMALL[0]).table).array
    assert np.allclose(plain["u"].data, columns(6)["u"])
    for kind in ("binary", "binary2"):
        one, other = (read(classify(star_folder, as_votable(made, form)).table).array for form in ("tabledata", kind))
        assert list(one["skysort_class"]) == list(other["skysort_class"])
        assert np.allclose(one["skysort_p_qso"], other["skysort_p_qso"], atol=1e-6)
