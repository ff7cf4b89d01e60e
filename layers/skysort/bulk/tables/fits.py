"""FITS binary tables in ranges of rows: each slice is a table of its own, with the header of the file's."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from skysort.bulk.manifest import Slice
from skysort.bulk.store import blocks
from skysort.bulk.tables.remote import RemoteBytes
from skysort.bulk.tables.unsplit import check_unsplit
from skysort.errors import LimitExceededError, MalformedInputError
from skysort.fits_header import BLOCK, CARD, HeaderReader
from skysort.gzip_stream import beginning
from skysort.limits import FITS_BYTES, FITS_TABLE_CARDS, GZIP_MEMBERS, MIB
from skysort.star.tables.fits import BinaryTable, find_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysort.bulk.store import Planned, SourceStore
    from skysort.bulk.tables.needs import Needs

FITS: Final = "fits"
FITS_GZIP: Final = "fits.gz"
# Of a gzipped file: its table's header is expected there.
_BEGINNING: Final = 4 * MIB
_ROWS_OF: Final = "NAXIS2"
_PRIMARY: Final = (
    "SIMPLE  =                    T",
    "BITPIX  =                    8",
    "NAXIS   =                    0",
    "EXTEND  =                    T",
)


def split(sources: SourceStore, obj: Planned, needs: Needs, target: int) -> list[Slice]:
    """The slices of a FITS file; raises InputError for one without a table that has what is needed."""
    table, _ = find_table(RemoteBytes(sources, obj), needs.schema)
    needs.beside([column.name for column in table.columns])
    header = table.header
    whole = Slice(obj.source, obj.etag, obj.size, FITS, 0, table.rows, obj.size, rows=table.rows, version=obj.version)
    if table.heap_end > header.data_start + table.rows * table.row_bytes:
        # Cells of variable length lie behind the rows.
        if obj.size > FITS_BYTES:
            raise LimitExceededError(
                "the FITS table has cells of variable length, so that one part reads the whole file, up to "
                f"{FITS_BYTES // MIB:,} MiB; it has {obj.size // MIB:,} MiB: leave these columns out, or write several"
            )
        return [whole]
    head = header.data_start - header.start
    step = max(1, target // max(1, table.row_bytes))
    slices: list[Slice] = []
    for start in range(0, table.rows, step):
        rows = min(step, table.rows - start)
        size = head + rows * table.row_bytes
        place = replace(whole, start=start, end=start + rows, rows=rows, bytes=size, slice=len(slices))
        slices.append(replace(place, head=head, dialect=str(header.start)))
    return slices


class _Beginning:
    """The first bytes of a file of unknown size. A skysort.fits_header.Content."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __len__(self) -> int:
        """More than any table has."""
        return sys.maxsize

    def __getitem__(self, place: slice) -> bytes:
        """Some bytes, none behind the first ones."""
        return self._content[place]


def whole(sources: SourceStore, obj: Planned, needs: Needs) -> Slice:
    """The slice of a gzipped FITS file; raises InputError as split does, and for one that is too large."""
    check_unsplit(obj, "the gzipped FITS table")
    packed = sources.read(obj, 0, min(_BEGINNING, obj.size))
    table, _ = find_table(_Beginning(beginning(packed, _BEGINNING, GZIP_MEMBERS)), needs.schema)
    needs.beside([column.name for column in table.columns])
    return Slice(
        obj.source, obj.etag, obj.size, FITS_GZIP, 0, table.rows, obj.size, rows=table.rows, version=obj.version
    )


def read(sources: SourceStore, part: Slice) -> Iterator[bytes]:
    """A FITS file of the rows of a slice; raises MalformedInputError for a slice that no planner made."""
    if not part.dialect:
        return blocks(sources, part, 0, part.size)
    if not part.dialect.isdecimal():
        raise MalformedInputError("the slice of a FITS table does not say where its header is")
    content = RemoteBytes(sources, part)
    header = HeaderReader(content, FITS_TABLE_CARDS).read(int(part.dialect))
    width = BinaryTable(header).row_bytes
    rows = part.end - part.start
    cards = [
        f"{_ROWS_OF:<8}= {rows:>20}".ljust(CARD).encode() if keyword == _ROWS_OF else line
        for keyword, line in header.cards
    ]
    start = header.data_start + part.start * width
    return chain(
        [_padded(b"".join(line.ljust(CARD).encode() for line in (*_PRIMARY, "END")), b" ")],
        [_padded(b"".join([*cards, b"END".ljust(CARD)]), b" ")],
        blocks(sources, part, start, start + rows * width),
        [b"\0" * (-rows * width % BLOCK)],
    )


def _padded(text: bytes, filler: bytes) -> bytes:
    return text + filler * (-len(text) % BLOCK)
