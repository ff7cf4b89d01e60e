"""The reader of each format, behind the guard: whatever it stumbles over in a file is that file's problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skysort.errors import SkysortError
from skysort.guard import reading
from skysort.star.tables.detect import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from skysort.drop.files import Sink
    from skysort.star.tables.rows import RowClassifier

    Reader = Callable[[Iterator[bytes], RowClassifier, Sink], None]

NAMES: Final = {
    Format.CSV: "the CSV",
    Format.FITS: "the FITS table",
    Format.VOTABLE: "the VOTable",
    Format.PARQUET: "the Parquet table",
    Format.ECSV: "the ECSV table",
    Format.IPAC: "the IPAC table",
}


def read_table(kind: Format, blocks: Iterable[bytes], rows: RowClassifier, sink: Sink) -> None:
    """Read a table of a known format, classify its rows and write it with the appended columns.

    Raises InputError for whatever is wrong with the file. What the model, the sink or the blocks' source raises
    passes as it is: it is not the file's fault. ImportError says that a format's library is not installed.
    """
    reader = _reader(kind)
    try:
        with reading(NAMES[kind]):
            reader(rows.outside.blocks(blocks), rows, rows.outside.sink(sink))
    except SkysortError:
        if rows.outside.fault is not None:
            raise rows.outside.fault from None
        raise


def _reader(kind: Format) -> Reader:
    """What reads a format; its libraries are imported when the first file of the format arrives."""
    if kind is Format.CSV:
        from skysort.star.tables.csv_table import classify_csv as reader  # noqa: PLC0415
    elif kind is Format.FITS:
        from skysort.star.tables.fits import classify_fits as reader  # noqa: PLC0415
    elif kind is Format.VOTABLE:
        from skysort.star.tables.votable import classify_votable as reader  # noqa: PLC0415
    elif kind is Format.ECSV:
        from skysort.star.tables.ecsv import classify_ecsv as reader  # noqa: PLC0415
    elif kind is Format.IPAC:
        from skysort.star.tables.ipac import classify_ipac as reader  # noqa: PLC0415
    else:
        from skysort.star.tables.parquet import classify_parquet as reader  # noqa: PLC0415
    return reader
