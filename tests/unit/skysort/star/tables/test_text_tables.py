"""ECSV and IPAC tables in, the same classified out, and astropy reads them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy import units
from astropy.table import MaskedColumn, QTable, Table
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.errors import InputError, LimitExceededError, MalformedInputError, SkysortError, UnsupportedFormatError
from skysort.star.tables import ecsv, text_rows
from skysort.star.tables.detect import Format, detect
from skysort.star.tables.readers import TableReader
from skysort.star.tables.result_columns import ResultColumns
from skysort.star.tables.rows import RejectsWriter, RowClassifier
from skysort.star.tables.text_rows import lines_of
from tests.fakes.tables import APPENDED, classify, columns, load
from tests.unit.skysort.star.tables.samples import as_text

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 20
FORMS = [("ascii.ecsv", {"delimiter": " "}), ("ascii.ecsv", {"delimiter": ","}), ("ascii.ipac", {})]


def stars() -> Table:
    """A table with units, masked values, and texts with blanks and quotes in them."""
    made = columns(ROWS)
    table = Table({"objid": np.arange(ROWS) + 2**60, **{band: made[band] for band in "ugriz"}})
    table["u"].unit = "mag"
    table["u"].description = "SDSS u, {as: catalogued}"
    table["redshift"] = MaskedColumn(made["redshift"], mask=np.isnan(made["redshift"]))
    table["note"] = ["a star", "étoile", "x"] * 6 + ["", "last"]
    return table


def read(body: bytes, kind: str) -> Any:
    return Table.read(body.decode(), format=kind, guess=False)


@pytest.mark.parametrize(("kind", "options"), FORMS)
def test_astropy_reads_the_result_with_units_masks_and_texts(
    star_folder: Path, kind: str, options: dict[str, Any]
) -> None:
    # Given a table with a row that cannot be classified
    table = stars()
    table["g"][4] = -9999
    # When
    result = classify(star_folder, as_text(table, kind, **options))
    # Then
    new, kept = read(result.table, kind), np.arange(ROWS) != 4
    assert new.colnames == [*table.colnames, *APPENDED]
    assert str(new["u"].unit) == "mag"
    assert np.array_equal(new["objid"], table["objid"][kept])
    assert list(np.ma.filled(new["note"], "")) == list(table["note"][kept])
    assert np.array_equal(new["redshift"].mask, table["redshift"].mask[kept])
    assert set(new["skysort_class"]) <= {"GALAXY", "QSO", "STAR"}
    assert np.allclose(sum(new[name] for name in APPENDED[1:4]), 1)
    (reject,) = result.rejects
    assert (reject["row"], reject["column"], reject["reason"]) == ("5", "g", "sentinel")
    assert int(reject["line"]) > 5
    assert result.summary["format"] == kind.removeprefix("ascii.")


@pytest.mark.parametrize(("kind", "options"), FORMS)
def test_rows_stand_as_they_were(star_folder: Path, kind: str, options: dict[str, Any]) -> None:
    body = as_text(stars(), kind, **options)
    result = classify(star_folder, body).table
    for old, new in zip(body.splitlines()[-ROWS:], result.splitlines()[-ROWS:], strict=True):
        assert new.startswith(old.rstrip())


@pytest.mark.parametrize(("kind", "options"), FORMS)
def test_a_result_dropped_again_is_classified_anew(star_folder: Path, kind: str, options: dict[str, Any]) -> None:
    once = classify(star_folder, as_text(stars(), kind, **options)).table
    assert read(classify(star_folder, once).table, kind).pformat() == read(once, kind).pformat()


@pytest.mark.parametrize(("kind", "options"), FORMS)
def test_a_gzipped_table_comes_out_gzipped(star_folder: Path, kind: str, options: dict[str, Any]) -> None:
    body = as_text(stars(), kind, **options)
    result = classify(star_folder, gzip.compress(body))
    assert gzip.decompress(result.table) == classify(star_folder, body).table


@pytest.mark.needs_data
def test_commas_in_ecsv_as_the_gaia_archive_writes_them(star_folder: Path, survey_data: Path) -> None:
    body = (survey_data.parent / "faults" / "catalogues" / "comma.ecsv").read_bytes()
    result = classify(star_folder, body)
    table = read(result.table, "ascii.ecsv")
    assert len(table) == result.summary["rows"]["classified"] > 0
    assert table.colnames[-1] == APPENDED[-1]
    assert str(table["u"].unit) == "mag"


def test_a_byte_order_mark_that_an_editor_put_in_front_is_left_out(star_folder: Path) -> None:
    plain = ecsv_table()
    assert classify(star_folder, b"\xef\xbb\xbf" + plain).table == classify(star_folder, plain).table


def test_a_list_of_columns_in_blocks_is_read_too(star_folder: Path) -> None:
    # Given the Gaia archive's way of writing the header, and line breaks of Windows
    items = "".join(f"# -\n#   name: {band}\n#   datatype: float64\n#   unit: mag\n" for band in "ugriz")
    body = f"# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n{items}u,g,r,i,z\n21,20,19,18.5,18\n"
    result = classify(star_folder, body.replace("\n", "\r\n").encode())
    # Then
    assert b"18\n" not in result.table
    assert read(result.table.replace(b"\r\n", b"\n"), "ascii.ecsv").colnames == [*"ugriz", *APPENDED]


def test_a_cell_with_a_line_break_is_one_cell(star_folder: Path) -> None:
    table = stars()[["u", "g", "r", "i", "z", "note"]]
    table["note"] = ['two\nlines, "quoted"'] * ROWS
    result = classify(star_folder, as_text(table, "ascii.ecsv", delimiter=","))
    assert read(result.table, "ascii.ecsv")["note"][3] == 'two\nlines, "quoted"'
    assert result.summary["rows"]["total"] == ROWS


def test_arrays_masks_and_ab_magnitudes_are_read(star_folder: Path) -> None:
    # Given SDSS's arrays with a masked column of astropy's, and magnitudes as quantities
    made = columns(ROWS)
    arrays = Table({"PSFMAG": np.column_stack([made[band] for band in "ugriz"]), "U": np.ones((ROWS, 5))})
    arrays["redshift"], arrays["redshift.mask"] = np.full(ROWS, 0.5), np.arange(ROWS) < 15
    quantities = QTable({band: made[band] * units.ABmag for band in "ugriz"})
    # When
    results = [classify(star_folder, as_text(table, "ascii.ecsv")) for table in (arrays, quantities)]
    # Then
    assert results[0].summary["variants"] == {"with_redshift": 5, "photometry_only": 15}
    assert results[1].summary["variants"]["photometry_only"] == ROWS


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"# %ECSV 1.0\n", Format.ECSV),
        (b"\xef\xbb\xbf# %ECSV 1.0\n", Format.ECSV),
        (b"\xef\xbb\xbf\\k=3\n|  u|  g|\n|double|double|\n  1 2\n", Format.IPAC),
        (b"\\k=3\n|  u|  g|\n|double|double|\n  1 2\n", Format.IPAC),
        (b"|  u|  g|\n  1 2\n", Format.IPAC),
        (b"\\fixlen = T\n" * 400, Format.IPAC),
        (b"|u|g|r|i|z|\n|1|2|3|4|5|\n", Format.CSV),
        (b"u|g|r\n1|2|3\n", Format.CSV),
        (b"# u,g,r\n", Format.CSV),
    ],
)
def test_each_kind_of_text_is_told_from_the_others(head: bytes, kind: Format) -> None:
    assert detect(head) is kind


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\x04\x22\x4d\x18d@", "compressed with LZ4"),
        (b"\x1f\x9d\x90u,g,r", "compressed with compress"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'", "a NumPy array"),
    ],
)
def test_packed_and_other_files_are_named_for_what_they_are(head: bytes, what: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=what):
        detect(head)


def ecsv_table(header: str = "", names: str = "u g r i z", rows: str = "21 20 19 18.5 18\n") -> bytes:
    items = "".join(f"# - {{name: {band}, datatype: float64}}\n" for band in "ugriz")
    return f"# %ECSV 1.0\n# ---\n# datatype:\n{header or items}{names}\n{rows}".encode()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (ecsv_table(rows=""), "no rows"),
        (ecsv_table()[:60], "lists 1 columns|no names|no column"),
        (b"# %ECSV 1.0\n# ---\n", "no column names"),
        (b"# %ECSV 1.0\n# ---\nu g r i z\n", "no list of columns"),
        (ecsv_table(names="u g r i"), "lists 5 columns, but line 9 names 4"),
        (ecsv_table(rows="21 20 19 18.5\n"), "row on line 10 has 4 cells"),
        (ecsv_table(rows='21 20 19 18.5 "18\n'), "quote in it is not closed"),
        (ecsv_table(rows="21 20 19 18.5 18\xff\n").replace("ÿ".encode(), b"\xff"), "line 10 is not UTF-8"),
        (ecsv_table().replace(b"# ---", b"# delimiter: ';'"), "delimiter"),
        (
            ecsv_table().replace(b"{name: u, datatype: float64}", b"{name: u, datatype: bool}"),
            "u: has the datatype bool",
        ),
        (ecsv_table().replace(b"{name: u, ", b"{name: u, unit: mag(Vega), "), "Vega"),
        (ecsv_table(names="a g r i z"), "no column u"),
        (b"|  u|  g|\n|  d|  d|\n", "no column r"),
        (b"\\ only\n|  u|  g|  r|  i|  z|\n|  d|  d|  d|  d|  d|\n", "no rows"),
    ],
)
def test_what_cannot_be_classified_is_refused_with_the_reason(star_folder: Path, body: bytes, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        classify(star_folder, body)


def test_a_bad_cell_rejects_its_row(star_folder: Path) -> None:
    result = classify(star_folder, ecsv_table(rows='21 20 19 18.5 18\n21 faint 19 18.5 18\n21 20 "" 18.5 18\n'))
    assert [(reject["row"], reject["line"], reject["reason"]) for reject in result.rejects] == [
        ("2", "11", "not_a_number"),
        ("3", "12", "missing"),
    ]


def test_lines_headers_and_records_have_an_end(star_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_rows, "TABLE_LINE_BYTES", 200)
    monkeypatch.setattr(ecsv, "TABLE_LINE_BYTES", 200)
    monkeypatch.setattr(ecsv, "TEXT_HEADER_BYTES", 1_000)
    with pytest.raises(LimitExceededError, match="line 10 has more than 200"):
        classify(star_folder, ecsv_table(rows="1" * 300))
    with pytest.raises(LimitExceededError, match="header has more than"):
        classify(star_folder, ecsv_table(header="# x\n" * 400))
    with pytest.raises(LimitExceededError, match="not closed"):
        classify(star_folder, ecsv_table(rows='"\n' + "1 2\n" * 100))


@given(st.lists(st.sampled_from([b"ab", b"\n", b"\r\n", b"", b"c"]), max_size=30))
def test_lines_do_not_depend_on_how_the_bytes_arrive(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert list(lines_of(pieces)) == whole.splitlines(keepends=True)


SMALL = [(Format(kind.removeprefix("ascii.")), as_text(stars(), kind, **options)) for kind, options in FORMS]


class Nowhere:
    def write(self, data: bytes | memoryview) -> int:
        return len(data)


@settings(max_examples=200)
@given(
    st.sampled_from(SMALL),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=3)), min_size=1, max_size=4),
)
def test_changed_bytes_never_end_in_another_error(
    star_folder: Path, sample: tuple[Format, bytes], changes: list[tuple[float, bytes]]
) -> None:
    kind, body = sample
    for where, new in changes:
        at = int(where**2 * len(body))
        body = body[:at] + new + body[at + len(new) :]
    model = load(star_folder)
    appended = ResultColumns(model.labels, "star 1")
    try:
        with TableReader(kind, [body]) as table:
            classifier = RowClassifier(model, appended, RejectsWriter(Nowhere), table.columns)
            list(table.begin(appended))
            for rows in table.rows():
                table.render(rows, *classifier.classify(rows))
            list(table.end())
    except SkysortError:
        return


def test_text_that_is_cut_in_its_header_is_refused(star_folder: Path) -> None:
    for at in range(20, 200, 20):
        with pytest.raises((MalformedInputError, InputError)):
            classify(star_folder, SMALL[0][1][:at])
