"""Classified rows as CSV: each row's own bytes, and the appended cells behind them."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from skysort.star.tables.csv_lines import Lines
    from skysort.star.tables.result_columns import ResultColumns, Values

# Probabilities are written with six decimals: float32 carries no more.
_DECIMALS: Final = 6
_MILLION: Final = 10**_DECIMALS
_UPPER: Final = np.frombuffer(b"".join(b"%d.%03d" % divmod(n, 1000) for n in range(1001)), np.uint8).reshape(-1, 5)
_LOWER: Final = np.frombuffer(b"".join(b"%03d" % n for n in range(1000)), np.uint8).reshape(-1, 3)


class CsvText:
    """Writes the appended cells for one table's delimiter and line break."""

    def __init__(self, appended: ResultColumns, delimiter: str, eol: bytes) -> None:
        mark = delimiter.encode()
        self._mark = mark
        self._heads = _binary(mark + label.encode() for label in appended.labels)
        # Everything behind the probabilities takes few values: one for each variant and prediction set.
        self._tails = _binary(
            mark + join_names((members, variant, appended.model), delimiter) + eol
            for variant in appended.variants
            for members in appended.sets
        )
        self._sets = len(appended.sets)
        self._names = appended.names
        self._eol = eol

    def header(self, text: bytes) -> bytes:
        """The header line with the appended names."""
        return text + b"".join(self._mark + name.encode() for name in self._names) + self._eol

    def rows(self, contents: Any, values: Values) -> memoryview:
        """The rows of an Arrow binary array, each with its appended cells and a line break."""
        joined = pc.binary_join_element_wise(
            contents,
            self._heads.take(pa.array(values.label)),
            self._probabilities(values.probabilities),
            self._tails.take(pa.array(values.variant * self._sets + values.members)),
            b"",
        )
        return _bytes_of(joined)

    def _probabilities(self, probabilities: NDArray[np.float32]) -> Any:
        """(k, classes) float32 as ``,0.123456`` for each class."""
        rows, classes = probabilities.shape
        millionths = np.rint(probabilities * np.float64(_MILLION)).astype(np.int32)
        upper, lower = np.divmod(millionths, 1000)
        text = np.empty((rows, classes, 9), np.uint8)
        text[:, :, 0] = self._mark[0]
        text[:, :, 1:6] = _UPPER[upper]
        text[:, :, 6:9] = _LOWER[lower]
        offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(9 * classes)
        return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(text)])


def cut(block: bytes, lines: Lines) -> Any:
    """Rows of a block as an Arrow binary array, without their line breaks."""
    if len(lines) == 0:
        return pa.array([], pa.binary())
    # Rows and what lies between them, alternately, over the block itself; then every other one.
    offsets = np.empty(2 * len(lines), np.int32)
    offsets[0::2] = lines.starts
    offsets[1::2] = lines.ends
    both = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(block)])
    return both.take(pa.array(np.arange(0, len(offsets), 2, dtype=np.int64)))


def join_cells(columns: Sequence[Any], delimiter: str) -> Any:
    """Cells as rows, quoted where a cell needs it."""
    return pc.binary_join_element_wise(*(_quoted(column, delimiter) for column in columns), delimiter.encode())


def join_names(names: Iterable[str], delimiter: str) -> bytes:
    """A line of these names, quoted where one needs it."""
    row: list[bytes] = [_quoted(_binary([name.encode()]), delimiter)[0].as_py() for name in names]
    return delimiter.encode().join(row)


def _quoted(cells: Any, delimiter: str) -> Any:
    special = reduce(pc.or_, (pc.match_substring(cells, character) for character in ('"', "\n", "\r", delimiter)))
    if not pc.any(special).as_py():
        return cells
    escaped = pc.replace_substring(cells, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise(b'"', escaped, b'"', b""), cells)


def _binary(texts: Iterable[bytes]) -> Any:
    return pa.array(list(texts), pa.binary())


def _bytes_of(array: Any) -> memoryview:
    """The values of a binary array end to end."""
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]
    return memoryview(array.buffers()[2] or b"")[int(offsets[0]) : int(offsets[-1])]
