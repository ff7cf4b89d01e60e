"""FITS binary tables: rows pass through as the bytes they are, with the appended columns behind.

The rest of the file (other extensions, the heap of variable-length cells) is copied unread. Every number of a header is
checked against the file's size before anything is read by it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.drop.files import fetched
from skysort.errors import (
    EmptyInputError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.fits_header import BLOCK, CARD, Header, HeaderReader
from skysort.limits import FITS_BYTES, FITS_EXTENSIONS, FITS_TABLE_CARDS, MIB
from skysort.star.tables.fits_table import BinaryTable, record_type
from skysort.star.tables.rows import Rows, Table
from skysort.star.tables.wanted import Wanted, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from skysort.star.tables.result_columns import ResultColumns, Values

# Rows to work on at a time: at most so many, and so many bytes of them.
_ROWS: Final = 32_768
_ROW_BYTES: Final = 32 * MIB
# The fifth card; STIL knows the description by it, and by the place that it has.
_MARK: Final = b"VOTMETA =                    T"
_MARK_AT: Final = 4 * CARD


@contextmanager
def open_fits(blocks: Iterable[bytes], _check: object) -> Iterator[FitsTable]:
    """Open the first binary table of a FITS file that has the measured columns.

    Constant memory: the file lies in /tmp and is mapped. Raises InputError where there is none: the first table's own.
    """
    refusal: InvalidFieldsError | None = None
    with fetched(blocks, FITS_BYTES) as path:
        content = np.memmap(path, np.uint8, "r")
        for header in headers(content):
            # Older writers: A3DTABLE.
            if header.text("XTENSION") not in {"BINTABLE", "A3DTABLE"} or header.is_compressed_image:
                continue
            table = BinaryTable(header)
            try:
                wanted = find([column.described for column in table.columns])
            except InvalidFieldsError as error:
                refusal = refusal or error
                continue
            if table.rows == 0:
                raise EmptyInputError("the FITS table has no rows")
            yield FitsTable(content, table, wanted)
            return
    raise refusal or UnsupportedFormatError("the FITS file has no binary table: it is an image or an ASCII table")


class FitsTable(Table):
    """A table with the measured columns on its way through.

    content: the mapped file.
    """

    def __init__(self, content: NDArray[np.uint8], table: BinaryTable, wanted: Wanted) -> None:
        self._content = content
        self._table = table
        self._wanted = wanted
        self.columns = wanted.columns
        self._appended: ResultColumns
        self._written = 0

    def begin(self, appended: ResultColumns) -> Iterator[bytes]:
        """What stands above the rows: the table's header tells their number, so that they are looked at first."""
        self._appended = appended
        kept = sum(int(rows.measured.usable().sum()) for rows in self.rows())
        header = self._table.new_header(appended, kept)
        yield _without_description(self._content[:BLOCK].tobytes())
        yield from _pieces(self._content[BLOCK : self._table.header.start])
        yield header

    def rows(self) -> Iterator[Rows]:
        """The rows, at most 32 MiB of them at a time."""
        width = self._table.row_bytes
        raw = self._content[self._table.header.data_start :][: self._table.rows * width].reshape(-1, width)
        step = max(1, min(_ROWS, _ROW_BYTES // max(1, width)))
        for first in range(0, len(raw), step):
            yield self._rows(raw[first : first + step])

    def _rows(self, raw: NDArray[np.uint8]) -> Rows:
        columns = self._table.columns
        measured = self._wanted.read(
            lambda place: columns[place.column].cells(raw, place.element),
            lambda place: columns[place.column].truths(raw, place.element),
        )
        return Rows(measured, lambda kept, values: self._render(raw[kept], values))

    def _render(self, raw: NDArray[np.uint8], values: Values) -> bytes:
        record = record_type(self._appended)
        new = np.empty(len(values.label), record)
        for name, column in zip(record.names or (), self._appended.columns(values), strict=True):
            new[name] = column
        own = self._table.kept_bytes()
        rows = np.concatenate(
            [
                raw if len(own) == self._table.row_bytes else raw[:, own],
                new.view(np.uint8).reshape(len(new), record.itemsize),
            ],
            axis=1,
        )
        self._written += rows.nbytes
        return rows.tobytes()

    def end(self) -> Iterator[bytes]:
        """The heap of variable-length cells, and the rest of the file."""
        heap = self._content[self._table.heap_start : self._table.heap_end]
        yield from _pieces(heap)
        yield b"\0" * (-(self._written + len(heap)) % BLOCK)
        yield from _pieces(self._content[self._table.header.end :])


def headers(content: NDArray[np.uint8]) -> Iterator[Header]:
    """The headers of a file in order, each after a look at whether its data are all there.

    Raises MalformedInputError for a file that is cut short or no FITS file, and LimitExceededError beyond
    FITS_EXTENSIONS headers or FITS_TABLE_CARDS cards in one of them.
    """
    start = number = 0
    # Something else may follow the extensions.
    while start < len(content) and (not number or content[start : start + 8].tobytes() == b"XTENSION"):
        if number == FITS_EXTENSIONS:
            raise LimitExceededError(f"the FITS file has more than {FITS_EXTENSIONS:,} extensions")
        header = HeaderReader(content.data, FITS_TABLE_CARDS).read(start)
        # The last fill may be missing: nothing is read from it.
        if (length := header.data_bytes) and header.data_start + length > len(content):
            raise MalformedInputError(
                "the FITS file is cut short: one of its parts has fewer rows or pixels than its header says"
            )
        yield header
        start = header.end
        number += 1


def _without_description(primary: bytes) -> bytes:
    """The first block of a file, without the mark that its array describes the columns as a VOTable.

    So does TOPCAT in what it saves ("FITS-plus": SUN/252, 3.8.1), and trusts it when it reads: the appended columns
    would not be in it. Unmarked, the table is taken as its own header describes it.
    """
    marked = primary[_MARK_AT:].startswith(_MARK)
    return primary[:_MARK_AT] + _MARK[:-1] + b"F" + primary[_MARK_AT + len(_MARK) :] if marked else primary


def _pieces(content: NDArray[np.uint8]) -> Iterator[bytes]:
    for start in range(0, len(content), MIB):
        yield content[start : start + MIB].tobytes()
