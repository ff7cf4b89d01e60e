"""CSV in ranges of whole rows, plain or in several gzip members.

A part reads the beginning of the file as far as the planner did, which gives it the same head and dialect, and its own
range of rows. Gzipped, ranges begin at members, whose first bytes may be the end of a row of the member before: the
dialect of a slice says how many unpacked bytes it leaves to the slice before, and takes from the one behind it.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from skysort.bulk.manifest import Slice
from skysort.bulk.store import blocks, changed
from skysort.bulk.tables.row_starts import RowStarts
from skysort.errors import EmptyInputError, InputError, LimitExceededError, MalformedInputError
from skysort.gzip_stream import GZIP, beginning, gunzip
from skysort.limits import BULK_UNSPLIT_BYTES, GZIP_MEMBERS, MIB
from skysort.star.tables.csv.dialect import HEAD_BYTES, read_head
from skysort.star.tables.header import columns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from skysort.bulk.store import Planned, SourceStore
    from skysort.bulk.tables.needs import Needs
    from skysort.star.tables.csv.dialect import Head

CSV: Final = "csv"
CSV_GZIP: Final = "csv.gz"
# Most heads lie in the first bytes; the windows in which beginnings of rows are looked for.
_HEAD: Final = 256 * 1024
_WINDOWS: Final = (64 * 1024, 256 * 1024, 1 * MIB, 4 * MIB)
# Unpacked bytes that show that a member begins somewhere, unless it ends before.
_SHOWN: Final = 64 * 1024
# A member: magic number, deflate, and flags of which three are reserved.
_MEMBER: Final = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]", re.DOTALL)
# Members unpack to several times their bytes.
_PACKED: Final = 4
_TAIL_BYTES: Final = 256 * 1024
_GZIP_BITS: Final = 31
_DIALECT_CHARACTERS: Final = 60
# Positions after which a file without a boundary counts as one that has none.
_TRIED: Final = 8
_NO_ROWS: Final = "the table has a header but no rows"
# Runs a function over many positions, at once or one after the other, and gives the results in order.
Map: TypeAlias = "Callable[[Callable[[int], Boundary | None], Iterable[int]], Iterable[Boundary | None]]"


@dataclass(frozen=True, slots=True, order=True)
class Boundary:
    """Where a slice begins: at a byte of the file; skip: unpacked bytes there that belong to the slice before."""

    start: int
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a slice of a gzipped CSV says beside its range.

    sampled: unpacked bytes of the file's beginning that have its head. skip, tail: unpacked bytes that the slice leaves
    to the one before, and takes from the one behind it.
    """

    sampled: int
    skip: int
    tail: int

    def __str__(self) -> str:
        """As a slice has it."""
        return f"{self.sampled} {self.skip} {self.tail}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse a slice's dialect; raises MalformedInputError."""
        numbers = text[:_DIALECT_CHARACTERS].split(" ")
        match [int(number) for number in numbers if number.isdecimal() and number.isascii()]:
            case [sampled, skip, tail]:
                return cls(sampled, skip, tail)
        raise MalformedInputError("the slice of a gzipped CSV does not say where its rows begin")


def split(sources: SourceStore, obj: Planned, needs: Needs, target: int, at_once: Map) -> list[Slice]:
    """The slices of a CSV of about target bytes; raises InputError for a table that lacks what is needed."""
    head, _ = _head(obj, needs, lambda size: sources.read(obj, 0, size))
    if head.stop >= obj.size:
        raise EmptyInputError(_NO_ROWS)
    starts = RowStarts(head.delimiter, len(head.names))

    def find(position: int) -> Boundary | None:
        for window, last in _windows(sources, obj, position):
            start = starts.find(window, last=last)
            if start is not None:
                return Boundary(position + start)
        return None

    bounds = _found(find, _positions(head.stop, obj.size, target), at_once)
    return _slices(obj, CSV, [Boundary(head.stop), *bounds], head.sampled, lambda _bound, _tail: "")


