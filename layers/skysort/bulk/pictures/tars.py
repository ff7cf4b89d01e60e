"""Pictures in tar archives: the headers are read, cut between members, and a slice with an end is itself a tar.

A compressed tar is one slice.
"""

from __future__ import annotations

from contextlib import closing
from itertools import chain
from typing import IO, TYPE_CHECKING, Final, NamedTuple, cast

from skysort.bulk.manifest import Slice
from skysort.bulk.pictures.picture import SLICE_BYTES, Picture, dialect, told, too_large
from skysort.bulk.store import blocks, changed
from skysort.drop.files import fetched
from skysort.errors import EmptyInputError, LimitExceededError, UnsupportedFormatError
from skysort.guard import reading
from skysort.limits import (
    BULK_PART_PICTURES,
    BULK_TAR_BYTES,
    BULK_UNSPLIT_BYTES,
    IMAGE_BYTES,
    MIB,
)
from skysort.pictures.bodies import archive
from skysort.pictures.bodies.archive import BoundedFile, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysort.bulk.store import SourceObject, SourceStore

_BLOCK: Final = 512
# What follows the last member.
_CLOSED: Final = bytes(2 * _BLOCK)
# Global headers that change no member; git archive writes one.
_HARMLESS: Final = frozenset({"comment"})
# Headers are read in the least blocks where members are larger than the gap, which a request takes as long as; else
# everything is read, in ever larger blocks.
_LEAST, _GAP, _MOST = 16 * 1024, 2 * MIB, 8 * MIB
_NO_BOUND: Final = 2**63  # what is not packed does not expand


class _Member(NamedTuple):
    """A member: its bytes with all its headers. name: None for folders and system files. size: of its content."""

    start: int
    end: int
    name: str | None
    size: int


def split(sources: SourceStore, obj: SourceObject) -> Iterator[Slice]:
    """The slices of an uncompressed archive.

    Parameters
    ----------
    sources, obj
        The archive, of which the headers are read: all of it if its members are small.

    Yields
    ------
    Slices from member to member. One that is too large to be a picture is one of its own, which is not read.

    Raises
    ------
    MalformedInputError
        If a header is damaged.
    LimitExceededError
        If the archive or a header is too large.
    UnsupportedFormatError
        If a header is about all members that follow.
    EmptyInputError
        If the archive has no files.
    """
    if obj.size > BULK_TAR_BYTES:
        raise LimitExceededError(
            f"a tar archive may have up to {BULK_TAR_BYTES // MIB:,} MiB, since all of its headers are read; this one "
            f"has {obj.size // MIB:,} MiB: pack the pictures into several, or into a zip"
        )
    number = files = start = end = count = 0

    def made(**about: object) -> Slice:
        size = 0 if about else end - start
        return Slice(
            obj.source, obj.etag, obj.size, str(Kind.TAR), start, end, size, number, count, version=obj.version,
            dialect=dialect(**about) if about else "",
        )  # fmt: skip

    for member in _members(sources, obj):
        large = member.name is not None and member.size > IMAGE_BYTES
        full = count >= BULK_PART_PICTURES or member.end - start > SLICE_BYTES or large
        if full and end > start:
            if count:
                yield made()
                number += 1
            start, count = member.start, 0
        end = member.end
        if member.name is not None:
            count += 1
            files += 1
        if large:
            yield made(name=member.name, too_large=member.size)
            number, start, count = number + 1, end, 0
    if count:
        yield made()
    if not files:
        raise EmptyInputError("the tar archive contains no files; add pictures to it")


def split_packed(obj: SourceObject, kind: Kind) -> Iterator[Slice]:
    """The one slice of a compressed archive; raises LimitExceededError for one that is too large for a part."""
    if obj.size > BULK_UNSPLIT_BYTES:
        raise LimitExceededError(
            f"a {kind} archive cannot be read in pieces and may have up to {BULK_UNSPLIT_BYTES // MIB:,} MiB; this one "
            f"has {obj.size // MIB:,} MiB: pack the pictures into a zip, or into a tar without compression"
        )
    yield Slice(obj.source, obj.etag, obj.size, str(kind), 0, obj.size, obj.size, version=obj.version)


def pictures(sources: SourceStore, part: Slice) -> Iterator[Picture]:
    """The pictures of a slice; raises what skysort.pictures.bodies.archive.members does, and SourceChangedError."""
    if part.dialect:
        about = told(part)
        yield Picture(about["name"], too_large(about["too_large"]))
        return
    kind = Kind(part.format)
    content = blocks(sources, part, part.start, part.end)
    closed = chain(content, [_CLOSED]) if kind is Kind.TAR else content
    with fetched(closed, part.end - part.start + len(_CLOSED)) as path:
        for member in archive.members(path, kind):
            if member.content is not None:
                yield Picture(member.name, member.content)


def _members(sources: SourceStore, obj: SourceObject) -> Iterator[_Member]:
    with reading("the tar archive"), closing(BoundedFile(cast("IO[bytes]", _Headers(sources, obj)), _NO_BOUND)) as file:
        for entry, shown, archived in archive.tar_entries(file):
            if set(archived.pax_headers) - _HARMLESS:
                raise UnsupportedFormatError(
                    "the tar archive has a header about all members that follow, with "
                    f"{', '.join(sorted(archived.pax_headers))!r:.100}; pack the pictures again without"
                )
            yield _Member(entry.offset, archived.offset, shown and archive.safe_name(shown), entry.size)


class _Headers:
    """A tar as a file, of which little more than the headers is read."""

    def __init__(self, sources: SourceStore, obj: SourceObject) -> None:
        self._sources = sources
        self._obj = obj
        self._position = 0
        self._start = 0
        self._block = b""
        self._size = _LEAST

    def read(self, size: int = -1) -> bytes:
        """Read up to size bytes."""
        end = self._obj.size if size < 0 else min(self._obj.size, self._position + size)
        if end <= self._position:
            return b""
        if not self._start <= self._position <= end <= self._start + len(self._block):
            self._fetch(end - self._position)
        content = self._block[self._position - self._start : end - self._start]
        self._position = end
        return content

    def _fetch(self, size: int) -> None:
        skipped = self._position - self._start - len(self._block)
        self._size = min(_MOST, 2 * self._size) if self._block and 0 <= skipped <= _GAP else _LEAST
        wanted = min(max(size, self._size), self._obj.size - self._position)
        self._start, self._block = self._position, self._sources.read(self._obj, self._position, wanted)
        if len(self._block) < wanted:
            raise changed(self._obj.source)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek from the start."""
        if whence:
            raise OSError("only positions from the start are known")
        self._position = offset
        return offset

    def tell(self) -> int:
        """The position."""
        return self._position

    def seekable(self) -> bool:
        """Whether it can seek."""
        return True

    def close(self) -> None:
        """Nothing to close."""
