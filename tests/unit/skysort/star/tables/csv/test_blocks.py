"""Row boundaries of CSV blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.star.tables.csv.blocks import _scan, split_lines

# Small alphabets make the rare orders of quotes and breaks frequent.
texts = st.text(alphabet='a",\r\n ', max_size=30)


def rows_of(block: bytes) -> list[bytes]:
    found = split_lines(block, ",", last=True)
    return [block[start:end] for start, end in zip(found.starts, found.ends, strict=True)]


@pytest.mark.parametrize(
    ("block", "rows"),
    [
        (b"a,b\nc,d\n", [b"a,b", b"c,d"]),
        (b"a\r\nb\rc\n", [b"a", b"b", b"c"]),
        (b'"a\nb",c\nd\n', [b'"a\nb",c', b"d"]),
        (b'"a""\n",c\nd\n', [b'"a""\n",c', b"d"]),
        (b'5" pipe,b\nc,d\n', [b'5" pipe,b', b"c,d"]),
        (b'"a\nb\n', []),
        (b'5" pipe,"a""b\nc\n', []),
        (b"\n\na\n", [b"", b"", b"a"]),
    ],
    ids=[
        "plain",
        "three kinds of break",
        "break in a cell",
        "escaped quote",
        "stray quote",
        "open quote",
        "stray, escaped and open quotes",
        "blank",
    ],
)
def test_rows_end_where_their_cells_do(block: bytes, rows: list[bytes]) -> None:
    assert rows_of(block) == rows


@given(st.lists(st.lists(texts, min_size=1, max_size=3), max_size=5), st.sampled_from(["\n", "\r\n", "\r"]))
def test_properly_quoted_rows_are_found_again(table: list[list[str]], eol: str) -> None:
    written = [",".join('"' + cell.replace('"', '""') + '"' for cell in cells).encode() for cells in table]
    assert rows_of(b"".join(row + eol.encode() for row in written)) == written


@given(texts)
def test_both_ways_of_finding_rows_agree(text: str) -> None:
    """The quick way is only taken where it is exact; then it gives what the cell by cell scan gives."""
    block = text.encode() + b"\n"
    found = split_lines(block, ",", last=True)
    assert (found.starts[1:] - 1).tolist() == _scan(block, ",").tolist()[:-1] or len(found) == 0
    assert len(found) == len(_scan(block, ","))


@given(texts, st.integers(0, 30))
def test_a_block_cut_anywhere_leaves_the_rest_for_the_next(text: str, at: int) -> None:
    """Rows found in a first part are rows of the whole."""
    whole = text.encode() + b"\n"
    found = split_lines(whole[:at], ",", last=False)
    rows = [whole[start:end] for start, end in zip(found.starts, found.ends, strict=True)]
    assert rows == rows_of(whole)[: len(rows)]
    assert rows + rows_of(whole[found.stop :]) == rows_of(whole)
