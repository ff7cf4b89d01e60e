"""The boxes of HEIC and AVIF files (ISO/IEC 14496-12, ISO/IEC 23008-12): the items that a picture is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import HEIF_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator

_TO_THE_END, _LARGE = 0, 1
_IN_FILE, _IN_DATA_BOX = 0, 1
_DAMAGED: Final = "the HEIC or AVIF picture is damaged: its boxes do not fit together"


@dataclass(slots=True)
class Item:
    """One item of a file: its type, its properties by name (the last of a name counts), its bytes' places."""

    kind: bytes = b""
    properties: dict[bytes, bytes] = field(default_factory=dict)
    extents: list[tuple[int, int]] = field(default_factory=list)  # places in the file


@dataclass(slots=True)
class Items:
    """All items of a file. references: by type and item, the items that it refers to."""

    primary: int = 0
    by_number: dict[int, Item] = field(default_factory=dict)
    references: dict[tuple[bytes, int], list[int]] = field(default_factory=dict)

    def item(self, number: int) -> Item:
        """The item of a number, which may not have been met yet."""
        return self.by_number.setdefault(number, Item())


class _Reader:
    """Big-endian numbers one after another; raises MalformedInputError where they end."""

    def __init__(self, content: bytes, start: int, end: int) -> None:
        self._content = content
        self.at = start
        self.end = end

    def number(self, size: int) -> int:
        if self.at + size > self.end:
            raise MalformedInputError(_DAMAGED)
        found = int.from_bytes(self._content[self.at : self.at + size], "big")
        self.at += size
        return found

    def version(self) -> tuple[int, int]:
        """Version and flags of a full box."""
        return self.number(1), self.number(3)


class _Parts:
    """Counts what is walked past, so that a file of a million empty boxes is refused."""

    def __init__(self) -> None:
        self._left = HEIF_PARTS

    def one(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise LimitExceededError(f"a HEIC or AVIF picture may have up to {HEIF_PARTS:,} parts, this one has more")


def read(content: bytes) -> Items:
    """Read the items of a file.

    Raises MalformedInputError for boxes that do not fit together, UnsupportedFormatError for a file without a still
    picture, and LimitExceededError for more boxes, items or references than may be.
    """
    parts = _Parts()
    moving = False
    for kind, start, end in _boxes(content, 0, len(content), parts):
        if kind == b"meta":
            return _meta(content, start + 4, end, parts)
        moving = moving or kind == b"moov"
    if moving:
        raise UnsupportedFormatError("the content is a sequence of pictures without a still one; send one of them")
    raise MalformedInputError("the HEIC or AVIF picture is truncated: it ends before its directory of items")


def _boxes(content: bytes, at: int, end: int, parts: _Parts) -> Iterator[tuple[bytes, int, int]]:
    """Boxes between two places: type, start and end of what is inside."""
    while at + 8 <= end:
        parts.one()
        size, kind, body = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8], at + 8
        if size == _LARGE:
            size, body = int.from_bytes(content[body : body + 8], "big"), at + 16
        elif size == _TO_THE_END:
            size = end - at
        if size < body - at:
            raise MalformedInputError(_DAMAGED)
        yield kind, body, min(at + size, end)
        at += size


def _meta(content: bytes, start: int, end: int, parts: _Parts) -> Items:
    found = Items()
    inside = {kind: (body, stop) for kind, body, stop in _boxes(content, start, end, parts)}
    if b"pitm" not in inside or b"iloc" not in inside or b"iinf" not in inside:
        raise UnsupportedFormatError("the content holds no still picture; send a picture of its own")
    reader = _Reader(content, *inside[b"pitm"])
    found.primary = reader.number(4 if reader.version()[0] else 2)
    _item_types(content, *inside[b"iinf"], found, parts)
    data = inside.get(b"idat", (0, 0))
    _places(_Reader(content, *inside[b"iloc"]), data, found, parts)
    if b"iref" in inside:
        _references(content, *inside[b"iref"], found, parts)
    if b"iprp" in inside:
        _properties(content, *inside[b"iprp"], found, parts)
    return found


def _item_types(content: bytes, start: int, end: int, found: Items, parts: _Parts) -> None:
    reader = _Reader(content, start, end)
    reader.number(4 if reader.version()[0] else 2)
    for kind, body, stop in _boxes(content, reader.at, end, parts):
        if kind == b"infe":
            entry = _Reader(content, body, stop)
            version, _ = entry.version()
            if version >= 2:  # noqa: PLR2004 - older entries are of files, not of pictures
                number = entry.number(2 if version == 2 else 4)  # noqa: PLR2004
                entry.number(2)
                found.item(number).kind = entry.number(4).to_bytes(4, "big")


def _places(reader: _Reader, data: tuple[int, int], found: Items, parts: _Parts) -> None:
    """Where each item's bytes are (8.11.3)."""
    version, _ = reader.version()
    sizes = reader.number(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    for _ in range(reader.number(4 if version == 2 else 2)):  # noqa: PLR2004
        parts.one()
        item = found.item(reader.number(4 if version == 2 else 2))  # noqa: PLR2004
        method = reader.number(2) & 15 if version else _IN_FILE
        reader.number(2)
        base = reader.number(base_size)
        for _ in range(reader.number(2)):
            parts.one()
            reader.number(index_size)
            offset, length = base + reader.number(offset_size), reader.number(length_size)
            if method == _IN_DATA_BOX:
                offset += data[0]
            elif method != _IN_FILE:
                raise UnsupportedFormatError("the picture's data lie in other items, which is not read")
            item.extents.append((offset, length))


def _references(content: bytes, start: int, end: int, found: Items, parts: _Parts) -> None:
    reader = _Reader(content, start, end)
    size = 4 if reader.version()[0] else 2
    for kind, body, stop in _boxes(content, reader.at, end, parts):
        entry = _Reader(content, body, stop)
        origin = entry.number(size)
        targets = found.references.setdefault((kind, origin), [])
        for _ in range(entry.number(2)):
            parts.one()
            targets.append(entry.number(size))


def _properties(content: bytes, start: int, end: int, found: Items, parts: _Parts) -> None:
    known: list[tuple[bytes, bytes]] = []
    for kind, body, stop in _boxes(content, start, end, parts):
        if kind == b"ipco":
            known = [(name, content[at:until]) for name, at, until in _boxes(content, body, stop, parts)]
        elif kind == b"ipma":
            reader = _Reader(content, body, stop)
            version, flags = reader.version()
            size = 2 if flags & 1 else 1
            for _ in range(reader.number(4)):
                item = found.item(reader.number(4 if version else 2))
                for _ in range(reader.number(1)):
                    parts.one()
                    place = reader.number(size) & (0x7FFF if flags & 1 else 0x7F)
                    if 1 <= place <= len(known):
                        name, data = known[place - 1]
                        # A picture may have two kinds of colours named; the profile counts.
                        if name != b"colr" or not item.properties.get(name, b"nclx").startswith((b"prof", b"rICC")):
                            item.properties[name] = data
