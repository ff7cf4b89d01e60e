"""Detection of a table's format by its first bytes."""

from __future__ import annotations

from codecs import BOM_UTF8
from enum import StrEnum
from typing import Final

from skysort.errors import UnsupportedFormatError
from skysort.gzip_stream import GZIP
from skysort.star.tables.csv.cells import is_utf_16

HEAD_BYTES: Final = 4096
READABLE: Final = "drop a CSV, FITS, VOTable, Parquet, ECSV or IPAC table, plain or gzipped"


class Format(StrEnum):
    """The supported table formats."""

    CSV = "csv"
    FITS = "fits"
    VOTABLE = "votable"
    PARQUET = "parquet"
    ECSV = "ecsv"
    IPAC = "ipac"


_NAMES: Final = {
    Format.FITS: "a FITS file",
    Format.VOTABLE: "a VOTable",
    Format.PARQUET: "a Parquet file",
    Format.ECSV: "an ECSV table",
    Format.IPAC: "an IPAC table",
}
_ECSV: Final = b"# %ECSV "
_IPAC_TYPES: Final = frozenset(
    {"int", "i", "integer", "long", "l", "double", "d", "float", "f", "real", "r", "char", "c", "date", ""}
)
_NAMES_AND_TYPES: Final = 2

_PICTURES: Final = {
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG\r\n": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
}
_OTHERS: Final = {
    **_PICTURES,
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"%PDF": "a PDF document",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\x04\x22\x4d\x18": "compressed with LZ4",
    b"\x1f\x9d": "compressed with compress (.Z)",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF\r\n": "an HDF5 file",
    b"\xff\xfe": "UTF-16 text, which should be saved as UTF-8",
    b"\xfe\xff": "UTF-16 text, which should be saved as UTF-8",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"SQLite format 3": "an SQLite database",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"ARROW1": "an Arrow IPC file",
    GZIP: "compressed with gzip twice",
}
# Control characters other than tab, line feed, carriage return and form feed: a text may have a stray one, not many.
_CONTROLS: Final = bytes(set(range(32)) - {9, 10, 12, 13})
_CONTROLS_IN_TEXT: Final = 0.3


def detect(head: bytes) -> Format:
    """The format of a file by its first decompressed bytes; raises UnsupportedFormatError, naming other formats."""
    for magic, description in _OTHERS.items():
        if head.startswith(magic):
            raise UnsupportedFormatError(f"the file is {description}; {READABLE}")
    if head.startswith(b"SIMPLE  ="):
        return Format.FITS
    if head.startswith(b"PAR1"):
        return Format.PARQUET
    start = head.removeprefix(BOM_UTF8).lstrip()
    if start.startswith(b"<"):
        if b"VOTABLE" in head.upper():
            return Format.VOTABLE
        raise UnsupportedFormatError(f"the file is XML or HTML without a VOTABLE element; {READABLE}")
    if start.startswith((b"{", b"[")):
        raise UnsupportedFormatError(f"the file looks like JSON; {READABLE}")
    return _of_text(head)


def name_of(head: bytes) -> str | None:
    """A description of bytes that are neither CSV nor JSON; None if they may be."""
    for magic, description in {**_OTHERS, GZIP: "compressed with gzip"}.items():
        if head.startswith(magic):
            return description
    try:
        return _NAMES.get(detect(head))
    except UnsupportedFormatError:
        return None


def _of_text(head: bytes) -> Format:
    """The format of a text table; raises UnsupportedFormatError for content that is not text."""
    if is_utf_16(head):
        raise UnsupportedFormatError(f"the file is UTF-16 text, which should be saved as UTF-8; {READABLE}")
    if b"\0" in head or len(head) - len(head.translate(None, _CONTROLS)) > _CONTROLS_IN_TEXT * len(head):
        raise UnsupportedFormatError(f"the file holds binary data of an unknown kind; {READABLE}")
    head = head.removeprefix(BOM_UTF8)
    if head.startswith(_ECSV):
        return Format.ECSV
    return Format.IPAC if _is_ipac(head) else Format.CSV


def _is_ipac(head: bytes) -> bool:
    """Whether a table starts with lines of names and types between bars, after any keyword lines (backslashes)."""
    # A CSV may have bars as delimiters, even at both ends; then its rows have them too.
    lines = [line.strip() for line in head.splitlines() if line.strip() and not line.startswith(b"\\")]
    if head.startswith(b"\\") and not lines:
        # The archives write some kilobytes of keywords.
        return True
    bars = [line for line in lines[:2] if line.startswith(b"|") and line.endswith(b"|")]
    if len(bars) == _NAMES_AND_TYPES:
        return {cell.strip().decode("latin-1").lower() for cell in bars[1].strip(b"|").split(b"|")} <= _IPAC_TYPES
    return len(bars) == 1 and len(lines) > 1 and bars[0] == lines[0] and b"|" not in lines[1]
