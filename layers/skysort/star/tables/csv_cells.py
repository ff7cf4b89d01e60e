"""The cells of a block of CSV rows that are needed, through pyarrow's parser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as pa_csv

from skysort.errors import MalformedInputError
from skysort.star.columns import BLANK, MEASURED
from skysort.star.tables.numbers import as_floats, as_text, to_numbers
from skysort.star.tables.rows import Measured, as_photometry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysort.star.tables.csv_header import Header


@dataclass(frozen=True, slots=True)
class Cells:
    """What was read of n rows.

    measured: of the m rows with the right number of cells. ragged: (index, cells found) of the others.
    whole: (n,) bool, True for the m rows. kept: text of the other columns, where asked for.
    """

    measured: Measured
    ragged: Sequence[tuple[int, int]]
    whole: NDArray[np.bool_]
    kept: Sequence[Any]


class CellReader:
    """Reads blocks of one table.

    rebuild: whether the text of all kept columns is wanted too.
    """

    def __init__(self, header: Header, *, rebuild: bool) -> None:
        self._positions = header.measured.positions
        self._width = len(header.head.names)
        self._delimiter = header.head.delimiter
        self._decimal_point = "," if header.head.decimal_comma else "."
        self._kept = header.kept if rebuild else ()
        self._names = [str(position) for position in range(self._width)]

    def read(self, rows: memoryview | bytes, count: int, *, is_ascii: bool = False) -> Cells:
        """Read the cells of a block of whole rows, none of them blank.

        count: how many rows there are. is_ascii: whether all bytes are known to be. Bytes that are no UTF-8 are taken
        for Latin-1, and the kept cells have them as they were. Raises MalformedInputError when the parser finds
        other rows.
        """
        latin = not is_ascii and not _is_utf_8(rows)
        if latin:  # pyarrow hands rows with too few cells to Python as UTF-8
            rows = str(rows, "latin-1").encode()
        ragged: list[tuple[int, int]] = []
        try:
            columns = self._parse(rows, pa.float64(), ragged) if not self._kept else None
        except pa.ArrowInvalid:
            columns = None
        if columns is not None:
            measured = Measured(as_photometry([None if c is None else as_floats(c) for c in columns]))
        else:
            ragged.clear()
            columns = self._parse(rows, pa.binary(), ragged)
            measured = self._from_text(columns)
        if len(measured.photometry) + len(ragged) != count:
            raise MalformedInputError(
                f"the rows cannot be told apart: {count:,} line ends, but {len(measured.photometry) + len(ragged):,} "
                "rows; look for a stray quote or carriage return"
            )
        whole = np.ones(count, np.bool_)
        whole[[index for index, _ in ragged]] = False
        kept = [self._last[str(position)].combine_chunks() for position in self._kept]
        if latin:
            kept = [_as_latin(cells) for cells in kept]
        return Cells(measured, ragged, whole, kept)

    def _parse(self, rows: memoryview | bytes, kind: Any, ragged: list[tuple[int, int]]) -> list[Any]:
        """The measured columns, None for an absent one."""

        def skip(row: Any) -> str:
            ragged.append((row.number - 1, row.actual_columns))
            return "skip"

        wanted = sorted({position for position in self._positions if position is not None} | set(self._kept))
        names = [self._names[position] for position in wanted]
        table = pa_csv.read_csv(
            pa.py_buffer(rows),
            # One block: the caller has cut the table into such as fit the cache.
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=len(rows) + 1, column_names=self._names),
            parse_options=pa_csv.ParseOptions(
                delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=pa_csv.ConvertOptions(
                include_columns=names,
                column_types=dict.fromkeys(names, kind),
                null_values=BLANK,
                strings_can_be_null=False,
                decimal_point=self._decimal_point,
            ),
        )
        self._last = table
        return [
            None if position is None else table.column(str(position)).combine_chunks() for position in self._positions
        ]

    def _from_text(self, columns: Sequence[Any]) -> Measured:
        """Cells one by one: what is a number, what is blank, and what is neither."""
        comma = self._delimiter != ","
        read = [None if cells is None else to_numbers(cells, decimal_comma=comma) for cells in columns]
        photometry = as_photometry([None if pair is None else pair[0] for pair in read])
        unreadable = np.zeros((len(photometry), len(MEASURED)), np.bool_)
        for column, pair in enumerate(read):
            if pair is not None:
                unreadable[:, column] = pair[1]
        return Measured(photometry, unreadable, lambda row, column: as_text(columns[column].slice(row, 1))[0].as_py())


def _is_utf_8(rows: memoryview | bytes) -> bool:
    try:
        str(rows, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _as_latin(cells: Any) -> Any:
    """Cells that were made UTF-8 in Latin-1 again."""
    return pa.array([cell.decode().encode("latin-1") for cell in cells.to_pylist()], pa.binary())
