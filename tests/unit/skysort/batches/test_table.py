"""One CSV of a batch."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.batches.merged import COLUMNS, merged
from skysort.batches.status import BatchStatusService, Cursor, Page
from skysort.batches.table import BatchTable
from skysort.limits import BATCH_CSV_TABLE_BYTES
from tests.fakes.buckets import RESULTS, MemoryBuckets
from tests.unit.skysort.batches.conftest import make_service

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

ROUND = {
    "predictions": [{"label": "Smooth Round", "class_id": 6, "probability": 0.9}],
    "prediction_set": ["Smooth Round", "Edge On Disk"],
}
TYPICAL = {"typicality": 0.25, "in_domain": True}


def lines(service: BatchStatusService, **bounds: int) -> list[list[str]]:
    """The rows of every page, joined as they are."""
    table = BatchTable(service, **bounds)
    text, following = table.page("b", Page())
    while following:
        more, following = table.page("b", Page(cursor=Cursor.decode(following.encode())))
        text += more
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == list(COLUMNS)
    return rows[1:]


@pytest.fixture
def mixed(buckets: MemoryBuckets) -> list[list[str]]:
    """A batch of everything, and the lines that it makes."""
    buckets.drop("galaxy", "b", "1.jpg", "2,\n.jpg", "survey.zip", "waiting.jpg")
    buckets.finish("galaxy", "b", "1.jpg", {**ROUND, **TYPICAL})
    buckets.fail("galaxy", "b", "2,\n.jpg", "broken, and text")
    buckets.put(
        RESULTS,
        "galaxy/b/survey.zip.csv",
        b"file,label,class_id,probability,prediction_set,typicality,in_domain,error\r\n"
        b"m1.jpg,Edge On Disk,1,0.5,,0.001,false,\r\nm2.txt,,,,,,,the content is text\r\n",
    )
    buckets.finish("galaxy", "b", "survey.zip", {"classified": 1, "refused": 1})
    buckets.drop("star", "b", "t.csv", "u.fits")
    buckets.put(
        RESULTS,
        "star/b/t.csv",
        b"name;u;skysort_class;skysort_p_galaxy;skysort_p_qso;skysort_p_star;skysort_typicality;skysort_set;"
        b"skysort_variant;skysort_model\n"
        b'"a;b";1;QSO;0.1;0.8;0.1;0.005;QSO|GALAXY;with_redshift;star 1\n'
        b"c;2;STAR;0.0;0.0;1.0;0.004999;STAR;with_redshift;star 1\n",
    )
    buckets.put(
        RESULTS,
        "star/b/t.csv.rejected.csv",
        b"row,line,column,reason,detail\n2,3,u,missing,is missing\n2,3,g,missing,is missing\n"
        b"4,5,,wrong_cell_count,has 3 cells\n",
    )
    buckets.finish("star", "b", "t.csv", {"format": "csv"})
    buckets.put(RESULTS, "star/b/u.fits")
    buckets.finish("star", "b", "u.fits", {"format": "fits"})
    return [
        ["galaxy", "1.jpg", "", "Smooth Round", "6", "0.9", "Smooth Round;Edge On Disk", "0.25", "true", "", ""],
        ["galaxy", "2,\n.jpg", *[""] * 8, "broken, and text"],
        ["galaxy", "survey.zip/m1.jpg", "", "Edge On Disk", "1", "0.5", "", "0.001", "false", "", ""],
        ["galaxy", "survey.zip/m2.txt", *[""] * 8, "the content is text"],
        ["star", "t.csv", "1", "QSO", "1", "0.8", "QSO;GALAXY", "0.005", "true", "", ""],
        ["star", "t.csv", "2", *[""] * 7, "u: is missing; g: is missing"],
        ["star", "t.csv", "3", "STAR", "2", "1.0", "STAR", "0.004999", "false", "", ""],
        ["star", "t.csv", "4", *[""] * 7, "has 3 cells"],
        ["star", "u.fits", *[""] * 7, "star/b/u.fits", ""],
    ]


def test_every_kind_of_result_has_its_lines(mixed: list[list[str]], service: BatchStatusService) -> None:
    assert lines(service) == mixed


@pytest.mark.parametrize("bounds", [{"rows": 1}, {"rows": 2}, {"rows": 3}, {"size": 1}, {"size": 100}])
def test_pages_are_joined_to_the_same_table(
    mixed: list[list[str]], service: BatchStatusService, bounds: dict[str, int]
) -> None:
    assert lines(service, **bounds) == mixed


def test_a_page_reads_so_many_files_only(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    # Given
    names = [f"{n:04}.jpg" for n in range(1_001)]
    buckets.drop("galaxy", "b", *names)
    for name in names:
        buckets.finish("galaxy", "b", name, ROUND)
    # When one page is made
    BatchTable(service).page("b", Page())
    # Then 500 records were read, and all pages have all files
    assert buckets.requests["read"] == 500
    assert [row[1] for row in lines(service)] == names


@pytest.mark.parametrize("form", ["fits", "votable", "parquet", "csv.gz", "fits.gz"])
def test_a_table_that_is_no_csv_points_to_its_result_file_and_is_no_failure(
    form: str, buckets: MemoryBuckets, service: BatchStatusService
) -> None:
    buckets.drop("star", "b", "t")
    buckets.put(RESULTS, "star/b/t")
    buckets.finish("star", "b", "t", {"format": form, "rows": {"total": 2, "classified": 2, "rejected": 0}})
    assert lines(service) == [["star", "t", *[""] * 7, "star/b/t", ""]]


def test_a_large_table_points_to_its_result_file_and_is_no_failure(
    buckets: MemoryBuckets, service: BatchStatusService
) -> None:
    buckets.drop("star", "b", "t.csv")
    buckets.put(RESULTS, "star/b/t.csv", bytes(BATCH_CSV_TABLE_BYTES + 1))
    buckets.finish("star", "b", "t.csv", {"format": "csv"})
    assert lines(service) == [["star", "t.csv", *[""] * 7, "star/b/t.csv", ""]]


def test_rows_that_such_a_table_had_to_leave_out_are_told_of_and_where_they_stand(
    buckets: MemoryBuckets, service: BatchStatusService
) -> None:
    buckets.drop("star", "b", "t.fits")
    buckets.put(RESULTS, "star/b/t.fits")
    buckets.put(RESULTS, "star/b/t.fits.rejected.csv", b"row,line,column,reason,detail\n2,,u,missing,is missing\n")
    buckets.finish(
        "star", "b", "t.fits", {"format": "fits", "rows": {"total": 1_200, "classified": 1_199, "rejected": 1}}
    )
    assert lines(service) == [
        ["star", "t.fits", *[""] * 7, "star/b/t.fits", ""],
        ["star", "t.fits", *[""] * 7, "star/b/t.fits.rejected.csv",
         "1 of 1,200 rows cannot be classified; the result file says why"],
    ]  # fmt: skip


def test_a_record_that_went_meanwhile_leaves_a_line(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    buckets.drop("galaxy", "b", "1.jpg")
    buckets.put(RESULTS, "galaxy/b/1.jpg.json", b"{")
    assert lines(service) == [["galaxy", "1.jpg", *[""] * 8, "its record no longer exists"]]


APPENDED = (
    "skysort_class", "skysort_p_galaxy", "skysort_p_qso", "skysort_p_star", "skysort_set", "skysort_variant",
    "skysort_model",
)  # fmt: skip
BEHIND = ("GALAXY", 0.7, 0.2, 0.1, "GALAXY", "with_redshift", "star 1.1.0")


def result(
    names: Sequence[str], *rows: Sequence[object], above: str = "", delimiter: str = ",", quoted: bool = False
) -> str:
    """A table as the star model leaves it: the user's columns, and those that it appends."""
    text = io.StringIO()
    text.write(above)
    for mine, appended in [(names, APPENDED), *((row, BEHIND) for row in rows)]:
        start = io.StringIO()
        csv.writer(
            start, delimiter=delimiter, lineterminator="", quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
        ).writerow(mine)
        text.write(start.getvalue() + delimiter + delimiter.join(map(str, appended)) + "\n")
    return text.getvalue()


