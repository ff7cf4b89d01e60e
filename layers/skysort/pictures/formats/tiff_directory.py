"""The first directory of a TIFF file (TIFF 6.0, section 2), read without a decoder."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import TIFF_ENTRIES, TIFF_PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

# Tags (TIFF 6.0, appendix A, and Adobe's supplements).
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIPS, ORIENTATION, SAMPLES, ROWS, STRIP_BYTES, PLANES = 273, 274, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES = 322, 323, 324, 325
EXTRA, FORMAT, PROFILE = 338, 339, 34675
SUBSAMPLING: Final = 530
OF_STRIPS: Final = frozenset({STRIPS, STRIP_BYTES, ROWS})
OF_TILES: Final = frozenset({TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES})
# What decoders need beside these: fill order, options of fax codes, predictor, palette, inks, tables and subsampling.
KEPT: Final = frozenset(
    {WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES, ROWS, STRIP_BYTES, PLANES}
    | {TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, EXTRA, FORMAT}
    | {266, 292, 293, 317, 320, 332, 347, *range(512, 522), *range(529, 533)}
)
RAW, JPEG, OLD_JPEG = 1, 7, 6
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
_ENTRY: Final = 12
_SEPARATE: Final = 2


@dataclass(slots=True)
class Directory:
    """The tags of one picture: their raw entries, and the numbers of those that are needed here."""

    content: bytes
    order: str
    entries: dict[int, bytes] = field(default_factory=dict)
    numbers: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def one(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        return (self.numbers.get(tag) or (default,))[0]

    def many(self, tag: int, default: Sequence[int] = ()) -> tuple[int, ...]:
        """All numbers of a tag."""
        return self.numbers.get(tag) or tuple(default)

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits of each sample of a pixel."""
        found, samples = self.many(BITS, (1,)), self.samples
        return found * samples if len(found) == 1 else found

    @property
    def samples(self) -> int:
        """Samples of a pixel."""
        ycc = self.one(COMPRESSION, RAW) == OLD_JPEG
        return self.one(SAMPLES, 3 if ycc else 1)

    @property
    def tiled(self) -> bool:
        """Whether pixels lie in tiles, not in strips."""
        return TILES in self.entries and TILE_WIDTH in self.entries

    @property
    def separate(self) -> bool:
        """Whether each sample has a plane of its own."""
        return self.one(PLANES, 1) == _SEPARATE and self.samples > 1


def read(content: bytes) -> Directory:
    """Read the first directory's tags that matter here.

    Raises MalformedInputError where it is cut short or makes no sense, and LimitExceededError for more tags, strips or
    tiles than may be.
    """
    order = "<" if content[:2] == b"II" else ">"
    directory = Directory(content, order)
    if len(content) < 8:  # noqa: PLR2004 - magic and the first directory's place
        raise MalformedInputError("the TIFF picture is truncated: it ends inside its header")
    (start,) = struct.unpack_from(order + "I", content, 4)
    head = content[start : start + 2]
    if start < 8 or len(head) < 2:  # noqa: PLR2004
        raise MalformedInputError("the TIFF picture is truncated: it ends before its directory of tags")
    (count,) = struct.unpack(order + "H", head)
    if count > TIFF_ENTRIES:
        raise LimitExceededError(f"a TIFF may have up to {TIFF_ENTRIES:,} tags, this one has {count:,}")
    for number in range(count):
        at = start + 2 + number * _ENTRY
        entry = content[at : at + _ENTRY]
        if len(entry) < _ENTRY:
            raise MalformedInputError("the TIFF picture is truncated: it ends inside its directory of tags")
        tag, kind, values = struct.unpack_from(order + "HHI", entry)
        if tag in directory.entries or tag not in KEPT | {ORIENTATION, PROFILE}:
            continue
        directory.entries[tag] = entry
        if tag != PROFILE and kind in _NUMBERS:
            directory.numbers[tag] = _numbers(directory, tag, kind, values)
    return directory


def data_of(directory: Directory, tag: int) -> bytes:
    """A tag's bytes, in the entry itself where they fit."""
    entry = directory.entries[tag]
    _, kind, values = struct.unpack_from(directory.order + "HHI", entry)
    size = _SIZES.get(kind, 1) * values
    if size <= 4:  # noqa: PLR2004 - TIFF 6.0, section 2
        return entry[8 : 8 + size]
    (at,) = struct.unpack_from(directory.order + "I", entry, 8)
    return directory.content[at : at + size]


def _numbers(directory: Directory, tag: int, kind: int, values: int) -> tuple[int, ...]:
    if values > TIFF_PARTS:
        if tag in {STRIPS, STRIP_BYTES, TILES, TILE_BYTES}:
            raise LimitExceededError(f"a TIFF may have up to {TIFF_PARTS:,} strips or tiles, this one has {values:,}")
        raise MalformedInputError(f"the TIFF picture is damaged: its tag {tag} has {values:,} values")
    data = data_of(directory, tag)
    whole = len(data) // _SIZES[kind]
    return struct.unpack_from(f"{directory.order}{whole}{_NUMBERS[kind]}", data)
