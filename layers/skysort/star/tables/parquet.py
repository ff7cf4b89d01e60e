"""Parquet tables, batch by batch through pyarrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet as pq

from skysort.drop.source import fetched
from skysort.errors import EmptyInputError, MalformedInputError
from skysort.limits import PARQUET_BYTES
from skysort.star.columns import MEASURED
from skysort.star.tables.appended import is_appended
from skysort.star.tables.header import MeasuredColumns, locate
from skysort.star.tables.numbers import as_floats, as_text, to_numbers
from skysort.star.tables.rows import Measured, as_photometry, column_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysort.drop.draft import Sink
    from skysort.star.tables.rows import RowClassifier

_ROWS: Final = 65_536
# astropy's own list of the columns: it cannot read a table that has more of them.
_ASTROPY: Final = b"table_meta_yaml"


def classify_parquet(blocks: Iterable[bytes], classifier: RowClassifier, sink: Sink) -> None:
    """Classify a Parquet file in memory bounded by 65,536 rows and one row group's pages.

    Schema, metadata (but astropy's list of columns) and compression stay as they were.
    Raises InputError when it cannot be classified.
    """
    with fetched(blocks, PARQUET_BYTES) as path, _opened(path) as file:
        schema = file.schema_arrow
        columns = locate(schema.names)
        classifier.names = columns.names
        text = _text_columns(schema, columns)
        kept_columns = [at for at, name in enumerate(schema.names) if not is_appended(name)]
        if file.metadata.num_rows == 0:
            raise EmptyInputError("the Parquet table has no rows")
        target = _schema(schema, kept_columns, classifier)
        compression = file.metadata.row_group(0).column(0).compression
        with pq.ParquetWriter(
            pa.PythonFile(_Writable(sink), "w"),
            target,
            compression="none" if compression == "UNCOMPRESSED" else compression,
        ) as writer:
            for batch in _batches(file):
                kept, values = classifier.classify(_measured(batch, columns, text))
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


def _opened(path: Path) -> Any:
    try:
        return pq.ParquetFile(path, memory_map=True)
    except MemoryError:
        raise
    except Exception as error:
        # pyarrow raises more than its own errors over a damaged footer (UnicodeDecodeError among them).
        raise MalformedInputError(f"the Parquet file cannot be read: {error}") from error


def _batches(file: Any) -> Iterator[Any]:
    try:
        yield from file.iter_batches(batch_size=_ROWS, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise MalformedInputError(f"the Parquet file is damaged: {error}") from error


def _text_columns(schema: Any, columns: MeasuredColumns) -> frozenset[int]:
    """Positions of the measured columns that hold text; raises InvalidFieldsError for those that hold neither."""
    text = set()
    for at in columns.present:
        kind = schema.types[at]
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
            text.add(at)
        elif not (
            pa.types.is_integer(kind)
            or pa.types.is_floating(kind)
            or pa.types.is_decimal(kind)
            or pa.types.is_null(kind)
        ):
            raise column_error(schema.names[at], f"the type {kind}")
    return frozenset(text)


def _measured(batch: Any, columns: MeasuredColumns, text: frozenset[int]) -> Measured:
    if not text:
        return Measured(
            as_photometry([None if at is None else as_floats(batch.column(at)) for at in columns.positions])
        )
    unreadable = np.zeros((batch.num_rows, len(MEASURED)), np.bool_)
    values: list[NDArray[np.float64] | None] = []
    for column, at in enumerate(columns.positions):
        if at is not None and at in text:
            numbers, unreadable[:, column] = to_numbers(batch.column(at))
            values.append(numbers)
        else:
            values.append(None if at is None else as_floats(batch.column(at)))

    def shown(row: int, column: int) -> object:
        at = columns.positions[column]
        return as_text(batch.column(at).slice(row, 1))[0].as_py() if at is not None else None

    return Measured(as_photometry(values), unreadable, shown)


def _schema(schema: Any, kept: Sequence[int], classifier: RowClassifier) -> Any:
    appended = classifier.appended
    new = [
        pa.field(name, pa.float32() if kind.kind == "f" else pa.string())
        for name, kind in zip(appended.names, appended.dtypes, strict=True)
    ]
    metadata = {key: value for key, value in (schema.metadata or {}).items() if key != _ASTROPY}
    return pa.schema([*(schema.field(at) for at in kept), *new], metadata=metadata or None)


def _array(column: Any) -> Any:
    return pa.array(column) if column.dtype.kind == "f" else pa.array(column.astype(str), pa.string())
