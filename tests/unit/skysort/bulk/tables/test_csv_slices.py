"""Slices of CSV files: every row belongs to exactly one, whatever its cells, line breaks and dialect are."""

from __future__ import annotations

import csv as python_csv
import gzip
import random
import re
import struct
import zlib
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skysort.bulk.store import FolderSources
from skysort.bulk.tables import csv
from skysort.bulk.tables.needs import Needs
from skysort.bulk.tables.read import open_slice
from skysort.bulk.tables.row_starts import RowStarts
from skysort.bulk.tables.split import split_table
from skysort.errors import EmptyInputError, InvalidFieldsError, LimitExceededError, MalformedInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skysort.bulk.manifest import Slice

BREAK: Final = re.compile(r"\r\n|\n|\r")
NAMES: Final = ("objid", "u", "g", "r", "i", "z", "note", "redshift")
CELL_BYTES: Final = 150
NOTES: Final = (
    "plain",
    "",
    "two\nlines",
    'a "quoted" word',
    '"',
    '""',
    ",;\t|",
    "1,2,3,4,5,6,7,8\n1,2,3,4,5,6,7,8\n1,2,3,4,5,6,7,8\n",
    "\n\n",
    '","\n","',
    "é",
    '\n"',
)


@dataclass(frozen=True)
class Written:
    """A CSV: its bytes, how many rows it has, each with its number as u, and where Python's csv module begins a row."""

    content: bytes
    rows: int
    starts: Sequence[int]


@st.composite
def tables(draw: st.DrawFn) -> Written:
    """Tables of up to some hundred rows; what may be in a cell, and around the rows, is drawn."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    eol = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    comma = delimiter != "," and draw(st.booleans())
    notes = draw(st.lists(st.sampled_from(NOTES), min_size=1, max_size=4, unique=True))
    rng = random.Random(draw(st.integers(0, 10_000)))
    above = draw(st.sampled_from(["", "# a table\n\n", "\ufeff", f"sep={delimiter}\n" if delimiter != "\t" else ""]))
    header = draw(st.sampled_from(["", "# "])) + delimiter.join(NAMES)
    if above.startswith("sep="):
        header = header.removeprefix("# ")
    lines = [above.replace("\n", eol) + header + eol]
    rows = draw(st.integers(1, 300))
    for number in range(rows):
        values = [f"{number}.0", *(f"{rng.uniform(14, 22):.{rng.randint(1, 6)}f}" for _ in NAMES[2:6])]
        cells = [str(number), *(value.replace(".", ",") if comma else value for value in values)]
        note = rng.choice(notes).replace("\n", eol)
        row = [*cells, quoted(note, delimiter, always=rng.random() < 0.2), cells[-1]]
        lines.append(delimiter.join(row) + eol)
        if rng.random() < 0.02:
            lines.append(rng.choice([eol, f"# said in between{eol}"]))
    text = "".join(lines)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    return Written(text.encode(), rows, row_starts(text, delimiter))


def quoted(text: str, delimiter: str, *, always: bool) -> str:
    if always or any(character in text for character in (delimiter, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text


def row_starts(text: str, delimiter: str) -> list[int]:
    """Offsets in bytes at which Python's csv module begins a row."""
    breaks = [match.end() for match in BREAK.finditer(text)]
    lines = [text[start:end] for start, end in zip([0, *breaks], [*breaks, len(text)], strict=True)]
    read = iter(lines)
    reader = python_csv.reader(read, delimiter=delimiter)
    starts, line = [0], 0
    for _ in reader:
        line = reader.line_num
        starts.append(len("".join(lines[:line]).encode()))
    return starts


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of some kilobytes are treated as ones of gigabytes are."""
    monkeypatch.setattr(csv, "_WINDOWS", (400, 1_600, 6_400))
    monkeypatch.setattr(csv, "RowStarts", partial(RowStarts, cell_bytes=CELL_BYTES))


def numbers(sources: FolderSources, part: Slice) -> list[float]:
    """The rows of a slice by their u, which is their number."""
    with open_slice(sources, part) as table:
        return [u for rows in table.rows() for u in rows.measured.photometry.magnitudes[:, 0].tolist()]


def slices_of(folder: Path, content: bytes, target: int, name: str = "stars.csv") -> tuple[FolderSources, list[Slice]]:
    (folder / name).write_bytes(content)
    sources = FolderSources(folder)
    return sources, split_table(sources, sources.stat(name), Needs(), target)


ANY_FOLDER: Final = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.usefixtures("small_windows")
@given(table=tables(), target=st.integers(300, 3_000))
@ANY_FOLDER
def test_every_row_of_a_csv_is_in_one_slice(tmp_path: Path, table: Written, target: int) -> None:
    # When
    sources, slices = slices_of(tmp_path, table.content, target)
    # Then
    assert [part.slice for part in slices] == list(range(len(slices)))
    assert [part.end for part in slices] == [*(part.start for part in slices[1:]), len(table.content)]
    assert {part.start for part in slices} <= set(table.starts)
    assert [number for part in slices for number in numbers(sources, part)] == list(range(table.rows))


@pytest.mark.usefixtures("small_windows")
@given(table=tables(), target=st.integers(300, 3_000), member=st.integers(200, 2_000))
@ANY_FOLDER
def test_every_row_of_a_csv_in_gzip_members_is_in_one_slice(
    tmp_path: Path, table: Written, target: int, member: int
) -> None:
    # Given members that end anywhere, even between a carriage return and its line feed
    content = table.content
    packed = b"".join(gzip.compress(content[start : start + member]) for start in range(0, len(content), member))
    # When
    sources, slices = slices_of(tmp_path, packed, target, "stars.csv.gz")
    # Then
    assert [number for part in slices for number in numbers(sources, part)] == list(range(table.rows))


def test_a_member_that_two_searches_end_in_begins_one_slice() -> None:
    # Given searches behind three positions, two of which are sure of different rows of the member at 30
    found = {10: csv.Boundary(30, 190), 20: csv.Boundary(30, 42), 40: csv.Boundary(60, 5)}
    # When
    bounds = csv._found(found.get, range(10, 50, 10), map)
    # Then
    assert bounds == [csv.Boundary(30, 42), csv.Boundary(60, 5)]


def lines(count: int, note: str = "plain") -> bytes:
    rows = "".join(f"{number},{number}.0,17,16,15,15.5,{note},0.1\n" for number in range(count))
    return (",".join(NAMES) + "\n" + rows).encode()


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("note", ["plain", '"a\nb"', '"a, ""b"""'])
def test_a_csv_is_split_into_pieces_of_the_same_size(tmp_path: Path, note: str) -> None:
    _, slices = slices_of(tmp_path, lines(2_000, note), 4_000)
    sizes = [part.end - part.start for part in slices]
    assert max(sizes) - min(sizes) < 200
    assert len(sizes) == round(len(lines(2_000, note)) / 4_000)


