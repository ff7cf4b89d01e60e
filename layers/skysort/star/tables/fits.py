"""FITS binary tables: rows pass through as the bytes they are, with the appended columns behind.

Format: FITS standard 4.0, section 7.3 (https://fits.gsfc.nasa.gov/fits_standard.html). astropy reads
headers and columns; the rest of the file (other extensions, the heap of variable-length cells)
is copied unread.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy.io import fits

from skysort.drop.source import fetched
from skysort.errors import EmptyInputError, InputError, InvalidFieldsError, MalformedInputError, UnsupportedFormatError
from skysort.limits import FITS_BYTES
from skysort.star.columns import Reason, check
from skysort.star.tables.appended import is_appended
from skysort.star.tables.header import MeasuredColumns, check_units, locate
from skysort.star.tables.rows import Measured, as_photometry, column_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from skysort.drop.draft import Sink
    from skysort.star.tables.rows import RowClassifier

_ROWS: Final = 32_768
_BLOCK: Final = 2_880
_COPY: Final = 1024 * 1024
# Keywords that belong to a column end in its number: TTYPE3, TNULL3, TUCD3, ...
_OF_COLUMN: Final = re.compile(r"(T[A-Z]{3,})([1-9][0-9]*)")
_CHECKSUMS: Final = ("CHECKSUM", "DATASUM")


def classify_fits(blocks: Iterable[bytes], classifier: RowClassifier, sink: Sink) -> None:
    """Classify the first binary table of a FITS file that has the measured columns.

    Constant memory: the file lies in /tmp and is mapped. Raises InputError when the file cannot be classified.
    """
    with fetched(blocks, FITS_BYTES) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _opened(path) as extensions:
            table = _find(path, extensions)
            classifier.names = table.columns.names
            kept = sum(int(_valid(measured).sum()) for measured, _ in table.chunks())
            _copy(path, 0, table.header_at, sink)
            sink.write(table.new_header(classifier, kept).tostring().encode("ascii"))
            written = _write_rows(table, classifier, sink)
            written += _copy(path, table.heap_at, table.heap_at + table.heap_bytes, sink)
            sink.write(b"\0" * (-written % _BLOCK))
            _copy(path, table.end, path.stat().st_size, sink)


def _opened(path: Path) -> Any:
    try:
        return fits.open(path, memmap=True, disable_image_compression=True)
    except MemoryError:
        raise
    except Exception as error:
        # astropy raises whatever its own code stumbles over; all of it means a damaged file.
        raise MalformedInputError(f"the FITS file cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class _Table:
    """A binary table and where its parts lie in the file."""

    hdu: Any
    header: Any
    columns: MeasuredColumns
    rows: NDArray[np.uint8]  # (rows, bytes a row), mapped
    header_at: int
    heap_at: int
    heap_bytes: int
    end: int

    def chunks(self) -> Iterator[tuple[Measured, NDArray[np.uint8]]]:
        """Measured values and raw bytes of consecutive rows."""
        for first in range(0, len(self.rows), _ROWS):
            part = self.hdu.data[first : first + _ROWS]
            values = [None if at is None else self._values(part, at) for at in self.columns.positions]
            yield Measured(as_photometry(values)), self.rows[first : first + _ROWS]

    def _values(self, part: Any, position: int) -> NDArray[np.float64]:
        column = self.hdu.columns[position]
        values = np.array(part.field(position), np.float64)
        if column.null is not None:
            absent = float(column.null) * float(column.bscale or 1) + float(column.bzero or 0)
            values[values == absent] = np.nan
        return values

    @property
    def kept(self) -> list[int]:
        """Positions of the columns that no earlier classification appended."""
        return [at for at, name in enumerate(self.hdu.columns.names) if not is_appended(name)]

    def kept_bytes(self) -> NDArray[np.intp]:
        """Offsets, within a row, of the kept columns' bytes."""
        sizes = [self.hdu.columns.dtype.fields[name][0].itemsize for name in self.hdu.columns.dtype.names]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        return np.concatenate([np.arange(starts[at], starts[at + 1]) for at in self.kept])

    def new_header(self, classifier: RowClassifier, rows: int) -> Any:
        """The table's header for the classified rows."""
        header = self.header.copy()
        numbers = {at + 1: number for number, at in enumerate(self.kept, start=1)}
        if len(numbers) < len(self.hdu.columns):
            header = _renumbered(header, numbers)
        for keyword in (*_CHECKSUMS, "THEAP"):
            header.remove(keyword, ignore_missing=True)
        record = _record(classifier)
        header["NAXIS1"] = len(self.kept_bytes()) + record.itemsize
        header["NAXIS2"] = rows
        header["PCOUNT"] = self.heap_bytes
        header["TFIELDS"] = len(numbers) + len(record.fields or ())
        for number, name in enumerate(record.names or (), start=len(numbers) + 1):
            kind = record[name]
            header[f"TTYPE{number}"] = name
            header[f"TFORM{number}"] = "E" if kind.kind == "f" else f"{kind.itemsize}A"
        return header


