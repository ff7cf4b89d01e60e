"""Parquet tables, batch by batch through pyarrow; the result's schema, with astropy's list of columns."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet as pq

from skysort.drop.files import fetched
from skysort.errors import EmptyInputError, MalformedInputError
from skysort.limits import PARQUET_BYTES
from skysort.star.schema import SDSS
from skysort.star.tables.beside import converted, nothing
from skysort.star.tables.ecsv import column_items
from skysort.star.tables.numbers import as_floats, text_cells
from skysort.star.tables.parquet_budget import batches
from skysort.star.tables.parquet_footer import read_footer
from skysort.star.tables.result_columns import is_appended
from skysort.star.tables.rows import Cells, Rows, Table
from skysort.star.tables.wanted import Place, TableColumn, Wanted, find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysort.star.schema import Schema
    from skysort.star.tables.beside import Beside, Carried
    from skysort.star.tables.parquet_footer import Footer
    from skysort.star.tables.result_columns import ResultColumns, Values
    from skysort.star.tables.rows import Measured


_ROWS: Final = 65_536
_DEPTH: Final = 32
# astropy.io.misc.parquet: names, types, units and masks as YAML, and the maximum length of each text column.
_ASTROPY: Final = b"table_meta_yaml"
_LONGEST: Final = "table::len::"
_ITEM: Final = "- {name: "


@contextmanager
def open_parquet(
    blocks: Iterable[bytes], check: Callable[[], object], schema: Schema = SDSS, beside: Beside = nothing
) -> Iterator[ParquetTable]:
    """Open a Parquet file in memory bounded by the PARQUET limits in limits.py.

    Schema, metadata and compression are kept; astropy's list of columns gets the appended ones. Raises InputError for a
    table that cannot be classified.
    """
    with fetched(blocks, PARQUET_BYTES) as path, open_parquet_file(path, check, schema, beside) as table:
        yield table


@contextmanager
def open_parquet_file(
    path: Path,
    check: Callable[[], object],
    schema: Schema = SDSS,
    beside: Beside = nothing,
    *,
    groups: tuple[int, int] | None = None,
) -> Iterator[ParquetTable]:
    """Open a Parquet file, or its row groups from a number to before another; of the others no byte is read."""
    footer = read_footer(path)
    with pq.ParquetFile(path, memory_map=True, schema_depth_limit=_DEPTH) as file:
        table = ParquetTable(path, footer.between(*groups) if groups else footer, file, check, schema)
        table.carry(beside(file.schema_arrow.names))
        yield table


class ParquetTable(Table):
    """A Parquet table."""

    def __init__(self, path: Path, footer: Footer, file: Any, check: Callable[[], object], sought: Schema) -> None:
        self._path = path
        self._footer = footer
        self._file = file
        self._check = check
        self._schema = _without_views(file.schema_arrow)
        self._wanted = find(list(map(_described, self._schema.names, self._schema.types)), sought)
        if footer.rows == 0:
            raise EmptyInputError("the Parquet table has no rows")
        self.columns = self._wanted.columns
        self._carried: Sequence[Carried] = ()
        self._kept = [index for index, name in enumerate(self._schema.names) if not is_appended(name)]
        self._appended: ResultColumns
        self._out = _Pieces()
        self._writer: Any = None

    def carry(self, carried: Sequence[Carried]) -> None:
        """Carry these columns."""
        self._carried = carried

    def begin(self, appended: ResultColumns) -> list[bytes]:
        """The file's first bytes."""
        self._appended = appended
        target = result_schema(self._schema, self._kept, appended)
        codec = self._footer.groups[0].chunks[0].codec
        self._writer = pq.ParquetWriter(pa.PythonFile(self._out, "w"), target, compression=codec)
        return [self._out.take()]

    def rows(self) -> Iterator[Rows]:
        """The rows, as many at a time as fit the memory limits."""
        for batch in _batches(self._path, self._footer, self._file, self._check, columns=self._read):
            yield self._rows(self._whole(batch))

    @property
    def _read(self) -> list[str] | None:
        """The columns that are read, None for all: those of a table that is not written are what is needed of it."""
        names = self._schema.names
        if self._writer is not None or len(set(names)) < len(names):
            return None
        places = [place.column for place in (*self._wanted.places, *self._wanted.masks) if place is not None]
        return sorted({names[index] for index in (*places, *(each.position for each in self._carried))})

    def _whole(self, batch: Any) -> Any:
        """A batch with all columns in their places, those that were not read without values."""
        names = self._read
        if names is None:
            return batch if batch.schema.types == self._schema.types else batch.cast(self._schema)
        wanted = frozenset(names)
        columns = [
            batch.column(batch.schema.get_field_index(name)).cast(kind) if name in wanted else pa.nulls(len(batch))
            for name, kind in zip(self._schema.names, self._schema.types, strict=True)
        ]
        return pa.record_batch(columns, names=self._schema.names)

    def _rows(self, batch: Any) -> Rows:
        def render(kept: NDArray[np.bool_], values: Values) -> bytes:
            rows = batch.filter(pa.array(kept))
            new = [
                pa.array(column if column.dtype.kind == "f" else column.astype(str))
                for column in self._appended.columns(values)
            ]
            unchanged = [rows.column(index) for index in self._kept]
            self._writer.write_batch(pa.record_batch([*unchanged, *new], schema=self._writer.schema))
            return self._out.take()

        def carried() -> list[Any]:
            return [
                converted(batch.column(each.position), each.kind, batch.schema.names[each.position])
                for each in self._carried
            ]

        return Rows(_Batch(batch).measured(self._wanted), render, carried=carried)

    def end(self) -> list[bytes]:
        """The footer."""
        self._writer.close()
        return [self._out.take()]


