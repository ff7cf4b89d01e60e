"""The bytes of a row in tables of text whose rows nobody has counted, told by the lines of a sample."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skysort.bulk.manifest import Slice
    from skysort.bulk.store import SourceStore

_SAMPLE_BYTES: Final = 256 * 1024
_MOST_TEXT: Final = 16 * _SAMPLE_BYTES
_GZIP: Final = ".gz"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
# What there is once for every row.
_ROW: Final = {"csv": b"\n", "ecsv": b"\n", "ipac": b"\n", "votable": b"<TR"}


def bytes_a_row(sources: SourceStore, slices: Iterable[Slice]) -> float | None:
    """The bytes of a row, as they are in the object: compressed ones where it is.

    Parameters
    ----------
    sources
        Where the slices are.
    slices
        Some of those whose rows are not known.

    Returns
    -------
    None if there is no row in their samples, or no such slice of text.
    """
    read, rows = 0, 0
    for each in slices:
        mark = _ROW.get(each.format.removesuffix(_GZIP))
        if mark is None or each.rows is not None:
            continue
        sample = sources.read(each, each.start, min(_SAMPLE_BYTES, each.end - each.start))
        text = sample
        if each.format.endswith(_GZIP):
            text, used = _unpacked(sample)
            sample = sample[:used]
        read += len(sample)
        rows += text.count(mark)
    return round(read / rows, 3) if rows else None


def _unpacked(sample: bytes) -> tuple[bytes, int]:
    """The text of the beginning of a gzip stream, and how many bytes of it that took."""
    text, rest = b"", sample
    while rest and len(text) < _MOST_TEXT:
        member = zlib.decompressobj(_GZIP_WINDOW)
        try:
            text += member.decompress(rest, _MOST_TEXT - len(text))
        except zlib.error:  # whoever reads the slice says what is wrong with it
            break
        rest = member.unconsumed_tail or member.unused_data
        if not member.eof:
            break
    return text, len(sample) - len(rest)
