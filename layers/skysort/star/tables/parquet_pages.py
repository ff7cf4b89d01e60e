"""What the pages of a Parquet file say of themselves, before Arrow unpacks one.

A page's header tells how large it is unpacked and how many values it holds; a few bytes can stand for gigabytes:
by compression, by runs of equal values, and by texts that a dictionary holds once and the rows many times.
Format: Apache Parquet (https://parquet.apache.org/docs/file-format/), parquet.thrift's PageHeader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import MIB, PARQUET_PAGES
from skysort.star.tables.thrift import Thrift

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from mmap import mmap

# A header holds the page's least and greatest value; Arrow reads headers of up to 16 MiB too.
_HEADER_BYTES: Final = 16 * MIB
# PageHeader's fields and kinds.
_KIND, _UNPACKED, _PACKED, _DATA, _DICTIONARY, _DATA_V2 = 1, 2, 3, 5, 7, 8
_DICTIONARY_PAGE: Final = 2
_DICTIONARY_ENCODINGS: Final = frozenset({2, 8})
_DELTA_BYTE_ARRAY: Final = 7


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    at: where its data begin in the file. packed, unpacked: their bytes. values: how many, nulls included.
    dictionary: whether it is a column's dictionary. indices: whether its values are places in that.
    prefixes: whether its texts are made of beginnings of those before them.
    """

    at: int
    packed: int
    unpacked: int
    values: int
    dictionary: bool
    indices: bool
    prefixes: bool


class PageCount:
    """Pages of one file, which have an end."""

    def __init__(self) -> None:
        self._pages = 0

    def add(self) -> None:
        """Count one; raises LimitExceededError beyond PARQUET_PAGES."""
        self._pages += 1
        if self._pages > PARQUET_PAGES:
            raise LimitExceededError(
                f"the Parquet file has more than {PARQUET_PAGES:,} pages; write it with larger ones"
            )


def pages(content: mmap, start: int, stop: int, values: int, counted: PageCount) -> Iterator[Page]:
    """The pages of one column in one row group.

    start, stop: where it lies. values: how many it has; Arrow looks for no page behind them. Raises
    MalformedInputError where a page's header is damaged or its data pass the end.
    """
    at, seen = start, 0
    if not 0 <= start <= stop <= len(content):
        raise MalformedInputError("the Parquet file is damaged: a column lies outside of it")
    while at < stop and seen < values:
        counted.add()
        page = _page(content, at)
        if page.at + page.packed > len(content):
            raise MalformedInputError("the Parquet file is damaged: a page lies outside of it")
        if not page.dictionary:
            seen += page.values
        at = page.at + page.packed
        yield page


def _page(content: mmap, at: int) -> Page:
    reader = Thrift(content, at, min(at + _HEADER_BYTES, len(content)))
    header = reader.struct()
    kind = header.get(_KIND)
    body: Mapping[int, Any] = header.get(_DICTIONARY) or header.get(_DATA) or header.get(_DATA_V2) or {}
    version_2 = _DATA_V2 in header
    encoding = body.get(4 if version_2 else 2)
    sizes = (header.get(_PACKED), header.get(_UNPACKED), body.get(1, 0))
    if not all(isinstance(size, int) and size >= 0 for size in sizes):
        raise MalformedInputError("the Parquet file is damaged: a page has no size")
    packed, unpacked, values = sizes
    return Page(
        reader.at,
        int(packed or 0),
        int(unpacked or 0),
        int(values or 0),
        kind == _DICTIONARY_PAGE,
        encoding in _DICTIONARY_ENCODINGS and kind != _DICTIONARY_PAGE,
        encoding == _DELTA_BYTE_ARRAY,
    )
