"""The results of a part: one schema, the same bytes for the same rows, rejects beside them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from skysort.bulk import output as module
from skysort.bulk.columns import PLACE, Column
from skysort.bulk.manifest import Slice
from skysort.bulk.output import Output, coded, constant, place

if TYPE_CHECKING:
    from skysort.bulk.keys import Output as OutputFormat

COLUMNS = (*PLACE, Column("id", "string"), Column("ra", "double"), Column("p", "float"), Column("label", "string"))
SLICE = Slice("incoming/star/night/a.csv", "e", 100, "csv", 0, 100, 100, slice=3)


class Files:
    def __init__(self, kind: OutputFormat = "parquet") -> None:
        self.data, self.rejects = io.BytesIO(), io.BytesIO()
        self.opened: list[str] = []
        self.output = Output(COLUMNS, kind, lambda: self._open("data"), lambda: self._open("rejects"))

    def _open(self, name: str) -> Any:
        self.opened.append(name)
        return getattr(self, name)

    def write(self, first: int, last: int, part: Slice = SLICE) -> None:
        numbers = np.arange(first, last, dtype=np.int64)
        self.output.write(
            [
                *place(part, numbers),
                pa.array([f"id-{number}" if number % 5 else None for number in numbers]),
                numbers / 7,
                (numbers % 3 / 3).astype(np.float32),
                coded(numbers % 2, ["STAR", "QSO"]),
            ]
        )

    def table(self) -> pa.Table:
        return parquet.read_table(io.BytesIO(self.data.getvalue()))


def test_parquet_has_the_schema_of_the_job_and_every_row_once() -> None:
    files = Files()

    files.write(1, 1_001)
    files.write(1_001, 1_500)
    files.output.close()

    table = files.table()
    assert table.schema.names == [column.name for column in COLUMNS]
    assert table.schema.types == [
        pa.string(),
        pa.int32(),
        pa.int64(),
        pa.string(),
        pa.float64(),
        pa.float32(),
        pa.string(),
    ]
    assert table["row"].to_pylist() == list(range(1, 1_500))
    assert set(table["source"].to_pylist()) == {SLICE.source}
    assert set(table["slice"].to_pylist()) == {3}
    assert table["id"].to_pylist()[:6] == ["id-1", "id-2", "id-3", "id-4", None, "id-6"]
    assert table["label"].to_pylist()[:2] == ["QSO", "STAR"]
    assert files.output.taken == 1_499


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_size_of_batches_does_not_change_the_bytes(kind: OutputFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GROUP_ROWS", 300)
    one, many = Files(kind), Files(kind)

    one.write(1, 1_001)
    one.output.close()
    for first in range(1, 1_001, 40):
        many.write(first, first + 40)
    many.output.close()

    assert one.data.getvalue() == many.data.getvalue()


def test_row_groups_are_equal_and_sources_may_change_within_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GROUP_ROWS", 100)
    files = Files()
    other = Slice("incoming/star/night/b.csv", "e", 100, "csv", 0, 100, 100)

    files.write(1, 131)
    files.write(1, 131, other)
    files.output.close()

    stored = parquet.ParquetFile(io.BytesIO(files.data.getvalue()))
    assert [stored.metadata.row_group(n).num_rows for n in range(stored.num_row_groups)] == [100, 100, 60]
    assert files.table()["source"].to_pylist() == [SLICE.source] * 130 + [other.source] * 130


def test_csv_has_the_same_table_with_empty_cells_for_nulls() -> None:
    files, same = Files("csv"), Files()

    files.write(1, 101)
    files.output.close()
    same.write(1, 101)
    same.output.close()

    read = csv.read_csv(
        io.BytesIO(files.data.getvalue()),
        convert_options=csv.ConvertOptions(
            column_types=same.table().schema, strings_can_be_null=True, null_values=[""]
        ),
    )
    assert read == same.table()


def test_a_name_in_a_csv_is_no_formula_for_a_spreadsheet() -> None:
    files = Files("csv")

    files.write(1, 2, Slice("=cmd()/a.csv", "e", 1, "csv", 0, 1, 1))
    files.output.close()

    assert csv.read_csv(io.BytesIO(files.data.getvalue()))["source"].to_pylist() == ["'=cmd()/a.csv"]


def test_rejects_name_the_row_and_the_reason() -> None:
    files = Files()

    files.output.reject(
        SLICE, [(7, "u", "out_of_range", "is 99"), (7, "=g", "not_a_number", 'is "x"'), (9, "", "r", "d")]
    )
    files.output.close()

    assert files.rejects.getvalue().decode().splitlines() == [
        "source,slice,row,column,reason,detail",
        "incoming/star/night/a.csv,3,7,u,out_of_range,is 99",
        'incoming/star/night/a.csv,3,7,\'=g,not_a_number,"is ""x"""',
        "incoming/star/night/a.csv,3,9,,r,d",
    ]
    assert files.opened == ["rejects"]
    assert files.output.taken == 2


def test_nothing_is_written_for_no_rows() -> None:
    files = Files()

    files.write(1, 1)
    files.output.close()

    assert files.opened == []


def test_constant_and_coded_texts_are_stored_once() -> None:
    texts = constant("a long text that is stored once", 1_000)

    assert texts.to_pylist() == ["a long text that is stored once"] * 1_000
    assert len(texts.dictionary) == 1
