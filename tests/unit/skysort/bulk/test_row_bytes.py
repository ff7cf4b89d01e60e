"""The bytes of a row of text whose rows nobody has counted."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.bulk.manifest import Slice
from skysort.bulk.row_bytes import bytes_a_row
from tests.fakes.bulk import MemorySources

SOURCE = "incoming/bulk/b/stars"
ROW = b"23.87882,22.2753,20.39501,19.16573,18.79371,0.6347936\n"


def slice_of(sources: MemorySources, body: bytes, form: str, rows: int | None = None) -> Slice:
    sources.objects[SOURCE] = body
    about = sources.stat(SOURCE)
    return Slice(SOURCE, about.etag, about.size, form, 0, len(body), len(body), rows=rows)


@pytest.mark.parametrize("rows", [1, 1_000, 100_000])
def test_rows_of_equal_length_are_told_exactly(rows: int) -> None:
    sources = MemorySources()
    told = bytes_a_row(sources, [slice_of(sources, ROW * rows, "csv")])
    assert told == pytest.approx(len(ROW), rel=1e-3)


def test_of_a_compressed_table_its_compressed_bytes_are_told() -> None:
    # Given members of different numbers, as blocked gzip has them
    sources = MemorySources()
    lines = [b"%d,%d\n" % (number * 7_919 % 10_007, number * 104_729 % 15_485_863) for number in range(60_000)]
    body = b"".join(gzip.compress(b"".join(lines[first : first + 5_000])) for first in range(0, len(lines), 5_000))
    # When
    told = bytes_a_row(sources, [slice_of(sources, body, "csv.gz")])
    # Then
    assert told == pytest.approx(len(body) / len(lines), rel=0.05)


def test_rows_of_a_votable_are_its_elements() -> None:
    sources = MemorySources()
    body = b"<VOTABLE>" + b"<TR><TD>1</TD></TR>" * 500 + b"</VOTABLE>"
    assert bytes_a_row(sources, [slice_of(sources, body, "votable")]) == pytest.approx(len(body) / 500, rel=1e-3)


@pytest.mark.parametrize(("form", "rows"), [("parquet", None), ("csv", 12), ("picture", 1)])
def test_what_is_counted_or_no_text_is_not_asked(form: str, rows: int | None) -> None:
    sources = MemorySources()
    assert bytes_a_row(sources, [slice_of(sources, ROW * 12, form, rows)]) is None
    assert sources.requests.get == 0


@given(st.binary(max_size=200), st.sampled_from(["csv", "csv.gz", "votable.gz"]))
def test_any_bytes_are_told_something_or_nothing(body: bytes, form: str) -> None:
    sources = MemorySources()
    told = bytes_a_row(sources, [slice_of(sources, body, form)])
    assert told is None or 0 < told <= len(body)