@pytest.mark.usefixtures("small_windows")
def test_members_of_gzip_are_split(tmp_path: Path) -> None:
    content = lines(4_000)
    packed = b"".join(gzip.compress(content[start : start + 1_000]) for start in range(0, len(content), 1_000))
    sources, slices = slices_of(tmp_path, packed, 8_000, "stars.csv.gz")
    assert len(slices) > 10
    assert [number for part in slices for number in numbers(sources, part)] == list(range(4_000))


def as_bgzip(content: bytes, block: int) -> bytes:
    """Blocks as bgzip writes them, each with its size in the header, and an empty one at the end (SAM, section 4.1)."""
    packed = b""
    for start in (*range(0, len(content), block), len(content)):
        piece = content[start : start + block]
        compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
        body = compressor.compress(piece) + compressor.flush()
        packed += b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(body) + 25)
        packed += body + struct.pack("<II", zlib.crc32(piece), len(piece))
    return packed


@pytest.mark.usefixtures("small_windows")
def test_blocks_of_bgzip_are_split(tmp_path: Path) -> None:
    packed = as_bgzip(lines(4_000), 1_500)
    assert gzip.decompress(packed) == lines(4_000)
    sources, slices = slices_of(tmp_path, packed, 8_000, "stars.csv.gz")
    assert len(slices) > 10
    assert [number for part in slices for number in numbers(sources, part)] == list(range(4_000))


def test_one_member_of_gzip_is_one_slice(tmp_path: Path) -> None:
    sources, slices = slices_of(tmp_path, gzip.compress(lines(3_000)), 1_000, "stars.csv.gz")
    assert [part.format for part in slices] == ["csv.gz"]
    assert len(numbers(sources, slices[0])) == 3_000


def test_a_large_member_of_gzip_is_refused_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "BULK_UNSPLIT_BYTES", 2**14)
    with pytest.raises(LimitExceededError, match=r"gzipped in one piece .* compress it with bgzip, or unpack it"):
        slices_of(tmp_path, gzip.compress(lines(9_000)), 1_000, "stars.csv.gz")


@pytest.mark.usefixtures("small_windows")
def test_a_quote_that_is_never_closed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "BULK_UNSPLIT_BYTES", 20_000)
    content = lines(500) + b'1,2,"' + b"x\n" * 30_000
    with pytest.raises(LimitExceededError, match="cannot be split, since no row surely begins there"):
        slices_of(tmp_path, content, 2_000)


def test_a_slice_is_read_in_the_dialect_of_the_whole_file(tmp_path: Path) -> None:
    """The rows of the last slice alone have neither decimal commas nor any cell of units."""
    # Given
    names = ";".join(NAMES)
    first = "".join(f"{n};{n},5;17,1;16,1;15,1;15,5;;0,1\n" for n in range(500))
    second = "".join(f"{n};{n};17;16;15;15;;0\n" for n in range(500, 1_000))
    content = f"{names}\n;mag;mag;mag;mag;mag;;\n{first}{second}".encode()
    # When
    sources, slices = slices_of(tmp_path, content, 5_000)
    # Then
    assert len(slices) > 4
    expected = [n + 0.5 for n in range(500)] + list(range(500, 1_000))
    assert [number for part in slices for number in numbers(sources, part)] == expected


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", EmptyInputError, "it has no bytes"),
        (lines(0), EmptyInputError, "has a header but no rows"),
        (gzip.compress(lines(0)), EmptyInputError, "has a header but no rows"),
        (b"a,b,c\n1,2,3\n", InvalidFieldsError, "u"),
        (b'"' + b"x" * 100, MalformedInputError, "never ends"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        slices_of(tmp_path, content, 1_000)


def test_a_table_without_a_carried_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stars.csv").write_bytes(lines(3))
    sources = FolderSources(tmp_path)
    with pytest.raises(InvalidFieldsError, match="plate: is to be copied to the results, but the table does not have"):
        split_table(sources, sources.stat("stars.csv"), Needs(columns=("note", "plate")))


@pytest.mark.parametrize("dialect", ["", "1 2", "a b c", "1 2 3 4", "-1 0 0", "9" * 80])
def test_a_slice_of_gzip_that_no_planner_made_is_refused(tmp_path: Path, dialect: str) -> None:
    sources, [part] = slices_of(tmp_path, gzip.compress(lines(10)), 1_000, "stars.csv.gz")
    with pytest.raises(MalformedInputError):
        open_slice(sources, replace(part, dialect=dialect))
