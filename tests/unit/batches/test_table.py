"""One CSV of a batch."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from skysort.batches import star_rows
from skysort.batches.cursor import Cursor
from skysort.batches.status import BatchDesk, Page
from skysort.batches.table import COLUMNS, BatchTable
from skysort.limits import BATCH_CSV_TABLE_BYTES
from tests.fakes.buckets import RESULTS, MemoryBuckets

if TYPE_CHECKING:
    from typing import Any

ROUND = {
    "predictions": [{"label": "Smooth Round", "class_id": 6, "probability": 0.9}],
    "prediction_set": ["Smooth Round", "Edge On Disk"],
}


def lines(desk: BatchDesk, **bounds: int) -> list[list[str]]:
    """The rows of every page, joined as they are."""
    table = BatchTable(desk, **bounds)
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
    buckets.finish("galaxy", "b", "1.jpg", ROUND)
    buckets.fail("galaxy", "b", "2,\n.jpg", "broken, and text")
    buckets.put(
        RESULTS,
        "galaxy/b/survey.zip.csv",
        b"file,label,class_id,probability,prediction_set,error\r\nm1.jpg,Edge On Disk,1,0.5,Edge On Disk,\r\n"
        b"m2.txt,,,,,the content is text\r\n",
    )
    buckets.finish("galaxy", "b", "survey.zip", {"classified": 1, "refused": 1})
    buckets.drop("star", "b", "t.csv", "u.fits")
    buckets.put(
        RESULTS,
        "star/b/t.csv",
        b"name;u;skysort_class;skysort_p_galaxy;skysort_p_qso;skysort_p_star;skysort_set;skysort_variant\n"
        b'"a;b";1;QSO;0.1;0.8;0.1;QSO|GALAXY;with_redshift\nc;2;STAR;0.0;0.0;1.0;STAR;with_redshift\n',
    )
    buckets.put(
        RESULTS,
        "star/b/t.csv.rejected.csv",
        b"row,line,column,reason,detail\n2,3,u,missing,is missing\n2,3,g,missing,is missing\n4,5,,ragged,has 3 cells\n",
    )
    buckets.finish("star", "b", "t.csv", {"format": "csv"})
    buckets.put(RESULTS, "star/b/u.fits")
    buckets.finish("star", "b", "u.fits", {"format": "fits"})
    return [
        ["galaxy", "1.jpg", "", "Smooth Round", "6", "0.9", "Smooth Round;Edge On Disk", "", ""],
        ["galaxy", "2,\n.jpg", "", "", "", "", "", "", "broken, and text"],
        ["galaxy", "survey.zip/m1.jpg", "", "Edge On Disk", "1", "0.5", "Edge On Disk", "", ""],
        ["galaxy", "survey.zip/m2.txt", "", "", "", "", "", "", "the content is text"],
        ["star", "t.csv", "1", "QSO", "1", "0.8", "QSO;GALAXY", "", ""],
        ["star", "t.csv", "2", "", "", "", "", "", "u: is missing; g: is missing"],
        ["star", "t.csv", "3", "STAR", "2", "1.0", "STAR", "", ""],
        ["star", "t.csv", "4", "", "", "", "", "", "has 3 cells"],
        ["star", "u.fits", "", "", "", "", "", "star/b/u.fits", ""],
    ]


def test_every_kind_of_result_has_its_lines(mixed: list[list[str]], desk: BatchDesk) -> None:
    assert lines(desk) == mixed


@pytest.mark.parametrize("bounds", [{"rows": 1}, {"rows": 2}, {"rows": 3}, {"size": 1}, {"size": 100}])
def test_pages_are_joined_to_the_same_table(mixed: list[list[str]], desk: BatchDesk, bounds: dict[str, int]) -> None:
    assert lines(desk, **bounds) == mixed


def test_a_page_reads_so_many_files_only(buckets: MemoryBuckets, desk: BatchDesk) -> None:
    # Given
    names = [f"{n:04}.jpg" for n in range(1_001)]
    buckets.drop("galaxy", "b", *names)
    for name in names:
        buckets.finish("galaxy", "b", name, ROUND)
    # When one page is made
    BatchTable(desk).page("b", Page())
    # Then 500 records were read, and all pages have all files
    assert buckets.requests["read"] == 500
    assert [row[1] for row in lines(desk)] == names


@pytest.mark.parametrize("form", ["fits", "votable", "parquet", "csv.gz", "fits.gz"])
def test_a_table_that_is_no_csv_points_to_its_result_file_and_is_no_failure(
    form: str, buckets: MemoryBuckets, desk: BatchDesk
) -> None:
    buckets.drop("star", "b", "t")
    buckets.put(RESULTS, "star/b/t")
    buckets.finish("star", "b", "t", {"format": form, "rows": {"total": 2, "classified": 2, "rejected": 0}})
    assert lines(desk) == [["star", "t", "", "", "", "", "", "star/b/t", ""]]


def test_a_large_table_points_to_its_result_file_and_is_no_failure(buckets: MemoryBuckets, desk: BatchDesk) -> None:
    buckets.drop("star", "b", "t.csv")
    buckets.put(RESULTS, "star/b/t.csv", bytes(BATCH_CSV_TABLE_BYTES + 1))
    buckets.finish("star", "b", "t.csv", {"format": "csv"})
    assert lines(desk) == [["star", "t.csv", "", "", "", "", "", "star/b/t.csv", ""]]


def test_rows_that_such_a_table_had_to_leave_out_are_told_of_and_where_they_stand(
    buckets: MemoryBuckets, desk: BatchDesk
) -> None:
    buckets.drop("star", "b", "t.fits")
    buckets.put(RESULTS, "star/b/t.fits")
    buckets.put(RESULTS, "star/b/t.fits.rejected.csv", b"row,line,column,reason,detail\n2,,u,missing,is missing\n")
    buckets.finish(
        "star", "b", "t.fits", {"format": "fits", "rows": {"total": 1_200, "classified": 1_199, "rejected": 1}}
    )
    assert lines(desk) == [
        ["star", "t.fits", "", "", "", "", "", "star/b/t.fits", ""],
        ["star", "t.fits", "", "", "", "", "", "star/b/t.fits.rejected.csv",
         "1 of 1,200 rows cannot be classified; the result file says why"],
    ]  # fmt: skip


def test_a_record_that_went_meanwhile_leaves_a_line(buckets: MemoryBuckets, desk: BatchDesk) -> None:
    buckets.drop("galaxy", "b", "1.jpg")
    buckets.put(RESULTS, "galaxy/b/1.jpg.json", b"{")
    assert lines(desk) == [["galaxy", "1.jpg", "", "", "", "", "", "", "its record has gone"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_table_is_read_in_its_own_dialect(delimiter: str, *, quoted: bool) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    names: list[Any] = ["x", "skysort_class", "skysort_p_galaxy", "skysort_p_qso", "skysort_p_star", "skysort_set"]
    writer.writerows([["# a comment"], names, ["1", "GALAXY", 0.7, 0.2, 0.1, "GALAXY"]])
    assert list(star_rows.merged(text.getvalue(), "")) == [(1, "GALAXY", 0, "0.7", "GALAXY", "")]


HEADER = b"name,u,skysort_class,skysort_p_galaxy,skysort_p_qso,skysort_p_star,skysort_set,skysort_variant\n"


def classified(name: str) -> bytes:
    return name.encode() + b",1,STAR,0.0,0.0,1.0,STAR,with_redshift\n"


@pytest.mark.parametrize(("characters", "readable"), [(200_000, True), (1_200_000, False)])
def test_a_long_cell_hides_no_other_file(
    buckets: MemoryBuckets, desk: BatchDesk, characters: int, *, readable: bool
) -> None:
    # Given a table with one long cell, longer or not than a line may be, and a picture after it
    buckets.drop("star", "b", "long.csv", "z.csv")
    buckets.put(RESULTS, "star/b/long.csv", HEADER + classified("x" * characters))
    buckets.finish("star", "b", "long.csv", {"format": "csv"})
    buckets.put(RESULTS, "star/b/z.csv", HEADER + classified("z"))
    buckets.finish("star", "b", "z.csv", {"format": "csv"})
    # Then each has its line
    long, other = lines(desk)
    assert other[:4] == ["star", "z.csv", "1", "STAR"]
    assert long[3] == ("STAR" if readable else "")
    assert ("cannot be read" in long[-1]) is not readable


def test_a_page_ends_by_the_bytes_that_its_answer_takes(buckets: MemoryBuckets, desk: BatchDesk) -> None:
    # Given names whose characters take three bytes each
    names = [f"{'星' * 300}{number:03}.jpg" for number in range(40)]
    buckets.drop("galaxy", "b", *names)
    for name in names:
        buckets.finish("galaxy", "b", name, ROUND)
    # When pages end after 10 kB
    text, following = BatchTable(desk, size=10_000).page("b", Page())
    # Then they do, but for the line that crosses the limit
    assert following is not None
    assert 10_000 <= len(text.encode()) < 11_500
    assert [row[1] for row in lines(desk, size=10_000)] == names
