"""Columns that are carried beside the measured ones, in every format."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import MaskedColumn, Table
from pyarrow import parquet

from skysort.errors import InvalidFieldsError
from skysort.star.tables.beside import As, Carried, converted
from skysort.star.tables.detect import Format
from skysort.star.tables.readers import TableReader

if TYPE_CHECKING:
    from collections.abc import Sequence

# Two integers that a float64 does not tell apart.
IDS = [1237661068141002900, 1237661068141002901, 7]
FORMATS = {
    Format.CSV: "ascii.csv",
    Format.ECSV: "ascii.ecsv",
    Format.IPAC: "ascii.ipac",
    Format.FITS: "fits",
    Format.VOTABLE: "votable",
    Format.PARQUET: "parquet",
}


def table() -> Table:
    magnitudes = {band: [18.0, 19.0, 20.0] for band in "ugriz"}
    return Table(
        {
            "objid": IDS,
            "ra": MaskedColumn([10.5, 20.25, 30.0], mask=[False, True, False]),
            **magnitudes,
            "note": ["a", "b", "c d"],
            "count": np.array([1, 2, 3], np.int32),
            "flux": MaskedColumn([1.5, 2.5, 3.5], mask=[False, False, True]),
        }
    )


def body(kind: Format, rows: Table) -> bytes:
    if kind is Format.PARQUET:
        arrays = {
            name: pa.array(column.tolist(), mask=np.ma.getmaskarray(column)) for name, column in rows.columns.items()
        }
        out = io.BytesIO()
        parquet.write_table(pa.table(arrays), out)
        return out.getvalue()
    if kind in {Format.FITS, Format.VOTABLE}:
        out = io.BytesIO()
        rows.write(out, format=FORMATS[kind])
        return out.getvalue()
    text = io.StringIO()
    rows.write(text, format=FORMATS[kind])
    return text.getvalue().encode()


def carried(kind: Format, content: bytes, **columns: As) -> dict[str, list[object]]:
    def beside(names: Sequence[str]) -> list[Carried]:
        return [Carried(list(names).index(name), how) for name, how in columns.items()]

    with TableReader(kind, [content], beside=beside) as reader:
        blocks = [rows.carried() for rows in reader.rows()]
    return {
        name: [value for block in blocks for value in block[place].to_pylist()] for place, name in enumerate(columns)
    }


@pytest.mark.parametrize("kind", list(FORMATS))
def test_identifiers_keep_all_digits_and_missing_numbers_are_null(kind: Format) -> None:
    found = carried(kind, body(kind, table()), objid=As.TEXT, ra=As.NUMBER, note=As.TYPED, u=As.NUMBER)

    assert found == {
        "objid": [str(number) for number in IDS],
        "ra": [10.5, None, 30.0],
        "note": ["a", "b", "c d"],
        "u": [18.0, 19.0, 20.0],
    }


@pytest.mark.parametrize("kind", list(FORMATS))
def test_other_columns_have_the_type_of_the_table(kind: Format) -> None:
    found = carried(kind, body(kind, table()), count=As.TYPED, flux=As.TYPED)

    if kind in {Format.CSV, Format.ECSV, Format.IPAC}:
        assert [str(number) for number in (1, 2, 3)] == found["count"]
        assert found["flux"][:2] == ["1.5", "2.5"]
        assert not found["flux"][2]
    else:
        assert found == {"count": [1, 2, 3], "flux": [1.5, 2.5, None]}


def test_a_binary_votable_has_the_same_values() -> None:
    out = io.BytesIO()
    table().write(out, format="votable", tabledata_format="binary2")

    found = carried(Format.VOTABLE, out.getvalue(), objid=As.TEXT, ra=As.NUMBER, note=As.TYPED, flux=As.TYPED)

    assert found["objid"] == [str(number) for number in IDS]
    assert found["ra"] == [10.5, None, 30.0]
    assert found["note"] == ["a", "b", "c d"]
    assert found["flux"] == [1.5, 2.5, None]


def test_a_row_with_too_few_cells_has_no_carried_values() -> None:
    content = b"id,u,g,r,i,z\na,18,18,18,18,18\nb,18\nc,18,18,18,18,18\n"

    assert carried(Format.CSV, content, id=As.TEXT) == {"id": ["a", "c"]}


def test_a_measured_column_can_be_carried_as_text() -> None:
    content = b"id,u,g,r,i,z\na,18.50,18,18,18,18\nb,x,18,18,18,18\n"

    assert carried(Format.CSV, content, u=As.TYPED, g=As.NUMBER) == {"u": ["18.50", "x"], "g": [18.0, 18.0]}


def test_text_that_is_no_number_is_null() -> None:
    content = b"ra,u,g,r,i,z\n10h,18,18,18,18,18\n,18,18,18,18,18\n7.5,18,18,18,18,18\n"

    assert carried(Format.CSV, content, ra=As.NUMBER) == {"ra": [None, None, 7.5]}


def test_latin_1_text_is_carried_as_text() -> None:
    content = "name,u,g,r,i,z\nMünch,18,18,18,18,18\n".encode("latin-1")

    assert carried(Format.CSV, content, name=As.TEXT) == {"name": ["Münch"]}


def test_numbers_as_identifiers_are_written_as_people_write_them() -> None:
    values = pa.array([7.0, 0.5, None, 1e300])

    assert converted(values, As.TEXT, "id").to_pylist() == ["7", "0.5", None, "1e+300"]


@pytest.mark.parametrize("kind", [Format.FITS, Format.PARQUET, Format.VOTABLE])
def test_a_column_of_arrays_is_not_carried(kind: Format) -> None:
    rows = table()
    if kind is Format.PARQUET:
        arrays = {name: pa.array(column.tolist()) for name, column in rows.columns.items()}
        out = io.BytesIO()
        parquet.write_table(pa.table({**arrays, "pair": pa.array([[1, 2]] * 3)}), out)
        content = out.getvalue()
    else:
        rows["pair"] = np.ones((3, 2))
        content = body(kind, rows)

    with pytest.raises(InvalidFieldsError, match="one value per row"):
        carried(kind, content, pair=As.TYPED)


def damaged() -> bytes:
    """A Parquet table whose notes have a byte that is no UTF-8."""
    out = io.BytesIO()
    columns = {name: pa.array(column.tolist()) for name, column in table().columns.items()}
    parquet.write_table(pa.table({**columns, "note": ["a note"] * 3}), out, compression="none", use_dictionary=False)
    return out.getvalue().replace(b"a note", b"a n\xffte")


def test_text_that_is_no_text_is_carried_with_a_mark_in_its_place() -> None:
    assert carried(Format.PARQUET, damaged(), note=As.TEXT)["note"] == ["a n\ufffdte"] * 3


def test_of_a_parquet_table_only_the_columns_that_are_needed_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    batches = parquet.ParquetFile.iter_batches

    def watched(*given: object, **options: object) -> object:
        read.append(options["columns"])
        return batches(*given, **options)

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", watched)

    found = carried(Format.PARQUET, body(Format.PARQUET, table()), count=As.TYPED)

    assert found == {"count": [1, 2, 3]}
    assert read == [["count", "g", "i", "r", "u", "z"]]
