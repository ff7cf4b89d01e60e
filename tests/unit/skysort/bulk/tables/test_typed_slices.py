"""Slices of FITS, Parquet, VOTable, ECSV and IPAC tables: every row belongs to exactly one."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits
from pyarrow import parquet as pq

from skysort.bulk.store import FolderSources, SourceChangedError
from skysort.bulk.tables import fits as fits_slices
from skysort.bulk.tables import parquet as parquet_slices
from skysort.bulk.tables import unsplit
from skysort.bulk.tables.needs import Needs
from skysort.bulk.tables.read import open_slice
from skysort.bulk.tables.split import split_table
from skysort.drop.files import sweep_temporary_folders
from skysort.errors import (
    EmptyInputError,
    InputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from tests.unit.skysort.star.tables.samples import as_fits, as_parquet, as_text, as_votable

if TYPE_CHECKING:
    from pathlib import Path

    from skysort.bulk.manifest import Slice

ROWS = 1_000


def columns(rows: int = ROWS) -> dict[str, Any]:
    """The measured columns; u is the number of the row."""
    numbers = np.arange(rows, dtype=np.float64)
    return {"objid": numbers, "u": numbers, **dict.fromkeys("griz", numbers % 7 + 14), "redshift": numbers / ROWS}


def written(kind: str, rows: int = ROWS) -> bytes:
    made = columns(rows)
    if kind == "parquet":
        return as_parquet(made, row_group_size=90)
    if kind == "votable":
        return as_votable(made)
    if kind != "fits":
        return as_text(made, f"ascii.{kind}")
    # Between images, and with one in the first header.
    out = io.BytesIO()
    image = fits.ImageHDU(np.zeros((50, 50)))
    table = fits.open(io.BytesIO(as_fits(made)))[1]
    fits.HDUList([fits.PrimaryHDU(np.ones((9, 9))), image, table, image]).writeto(out)
    return out.getvalue()


def split(folder: Path, content: bytes, target: int = 10_000, **needs: Any) -> tuple[FolderSources, list[Slice]]:
    (folder / "stars").write_bytes(content)
    sources = FolderSources(folder)
    return sources, split_table(sources, sources.stat("stars"), Needs(**needs), target)


def numbers(sources: FolderSources, part: Slice) -> list[float]:
    with open_slice(sources, part) as table:
        return [u for rows in table.rows() for u in rows.measured.photometry.magnitudes[:, 0].tolist()]


@pytest.mark.parametrize("kind", ["parquet", "fits"])
def test_every_row_is_in_one_slice_and_the_plan_says_how_many(tmp_path: Path, kind: str) -> None:
    # When
    sources, slices = split(tmp_path, written(kind))
    # Then
    assert len(slices) >= 4
    assert [part.slice for part in slices] == list(range(len(slices)))
    read = [numbers(sources, part) for part in slices]
    assert [len(rows) for rows in read] == [part.rows for part in slices]
    assert [number for rows in read for number in rows] == list(range(ROWS))


@pytest.mark.parametrize("kind", ["votable", "ecsv", "ipac", "votable.gz", "ecsv.gz", "fits.gz"])
def test_what_is_not_split_is_one_slice(tmp_path: Path, kind: str) -> None:
    content = written(kind.removesuffix(".gz"))
    sources, [part] = split(tmp_path, gzip.compress(content) if kind.endswith(".gz") else content)
    assert part.format == kind
    assert numbers(sources, part) == list(range(ROWS))


def test_a_slice_of_parquet_needs_no_byte_of_other_row_groups(tmp_path: Path) -> None:
    # Given
    sources, slices = split(tmp_path, written("parquet"), 5_000)
    body = bytearray((tmp_path / "stars").read_bytes())
    groups = pq.read_metadata(tmp_path / "stars")
    first = groups.row_group(slices[0].end).column(0)
    # When everything before the second slice is overwritten
    body[4 : first.dictionary_page_offset or first.data_page_offset] = b"\0" * (
        (first.dictionary_page_offset or first.data_page_offset) - 4
    )
    (tmp_path / "stars").write_bytes(body)
    found = sources.stat("stars")
    # Then
    part = replace(slices[1], etag=found.etag)
    before, rows = slices[0].rows or 0, part.rows or 0
    assert numbers(sources, part) == list(range(before, before + rows))
    with pytest.raises(InputError):
        numbers(sources, replace(slices[0], etag=found.etag))


def test_a_footer_beyond_the_first_read_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_slices, "_TAIL", 16)
    sources, slices = split(tmp_path, written("parquet"))
    assert sum(len(numbers(sources, part)) for part in slices) == ROWS


def test_a_row_group_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_slices, "PARQUET_BYTES", 100)
    with pytest.raises(LimitExceededError, match="write it with smaller row groups"):
        split(tmp_path, written("parquet"))


def test_fits_with_cells_of_variable_length_is_one_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    ragged = np.array([np.arange(number % 4) for number in range(50)], dtype=object)
    made = [fits.Column(name, "D", array=values) for name, values in columns(50).items()]
    out = io.BytesIO()
    fits.BinTableHDU.from_columns([*made, fits.Column("spectrum", "PJ()", array=ragged)]).writeto(out)
    # Then
    sources, [part] = split(tmp_path, out.getvalue(), 100)
    assert (part.rows, numbers(sources, part)) == (50, list(range(50)))
    # And one that is too large for one part is refused
    monkeypatch.setattr(fits_slices, "FITS_BYTES", 100)
    with pytest.raises(LimitExceededError, match="cells of variable length"):
        split(tmp_path, out.getvalue(), 100)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (gzip.compress(written("parquet")), UnsupportedFormatError, "unpack it"),
        (written("parquet", 0), EmptyInputError, "no rows"),
        (written("fits", 0), EmptyInputError, "no rows"),
        (written("parquet")[:-100], MalformedInputError, "truncated"),
        (written("fits")[:-30_000], MalformedInputError, "truncated"),
        (b"PAR1" + b"\0" * 60, MalformedInputError, "truncated"),
        (b"PAR1" + b"\xff" * 60 + (50).to_bytes(4, "little") + b"PAR1", InputError, "damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_by_the_planner(
    tmp_path: Path, content: bytes, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        split(tmp_path, content)


@pytest.mark.parametrize("kind", ["parquet", "fits", "votable", "ecsv", "ipac", "fits.gz", "ecsv.gz"])
def test_a_table_without_a_carried_column_is_refused(tmp_path: Path, kind: str) -> None:
    content = written(kind.removesuffix(".gz"), 20)
    with pytest.raises(InvalidFieldsError, match="plate: is to be copied"):
        split(tmp_path, gzip.compress(content) if kind.endswith(".gz") else content, columns=("objid", "plate"))


@pytest.mark.parametrize("kind", ["votable", "ecsv", "ipac", "fits.gz"])
def test_a_large_table_that_cannot_be_split_is_refused_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    content = written(kind.removesuffix(".gz"))
    monkeypatch.setattr(unsplit.check_unsplit, "__defaults__", (100,))
    monkeypatch.setattr("skysort.bulk.tables.split.VOTABLE_BYTES", 100)
    monkeypatch.setattr("skysort.bulk.tables.split.BULK_UNSPLIT_BYTES", 100)
    with pytest.raises(LimitExceededError, match="save it as CSV or Parquet"):
        split(tmp_path, gzip.compress(content) if kind.endswith(".gz") else content)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("parquet", {"end": 10_000}),
        ("parquet", {"start": 5, "end": 5}),
        ("fits", {"dialect": "x"}),
        ("fits", {"dialect": "99999999999"}),
        ("fits", {"dialect": "1"}),
        ("votable", {"format": "zip"}),
    ],
)
def test_a_slice_that_no_planner_made_is_refused(tmp_path: Path, kind: str, changes: dict[str, Any]) -> None:
    sources, slices = split(tmp_path, written(kind))
    with pytest.raises(InputError):
        numbers(sources, replace(slices[0], **changes))


@pytest.mark.parametrize("kind", ["parquet", "fits", "votable", "ecsv", "csv"])
def test_a_table_that_changed_since_it_was_planned_is_refused(tmp_path: Path, kind: str) -> None:
    # Given
    text = b"u,g,r,i,z\n1,2,3,4,5\n"
    sources, slices = split(tmp_path, text if kind == "csv" else written(kind))
    # When
    (tmp_path / "stars").write_bytes(b"another")
    # Then
    with pytest.raises(SourceChangedError, match="stars changed while it was read"):
        numbers(sources, slices[-1])


def test_what_a_killed_process_left_is_removed_before_a_slice_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    sources, slices = split(tmp_path, written("parquet"))
    left = tmp_path / "skysort-drop-999999999-x"
    left.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sweep_temporary_folders.cache_clear()
    # When
    numbers(sources, slices[0])
    # Then
    assert not left.exists()
