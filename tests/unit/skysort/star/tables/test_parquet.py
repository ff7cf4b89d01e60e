"""Parquet tables in, classified Parquet tables out."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import Table
from pyarrow import parquet as pq

from skysort.errors import InputError
from skysort.star.tables import parquet as module
from tests.fakes.tables import APPENDED, classify, columns

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 30


def parquet(compression: Any = "zstd", **changes: Any) -> bytes:
    made: dict[str, Any] = {"objid": np.arange(ROWS) + 2**60, "tags": [["a"] * (n % 3) for n in range(ROWS)]}
    made |= columns(ROWS)
    table = pa.table({name: values for name, values in {**made, **changes}.items() if values is not None})
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"survey": "SDSS"}), out, compression=compression)
    return out.getvalue()


def read(body: bytes) -> Any:
    return pq.read_table(io.BytesIO(body))


def codec(body: bytes) -> str:
    return str(pq.ParquetFile(io.BytesIO(body)).metadata.row_group(0).column(0).compression)


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "none"])
def test_schema_metadata_and_compression_stay(
    star_folder: Path, monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    # Given batches of 7 rows
    monkeypatch.setattr(module, "_ROWS", 7)
    body = parquet(compression)

    # When
    result = classify(star_folder, body)

    # Then
    old, new = read(body), read(result.table)
    assert new.column_names == [*old.column_names, *APPENDED]
    assert new.schema.field("tags").type == old.schema.field("tags").type
    assert new.select(["objid", "tags", *"ugriz"]).equals(old.select(["objid", "tags", *"ugriz"]))
    assert new.schema.metadata[b"survey"] == b"SDSS"
    before, after = (
        pq.ParquetFile(io.BytesIO(b)).metadata.row_group(0).column(0).compression for b in (body, result.table)
    )
    assert before == after
    assert set(new["skysort_class"].to_pylist()) <= {"GALAXY", "QSO", "STAR"}
    assert result.summary["rows"]["classified"] == ROWS
    assert result.summary["variants"]["photometry_only"] == 10


def test_nulls_texts_and_decimals_are_read(star_folder: Path) -> None:
    # Given
    body = parquet(
        u=[None, *[20.5] * (ROWS - 1)],
        g=["x", None, *["19.5"] * (ROWS - 2)],
        r=pa.array(["19.5"] * ROWS).dictionary_encode(),
        i=[Decimal("19.25")] * ROWS,
        z=pa.array([19.5] * ROWS, pa.float32()),
        redshift=[None] * ROWS,
    )

    # When
    result = classify(star_folder, body)

    # Then
    assert [(reject["row"], reject["column"], reject["reason"]) for reject in result.rejects] == [
        ("1", "u", "missing"),
        ("1", "g", "not_a_number"),
        ("2", "g", "missing"),
    ]
    assert "'x'" in result.rejects[1]["detail"]
    assert result.summary["variants"]["photometry_only"] == ROWS - 2


def test_a_result_dropped_again_is_classified_anew(star_folder: Path) -> None:
    once = classify(star_folder, parquet()).table
    again = classify(star_folder, once).table
    assert read(again).to_pandas().equals(read(once).to_pandas())


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (parquet()[:-20], "cannot be read"),
        (b"PAR1" + b"x" * 100, "cannot be read"),
        (parquet(u=None), "no column u"),
        (parquet(u=[[1.0]] * ROWS), "u: has the type list"),
        (parquet(u=[True] * ROWS), "u: has the type bool"),
        (parquet(**{name: values[:0] for name, values in columns(0).items()}, objid=None, tags=None), "no rows"),
    ],
    ids=["cut", "rubbish", "missing", "lists", "truths", "empty"],
)
def test_what_cannot_be_classified_is_refused_with_the_reason(star_folder: Path, body: bytes, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        classify(star_folder, body)


def test_a_damaged_file_never_ends_in_another_error(star_folder: Path) -> None:
    body = parquet("none")
    random = np.random.default_rng(5)
    for _ in range(150):
        damaged = bytearray(body)
        for at in random.integers(4, len(body), 5):
            damaged[at] = random.integers(0, 256)
        try:
            classify(star_folder, bytes(damaged))
        except InputError:
            continue


# astropy finds the width of a text column in its own metadata, or says that it looks for the longest text.
@pytest.mark.filterwarnings("ignore:No table.*skysort_")
def test_what_astropy_wrote_it_reads_again(star_folder: Path, tmp_path: Path) -> None:
    # Given a table with units, which astropy lists in the metadata
    table = Table(columns(ROWS))
    table["u"].unit = "mag"
    table.write(tmp_path / "stars.parquet")
    # When
    result = classify(star_folder, (tmp_path / "stars.parquet").read_bytes())
    # Then
    assert Table.read(io.BytesIO(result.table), format="parquet").colnames == [*table.colnames, *APPENDED]


def test_columns_as_in_specphoto_are_read_alike(star_folder: Path) -> None:
    # Given model magnitudes, worse ones beside them, and the redshift as z
    made = columns(ROWS)
    names = {name: f"modelMag_{name}" for name in "ugriz"} | {"redshift": "z"}
    changes: dict[str, Any] = dict.fromkeys(made) | {names.get(name, name): values for name, values in made.items()}
    changes |= {f"psfMag_{band}": np.full(ROWS, 99.0) for band in "ugriz"}
    # When
    plain, renamed = classify(star_folder, parquet()), classify(star_folder, parquet(**changes))
    # Then
    assert read(renamed.table)["skysort_p_qso"] == read(plain.table)["skysort_p_qso"]
    assert renamed.summary["variants"] == plain.summary["variants"]