class _Pieces:
    """The file that pyarrow writes to: buffers bytes until they are taken."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

    def flush(self) -> None:
        """Nothing to flush."""

    def close(self) -> None:
        self.closed = True


def _batches(
    path: Path, footer: Footer, file: Any, check: Callable[[], object], *, columns: Sequence[str] | None
) -> Iterator[Any]:
    for group in batches(path, footer, _ROWS, check):
        yield from file.iter_batches(batch_size=group.rows, row_groups=group.groups, use_threads=False, columns=columns)


def _without_views(schema: Any) -> Any:
    """The schema with plain texts, which Arrow can filter; Rust libraries write string views."""
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    fields = [field.with_type(plain.get(field.type, field.type)) for field in schema]
    return pa.schema(fields, schema.metadata)


def _described(name: str, kind: Any) -> TableColumn:
    """An Arrow column as a TableColumn."""
    value, elements = kind, 1
    if pa.types.is_fixed_size_list(kind):
        value, elements = kind.value_type, kind.list_size
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        # The type does not give the length of lists; the rows are checked for five.
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
    """A record batch."""

    batch: Any

    def measured(self, wanted: Wanted) -> Measured:
        return wanted.read(self._cells, self._truths)

    def _cells(self, place: Place) -> Cells:
        column = self._column(place)
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if not _is_text(kind):
            return Cells(np.array(as_floats(column)))
        return text_cells(column)

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
            raise MalformedInputError(f"{name} has rows without exactly five values, one per band")
        return pc.list_element(column, place.element)


def result_schema(schema: Any, kept: Sequence[int], appended: ResultColumns) -> Any:
    """The kept fields of a schema and the appended ones, with the table's metadata."""
    new = [pa.field(about.name, pa.float32() if about.numeric else pa.string()) for about in appended.described]
    metadata = _metadata(schema.metadata or {}, appended)
    return pa.schema([*(schema.field(index) for index in kept), *new], metadata=metadata or None)


def _metadata(old: Mapping[bytes, bytes], appended: ResultColumns) -> dict[bytes, bytes]:
    metadata = {key: value for key, value in old.items() if key != _ASTROPY}
    listed = _listed(old[_ASTROPY].decode("utf-8", "replace"), appended) if _ASTROPY in old else None
    if listed is None:
        # astropy reads tables without the list, but none with an incomplete one.
        return metadata
    longest = {f"{_LONGEST}{a.name}".encode(): str(a.width).encode() for a in appended.described if not a.numeric}
    return {**metadata, **longest, _ASTROPY: listed.encode()}


def _listed(text: str, appended: ResultColumns) -> str | None:
    """Add the appended columns to astropy's YAML; None if it is not in astropy's format."""
    lines = text.split("\n")
    columns = column_items(lines)
    if columns is None or not columns[1] or not all(item[0].startswith(_ITEM) for item in columns[1]):
        return None
    begin, items, end = columns
    kept = [line for item in items if not is_appended(item[0].removeprefix(_ITEM)) for line in item]
    new = [
        f"{_ITEM}{about.name}, datatype: {'float32' if about.numeric else 'string'}}}" for about in appended.described
    ]
    return "\n".join([*lines[:begin], *kept, *new, *lines[end:]])