FIRST = (1, "GALAXY", 0, "0.7", "GALAXY", "", "", "")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_table_is_read_in_its_own_dialect(delimiter: str, *, quoted: bool) -> None:
    text = result(["x", "u"], ["a" + delimiter, 1], above="# a comment\n", delimiter=delimiter, quoted=quoted)
    assert list(merged(text, "")) == [FIRST]


@pytest.mark.parametrize(
    "text",
    [
        result(["u", "g"], [20, 19], above="#,skysort_class\n"),
        result(["u", "g", "my_skysort_class"], [20, 19, "x"]),
        result(["skysort_class2", "u", "a skysort_class"], ["QSO", 20, "STAR"]),
        result(["u", "g"], [20, 19], above="# u,g," + ",".join(APPENDED) + "\n"),
        result(["# u", "g"], [20, 19]),
        result(["u", "name"], [20, 'two\nlines, a "quote" and\nGALAXY,1']),
        result(["u", "name\nof it"], [20, "x"], above="\n\n"),
        result(["u"], [20]).replace("\n", "\r"),
        result(["u"], [20]).replace("\n", "\r\n"),
        "\ufeff" + result(["u"], [20]),
    ],
)
def test_comments_columns_and_cells_that_look_like_skysorts_own_are_the_users(text: str) -> None:
    assert list(merged(text, "", 1)) == [FIRST]


