"""Pictures in a column of a Parquet table: a slice is some row groups, of which two columns are fetched.

The column is binary, or a struct with ``bytes`` and ``path``, as Hugging Face's datasets write pictures. What Arrow
needs memory for is computed before it reads (skysort.star.tables.parquet_budget).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
from pyarrow import parquet as pq

from skysort.bulk.manifest import Slice
from skysort.bulk.pictures.picture import SLICE_BYTES, Picture, dialect, told, too_large
from skysort.bulk.store import blocks, changed
from skysort.drop.files import temporary_folder
from skysort.errors import EmptyInputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.guard import reading
from skysort.limits import BULK_PART_PICTURES, BULK_UNSPLIT_BYTES, IMAGE_BYTES, MIB, PARQUET_FOOTER_BYTES
from skysort.star.tables.parquet_budget import batches
from skysort.star.tables.parquet_footer import Footer, Group, read_footer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from skysort.bulk.store import Planned, SourceObject, SourceStore

FORMAT: Final = "parquet-pictures"
_TAIL, _MAGIC = 8, b"PAR1"
_DEPTH: Final = 32
_SUBJECT: Final = "the Parquet file"
# Where several columns could hold pictures, one of these names does; of other columns, the first of these names them.
_PICTURES: Final = ("image", "picture", "cutout", "photo", "img", "bytes", "content", "data")
_NAMES: Final = (
    "file", "filename", "file_name", "path", "filepath", "file_path", "image_path", "name", "id", "image_id",
    "galaxy_id", "object_id", "objid", "id_str",
)  # fmt: skip
_BYTES, _PATH = "bytes", "path"
_ROWS: Final = 256


class _Columns(NamedTuple):
    """Where the pictures and their names are: the columns and, in a struct, their fields; None for no names."""

    picture: str
    field: str | None
    name: str | None
    path: str | None

    @property
    def leaves(self) -> list[str]:
        """As Arrow selects them."""
        found = [f"{self.picture}.{self.field}" if self.field else self.picture]
        found += [f"{self.picture}.{self.path}"] if self.path else []
        return [*found, *([self.name] if self.name else [])]


def split(sources: SourceStore, obj: SourceObject) -> Iterator[Slice]:
    """The slices of a table.

    Parameters
    ----------
    sources, obj
        The table, of which the footer is read.

    Yields
    ------
    Slices of row groups; of a large row group, of rows.

    Raises
    ------
    UnsupportedFormatError
        If no column holds pictures.
    LimitExceededError
        If a row group is too large to be fetched.
    EmptyInputError
        If the table has no rows.
    MalformedInputError
        If it is damaged.
    """
    length = _footer_bytes(sources, obj)
    with _opened(sources, obj, obj.size, length) as (_, footer, file, columns):
        sizes = [_bytes(group, file, columns) for group in footer.groups]
    if not footer.rows:
        raise EmptyInputError("the Parquet table has no rows")
    largest = max(sizes)
    if largest > BULK_UNSPLIT_BYTES:
        raise LimitExceededError(
            f"a row group of the Parquet file has {largest // MIB:,} MiB of pictures; at most "
            f"{BULK_UNSPLIT_BYTES // MIB:,} MiB are read at a time: write it with smaller row groups"
        )
    pieces = _pieces([group.rows for group in footer.groups], sizes)
    for number, (start, end, first, rows, size, within) in enumerate(pieces):
        about = dialect(footer=length, first=first, **({"within": within} if within else {}))
        yield Slice(
            obj.source, obj.etag, obj.size, FORMAT, start, end, size + length, number, rows, version=obj.version,
            dialect=about,
        )  # fmt: skip


def _pieces(
    rows: Sequence[int], sizes: Sequence[int]
) -> Iterator[tuple[int, int, int, int, int, tuple[int, int] | None]]:
    """First and last row group, first row, rows, bytes of each slice; and its rows, where it is part of a group."""
    start = first = row = count = size = 0
    for group, (own, bytes_) in enumerate(zip(rows, sizes, strict=True)):
        if count and (count + own > BULK_PART_PICTURES or size + bytes_ > SLICE_BYTES):
            yield start, group, first, count, size, None
            count = size = 0
        if own > BULK_PART_PICTURES:
            for low in range(0, own, BULK_PART_PICTURES):
                high = min(own, low + BULK_PART_PICTURES)
                yield group, group + 1, row + low, high - low, bytes_, (low, high)
        elif own:
            start, first = (start, first) if count else (group, row)
            count, size = count + own, size + bytes_
        row += own
    if count:
        yield start, len(rows), first, count, size, None


def pictures(sources: SourceStore, part: Slice) -> Iterator[Picture]:
    """The pictures of a slice.

    Parameters
    ----------
    sources, part
        The slice.

    Yields
    ------
    A picture a row: named by the table, or by the row's number in it, from 1.

    Raises
    ------
    SourceChangedError
        If the table is another by now.
    MalformedInputError
        If it is damaged.
    LimitExceededError
        If a few rows need more memory than limits.py allows.
    """
    about = told(part)
    low, high = about.get("within", (0, part.rows))
    with _opened(sources, part, part.size, about["footer"]) as (path, footer, file, columns):
        groups = footer.groups[part.start : part.end]
        chosen = _leaves(file, columns)
        for chunk in (group.chunks[leaf] for group in groups for leaf in chosen):
            _write(path, chunk.start, blocks(sources, part, chunk.start, chunk.stop))
        wanted = Footer(tuple(Group(group.rows, tuple(group.chunks[leaf] for leaf in chosen)) for group in groups))
        row = 0
        with reading(_SUBJECT):
            for batch in batches(path, wanted, _ROWS):
                numbers = [part.start + group for group in batch.groups]
                for rows in file.iter_batches(batch.rows, numbers, columns.leaves, use_threads=False):
                    for name, content in _values(rows, columns):
                        if low <= row < high:
                            number = about["first"] - low + row + 1
                            yield _picture(name if name is not None else str(number), content)
                        row += 1
                    if row >= high:
                        return


def _picture(name: str, content: bytes | None) -> Picture:
    if content is None:
        return Picture(name, EmptyInputError("the row has no picture"))
    return Picture(name, content if len(content) <= IMAGE_BYTES else too_large(len(content)))


def _values(rows: Any, columns: _Columns) -> Iterator[tuple[str | None, bytes | None]]:
    column = rows.column(columns.picture)
    names: Any = None
    if columns.field:
        fields = dict(zip((field.name for field in column.type), column.flatten(), strict=True))
        column, names = fields[columns.field], fields.get(_PATH)
    own = rows.column(columns.name) if columns.name else None
    for place in range(len(rows)):
        name = names[place].as_py() if names is not None else None
        if not name and own is not None:
            name = own[place].as_py()
        content = column[place].as_py()
        yield None if name is None or name == "" else str(name), content


def _footer_bytes(sources: SourceStore, obj: SourceObject) -> int:
    """The bytes of the footer, with its length and the magic number."""
    tail = sources.read(obj, max(0, obj.size - _TAIL), _TAIL)
    length = int.from_bytes(tail[:4], "little") + _TAIL
    if tail[4:] != _MAGIC or length > obj.size:
        raise MalformedInputError(f"{_SUBJECT} is truncated: it does not end with a footer")
    if length > PARQUET_FOOTER_BYTES:
        raise LimitExceededError(
            f"{_SUBJECT}'s footer has {length // MIB:,} MiB; at most {PARQUET_FOOTER_BYTES // MIB:,} MiB are read: "
            "write it with larger row groups"
        )
    return length


@contextmanager
def _opened(
    sources: SourceStore, planned: Planned, size: int, footer_bytes: int
) -> Iterator[tuple[Path, Footer, Any, _Columns]]:
    """A file as large as the table, with nothing but its footer."""
    end = sources.read(planned, size - footer_bytes, footer_bytes)
    if len(end) < footer_bytes:
        raise changed(planned.source)
    with temporary_folder() as folder:
        path = folder / "table"
        path.touch()
        _write(path, size - footer_bytes, iter([end]))
        with reading(_SUBJECT):
            footer = read_footer(path)
            file = pq.ParquetFile(path, schema_depth_limit=_DEPTH)
        with file:
            yield path, footer, file, _columns(file.schema_arrow)


def _write(path: Path, start: int, content: Iterator[bytes]) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        for block in content:
            file.write(block)


def _columns(schema: Any) -> _Columns:
    """Find the column of pictures, and the one that names them."""
    found: list[tuple[str, str | None, str | None]] = []
    for field in schema:
        if _is_binary(field.type):
            found.append((field.name, None, None))
        elif pa.types.is_struct(field.type):
            inner = {each.name: each.type for each in field.type}
            if _BYTES in inner and _is_binary(inner[_BYTES]):
                path = _PATH if _PATH in inner and _is_name(inner[_PATH]) else None
                found.append((field.name, _BYTES, path))
    if not found:
        listed = ", ".join(f"{field.name} ({field.type})" for field in schema)
        raise UnsupportedFormatError(
            "the Parquet table has no column of pictures, which is binary, or a struct with bytes as Hugging Face's "
            f"datasets write it; it has {listed:.300}"
        )
    picture = min(found, key=lambda each: _rank(each[0], _PICTURES))
    named = [field.name for field in schema if _rank(field.name, _NAMES) < len(_NAMES) and _is_name(field.type)]
    name = min(named, key=lambda each: _rank(each, _NAMES), default=None)
    return _Columns(picture[0], picture[1], name, picture[2])


def _rank(name: str, known: Sequence[str]) -> int:
    return known.index(name.lower()) if name.lower() in known else len(known)


def _is_binary(kind: Any) -> bool:
    return kind in {pa.binary(), pa.large_binary(), pa.binary_view()}


def _is_name(kind: Any) -> bool:
    return kind in {pa.string(), pa.large_string(), pa.string_view()} or pa.types.is_integer(kind)


def _leaves(file: Any, columns: _Columns) -> list[int]:
    """The numbers of the columns' leaves, as the footer counts them."""
    paths = [file.schema.column(number).path for number in range(len(file.schema))]
    return [paths.index(leaf) for leaf in columns.leaves]


def _bytes(group: Group, file: Any, columns: _Columns) -> int:
    return sum(group.chunks[leaf].stop - group.chunks[leaf].start for leaf in _leaves(file, columns))
