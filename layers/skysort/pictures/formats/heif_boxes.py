"""The boxes of HEIC and AVIF files (ISO/IEC 14496-12, ISO/IEC 23008-12): the items of a picture."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import HEIF_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator

_TO_THE_END, _LARGE = 0, 1
_IN_FILE, _IN_DATA_BOX = 0, 1
_WIDE: Final = 2  # the iloc version with four-byte item numbers
PROFILES: Final = frozenset({b"prof", b"rICC"})  # types of colr boxes with an ICC profile
_DAMAGED: Final = "the HEIC or AVIF picture is damaged: its boxes are inconsistent"


@dataclass(slots=True)
class Item:
    """One item of a file: its type, its properties by name (the last of a name counts), its extents."""

    kind: bytes = b""
    properties: dict[bytes, bytes] = field(default_factory=dict)
    extents: list[tuple[int, int]] = field(default_factory=list)  # offsets in the file, with lengths

    @property
    def size(self) -> tuple[int, int]:
        """Width and height by its ispe property (ISO/IEC 23008-12, 6.5.3); 0 x 0 without one."""
        data = self.properties.get(b"ispe", b"")
        return int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")

    @property
    def is_alpha(self) -> bool:
        """Whether it is an alpha plane."""
        return b"alpha" in self.properties.get(b"auxC", b"")

    @property
    def bytes_listed(self) -> int:
        """The size of its data, by its extents."""
        return sum(length for _, length in self.extents)

    def data(self, content: bytes) -> bytes:
        """Its bytes."""
        return b"".join(content[offset : offset + length] for offset, length in self.extents)

    def grid(self, content: bytes) -> tuple[int, int, int, int]:
        """Columns, rows, width and height of a grid (6.6.2.3.2)."""
        offset, length = self.extents[0]
        data = content[offset : offset + min(length, 12)].ljust(12, b"\0")
        return data[3] + 1, data[2] + 1, *struct.unpack_from(">II" if data[1] & 1 else ">HH", data, 4)


@dataclass(slots=True)
class Items:
    """All items of a file. references: referenced items by type and item."""

    primary: int = 0
    by_number: dict[int, Item] = field(default_factory=dict)
    references: dict[tuple[bytes, int], list[int]] = field(default_factory=dict)

    def item(self, number: int) -> Item:
        """The item with a number, created on first use."""
        return self.by_number.setdefault(number, Item())

    def alphas(self) -> list[int]:
        """The items with the alpha planes of the picture or its tiles."""
        return [number for kind, number in self.references if kind == b"auxl" and self.item(number).is_alpha]


class _Reader:
    """Reads big-endian numbers; raises MalformedInputError at the end."""

    def __init__(self, content: bytes, start: int, end: int) -> None:
        self._content = content
        self.offset = start
        self.end = end

    def number(self, size: int) -> int:
        if self.offset + size > self.end:
            raise MalformedInputError(_DAMAGED)
        value = int.from_bytes(self._content[self.offset : self.offset + size], "big")
        self.offset += size
        return value

    def version(self) -> tuple[int, int]:
        """Version and flags of a full box."""
        return self.number(1), self.number(3)


def read(content: bytes) -> Items:
    """Read the items of a file; raises the errors of Prepared."""
    file, moving = _File(content), False
    for kind, start, end in file.boxes(0, len(content)):
        if kind == b"meta":
            return file.items(start + 4, end)
        moving = moving or kind == b"moov"
    if moving:
        raise UnsupportedFormatError("the content is an image sequence without a still picture; send one picture of it")
    raise MalformedInputError("the HEIC or AVIF picture is truncated: it ends before its meta box")


class _File:
    """A file's boxes; their number is limited, so that a file of a million empty boxes is refused."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._left = HEIF_PARTS
        self._items = Items()

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise LimitExceededError(f"a HEIC or AVIF picture may have up to {HEIF_PARTS:,} parts; this one has more")

    def boxes(self, offset: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """Boxes between two offsets: type, and start and end of the content."""
        content = self._content
        while offset + 8 <= end:
            self._count()
            (size, kind), body = struct.unpack_from(">I4s", content, offset), offset + 8
            if size == _LARGE:
                size, body = int.from_bytes(content[body : body + 8], "big"), offset + 16
            elif size == _TO_THE_END:
                size = end - offset
            if size < body - offset:
                raise MalformedInputError(_DAMAGED)
            yield kind, body, min(offset + size, end)
            offset += size

    def items(self, start: int, end: int) -> Items:
        """The items of a meta box."""
        inside = {kind: _Reader(self._content, body, stop) for kind, body, stop in self.boxes(start, end)}
        if b"pitm" not in inside or b"iloc" not in inside or b"iinf" not in inside:
            raise UnsupportedFormatError("the content holds no still picture; send a single picture")
        self._items.primary = inside[b"pitm"].number(4 if inside[b"pitm"].version()[0] else 2)
        self._types(inside[b"iinf"])
        self._places(inside[b"iloc"], inside[b"idat"].offset if b"idat" in inside else 0)
        if b"iref" in inside:
            self._references(inside[b"iref"])
        if b"iprp" in inside:
            self._properties(inside[b"iprp"])
        return self._items

    def _types(self, reader: _Reader) -> None:
        reader.number(4 if reader.version()[0] else 2)
        for kind, body, stop in self.boxes(reader.offset, reader.end):
            if kind == b"infe":
                entry = _Reader(self._content, body, stop)
                version, _ = entry.version()
                if version >= 2:  # noqa: PLR2004 - older entries are of files, not of pictures
                    number = entry.number(2 if version == 2 else 4)  # noqa: PLR2004
                    entry.number(2)
                    self._items.item(number).kind = entry.number(4).to_bytes(4, "big")

    def _places(self, reader: _Reader, data_box: int) -> None:
        """Read each item's extents (8.11.3)."""
        version, _ = reader.version()
        sizes = reader.number(2)
        offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
        index_size, number_size = sizes & 15 if version else 0, 4 if version == _WIDE else 2
        for _ in range(reader.number(number_size)):
            self._count()
            item = self._items.item(reader.number(number_size))
            method = reader.number(2) & 15 if version else _IN_FILE
            reader.number(2)
            base = reader.number(base_size)
            for _ in range(reader.number(2)):
                self._count()
                reader.number(index_size)
                offset, length = base + reader.number(offset_size), reader.number(length_size)
                if method == _IN_DATA_BOX:
                    offset += data_box
                elif method != _IN_FILE:
                    raise UnsupportedFormatError("the picture's data are in other items, which is not supported")
                item.extents.append((offset, length))

    def _references(self, reader: _Reader) -> None:
        size = 4 if reader.version()[0] else 2
        for kind, body, stop in self.boxes(reader.offset, reader.end):
            entry = _Reader(self._content, body, stop)
            targets = self._items.references.setdefault((kind, entry.number(size)), [])
            for _ in range(entry.number(2)):
                self._count()
                targets.append(entry.number(size))

    def _properties(self, inside: _Reader) -> None:
        properties: list[tuple[bytes, bytes]] = []
        for kind, body, stop in self.boxes(inside.offset, inside.end):
            if kind == b"ipco":
                properties = [(name, self._content[start:until]) for name, start, until in self.boxes(body, stop)]
            elif kind == b"ipma":
                reader = _Reader(self._content, body, stop)
                version, flags = reader.version()
                size, mask = (2, 0x7FFF) if flags & 1 else (1, 0x7F)
                for _ in range(reader.number(4)):
                    item = self._items.item(reader.number(4 if version else 2))
                    for _ in range(reader.number(1)):
                        self._count()
                        place = reader.number(size) & mask
                        name, data = properties[place - 1] if 1 <= place <= len(properties) else (b"", b"")
                        # A picture may have both kinds of colr box; the profile counts.
                        if name and (name != b"colr" or item.properties.get(name, b"")[:4] not in PROFILES):
                            item.properties[name] = data