@pytest.fixture
def among_others(buckets: MemoryBuckets, service: BatchStatusService) -> Callable[[bytes], list[str]]:
    """Puts a result between two good ones, and gives its line, which is its only one."""

    def line(body: bytes, rejected: bytes = b"", record: dict[str, Any] | None = None) -> list[str]:
        buckets.drop("star", "b", "a.csv", "bad.csv", "c.csv")
        for name in ("a.csv", "c.csv"):
            buckets.put(RESULTS, f"star/b/{name}", result(["u"], [20]).encode())
            buckets.finish("star", "b", name, {"format": "csv"})
        buckets.put(RESULTS, "star/b/bad.csv", body)
        if rejected:
            buckets.put(RESULTS, "star/b/bad.csv.rejected.csv", rejected)
        buckets.finish("star", "b", "bad.csv", record or {"format": "csv"})
        first, *own, last = lines(service)
        assert (first[1], last[1]) == ("a.csv", "c.csv")
        assert first[3] == last[3] == "GALAXY"
        return own[-1]

    return line


GOOD = result(["u"], [20]).encode()


@pytest.mark.parametrize(
    ("body", "rejected", "record", "says"),
    [
        (b"", b"", None, "no header"),
        (b"u,g\n1,2\n", b"", None, "no header"),
        (b"\xff\xfe\x00", b"", None, "no header"),
        (GOOD, b"row,column\nx,u\n", None, "its result cannot be read"),
        (GOOD, b"row,line,column,reason,detail\nx,,u,missing,is\n", None, "its result cannot be read"),
        (GOOD, b"row\n1\n", None, "its result cannot be read"),
        (GOOD, b'"' + b"x" * 1_200_000, None, "its result cannot be read"),
        (GOOD, b"", {"format": "csv", "rows": {"classified": 2}}, "has 1 rows, but its record says 2"),
        (GOOD, b"", {"format": "csv", "rows": 7}, "its result cannot be read"),
    ],
)
def test_a_result_that_cannot_be_read_is_one_line_and_the_other_files_are_there(
    among_others: Callable[..., list[str]], body: bytes, rejected: bytes, record: dict[str, Any] | None, says: str
) -> None:
    line = among_others(body, rejected, record)
    assert line[:2] == ["star", "bad.csv"]
    assert says in line[-1]


RECORDS = (
    b"[]", b"7", b'"text"', b"{", b"[" * 100_000, b"\xff", b'{"predictions": [3]}', b'{"predictions": {}}',
    b'{"prediction_set": 3}',
)  # fmt: skip


@pytest.mark.parametrize("record", RECORDS, ids=range(len(RECORDS)))
def test_a_record_that_skysort_did_not_write_is_one_line(
    buckets: MemoryBuckets, service: BatchStatusService, record: bytes
) -> None:
    buckets.drop("galaxy", "b", "1.jpg", "2.jpg")
    buckets.put(RESULTS, "galaxy/b/1.jpg.json", record)
    buckets.finish("galaxy", "b", "2.jpg", ROUND)
    first, second = lines(service)
    assert first[:2] == ["galaxy", "1.jpg"]
    assert second[3] == "Smooth Round"
    assert service.status("b", Page(records=True))["counts"]["done"] == 2


