"""The results of a part, one Parquet or CSV object, and its rejected rows, a CSV: the same rows give the same bytes.

One schema is for the whole job, so that any reader of a folder of Parquet takes all parts for one table.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import csv as pa_csv
from pyarrow import parquet

from skysort.csv_cells import text_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysort.bulk.columns import Column
    from skysort.bulk.keys import Output as OutputFormat
    from skysort.bulk.manifest import Slice
    from skysort.gzip_stream import Sink

CONTENT_TYPES: Final[Mapping[OutputFormat, str]] = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv"}
# Rows of a row group: large enough for its statistics and dictionaries to cost nothing, small enough to be held.
GROUP_ROWS: Final = 131_072
REJECT_COLUMNS: Final = ("source", "slice", "row", "column", "reason", "detail")
# A column, a stable code, and a sentence about the value; the column is empty for the row as a whole.
Reject = tuple[int, str, str, str]
# Arrow's types by Athena's names.
ARROW: Final = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}
_CODED: Final = pa.dictionary(pa.int32(), pa.string())
# Columns that queries select ranges of.
_SOUGHT: Final = frozenset({"source", "slice", "row", "ra", "dec"})
# Names that others gave to files: a spreadsheet must not take one for a formula.
_FOREIGN: Final = frozenset({"source", "file"})


class Output:
    """Writes a part's rows, batch by batch, in memory for one row group. taken: rows so far, rejected ones included.

    Parameters
    ----------
    columns
        The job's columns; the first are PLACE.
    kind
        Parquet or CSV.
    open_data
        Opens the object for the rows; called with the first of them.
    open_rejects
        Opens the object for rejected rows, likewise.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        kind: OutputFormat,
        open_data: Callable[[], Sink],
        open_rejects: Callable[[], Sink],
    ) -> None:
        self._columns = columns
        self._open_data = open_data
        self._open_rejects = open_rejects
        self._writer_of = _ParquetRows if kind == "parquet" else _CsvRows
        self._writer: _ParquetRows | _CsvRows | None = None
        self._rejects: Sink | None = None
        self._pending: list[Any] = []
        self._rows = 0
        self.taken = 0

    def write(self, arrays: Sequence[Any]) -> None:
        """Add rows: an Arrow or NumPy array a column, in their order.

        Texts of few values are best given as `coded` or `constant`; a column is either always so, or never.
        """
        converted = [_as(array, column) for array, column in zip(arrays, self._columns, strict=True)]
        if not len(converted[0]):
            return
        self._pending.append(pa.record_batch(converted, names=[column.name for column in self._columns]))
        self._rows += len(converted[0])
        self.taken += len(converted[0])
        while self._rows >= GROUP_ROWS:
            self._group(GROUP_ROWS)

    def reject(self, part: Slice, rejects: Iterable[Reject]) -> None:
        """Write a line for each reason why a row has no result."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if self._rejects is None:
            self._rejects = self._open_rejects()
            writer.writerow(REJECT_COLUMNS)
        rejects = list(rejects)
        self.taken += len({row for row, *_ in rejects})
        writer.writerows(
            (text_cell(part.source), part.slice, row, text_cell(column), reason, text_cell(detail))
            for row, column, reason, detail in rejects
        )
        self._rejects.write(text.getvalue().encode("utf-8", "replace"))

    def close(self) -> None:
        """Write what is left."""
        if self._rows:
            self._group(self._rows)
        if self._writer is not None:
            self._writer.close()

    def _group(self, rows: int) -> None:
        """Write the first pending rows as a row group."""
        table = pa.Table.from_batches(self._pending)
        head, rest = table.slice(0, rows), table.slice(rows)
        self._pending = rest.to_batches() if len(rest) else []
        self._rows = len(rest)
        if self._writer is None:
            self._writer = self._writer_of(table.schema, self._open_data())
        self._writer.write(head)


class _ParquetRows:
    """Row groups of a Parquet file."""

    def __init__(self, schema: pa.Schema, sink: Sink) -> None:
        # Dictionaries of identifiers would be as large as the column; Arrow's own schema would tell readers of codes.
        coded = [field.name for field in schema if pa.types.is_dictionary(field.type)]
        self._writer = parquet.ParquetWriter(
            pa.PythonFile(_File(sink), mode="w"),
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=coded or False,
            store_schema=False,
            write_statistics=[name for name in schema.names if name in _SOUGHT] or False,
        )

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows.unify_dictionaries().combine_chunks(), row_group_size=len(rows))

    def close(self) -> None:
        self._writer.close()


class _CsvRows:
    """Lines of a CSV, with its header."""

    def __init__(self, schema: pa.Schema, sink: Sink) -> None:
        plain = pa.schema(
            [pa.field(field.name, pa.string() if field.type == _CODED else field.type) for field in schema]
        )
        self._schema = plain
        self._writer = pa_csv.CSVWriter(
            pa.PythonFile(_File(sink), mode="w"), plain, write_options=pa_csv.WriteOptions(quoting_style="needed")
        )

    def write(self, rows: pa.Table) -> None:
        for name in _FOREIGN.intersection(rows.column_names):
            place = rows.column_names.index(name)
            rows = rows.set_column(place, name, pa.chunked_array([_safe(chunk) for chunk in rows.column(name).chunks]))
        self._writer.write_table(rows.cast(self._schema))

    def close(self) -> None:
        self._writer.close()


class _File:
    """A sink as a file that Arrow writes to."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._size = 0

    def write(self, content: bytes) -> int:
        self._sink.write(bytes(content))
        self._size += len(content)
        return len(content)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def coded(codes: NDArray[np.integer[Any]], texts: Sequence[str] | pa.Array) -> pa.DictionaryArray:
    """Texts by their index in a list."""
    dictionary = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32, copy=False)), dictionary)


def constant(text: str, rows: int) -> pa.DictionaryArray:
    """A text, repeated."""
    return coded(np.zeros(rows, np.int32), [text])


def place(part: Slice, rows: NDArray[np.int64]) -> list[Any]:
    """The first columns of rows of one slice. rows: their numbers, from 1."""
    return [constant(part.source, len(rows)), np.full(len(rows), part.slice, np.int32), rows]


def _as(values: Any, column: Column) -> Any:
    array = values if isinstance(values, pa.Array) else pa.array(values, from_pandas=False)
    if pa.types.is_dictionary(array.type) and column.type == "string":
        return array if array.type == _CODED else array.cast(_CODED)
    wanted = ARROW[column.type]
    return array if array.type == wanted else array.cast(wanted)


def _safe(texts: Any) -> Any:
    """Texts as cells that no spreadsheet takes for a formula."""
    if pa.types.is_dictionary(texts.type):
        return pa.DictionaryArray.from_arrays(texts.indices, _safe(texts.dictionary))
    return pa.array([None if text is None else text_cell(text) for text in texts.to_pylist()], pa.string())
