"""Parquet tables in row groups: a slice is a file as large as the object that has no other bytes than its own."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from skysort.bulk.manifest import Slice
from skysort.bulk.store import blocks
from skysort.drop.files import temporary_folder
from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import MIB, PARQUET_BYTES, PARQUET_FOOTER_BYTES
from skysort.star.tables.parquet import open_parquet_file
from skysort.star.tables.parquet_footer import read_footer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from skysort.bulk.store import Planned, SourceStore
    from skysort.bulk.tables.needs import Needs
    from skysort.star.schema import Schema
    from skysort.star.tables.beside import Beside
    from skysort.star.tables.parquet import ParquetTable
    from skysort.star.tables.parquet_footer import Group

PARQUET: Final = "parquet"
# Most footers are smaller; a file ends with its length and the magic number.
_TAIL: Final = 64 * 1024
_LENGTH: Final = 8


def split(sources: SourceStore, obj: Planned, needs: Needs, target: int) -> list[Slice]:
    """The slices of a Parquet file; raises InputError for one that lacks what is needed."""
    with temporary_folder() as folder:
        path = folder / "table"
        tail = _fetch_footer(sources, obj, path)
        with open_parquet_file(path, bool, needs.schema, needs.beside):
            groups = read_footer(path).groups
    slices: list[Slice] = []
    start, size, rows = 0, 0, 0
    for number, group in enumerate(groups, start=1):
        size += _bytes([group])
        rows += group.rows
        if size > PARQUET_BYTES:
            raise LimitExceededError(
                f"a row group of the Parquet file has {size // MIB:,} MiB; up to {PARQUET_BYTES // MIB:,} MiB are read "
                "at a time: write it with smaller row groups"
            )
        if number == len(groups) or size + _bytes(groups[number : number + 1]) > target:
            made = Slice(obj.source, obj.etag, obj.size, PARQUET, start, number, tail + size, len(slices), rows)
            slices.append(replace(made, head=tail, version=obj.version))
            start, size, rows = number, 0, 0
    return slices


@contextmanager
def opened(
    sources: SourceStore, part: Slice, check: Callable[[], object], schema: Schema, beside: Beside
) -> Iterator[ParquetTable]:
    """The table of a slice's row groups; raises SourceChangedError, or MalformedInputError if there are none."""
    with temporary_folder() as folder:
        path = folder / "table"
        _fetch_footer(sources, part, path)
        groups = read_footer(path).groups[part.start : part.end]
        if not groups or len(groups) < part.end - part.start:
            raise MalformedInputError("the slice of a Parquet file has row groups that the file has not")
        with path.open("r+b") as file:
            for start, end in _ranges(groups):
                check()
                _fetch(sources, part, file, start, end)
        with open_parquet_file(path, check, schema, beside, groups=(part.start, part.end)) as table:
            yield table


def _fetch_footer(sources: SourceStore, obj: Planned, path: Path) -> int:
    """Make a file of the object's size that has the bytes of its footer alone; returns how many were read."""
    with path.open("w+b") as file:
        file.truncate(obj.size)
        tail = min(_TAIL, obj.size)
        _fetch(sources, obj, file, obj.size - tail, obj.size)
        file.seek(max(0, obj.size - _LENGTH))
        footer = int.from_bytes(file.read(_LENGTH // 2), "little") + _LENGTH
        # What is larger than any footer, or than the file, its reader refuses.
        if tail < footer <= min(obj.size, PARQUET_FOOTER_BYTES + _LENGTH):
            _fetch(sources, obj, file, obj.size - footer, obj.size - tail)
            tail = footer
    return tail


def _fetch(sources: SourceStore, obj: Planned, file: BinaryIO, start: int, end: int) -> None:
    file.seek(start)
    file.writelines(blocks(sources, obj, start, end))


def _ranges(groups: Sequence[Group]) -> Iterator[tuple[int, int]]:
    """The bytes of row groups, without gaps between neighbours."""
    start = end = 0
    for chunk in sorted((chunk for group in groups for chunk in group.chunks), key=lambda chunk: chunk.start):
        if chunk.start > end:
            if end > start:
                yield start, end
            start = chunk.start
        end = max(end, chunk.stop)
    yield start, end


def _bytes(groups: Sequence[Group]) -> int:
    return sum(chunk.stop - chunk.start for group in groups for chunk in group.chunks)
