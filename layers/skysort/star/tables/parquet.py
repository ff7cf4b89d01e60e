"""Parquet tables, batch by batch through pyarrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet as pq

from skysort.drop.files import fetched
from skysort.errors import EmptyInputError, MalformedInputError
from skysort.limits import PARQUET_BYTES
from skysort.star.tables.numbers import as_floats, as_text, to_numbers
from skysort.star.tables.parquet_budget import batches
from skysort.star.tables.parquet_footer import read_footer
from skysort.star.tables.parquet_schema import result_schema
from skysort.star.tables.result_columns import is_appended
from skysort.star.tables.wanted import Cells, Place, TableColumn, Wanted, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from skysort.drop.files import Sink
    from skysort.star.tables.parquet_footer import Footer
    from skysort.star.tables.rows import Measured, RowClassifier

_ROWS: Final = 65_536
_DEPTH: Final = 32


def classify_parquet(blocks: Iterable[bytes], classifier: RowClassifier, sink: Sink) -> None:
    """Classify a Parquet file in memory bounded by PARQUET_PAGE_BYTES and its fellows in limits.py.

    Schema, metadata and compression stay as they were; astropy's own list of the columns has the appended ones too.
    Raises InputError when it cannot be classified.
    """
    with fetched(blocks, PARQUET_BYTES) as path:
        footer = read_footer(path)
        with pq.ParquetFile(path, memory_map=True, schema_depth_limit=_DEPTH) as file:
            _classify(path, footer, file, classifier, sink)


def _classify(path: Path, footer: Footer, file: Any, classifier: RowClassifier, sink: Sink) -> None:
    schema = _without_views(file.schema_arrow)
    wanted = find([_described(name, kind) for name, kind in zip(schema.names, schema.types, strict=True)])
    if footer.rows == 0:
        raise EmptyInputError("the Parquet table has no rows")
    wanted.begin(classifier)
    kept_columns = [at for at, name in enumerate(schema.names) if not is_appended(name)]
    target = result_schema(schema, kept_columns, classifier.appended)
    with pq.ParquetWriter(
        pa.PythonFile(_Writable(sink), "w"), target, compression=footer.groups[0].chunks[0].codec
    ) as writer:
        for batch in _batches(path, footer, file, schema, sink):
            kept, values = classifier.classify(_Batch(batch).measured(wanted))
            rows = batch.filter(pa.array(kept))
            own = [rows.column(at) for at in kept_columns]
            new = [_array(column) for column in classifier.appended.columns(values)]
            writer.write_batch(pa.record_batch([*own, *new], schema=target))


class _Writable:
    """A sink as the file that pyarrow writes to."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, data: bytes) -> int:
        self._sink.write(data)
        return len(data)

    def flush(self) -> None:
        """Sinks keep nothing back."""

    def close(self) -> None:
        self.closed = True


def _batches(path: Path, footer: Footer, file: Any, schema: Any, sink: Sink) -> Iterator[Any]:
    """The rows as Arrow reads them, as many at a time as memory has room for."""
    for some in batches(path, footer, _ROWS, lambda: sink.write(b"")):
        for batch in file.iter_batches(batch_size=some.rows, row_groups=some.groups, use_threads=False):
            yield batch if batch.schema.types == schema.types else batch.cast(schema)


def _without_views(schema: Any) -> Any:
    """The schema with texts in the form that rows can be chosen from; Rust's libraries ask for views of them."""
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    fields = [field.with_type(plain.get(field.type, field.type)) for field in schema]
    return pa.schema(fields, schema.metadata)


def _described(name: str, kind: Any) -> TableColumn:
    """A column of Arrow's as the search for the measured ones takes it."""
    value, elements = kind, 1
    if pa.types.is_fixed_size_list(kind):
        value, elements = kind.value_type, kind.list_size
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        # How many a row cannot be told from the type; it is looked at in the rows, where five are wanted.
        value, elements = kind.value_type, 5
    plain = value.value_type if pa.types.is_dictionary(value) else value
    number = (
        pa.types.is_integer(plain)
        or pa.types.is_floating(plain)
        or pa.types.is_decimal(plain)
        or pa.types.is_null(plain)
    )
    usable = number or (elements == 1 and _is_text(plain))
    return TableColumn(name, f"the type {kind}", usable, elements, truths=pa.types.is_boolean(plain))


def _is_text(kind: Any) -> bool:
    return kind in {pa.string(), pa.large_string(), pa.binary(), pa.large_binary()}


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows as Arrow read them."""

    batch: Any

    def measured(self, wanted: Wanted) -> Measured:
        return wanted.read(self._cells, self._truths)

    def _cells(self, place: Place) -> Cells:
        column = self._column(place)
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if not _is_text(kind):
            return Cells(np.array(as_floats(column)))
        values, unreadable = to_numbers(column)
        return Cells(np.array(values), np.array(unreadable), lambda row: as_text(column.slice(row, 1))[0].as_py())

    def _truths(self, place: Place) -> NDArray[np.bool_]:
        truths = pc.fill_null(self._column(place), False)
        return np.asarray(truths.to_numpy(zero_copy_only=False), np.bool_)

    def _column(self, place: Place) -> Any:
        column = self.batch.column(place.column)
        if place.element is None:
            return column
        lengths = pc.list_value_length(column)
        if pc.any(pc.not_equal(lengths, 5)).as_py():
            name = self.batch.schema.field(place.column).name
            raise MalformedInputError(f"{name} has rows without exactly five values, one a band")
        return pc.list_element(column, place.element)


def _array(column: Any) -> Any:
    return pa.array(column) if column.dtype.kind == "f" else pa.array(column.astype(str), pa.string())
