"""The reader of each format, guarded: any exception while reading becomes an error of the file."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, Self, TypeAlias, TypeVar

from skysort.errors import SkysortError
from skysort.guard import reading
from skysort.star.schema import SDSS
from skysort.star.tables.detect import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from skysort.input_warnings import InputWarning
    from skysort.star.schema import Schema
    from skysort.star.tables.beside import Beside
    from skysort.star.tables.header import MeasuredColumns
    from skysort.star.tables.result_columns import ResultColumns, Values
    from skysort.star.tables.rows import Rows, Table

_T = TypeVar("_T")
# Opens a table of a format: from its bytes, with a check to be called, the columns that are read, and those beside.
Opener: TypeAlias = "Callable[[Iterator[bytes], Callable[[], object], Schema, Beside], AbstractContextManager[Table]]"
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

    Reading is separate from classifying and writing: `rows` gives the rows; to write the classified table, call `begin`
    before them, `render` with each block's results, and `end`.

    Parameters
    ----------
    kind
        The format.
    blocks
        The file's bytes, in pieces of any size.
    check
        Called regularly before the first rows; raises after the deadline.
    schema
        The columns that are read.
    beside
        Chooses columns that are carried beside them; `Rows.carried` gives their values.
    open_table
        Opens the table in place of the format's own function.

    Raises
    ------
    InputError
        By every method, for a bad file.
    ImportError
        If a format's library is not installed.

    Notes
    -----
    Exceptions of `blocks` and `check` propagate unchanged: they are not the file's fault.
    """

    def __init__(
        self,
        kind: Format,
        blocks: Iterable[bytes],
        check: Callable[[], object] = bool,
        schema: Schema = SDSS,
        beside: Beside | None = None,
        *,
        open_table: Opener | None = None,
    ) -> None:
        self._name = NAMES[kind]
        self._fault: Exception | None = None
        self._stack = ExitStack()
        open_table = open_table or _opener(kind)
        with self._guard():
            self._table = self._stack.enter_context(
                open_table(self._watched(blocks), lambda: self._watch(check), schema, beside or _nothing)
            )

    def __enter__(self) -> Self:
        """The format's reader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove temporary files."""
        self._stack.close()

    @property
    def columns(self) -> MeasuredColumns:
        """The measured columns."""
        return self._table.columns

    def rows(self) -> Iterator[Rows]:
        """The rows, block by block."""
        with self._guard():  # guards the reader alone, not the consumer between two blocks
            yield from self._table.rows()

    def begin(self, appended: ResultColumns) -> Iterator[bytes]:
        """The head of the classified table."""
        with self._guard():
            yield from self._table.begin(appended)

    def render(self, rows: Rows, kept: NDArray[np.bool_], values: Values) -> bytes | memoryview:
        """The rows of a block that a mask keeps, with their results; empty if they are written at the end."""
        with self._guard():
            return rows.render(kept, values)

    def end(self) -> Iterator[bytes]:
        """The rest of the classified table."""
        with self._guard():
            yield from self._table.end()

    def remarks(self) -> Iterable[tuple[InputWarning, int]]:
        """Warnings about the table, each with a number of lines."""
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
        """Call foreign code, and record its exceptions."""
        try:
            return function()
        except Exception as error:
            self._fault = self._fault or error
            raise

    def _watched(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        stream = self._watch(lambda: iter(blocks))
        while (block := self._watch(lambda: next(stream, None))) is not None:
            yield block


def _nothing(_names: Sequence[str]) -> tuple[()]:
    """Carry no column."""
    return ()


def _opener(kind: Format) -> Opener:
    """The function that opens tables of a format; its libraries are imported with the first file."""
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