def split_gzip(sources: SourceStore, obj: Planned, needs: Needs, target: int, at_once: Map) -> list[Slice]:
    """The slices of a gzipped CSV; raises InputError as split does, and for one large member."""
    packed = 0

    def unpacked(size: int) -> bytes:
        nonlocal packed
        packed = size
        return beginning(sources.read(obj, 0, size), HEAD_BYTES, GZIP_MEMBERS)

    head, is_whole = _head(obj, needs, unpacked)
    if is_whole and head.stop >= head.sampled:
        raise EmptyInputError(_NO_ROWS)
    starts = RowStarts(head.delimiter, len(head.names))

    def find(position: int) -> Boundary | None:
        for window, last in _windows(sources, obj, position):
            if bound := _in_member(window, starts, last=last):
                return Boundary(position + bound.start, bound.skip)
        return None

    bounds = _found(find, _positions(0, obj.size, max(1, target // _PACKED)), at_once)
    if obj.size > BULK_UNSPLIT_BYTES and not bounds:
        raise LimitExceededError(
            f"the file is gzipped in one piece of {obj.size // MIB:,} MiB, which one part would have to read alone, up "
            f"to {BULK_UNSPLIT_BYTES // MIB:,} MiB: compress it with bgzip, or unpack it"
        )

    def dialect(bound: Boundary, tail: int) -> str:
        return str(Dialect(head.sampled, bound.skip, tail))

    return _slices(obj, CSV_GZIP, [Boundary(0, head.stop), *bounds], packed, dialect)


def read(sources: SourceStore, part: Slice) -> tuple[bytes, Iterator[bytes]]:
    """The beginning of the file that decides how it is read, and the rows of a slice.

    Parameters
    ----------
    sources, part
        The slice of a CSV.

    Returns
    -------
    Both; reading the rows raises SourceChangedError, and MalformedInputError where gzip is damaged.

    Raises
    ------
    SourceChangedError
        If the object is another by now.
    MalformedInputError
        For a slice that no planner made.
    """
    content = sources.read(part, 0, part.head)
    if part.format == CSV:
        return content, blocks(sources, part, part.start, part.end)
    about = Dialect.read(part.dialect)
    rows = _from(gunzip(blocks(sources, part, part.start, part.end)), about.skip)
    if about.tail:
        behind = gunzip(blocks(sources, part, part.end, part.size, _TAIL_BYTES))
        rows = chain(rows, _first(behind, about.tail))
    return beginning(content, about.sampled, GZIP_MEMBERS), rows


def _windows(sources: SourceStore, obj: Planned, position: int) -> Iterator[tuple[bytes, bool]]:
    """Larger and larger windows behind a position, and whether the file ends with them."""
    for size in _WINDOWS:
        wanted = min(size, obj.size - position)
        window = sources.read(obj, position, wanted)
        if len(window) < wanted:
            raise changed(obj.source)
        yield window, position + wanted == obj.size
        if wanted < size:
            return


def _in_member(window: bytes, starts: RowStarts, *, last: bool) -> Boundary | None:
    """The first member that begins in a window and in whose text a row surely begins."""
    for match in _MEMBER.finditer(window):
        text = _text(window[match.start() :], last=last)
        start = text and starts.find(text, last=last and len(text) < _WINDOWS[-1])
        if start:
            return Boundary(match.start(), start)
    return None


def _text(packed: bytes, *, last: bool) -> bytes:
    """What a member and those behind it unpack to, up to some MiB; empty if none surely begins there."""
    member = zlib.decompressobj(_GZIP_BITS)
    try:
        shown = member.decompress(packed, _SHOWN)
        if member.eof and not member.unused_data.lstrip(b"\0").startswith(GZIP) and member.unused_data.strip(b"\0"):
            return b""
        if not member.eof and (len(shown) < _SHOWN or last):
            return b"" if len(shown) < _SHOWN else beginning(packed, _WINDOWS[-1], GZIP_MEMBERS)
        return beginning(packed, _WINDOWS[-1], GZIP_MEMBERS)
    except (zlib.error, InputError):
        return b""


def _found(find: Callable[[int], Boundary | None], positions: range, at_once: Map) -> list[Boundary]:
    """The boundaries near some positions, in order; none if there is none near the first ones."""
    first = list(at_once(find, positions[:_TRIED]))
    if not any(first):
        return []
    bounds = sorted([*filter(None, first), *filter(None, at_once(find, positions[_TRIED:]))], reverse=True)
    # Two searches may end in one gzip member, each sure of another row of it: the first of these counts.
    return sorted({bound.start: bound for bound in bounds}.values())


def _positions(start: int, size: int, target: int) -> range:
    """Where slices should begin, behind the first one: all are about as large."""
    pieces = max(1, round((size - start) / target))
    step = -(-(size - start) // pieces)
    return range(start + step, size, step)


def _slices(
    obj: Planned, kind: str, bounds: list[Boundary], head: int, dialect: Callable[[Boundary, int], str]
) -> list[Slice]:
    ends = [*bounds[1:], Boundary(obj.size)]
    slices = []
    for number, (bound, end) in enumerate(zip(bounds, ends, strict=True)):
        size = end.start - bound.start
        if size > BULK_UNSPLIT_BYTES:
            raise LimitExceededError(
                f"the {size // MIB:,} MiB behind byte {bound.start:,} cannot be split, since no row surely begins "
                f"there; one part reads up to {BULK_UNSPLIT_BYTES // MIB:,} MiB: look for a stray quote"
            )
        slices.append(
            Slice(
                obj.source,
                obj.etag,
                obj.size,
                kind,
                bound.start,
                end.start,
                size + head,
                slice=number,
                head=head,
                version=obj.version,
                dialect=dialect(bound, end.skip),
            )
        )
    return slices


def _head(obj: Planned, needs: Needs, beginning_of: Callable[[int], bytes]) -> tuple[Head, bool]:
    """Read the head of a table.

    Parameters
    ----------
    obj, needs
        The table, and the columns that it needs.
    beginning_of
        The text in so many first bytes of the file.

    Returns
    -------
    The head, and whether it was found in all that the file has.

    Raises
    ------
    InputError
        If there is none, or a column is missing.
    """
    for size in (_HEAD, HEAD_BYTES):
        is_whole = size >= obj.size
        content = beginning_of(min(size, obj.size))
        try:
            head, _ = read_head([content], needs.schema)
        except InputError:
            if is_whole or size == HEAD_BYTES:
                raise
            continue
        # A row that the bytes end in may be cut.
        if is_whole or size == HEAD_BYTES or head.sampled < len(content):
            break
    columns_of(head)
    needs.beside(head.names)
    # Whoever reads the sample alone has to come to the same head.
    same, _ = read_head([content[: head.sampled]], needs.schema)
    return (head if same == head else replace(head, sampled=len(content))), is_whole


def _from(pieces: Iterable[bytes], skip: int) -> Iterator[bytes]:
    """What follows some bytes."""
    for piece in pieces:
        if skip < len(piece):
            yield piece[skip:]
        skip = max(0, skip - len(piece))


def _first(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Some bytes; raises MalformedInputError if there are fewer."""
    for piece in pieces:
        yield piece[:size]
        size -= len(piece)
        if size <= 0:
            return
    raise MalformedInputError("the gzipped table ends in the middle of a row")
