"""The reader of a slice of a table."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from skysort.bulk.store import blocks
from skysort.bulk.tables.formats import kind_of
from skysort.drop.files import sweep_temporary_folders
from skysort.gzip_stream import gunzip
from skysort.star.schema import SDSS
from skysort.star.tables.detect import Format
from skysort.star.tables.readers import TableReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysort.bulk.manifest import Slice
    from skysort.bulk.store import SourceStore
    from skysort.star.schema import Schema
    from skysort.star.tables.beside import Beside


def open_slice(
    sources: SourceStore,
    part: Slice,
    check: Callable[[], object] = bool,
    schema: Schema = SDSS,
    beside: Beside | None = None,
) -> TableReader:
    """A reader of the rows of a slice, as if they were a table.

    Parameters
    ----------
    sources, part
        The slice.
    check, schema, beside
        As of TableReader.

    Returns
    -------
    TableReader
        A context manager; every method raises SourceChangedError if the object is another by now.

    Raises
    ------
    InputError
        If the rows cannot be read; MalformedInputError also for a slice that no planner made.
    """
    sweep_temporary_folders()
    kind, packed = kind_of(part.format)
    if kind is Format.CSV:
        from skysort.bulk.tables import csv  # noqa: PLC0415 - a part has one format
        from skysort.star.tables.csv.table import open_csv  # noqa: PLC0415

        beginning, rows = csv.read(sources, part)
        return TableReader(kind, rows, check, schema, beside, open_table=partial(open_csv, beginning=beginning))
    if kind is Format.PARQUET and not packed:
        from skysort.bulk.tables import parquet  # noqa: PLC0415

        def opened(_blocks: object, check: Callable[[], object], schema: Schema, beside: Beside) -> Any:
            return parquet.opened(sources, part, check, schema, beside)

        return TableReader(kind, (), check, schema, beside, open_table=opened)
    if kind is Format.FITS and not packed:
        from skysort.bulk.tables import fits  # noqa: PLC0415

        return TableReader(kind, fits.read(sources, part), check, schema, beside)
    content = blocks(sources, part, 0, part.size)
    return TableReader(kind, gunzip(content) if packed else content, check, schema, beside)
