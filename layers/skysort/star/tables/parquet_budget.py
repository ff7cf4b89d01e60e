"""The memory that a Parquet file needs, and the number of rows to read at a time.

Computed from the page headers alone, before Arrow decompresses anything: they have the decompressed size and number of
values of each page. Arrow holds, for every column, one page and the dictionary decompressed, and the values of the rows
being read. A few bytes can expand to gigabytes: by compression, by runs of equal values, and by dictionary texts that
many rows repeat.

Format: Apache Parquet (https://parquet.apache.org/docs/file-format/), parquet.thrift's PageHeader.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import MIB, PARQUET_BATCH_BYTES, PARQUET_LIST_BYTES, PARQUET_PAGE_BYTES, PARQUET_PAGES
from skysort.star.tables.parquet_footer import Struct, Thrift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from skysort.star.tables.parquet_footer import Chunk, Footer


# Overhead per value: an offset, a validity bit, levels, and Arrow's wider types.
_BESIDE: Final = 16
# Parquet's LZ4 comes in several frames.
_UNPACKED_HERE: Final = frozenset({"snappy", "gzip", "brotli", "zstd"})
# Shorter dictionaries need no inspection.
_SHORT: Final = 512
_LENGTH: Final = struct.Struct("<I")
# A header has the page's minimum and maximum; Arrow reads headers of up to 16 MiB too.
_HEADER_BYTES: Final = 16 * MIB
# Fields and types of PageHeader.
_KIND, _UNPACKED, _PACKED, _DATA, _DICTIONARY, _DATA_V2 = 1, 2, 3, 5, 7, 8
_DICTIONARY_PAGE: Final = 2
_DICTIONARY_ENCODINGS: Final = frozenset({2, 8})
_DELTA_BYTE_ARRAY: Final = 7


@dataclass(frozen=True, slots=True)
class Need:
    """The memory of one column in one row group.

    a_row: maximum bytes per row, where the pages bound it. spread: rows and bytes of the pages that only bound the
    total of their texts. lists: bytes of all values of a column of lists. held: its largest page and its dictionary.
    """

    a_row: int
    spread: tuple[tuple[int, int], ...]
    lists: int
    held: int


@dataclass(slots=True)
class Batches:
    """Row groups that are read together, and the number of rows to read at a time.

    size: bytes of all their rows.
    """

    groups: list[int]
    rows: int
    total: int
    size: int


def batches(path: Path, footer: Footer, max_rows: int, check: Callable[[], object] = bool) -> list[Batches]:
    """Plan the reading of a file: at most max_rows rows, and PARQUET_BATCH_BYTES, at a time.

    Parameters
    ----------
    path, footer
        The file.
    max_rows
        Maximum rows at a time.
    check
        Called between columns; raises after the deadline.

    Returns
    -------
    The row groups in order; small ones are joined, since Arrow reads on into the next one.

    Raises
    ------
    LimitExceededError
        Where pages, lists or a few rows need more memory than limits.py allows.
    MalformedInputError
        Where pages are damaged.
    """
    counted = count()
    joined: list[Batches] = []
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for number, group in enumerate(footer.groups, start=footer.first):
            needs = []
            for chunk in group.chunks:
                check()
                needs.append(_need(content, chunk, counted))
            _check(needs)
            batch = Batches([number], _rows(needs, max_rows), group.rows, _total_size(needs, group.rows))
            last = joined[-1] if joined else None
            if last and last.total + batch.total <= max_rows and last.size + batch.size <= PARQUET_BATCH_BYTES:
                last.groups.append(number)
                last.total += batch.total
                last.size += batch.size
            else:
                joined.append(batch)
    return joined


def _total_size(needs: Sequence[Need], rows: int) -> int:
    return sum(rows * need.a_row + need.lists + sum(size for _, size in need.spread) for need in needs)


def _check(needs: Sequence[Need]) -> None:
    held, lists = sum(need.held for need in needs), sum(need.lists for need in needs)
    if held > PARQUET_PAGE_BYTES:
        raise LimitExceededError(
            f"the Parquet file's pages and dictionaries take {held // MIB:,} MiB together; at most "
            f"{PARQUET_PAGE_BYTES // MIB:,} MiB are unpacked at a time: write it with smaller row groups"
        )
    if lists > PARQUET_LIST_BYTES:
        raise LimitExceededError(
            f"the lists in one row group of the Parquet file take {lists // MIB:,} MiB; at most "
            f"{PARQUET_LIST_BYTES // MIB:,} MiB are unpacked at a time: write it with smaller row groups"
        )


def _rows(needs: Sequence[Need], max_rows: int) -> int:
    a_row = sum(need.a_row for need in needs)
    rows = min(max_rows, PARQUET_BATCH_BYTES // max(1, a_row))
    spread = [need.spread for need in needs if need.spread]
    while rows and rows * a_row + sum(_largest(column, rows) for column in spread) > PARQUET_BATCH_BYTES:
        rows //= 2
    if not rows:
        raise LimitExceededError(
            f"a few rows of the Parquet table take more than {PARQUET_BATCH_BYTES // MIB:,} MiB: leave the columns of "
            "long texts out, or write it with smaller pages"
        )
    return rows


def _largest(spread: Sequence[tuple[int, int]], rows: int) -> int:
    """The maximum bytes of the pages of so many consecutive rows."""
    lengths, sizes = np.array(spread, np.int64).T
    ends, total = np.cumsum(lengths), np.concatenate([[0], np.cumsum(sizes)])
    # The worst start is a page's last row.
    last = np.searchsorted(ends - lengths, ends - 1 + rows)
    return int((total[last] - total[:-1]).max())


def _need(content: mmap.mmap, chunk: Chunk, counted: Iterator[int]) -> Need:
    sizes = _Sizes(chunk)
    for page in pages(content, chunk.start, chunk.stop, chunk.values, counted):
        sizes.add(page, content)
    return sizes.need()


class _Sizes:
    """Adds up the pages of one column in one row group."""

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self._text = chunk.leaf.width == 0
        self._width = _BESIDE + chunk.leaf.width
        self._longest = 0
        self._dictionary = 0
        self._page = 0
        self._a_row = 0
        self._lists = 0
        self._spread: list[tuple[int, int]] = []

    def add(self, page: Page, content: mmap.mmap) -> None:
        """Add a page; in a dictionary of texts the longest is determined."""
        if page.dictionary:
            # Minimum bytes per value in the page; Arrow allocates as many values as the header declares.
            least = _LENGTH.size if self._text else self._width - _BESIDE
            if page.values * least > max(page.unpacked, 1):
                raise MalformedInputError("the Parquet file is damaged: a dictionary has more values than bytes")
            self._dictionary += page.unpacked + page.values * _BESIDE
            if self._text:
                self._longest = max(self._longest, _longest(page, content, self._chunk.codec))
            return
        self._page = max(self._page, page.unpacked)
        size = page.unpacked + page.values * _BESIDE
        if not self._text:
            a_value = self._width
        elif page.indices:
            a_value = _BESIDE + self._longest
        elif page.prefixes:
            a_value = _BESIDE + page.unpacked
        else:
            self._spread.append((page.values, size))
            self._lists += size
            return
        self._a_row = max(self._a_row, a_value)
        self._lists += a_value * page.values

    def need(self) -> Need:
        """The column's memory."""
        held = self._page + self._dictionary
        if self._chunk.leaf.repeated:
            return Need(0, (), self._lists, held)
        return Need(self._a_row, tuple(self._spread), 0, held)