@pytest.mark.parametrize("table", [b"file,label\n1,2\n", b'file\n"', b"\xff\n\xff,,,,,\n"])
def test_an_archives_table_that_skysort_did_not_write_hides_no_other_file(
    buckets: MemoryBuckets, service: BatchStatusService, table: bytes
) -> None:
    buckets.drop("galaxy", "b", "a.zip", "b.jpg")
    buckets.put(RESULTS, "galaxy/b/a.zip.csv", table)
    buckets.finish("galaxy", "b", "a.zip", {"classified": 1})
    buckets.finish("galaxy", "b", "b.jpg", ROUND)
    assert lines(service)[-1][:4] == ["galaxy", "b.jpg", "", "Smooth Round"]


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300) | st.just(GOOD), st.binary(max_size=100), st.integers(0, len(GOOD)), st.binary(max_size=5)
)
def test_whatever_stands_in_a_result_the_batch_has_a_csv(
    body: bytes, rejected: bytes, at: int, inserted: bytes
) -> None:
    buckets = MemoryBuckets()
    service = make_service(buckets)
    buckets.drop("star", "b", "a.csv", "z.csv")
    buckets.put(RESULTS, "star/b/a.csv", body[:at] + inserted + body[at + len(inserted) // 2 :])
    buckets.put(RESULTS, "star/b/a.csv.rejected.csv", b"row,line,column,reason,detail\n" + rejected)
    buckets.finish("star", "b", "a.csv", {"format": "csv", "rows": {"classified": 1}})
    buckets.put(RESULTS, "star/b/z.csv", GOOD)
    buckets.finish("star", "b", "z.csv", {"format": "csv"})
    assert lines(service)[-1] == ["star", "z.csv", "1", "GALAXY", "0", "0.7", "GALAXY", "", "", "", ""]


@pytest.mark.needs_data
def test_the_fuzzed_table_that_broke_a_batch_is_one_line(
    among_others: Callable[[bytes], list[str]], survey_data: Path
) -> None:
    body = (survey_data.parent / "faults" / "hostile" / "fuzz_star_rows_ValueError_47.bin").read_bytes()
    assert among_others(body)[:2] == ["star", "bad.csv"]


@pytest.mark.parametrize("characters", [200_000, 1_200_000])
def test_a_long_cell_hides_neither_its_row_nor_another_file(
    among_others: Callable[[bytes], list[str]], characters: int
) -> None:
    assert among_others(result(["name"], ["x" * characters]).encode())[3] == "GALAXY"


def test_rejected_rows_that_would_fill_the_memory_are_pointed_to_and_not_read(
    buckets: MemoryBuckets, service: BatchStatusService
) -> None:
    # Given a small table with more rejected rows than an answer has room for
    buckets.drop("star", "b", "t.csv")
    buckets.put(RESULTS, "star/b/t.csv", GOOD)
    buckets.put(RESULTS, "star/b/t.csv.rejected.csv", bytes(BATCH_CSV_TABLE_BYTES))
    buckets.finish("star", "b", "t.csv", {"format": "csv", "rows": {"total": 9_000_001, "rejected": 9_000_000}})
    # When / Then
    assert [row[9] for row in lines(service)] == ["star/b/t.csv", "star/b/t.csv.rejected.csv"]
    assert buckets.requests["read"] == 1


def test_an_archive_whose_table_would_fill_the_memory_is_pointed_to(
    buckets: MemoryBuckets, service: BatchStatusService
) -> None:
    buckets.drop("galaxy", "b", "a.zip")
    buckets.put(RESULTS, "galaxy/b/a.zip.csv", bytes(BATCH_CSV_TABLE_BYTES + 1))
    buckets.finish("galaxy", "b", "a.zip", {"classified": 1})
    assert lines(service) == [["galaxy", "a.zip", *[""] * 7, "galaxy/b/a.zip.csv", ""]]


def test_a_page_ends_by_the_bytes_that_its_answer_takes(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    # Given names whose characters take three bytes each
    names = [f"{'星' * 300}{number:03}.jpg" for number in range(40)]
    buckets.drop("galaxy", "b", *names)
    for name in names:
        buckets.finish("galaxy", "b", name, ROUND)
    # When pages end after 10 kB
    text, following = BatchTable(service, size=10_000).page("b", Page())
    # Then they do, but for the line that crosses the limit
    assert following is not None
    assert 10_000 <= len(text.encode()) < 11_500
    assert [row[1] for row in lines(service, size=10_000)] == names


def test_names_and_messages_are_no_formulas(buckets: MemoryBuckets, service: BatchStatusService) -> None:
    # Given a picture, a member and a rejected column that are called like formulas
    buckets.drop("galaxy", "b", "=1.jpg", "s.zip")
    buckets.fail("galaxy", "b", "=1.jpg", "=cmd is no picture")
    table = b"file,label,class_id,probability,prediction_set,error\r\n'=m.jpg,Edge On Disk,1,0.5,Edge On Disk,\r\n"
    buckets.put(RESULTS, "galaxy/b/s.zip.csv", table)
    buckets.finish("galaxy", "b", "s.zip", {"classified": 1, "refused": 0})
    # When they come as one CSV
    first, member = lines(service)
    # Then a spreadsheet takes them for text, and a name inside another is as it was
    assert (first[1], first[-1]) == ("'=1.jpg", "'=cmd is no picture")
    assert member[1] == "s.zip/=m.jpg"
