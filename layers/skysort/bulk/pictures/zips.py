"""Pictures in zip archives: the directory is read, cut where its members make a slice, and a slice is a small zip.

Format: APPNOTE 6.3.10. What is wrong with a member, and what it is called, is for skysort.pictures.bodies.archive to
say, which reads every slice.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from skysort.bulk.manifest import Slice
from skysort.bulk.pictures.picture import SLICE_BYTES, Picture, dialect, told, too_large
from skysort.bulk.store import blocks, changed
from skysort.drop.files import fetched
from skysort.errors import EmptyInputError, LimitExceededError, MalformedInputError
from skysort.limits import (
    ARCHIVE_DIRECTORY_BYTES,
    BULK_DIRECTORY_BYTES,
    BULK_PART_PICTURES,
    IMAGE_BYTES,
    MIB,
)
from skysort.pictures.bodies import archive
from skysort.pictures.bodies.archive import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysort.bulk.store import SourceObject, SourceStore

# The end of the directory (4.3.16): its signature, size, and the offsets of the directory's size and position.
_END, _END_BYTES, _SIZES = b"PK\x05\x06", 22, 12
_COMMENT_BYTES: Final = 65_535
# The record of an archive beyond 4 GiB and its locator (4.3.14, 4.3.15).
_END_64, _END_64_BYTES, _SIZES_64 = b"PK\x06\x06", 56, 40
_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20
# An entry of the directory (4.3.12): signature, fixed size, and where its fields are.
_ENTRY, _ENTRY_BYTES = b"PK\x01\x02", 46
_PACKED, _UNPACKED, _LENGTHS, _OFFSET = 20, 24, 28, 42
# A number that stands in the extra field of large archives (4.5.3).
_ELSEWHERE: Final = 0xFFFF_FFFF
_LARGE, _FIELD_HEAD = 1, 4
# The most that a member has around its packed bytes: a header with name and extra field, and a descriptor.
_AROUND: Final = 30 + 2 * 65_535 + 24
_HEADER: Final = 30
# Packed bytes that no picture within the limit has, which zlib makes a ten thousandth larger at worst.
_PACKED_BYTES: Final = IMAGE_BYTES + MIB


class _Directory(NamedTuple):
    """Where a directory lies. prefix: bytes before the archive, as in one that unpacks itself."""

    start: int
    size: int
    prefix: int


class _Entry(NamedTuple):
    """An entry of a directory. start, end: in the directory. at: the offset of the member. packed: its bytes."""

    start: int
    end: int
    at: int
    packed: int


@dataclass(slots=True)
class _Group:
    """Entries that make a slice: their bytes of the directory, and those of the members."""

    start: int
    end: int
    low: int
    high: int
    count: int = 1

    def takes(self, entry: _Entry, high: int) -> bool:
        """Whether a further entry leaves the slice within its limits."""
        span = max(self.high, high) - min(self.low, entry.at)
        return (
            self.count < BULK_PART_PICTURES
            and entry.end - self.start <= ARCHIVE_DIRECTORY_BYTES
            and span <= SLICE_BYTES
        )

    def add(self, entry: _Entry, high: int) -> None:
        """Take an entry."""
        self.end, self.count = entry.end, self.count + 1
        self.low, self.high = min(self.low, entry.at), max(self.high, high)


def split(sources: SourceStore, obj: SourceObject) -> Iterator[Slice]:
    """The slices of an archive.

    Parameters
    ----------
    sources, obj
        The archive, of which the directory is read.

    Yields
    ------
    Slices of consecutive entries. A member that is too large to be a picture is one of its own, which is not read.

    Raises
    ------
    MalformedInputError
        If the directory is missing or damaged.
    LimitExceededError
        If it is too large.
    EmptyInputError
        If the archive has no files.
    """
    place = _locate(sources, obj)
    content = b"".join(blocks(sources, obj, place.start, place.start + place.size))
    offsets = array("Q", sorted({entry.at for entry in _entries(content, place.prefix)}))
    group: _Group | None = None
    number = first = files = 0

    def made(end: int, *, read: bool = True) -> Slice | None:
        assert group is not None  # noqa: S101 - for the type checker
        names = archive.zip_files(content[group.start : group.end])
        kept = [name for name in names if name is not None]
        if not kept:
            return None
        about = {"directory": [place.start + group.start, place.start + group.end], "prefix": place.prefix}
        about |= {"content": [group.low, group.high]} if read else {"name": kept[0], "too_large": group.high}
        size = group.end - group.start + group.high - group.low if read else 0
        return Slice(
            obj.source, obj.etag, obj.size, str(Kind.ZIP), first, end, size, number, len(kept), version=obj.version,
            dialect=dialect(**about),
        )  # fmt: skip

    for index, entry in enumerate(_entries(content, place.prefix)):
        high = _end(entry, offsets, place.start)
        large = entry.packed > _PACKED_BYTES
        if group is not None and not large and group.takes(entry, high):
            group.add(entry, high)
            continue
        if group is not None and (done := made(index)) is not None:
            files += done.rows or 0
            yield done
            number += 1
        group, first = _Group(entry.start, entry.end, entry.at, entry.packed if large else high), index
        if large:
            if (done := made(index + 1, read=False)) is not None:
                files += 1
                yield done
                number += 1
            group = None
    if group is not None and (done := made(first + group.count)) is not None:
        files += 1
        yield done
    if not files:
        raise EmptyInputError("the zip archive contains no files; add pictures to it")


def pictures(sources: SourceStore, part: Slice) -> Iterator[Picture]:
    """The pictures of a slice; raises what skysort.pictures.bodies.archive.members does, and SourceChangedError."""
    about = told(part)
    if "too_large" in about:
        yield Picture(about["name"], too_large(about["too_large"]))
        return
    (start, end), (low, high) = about["directory"], about["content"]
    directory = sources.read(part, start, end - start)
    if len(directory) < end - start:
        raise changed(part.source)
    with fetched(
        chain(blocks(sources, part, low, high), [_moved(directory, about["prefix"], low, high)]),
        high - low + 2 * ARCHIVE_DIRECTORY_BYTES,
    ) as path:
        for member in archive.members(path, Kind.ZIP):
            if member.content is not None:
                yield Picture(member.name, member.content)


def _locate(sources: SourceStore, obj: SourceObject) -> _Directory:
    """Find the directory, as Python's zipfile does: from the end of the file."""
    size = min(obj.size, _COMMENT_BYTES + _END_BYTES + _LOCATOR_BYTES + _END_64_BYTES)
    tail = sources.read(obj, obj.size - size, size)
    if len(tail) < size:
        raise changed(obj.source)
    at = tail.rfind(_END)
    if at < 0 or at + _END_BYTES > len(tail):
        raise MalformedInputError("the zip archive is truncated: its directory, at the end, is missing")
    length, offset = struct.unpack_from("<2L", tail, at + _SIZES)
    large = at - _LOCATOR_BYTES - _END_64_BYTES
    if large >= 0 and tail.startswith(_LOCATOR, at - _LOCATOR_BYTES) and tail.startswith(_END_64, large):
        length, offset = struct.unpack_from("<2Q", tail, large + _SIZES_64)
        at = large
    if length > BULK_DIRECTORY_BYTES:
        raise LimitExceededError(
            f"the archive's directory has {length // MIB:,} MiB; at most {BULK_DIRECTORY_BYTES // MIB:,} MiB are read: "
            "pack the pictures into several archives"
        )
    start = obj.size - size + at - length
    if start < offset:
        raise MalformedInputError("the zip archive is damaged: its directory is not where its end says")
    return _Directory(start, length, start - offset)