def _longest(page: Page, content: mmap.mmap, codec: str) -> int:
    """The length of a dictionary's longest text; the dictionary's size where its codec is not supported here."""
    if page.unpacked <= _SHORT or page.unpacked > PARQUET_PAGE_BYTES:
        return page.unpacked
    packed = content[page.start : page.start + page.packed]
    if codec == "none":
        data = memoryview(packed)
    elif codec in _UNPACKED_HERE:
        data = memoryview(pa.decompress(packed, page.unpacked, codec))
    else:
        return page.unpacked
    return max(_lengths(data, page.values), default=0)


def _lengths(data: memoryview, values: int) -> Iterator[int]:
    """The length prefixes of the texts in a page."""
    offset = 0
    for _ in range(values):
        if offset + _LENGTH.size > len(data):
            return
        (length,) = _LENGTH.unpack_from(data, offset)
        yield min(length, len(data))
        offset += _LENGTH.size + length


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    start: offset of its data in the file. packed, unpacked: its compressed and decompressed bytes. values: their
    number, including nulls. dictionary: whether it is a column's dictionary. indices: whether its values are indices
    into that. prefixes: whether its texts are delta-encoded by common prefixes.
    """

    start: int
    packed: int
    unpacked: int
    values: int
    dictionary: bool
    indices: bool
    prefixes: bool


def pages(content: mmap.mmap, start: int, stop: int, values: int, counted: Iterator[int]) -> Iterator[Page]:
    """The pages of a column between start and stop; raises MalformedInputError for damaged ones."""
    # Arrow reads no pages after the last value.
    offset, values_read = start, 0
    if not 0 <= start <= stop <= len(content):
        raise MalformedInputError("the Parquet file is damaged: a column is outside the file")
    while offset < stop and values_read < values:
        if next(counted) >= PARQUET_PAGES:
            raise LimitExceededError(
                f"the Parquet file has more than {PARQUET_PAGES:,} pages; write it with larger ones"
            )
        page = _page(content, offset)
        if page.start + page.packed > len(content):
            raise MalformedInputError("the Parquet file is damaged: a page is outside the file")
        if not page.dictionary:
            values_read += page.values
        offset = page.start + page.packed
        yield page


def _page(content: mmap.mmap, offset: int) -> Page:
    reader = Thrift(content, offset, min(offset + _HEADER_BYTES, len(content)))
    header = reader.struct()
    dictionary = header.number(_KIND, 0) == _DICTIONARY_PAGE
    version_2 = header.struct(_DATA_V2)
    body = header.struct(_DICTIONARY) or header.struct(_DATA) or version_2 or Struct()
    encoding = body.get(4 if version_2 is not None else 2)
    return Page(
        reader.offset,
        header.number(_PACKED),
        header.number(_UNPACKED),
        body.number(1, 0),
        dictionary,
        encoding in _DICTIONARY_ENCODINGS and not dictionary,
        encoding == _DELTA_BYTE_ARRAY,
    )
