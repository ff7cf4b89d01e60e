"""How tables of text are written: the same table by HTTP, in the drop folder and by the command line."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import EmptyInputError, InputError, InvalidFieldsError, LimitExceededError, MalformedInputError
from skysort.limits import CSV_PREAMBLE_LINES
from skysort.star.body import CSV, read_body
from skysort.star.tables.csv.dialect import Head, read_head
from skysort_cli.stars import chunks
from tests.fakes.tables import APPENDED, classify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAGNITUDES = (23.87882, 22.2753, 20.39501, 19.16573, 18.79371)
VALUES = "23.87882,22.2753,20.39501,19.16573,18.79371"
PLAIN = f"u,g,r,i,z\n{VALUES}\n{VALUES}\n"
COMMAS = ";".join(value.replace(".", ",") for value in VALUES.split(","))
TABBED = VALUES.replace(",", "\t")


def head_of(body: bytes, *, piece: int | None = None) -> Head:
    """The head of a table that comes in pieces."""
    size = piece or len(body)
    head, below = read_head(body[at : at + size] for at in range(0, len(body), size))
    assert body.endswith(b"".join(below))
    return head


def by_command(body: bytes) -> int:
    """Rows that the command line counts, in pieces of one row; each is one row to the service too."""
    text = io.TextIOWrapper(io.BytesIO(body), encoding="utf-8", errors="surrogateescape", newline="")
    found = [chunk for chunk in chunks(text, max_rows=1) if chunk.rows]
    assert all(len(read_body(chunk.body, CSV).rows) == chunk.rows for chunk in found)
    return sum(chunk.rows for chunk in found)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (PLAIN, 2),
        ("\ufeff" + PLAIN, 2),
        (PLAIN.replace("\n", "\r\n"), 2),
        (PLAIN.replace("\n", "\r"), 2),
        (PLAIN.rstrip("\n"), 2),
        (PLAIN.replace(",", ";"), 2),
        (PLAIN.replace(",", "\t"), 2),
        (PLAIN.replace(",", "|"), 2),
        (f"# seeing 0.9\n\n   # more\n{PLAIN}", 2),
        # decimal commas, where the comma is no delimiter
        (f"u;g;r;i;z\n{COMMAS}\n{COMMAS}\n", 2),
        (f"u\tg\tr\ti\tz\n{COMMAS.replace(';', chr(9))}\n", 1),
        (f"u;g;r;i;z\n{COMMAS}\n{VALUES.replace(',', ';')}\n", 2),
        # a header in the last comment, with a column of text as well
        (f"# u,g,r,i,z\n{VALUES}\n", 1),
        (f"# SDSS DR17\n#u,g,r,i,z,note\n{VALUES},a star\n", 1),
        (f"#u;g;r;i;z;note\n{COMMAS};a star\n", 1),
        # VizieR's units and dashes, and units alone
        (f"#Column u\nu\tg\tr\ti\tz\nmag\tmag\tmag\tmag\tmag\n------\t---\t---\t---\t-\n{TABBED}\n{TABBED}\n", 2),
        (f"u,g,r,i,z\nmag,mag,mag,mag,[mag]\n{VALUES}\n", 1),
        (f"u,g,r,i,z\n-----,---,---,---,--\n{VALUES}\n", 1),
        (f"ra,u,g,r,i,z\ndeg,,,,,\n1,{VALUES}\n", 1),
        (f"flux,u,g,r,i,z\n10-20W/m2,mag,mag,mag,mag,mag\n1,{VALUES}\n", 1),
        (f"u,g,r,i,z\nfloat,float,float,float,double\nmag,mag,mag,mag,mag\n{VALUES}\n", 1),
        # RDB's widths and types
        (f"name\tu\tg\tr\ti\tz\n10S\tN\tN\tN\tN\t8N\na\t{TABBED}\n", 1),
        # Excel's own first line
        (f"sep=;\n{PLAIN.replace(',', ';')}", 2),
        # a delimiter at the end of every row, of the header, of both
        (f"u,g,r,i,z\n{VALUES},\n{VALUES},\n", 2),
        (f"u,g,r,i,z,\n{VALUES}\n{VALUES}\n", 2),
        (f"u,g,r,i,z,\n{VALUES},\n{VALUES},\n", 2),
        # tables one below the other
        (f"#Table1\n{PLAIN}#Table2\n{PLAIN}", 4),
        (f"{PLAIN}{PLAIN}", 4),
        # comments and blank lines among the rows
        (f"u,g,r,i,z\n{VALUES}\n#{VALUES}\n\n{VALUES}\n", 2),
        # quotes: a delimiter, a line break and a quote in a cell, and text behind a closing quote
        (f'u,g,r,i,z,note\n{VALUES},"a, ""b""\nc"\n{VALUES},"x"y\n', 2),
        (f'"u","g","r","i","z","a\nnote"\n{VALUES},\n', 1),
        (f'u,g,r,i,z,note\n{VALUES},it"s\n{VALUES},5" away\n', 2),
    ],
)
def test_a_table_has_the_same_rows_by_every_way(star_folder: Path, text: str, rows: int) -> None:
    # Given
    body = text.encode()

    # When it is sent, dropped, and cut by the command line
    sent = read_body(body, CSV).rows
    dropped = classify(star_folder, body)

    # Then all find the same rows, and their values
    assert [(row.values[:5], row.errors) for row in sent] == [(MAGNITUDES, ())] * rows
    assert dropped.summary["rows"] == {"total": rows, "classified": rows, "rejected": 0}
    assert by_command(body) == rows
    # And the result, dropped again, is classified to the same
    assert classify(star_folder, dropped.table).summary["rows"]["classified"] == rows


def test_a_result_keeps_what_stood_below_the_header_as_comments(star_folder: Path) -> None:
    body = f"#VizieR\nu\tg\tr\ti\tz\nmag\tmag\tmag\tmag\tmag\n----\t---\t---\t---\t---\n{TABBED}\n".encode()
    table = classify(star_folder, body).table.decode()
    assert table.startswith(
        "#VizieR\n# mag\tmag\tmag\tmag\tmag\n# ----\t---\t---\t---\t---\nu\tg\tr\ti\tz\tskysort_class"
    )


def test_a_header_is_given_the_column_that_the_rows_have(star_folder: Path) -> None:
    table = classify(star_folder, f"u,g,r,i,z\n{VALUES},\n".encode()).table.decode()
    assert table.splitlines()[0] == ",".join(["u,g,r,i,z,", *APPENDED])


def test_lines_that_are_passed_over_are_counted_in_the_summary(star_folder: Path) -> None:
    summary = classify(star_folder, f"#Table1\n{PLAIN}#Table2\n{PLAIN}# the end\n".encode()).summary
    assert [(each["code"], each["rows"]) for each in summary["warnings"]] == [("comment_lines", 2)]


@pytest.mark.parametrize("error", ["#N/A", "#NV", "#WERT!", "#DIV/0!"])
def test_a_row_that_begins_with_a_spreadsheets_error_is_no_comment(star_folder: Path, error: str) -> None:
    # Given an object without a name, a comment, and a row that is commented out
    body = f"name,u,g,r,i,z\n{error},{VALUES}\n#x\n#N,{VALUES}\n{error},{VALUES}\n".encode()
    # Then the object is a row by every way
    assert len(read_body(body, CSV).rows) == by_command(body) == 2
    assert classify(star_folder, body).summary["rows"] == {"total": 2, "classified": 2, "rejected": 0}


@pytest.mark.parametrize("line", ["magu,g,r,i,z", "---", "mag", "--,--,--,--,--"])
def test_what_is_like_units_or_dashes_is_a_row_all_the_same(star_folder: Path, line: str) -> None:
    body = f"u,g,r,i,z\n{line}\n{VALUES}\n".encode()
    assert len(read_body(body, CSV).rows) == by_command(body) == 2
    assert classify(star_folder, body).summary["rows"]["rejected"] == 1


def test_a_second_table_may_have_its_header_without_the_mark_of_a_comment(star_folder: Path) -> None:
    body = f"# u,g,r,i,z\n{VALUES}\n#Table2\n# a remark\nu,g,r,i,z\n{VALUES}\n".encode()
    assert len(read_body(body, CSV).rows) == by_command(body) == 2
    assert classify(star_folder, body).summary["rows"]["classified"] == 2


@pytest.mark.parametrize(
    "second", ["plate,mjd,fiber\n1,2,3\n", "objid,u,g,r,i,z\n1,2,3,4,5,6\n", "z,i,r,g,u\n18,19,20,21,22\n"]
)
def test_a_second_table_of_other_columns_is_refused_by_every_way(star_folder: Path, second: str) -> None:
    body = f"#Table1\n{PLAIN}#Table2\n{second}".encode()
    for read in (lambda: read_body(body, CSV), lambda: classify(star_folder, body), lambda: by_command(body)):
        with pytest.raises(MalformedInputError, match="a second table with other columns follows '#Table2'"):
            read()


def test_a_second_table_is_found_across_blocks(star_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given blocks of every size, so that one ends behind the comment
    for size in range(20, 60):
        monkeypatch.setattr("skysort.star.tables.csv.table.BLOCK_BYTES", size)
        with pytest.raises(MalformedInputError, match="a second table"):
            classify(star_folder, f"{PLAIN}#Table2\nplate,mjd\n1,2\n".encode())
        assert classify(star_folder, f"{PLAIN}#Table2\n{PLAIN}".encode()).summary["rows"]["classified"] == 4


@pytest.mark.parametrize(
    ("units", "says"),
    [
        ("mag(Vega),mag,mag,mag,mag", "u: is in mag.Vega., a magnitude of the Vega system"),
        ("mag,vegamag,mag,mag,mag", "Vega system"),
        ("mag,mag,nmgy,mag,mag", "a flux"),
        ("mag,mag,mag,mag/arcsec2,mag", "must be an AB magnitude"),
    ],
)
def test_units_below_the_header_are_looked_at_by_every_way(star_folder: Path, units: str, says: str) -> None:
    body = f"u,g,r,i,z\n{units}\n{VALUES}\n".encode()
    for read in (lambda: read_body(body, CSV), lambda: classify(star_folder, body)):
        with pytest.raises(InvalidFieldsError) as caught:
            read()
        assert any(says.replace(".Vega.", "(Vega)") in f"{each.field}: {each.detail}" for each in caught.value.fields)


@pytest.mark.parametrize(
    ("cell", "reason"), [("1.234,5", "not_a_number"), ("18,2,5", "not_a_number"), (",5", "out_of_range")]
)
def test_what_is_no_decimal_comma_is_told_alike(star_folder: Path, cell: str, reason: str) -> None:
    body = f"u;g;r;i;z\n{COMMAS}\n{COMMAS.replace('23,87882', cell)}\n".encode()
    assert [error.reason for error in read_body(body, CSV).rows[1].errors] == [reason]
    assert [reject["reason"] for reject in classify(star_folder, body).rejects] == [reason]


def test_an_innocent_table_in_latin_1_is_classified_byte_for_byte(star_folder: Path) -> None:
    # Given names that are no UTF-8, one in a row with too few cells
    rows = [f"Gal\xe9,{VALUES}", "Gal\xe9-2,20,19,18", f"ok,{VALUES}"]
    body = "\n".join(["name,u,g,r,i,z", *rows, ""]).encode("latin-1")
    # When
    result = classify(star_folder, body)
    # Then
    assert f"Gal\xe9,{VALUES},GALAXY".encode("latin-1") in result.table
    assert [(reject["row"], reject["reason"]) for reject in result.rejects] == [("2", "wrong_cell_count")]
    # And so where columns of an earlier classification are replaced
    assert classify(star_folder, result.table).table == result.table
    assert [row.id for row in read_body(body, CSV).rows] == ["Gal\xe9", "1", "ok"]
    assert by_command(body) == 3


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_alike(star_folder: Path, encoding: str) -> None:
    for read in (
        lambda: read_body(PLAIN.encode(encoding), CSV),
        lambda: classify(star_folder, PLAIN.encode(encoding)),
        lambda: by_command(PLAIN.encode(encoding)),
    ):
        with pytest.raises(InputError, match="UTF-16"):
            read()


@pytest.mark.parametrize("piece", [1, 7, 64])
def test_the_head_is_the_same_in_whatever_pieces_it_comes(piece: int) -> None:
    body = f'\ufeff# a\r\n\r\n"u","g\r\nx",g,r,i,z\r\nmag,,mag,mag,mag,mag\r\n{VALUES},1\r\n'.encode()
    assert head_of(body, piece=piece) == head_of(body)


@pytest.mark.parametrize("content", [b"\n" * 8_000_000, (b"#" + b"x" * 999 + b"\n") * 2_000])
def test_more_above_a_header_than_any_table_has_is_refused_at_its_limit(star_folder: Path, content: bytes) -> None:
    with pytest.raises(LimitExceededError, match=f"no header found within the first {CSV_PREAMBLE_LINES:,} lines"):
        classify(star_folder, gzip.compress(content))


PIECES = st.sampled_from(
    [
        '"',
        ",",
        ";",
        "\n",
        "\r\n",
        "\r",
        "20",
        "18,5",
        "x",
        VALUES,
        " ",
        "é",
        "#",
        "#N/A",
        "#Table2\n",
        "u,g,r,i,z\n",
        "---",
        "mag",
        "\x00",
    ]
)


@given(st.sampled_from(["", "u,g,r,i,z\n", "u;g;r;i;z\n", "# u,g,r,i,z\n"]), st.lists(PIECES, max_size=30))
def test_any_text_has_the_same_rows_by_every_way(star_folder: Path, header: str, pieces: list[str]) -> None:
    # Given
    body = (header + "".join(pieces)).encode()
    # When each reads it or refuses it
    sent = counted(lambda: len(read_body(body, CSV).rows))
    dropped = counted(lambda: int(classify(star_folder, body).summary["rows"]["total"]))
    cut = counted(lambda: by_command(body))
    # Then all that do not refuse it find as many rows
    assert len({sent, dropped, cut} - {None}) <= 1 or not sent


def counted(read: Callable[[], int]) -> int | None:
    try:
        return read()
    except InputError:
        return None


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_have_a_head_or_an_error(content: bytes) -> None:
    try:
        head, _ = read_head([content])
    except (EmptyInputError, LimitExceededError, MalformedInputError):
        return
    assert content.find(head.line) >= 0
    assert 0 < head.stop <= len(content)
