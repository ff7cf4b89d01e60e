"""FITS binary tables: rows pass through as the bytes they are, with the appended columns behind.

The rest of the file (other extensions, the heap of variable-length cells) is copied unread. Every number of a header is
checked against the file's size before anything is read by it.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from skysort.star.tables.fits_table import Table, record_type
from skysort.star.tables.rows import Measured, usable
from skysort.star.tables.wanted import Cells, Place, Wanted, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from skysort.drop.files import Sink
    from skysort.star.tables.rows import RowClassifier

# Rows to work on at a time: at most so many, and so many bytes of them.
_ROWS: Final = 32_768
_ROW_BYTES: Final = 32 * MIB
# The fifth card; STIL knows the description by it, and by the place that it has.
_MARK: Final = b"VOTMETA =                    T"
_MARK_AT: Final = 4 * CARD


def classify_fits(blocks: Iterable[bytes], classifier: RowClassifier, sink: Sink) -> None:
    """Classify the first binary table of a FITS file that has the measured columns.

    Constant memory: the file lies in /tmp and is mapped. Raises InputError when the file cannot be classified.
    """
    with fetched(blocks, FITS_BYTES) as path:
        content = np.memmap(path, np.uint8, "r")
        found = _find(content)
        table = found.table
        found.wanted.begin(classifier)
        kept = sum(int(usable(measured).sum()) for measured, _ in found.chunks())
        header = table.new_header(classifier.appended, kept)
        sink.write(_without_description(content[:BLOCK].tobytes()))
        _copy(content[BLOCK : table.header.start], sink)
        sink.write(header)
        written = _write_rows(found, classifier, sink)
        written += _copy(content[table.heap_start : table.heap_end], sink)
        sink.write(b"\0" * (-written % BLOCK))
        _copy(content[table.header.end :], sink)


@dataclass(frozen=True, slots=True)
class _Found:
    """A table with the measured columns.

    rows: (rows, bytes a row), mapped.
    """

    table: Table
    wanted: Wanted
    rows: NDArray[np.uint8]

    def chunks(self) -> Iterator[tuple[Measured, NDArray[np.uint8]]]:
        """Measured values and raw bytes of consecutive rows."""
        step = max(1, min(_ROWS, _ROW_BYTES // max(1, self.table.row_bytes)))
        for first in range(0, len(self.rows), step):
            part = self.rows[first : first + step]
            yield self._measured(part), part

    def _measured(self, part: NDArray[np.uint8]) -> Measured:
        def cells(place: Place) -> Cells:
            return self.table.columns[place.column].cells(part, place.element)

        def truths(place: Place) -> NDArray[np.bool_]:
            return self.table.columns[place.column].truths(part, place.element)

        return self.wanted.read(cells, truths)


def _find(content: NDArray[np.uint8]) -> _Found:
    """The first table with the measured columns; otherwise the first table's own error."""
    refusal: InvalidFieldsError | None = None
    for header in headers(content):
        # Older writers: A3DTABLE.
        if header.text("XTENSION") not in {"BINTABLE", "A3DTABLE"} or header.is_compressed_image:
            continue
        table = Table(header)
        try:
            wanted = find([column.described for column in table.columns])
        except InvalidFieldsError as error:
            refusal = refusal or error
            continue
        if table.rows == 0:
            raise EmptyInputError("the FITS table has no rows")
        rows = content[header.data_start :][: table.rows * table.row_bytes]
        return _Found(table, wanted, rows.reshape(table.rows, table.row_bytes))
    raise refusal or UnsupportedFormatError("the FITS file has no binary table: it is an image or an ASCII table")


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


def _write_rows(found: _Found, classifier: RowClassifier, sink: Sink) -> int:
    """Write the classified rows; returns their size in bytes."""
    record = record_type(classifier.appended)
    wanted = found.table.kept_bytes()
    everything = len(wanted) == found.table.row_bytes
    written = 0
    for measured, raw in found.chunks():
        kept, values = classifier.classify(measured)
        new = np.empty(len(values.label), record)
        for name, column in zip(record.names or (), classifier.appended.columns(values), strict=True):
            new[name] = column
        own = raw[kept] if everything else raw[kept][:, wanted]
        rows = np.concatenate([own, new.view(np.uint8).reshape(len(new), record.itemsize)], axis=1)
        written += rows.nbytes
        sink.write(rows.tobytes())
    return written


def _without_description(primary: bytes) -> bytes:
    """The first block of a file, without the mark that its array describes the columns as a VOTable.

    So does TOPCAT in what it saves ("FITS-plus": SUN/252, 3.8.1), and trusts it when it reads: the appended columns
    would not be in it. Unmarked, the table is taken as its own header describes it.
    """
    marked = primary[_MARK_AT:].startswith(_MARK)
    return primary[:_MARK_AT] + _MARK[:-1] + b"F" + primary[_MARK_AT + len(_MARK) :] if marked else primary


def _copy(content: NDArray[np.uint8], sink: Sink) -> int:
    """Copy a stretch of the file; returns its size."""
    for start in range(0, len(content), MIB):
        sink.write(content[start : start + MIB].tobytes())
    return len(content)