def _find(path: Path, extensions: Any) -> _Table:
    """The first table with the measured columns; otherwise the first table's own error."""
    refusal: InputError | None = None
    try:
        for index, hdu in enumerate(extensions):
            if not isinstance(hdu, fits.BinTableHDU):
                continue
            try:
                return _table(path, extensions, index)
            except InvalidFieldsError as error:
                refusal = refusal or error
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise MalformedInputError(f"the FITS file cannot be read: {error}") from error
    raise refusal or UnsupportedFormatError("the FITS file has no binary table: it is an image or an ASCII table")


def _table(path: Path, extensions: Any, index: int) -> _Table:
    hdu = extensions[index]
    header = hdu.header.copy()
    columns = locate(hdu.columns.names)
    for at in columns.present:
        column = hdu.columns[at]
        if column.dtype.kind not in "iuf" or hdu.columns.dtype[at].shape:
            raise column_error(column.name, f"the FITS format {column.format}")
    check_units(columns, [column.unit for column in hdu.columns])
    place = extensions.fileinfo(index)
    start, width, rows = place["datLoc"], header["NAXIS1"], header["NAXIS2"]
    end = start + place["datSpan"]
    table_bytes = rows * width
    heap_offset = header.get("THEAP", table_bytes)
    if start + table_bytes + header["PCOUNT"] > path.stat().st_size:
        raise MalformedInputError("the FITS file is cut short: its table has fewer rows than its header says")
    if rows == 0:
        raise EmptyInputError("the FITS table has no rows")
    mapped = np.memmap(path, np.uint8, "r", start, (rows, width))
    heap_bytes = table_bytes + header["PCOUNT"] - heap_offset
    return _Table(hdu, header, columns, mapped, place["hdrLoc"], start + heap_offset, heap_bytes, end)


def _valid(measured: Measured) -> NDArray[np.bool_]:
    valid: NDArray[np.bool_] = check(measured.photometry).max(axis=1) == Reason.OK
    return valid


def _write_rows(table: _Table, classifier: RowClassifier, sink: Sink) -> int:
    """Write the classified rows; returns their size in bytes."""
    record = _record(classifier)
    wanted = table.kept_bytes()
    everything = len(wanted) == table.rows.shape[1]
    written = 0
    for measured, raw in table.chunks():
        kept, values = classifier.classify(measured)
        new = np.empty(len(values.label), record)
        for name, column in zip(record.names or (), classifier.appended.columns(values), strict=True):
            new[name] = column
        own = raw[kept] if everything else raw[kept][:, wanted]
        rows = np.concatenate([own, new.view(np.uint8).reshape(len(new), record.itemsize)], axis=1)
        written += rows.nbytes
        sink.write(rows.tobytes())
    return written


def _record(classifier: RowClassifier) -> np.dtype[Any]:
    """The appended columns as FITS stores them: big-endian, strings of fixed width."""
    appended = classifier.appended
    return np.dtype(
        [
            (name, ">f4" if kind.kind == "f" else kind)
            for name, kind in zip(appended.names, appended.dtypes, strict=True)
        ]
    )


def _renumbered(header: Any, numbers: dict[int, int]) -> Any:
    """The header without the columns that have no new number."""
    result = fits.Header()
    for card in header.cards:
        match = _OF_COLUMN.fullmatch(card.keyword)
        if match is None:
            result.append(card, end=True)
        elif int(match[2]) in numbers:
            result.append((f"{match[1]}{numbers[int(match[2])]}", card.value, card.comment), end=True)
    return result


def _copy(path: Path, start: int, stop: int, sink: Sink) -> int:
    """Copy a stretch of the file; returns its size."""
    with path.open("rb") as file:
        file.seek(start)
        left = stop - start
        while left > 0 and (piece := file.read(min(_COPY, left))):
            sink.write(piece)
            left -= len(piece)
    return stop - start