def _entries(directory: bytes, prefix: int) -> Iterator[_Entry]:
    """The entries of a directory; raises MalformedInputError if it does not end with one."""
    start = 0
    while start < len(directory):
        if not directory.startswith(_ENTRY, start) or start + _ENTRY_BYTES > len(directory):
            raise MalformedInputError("the zip archive is damaged: its directory does not consist of entries")
        name, extra, comment = struct.unpack_from("<3H", directory, start + _LENGTHS)
        fields = start + _ENTRY_BYTES + name
        end = fields + extra + comment
        if end > len(directory):
            raise MalformedInputError("the zip archive is damaged: its directory ends inside an entry")
        packed, unpacked = struct.unpack_from("<2L", directory, start + _PACKED)
        (at,) = struct.unpack_from("<L", directory, start + _OFFSET)
        if _ELSEWHERE in {packed, at}:
            packed, at = _large(directory[fields : fields + extra], packed, unpacked, at)
        yield _Entry(start, end, prefix + at, packed)
        start = end


def _large(extra: bytes, packed: int, unpacked: int, at: int) -> tuple[int, int]:
    """Packed size and offset, of which at least one stands in the extra field, behind the unpacked size."""
    offset = 0
    while offset + _FIELD_HEAD <= len(extra):
        field, size = struct.unpack_from("<2H", extra, offset)
        if field == _LARGE:
            values = struct.iter_unpack("<Q", extra[offset + _FIELD_HEAD : offset + _FIELD_HEAD + size // 8 * 8])
            numbers = [
                next(values, (number,))[0] if number == _ELSEWHERE else number for number in (unpacked, packed, at)
            ]
            return numbers[1], numbers[2]
        offset += _FIELD_HEAD + size
    return packed, at


def _end(entry: _Entry, offsets: array[int], directory: int) -> int:
    """The end of a member: the next one's beginning, or the directory's; nothing for one that lies outside."""
    if entry.at + _HEADER > directory:
        return entry.at
    place = bisect_right(offsets, entry.at)
    following = min(offsets[place] if place < len(offsets) else directory, directory)
    return min(following, entry.at + entry.packed + _AROUND)


def _moved(directory: bytes, prefix: int, low: int, high: int) -> bytes:
    """The directory of a zip whose members are the bytes from low to high of the archive."""
    out, count = bytearray(directory), 0
    for entry in _entries(directory, prefix):
        # One that lies outside is sent to where no member is, and refused there.
        at = entry.at - low if entry.at + _HEADER <= high else high - low
        struct.pack_into("<L", out, entry.start + _OFFSET, at)
        count += 1
    return bytes(out) + archive.ZIP_END.pack(_END, 0, 0, count, count, len(out), high - low, 0)
