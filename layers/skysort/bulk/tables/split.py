"""From a source object to slices of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from skysort.bulk.manifest import Slice
from skysort.bulk.store import blocks
from skysort.bulk.tables.formats import named
from skysort.bulk.tables.unsplit import check_unsplit
from skysort.drop.files import sweep_temporary_folders
from skysort.errors import EmptyInputError, InputError, UnsupportedFormatError
from skysort.guard import reading
from skysort.gzip_stream import GZIP, beginning, gunzip
from skysort.limits import BULK_PART_BYTES, BULK_UNSPLIT_BYTES, GZIP_MEMBERS, MIB, VOTABLE_BYTES
from skysort.star.tables.detect import HEAD_BYTES, Format, detect
from skysort.star.tables.readers import NAMES, TableReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from skysort.bulk.store import Planned, SourceStore
    from skysort.bulk.tables.needs import Needs

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_HEAD: Final = 64 * 1024
_BEGINNING: Final = 4 * MIB
_BLOCK: Final = 256 * 1024


def one_by_one(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Run a function over items, as the method map of an executor does at once."""
    return map(function, items)


def split_table(
    sources: SourceStore, obj: Planned, needs: Needs, target: int = BULK_PART_BYTES, at_once: Any = one_by_one
) -> list[Slice]:
    """The slices of an object that is a table.

    Parameters
    ----------
    sources, obj
        Where it lies.
    needs
        The columns that it must have.
    target
        Bytes of a slice, about.
    at_once
        Runs a function over items and gives its results in order: one_by_one, or the map of an executor.

    Returns
    -------
    Slices, in order; there are some.

    Raises
    ------
    EmptyInputError
        If it has no bytes or no rows.
    UnsupportedFormatError
        If it is no table.
    InputError
        If it lacks a column, is damaged, or cannot be split although it is large.
    SourceChangedError
        If it is another by now.
    """
    if not obj.size:
        raise EmptyInputError("the file is empty: it has no bytes")
    sweep_temporary_folders()
    head = sources.read(obj, 0, min(_HEAD, obj.size))
    packed = head.startswith(GZIP)
    kind = detect(beginning(head, HEAD_BYTES, GZIP_MEMBERS) if packed else head[:HEAD_BYTES])
    with reading(NAMES[kind]):
        if kind is Format.CSV:
            from skysort.bulk.tables import csv  # noqa: PLC0415 - and with it Arrow, once it is needed

            split = csv.split_gzip if packed else csv.split
            return split(sources, obj, needs, target, at_once)
        if kind is Format.FITS:
            from skysort.bulk.tables import fits  # noqa: PLC0415

            return [fits.whole(sources, obj, needs)] if packed else fits.split(sources, obj, needs, target)
        if kind is Format.PARQUET:
            from skysort.bulk.tables import parquet  # noqa: PLC0415

            if packed:
                raise UnsupportedFormatError(
                    "the file is a gzipped Parquet file: unpack it, Parquet is compressed itself"
                )
            return parquet.split(sources, obj, needs, target)
        return [_whole(sources, obj, needs, kind, packed=packed)]


def _whole(sources: SourceStore, obj: Planned, needs: Needs, kind: Format, *, packed: bool) -> Slice:
    """The one slice of a table whose format cannot be split."""
    check_unsplit(obj, NAMES[kind], VOTABLE_BYTES if kind is Format.VOTABLE else BULK_UNSPLIT_BYTES)

    def opened(size: int) -> None:
        content = blocks(sources, obj, 0, size, _BLOCK)
        with TableReader(kind, gunzip(content) if packed else content, bool, needs.schema, needs.beside):
            pass

    try:
        # A VOTable is fetched as a whole to be opened; its beginning has its columns, mostly.
        opened(min(obj.size, _BEGINNING) if kind is Format.VOTABLE and not packed else obj.size)
    except InputError:
        if kind is not Format.VOTABLE or packed or obj.size <= _BEGINNING:
            raise
        opened(obj.size)
    return Slice(obj.source, obj.etag, obj.size, named(kind, packed=packed), 0, obj.size, obj.size, version=obj.version)
