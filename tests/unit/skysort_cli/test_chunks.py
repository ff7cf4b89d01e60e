"""Tables in pieces: no row lost, doubled, reordered or touched."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import EmptyInputError, MalformedInputError
from skysort.star.body import read_body
from skysort_cli.stars import Chunk, chunks
from tests.fakes.tables import HEADER, row

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
DELIMITERS = st.sampled_from(",;\t|")


def pieces(text: str, **bounds: int) -> list[Chunk]:
    return list(chunks(io.StringIO(text, newline=""), **bounds))


def rows_of(chunk: Chunk, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(chunk.body.decode(), newline=""), delimiter=delimiter)
    return [cells for cells in reader if cells]


@given(st.lists(st.tuples(CELL, CELL), max_size=30), st.integers(1, 7), DELIMITERS, st.sampled_from(["\n", "\r\n"]))
def test_the_pieces_hold_every_row_in_order(
    rows: list[tuple[str, str]], most: int, delimiter: str, line_break: str
) -> None:
    # Given a table with whatever cells
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_break, quoting=csv.QUOTE_ALL)
    writer.writerows([["name", "u"], *rows])
    # When
    found = pieces(out.getvalue(), max_rows=most)
    # Then
    assert [cells for chunk in found for cells in rows_of(chunk, delimiter)[1:]] == [list(cells) for cells in rows]
    assert all(rows_of(chunk, delimiter)[0] == ["name", "u"] for chunk in found)
    assert all(chunk.rows <= most for chunk in found)
    firsts = [chunk.first for chunk in found]
    assert firsts == [sum(chunk.rows for chunk in found[:at]) for at in range(len(found))]


def test_the_service_counts_the_same_rows() -> None:
    # Given blank lines, comments, a quoted line break and no line break at the end
    text = f'# seeing 0.9\n\n{HEADER},note\n{row()},"two\nlines"\n\n#{row()}\n{row()},\n{row()},"a ""quote"""'
    for chunk in pieces(text, max_rows=2):
        assert len(read_body(chunk.body, "text/csv").rows) == chunk.rows
    assert [(chunk.first, chunk.rows) for chunk in pieces(text, max_rows=2)] == [(0, 2), (2, 1)]


def test_wide_rows_make_small_pieces() -> None:
    text = "u\n" + "1" * 100 + "\n" + "2" * 100 + "\n"
    assert [chunk.rows for chunk in pieces(text, max_bytes=50)] == [1, 1]


def test_a_table_without_rows_is_left_to_the_service_to_refuse() -> None:
    (chunk,) = pieces("u,g,r,i,z")
    assert chunk.rows == 0


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing but a comment\n"])
def test_a_file_without_a_header_is_refused(text: str) -> None:
    with pytest.raises(EmptyInputError, match="no header"):
        pieces(text)


def test_a_cell_without_end_is_told() -> None:
    with pytest.raises(MalformedInputError, match=r"the table is not CSV: .* near row 2"):
        pieces("u\n1\n" + "2" * 200_000 + "\n")
