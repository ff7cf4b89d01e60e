"""The reader of each format, behind the guard: whatever it stumbles over in a file is that file's problem."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, Self, TypeVar

from skysort.errors import SkysortError
from skysort.guard import reading
from skysort.star.tables.detect import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from skysort.input_warnings import InputWarning
    from skysort.star.tables.header import MeasuredColumns
    from skysort.star.tables.result_columns import ResultColumns, Values
    from skysort.star.tables.rows import Rows, Table

_T = TypeVar("_T")
NAMES: Final = {
    Format.CSV: "the CSV",
    Format.FITS: "the FITS table",
    Format.VOTABLE: "the VOTable",
    Format.PARQUET: "the Parquet table",
    Format.ECSV: "the ECSV table",
    Format.IPAC: "the IPAC table",
}


class TableReader:
    """Reads one table of a known format; a context manager.

    Reading, classifying and writing are apart: `rows` gives the rows, and who wants the table too asks for `begin`
    before them, `render` with each block's results, and `end`.

    Parameters
    ----------
    kind
        The format.
    blocks
        The file's bytes, in pieces of any size.
    check
        Is called now and then while there are no rows to give, and raises where there is no time left.

    Raises
    ------
    InputError
        By every method, for whatever is wrong with the file.
    ImportError
        Where a format's library is not installed.

    Notes
    -----
    What `blocks` and `check` raise passes as it is: it is not the file's fault.
    """

    def __init__(self, kind: Format, blocks: Iterable[bytes], check: Callable[[], object] = bool) -> None:
        self._name = NAMES[kind]
        self._fault: Exception | None = None
        self._stack = ExitStack()
        open_table = _opener(kind)
        with self._guard():
            self._table = self._stack.enter_context(open_table(self._watched(blocks), lambda: self._watch(check)))

    def __enter__(self) -> Self:
        """The reader itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing of the file behind."""
        self._stack.close()

    @property
    def columns(self) -> MeasuredColumns:
        """Where the measured values are, and what the table calls them."""
        return self._table.columns

    def rows(self) -> Iterator[Rows]:
        """The rows, block by block."""
        with self._guard():  # of the reader alone: what happens between two blocks does not pass here
            yield from self._table.rows()

    def begin(self, appended: ResultColumns) -> Iterator[bytes]:
        """What the classified table begins with."""
        with self._guard():
            yield from self._table.begin(appended)

    def render(self, rows: Rows, kept: NDArray[np.bool_], values: Values) -> bytes | memoryview:
        """The rows of a block that a mask keeps, with their results; empty where they come with the end."""
        with self._guard():
            return rows.render(kept, values)

    def end(self) -> Iterator[bytes]:
        """What stands behind the rows."""
        with self._guard():
            yield from self._table.end()

    def remarks(self) -> Iterable[tuple[InputWarning, int]]:
        """What was done to lines of the table, and to how many."""
        return self._table.remarks()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            with reading(self._name):
                yield
        except SkysortError:
            if self._fault is not None:
                raise self._fault from None
            raise

    def _watch(self, function: Callable[[], _T]) -> _T:
        """Call what is not the reader's own, and remember what it raises."""
        try:
            return function()
        except Exception as error:
            self._fault = self._fault or error
            raise

    def _watched(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        stream = self._watch(lambda: iter(blocks))
        while (block := self._watch(lambda: next(stream, None))) is not None:
            yield block


def _opener(kind: Format) -> Callable[[Iterator[bytes], Callable[[], object]], AbstractContextManager[Table]]:
    """What opens tables of a format; its libraries are imported when the first file of the format arrives."""
    if kind is Format.CSV:
        from skysort.star.tables.csv.table import open_csv  # noqa: PLC0415

        return open_csv
    if kind is Format.FITS:
        from skysort.star.tables.fits import open_fits  # noqa: PLC0415

        return open_fits
    if kind is Format.VOTABLE:
        from skysort.star.tables.votable import open_votable  # noqa: PLC0415

        return open_votable
    if kind is Format.PARQUET:
        from skysort.star.tables.parquet import open_parquet  # noqa: PLC0415

        return open_parquet
    if kind is Format.ECSV:
        from skysort.star.tables.ecsv import open_ecsv  # noqa: PLC0415

        return open_ecsv
    from skysort.star.tables.ipac import open_ipac  # noqa: PLC0415

    return open_ipac
