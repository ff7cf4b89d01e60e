"""The tiles of a HEIC picture that a model sees, as a file of their own.

Telephones write their pictures in tiles of 512 x 512 pixels. HEVC is slow to decode, and the models look at the middle:
of a picture of 24 megapixels a photograph's model sees 60 tiles of 108.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from skysort.limits import HEIF_TILES, IMAGE_PIXELS
from skysort.pictures.formats import heif_boxes
from skysort.pictures.formats.heif_boxes import Item
from skysort.pictures.formats.prepared import SIDEWAYS

if TYPE_CHECKING:
    from skysort.pictures.geometry import InputSpec

# How a picture is put upright by its property alone (ISO/IEC 23008-12, 6.5.10 and 6.5.12), as EXIF orientations.
_TURNED: Final = {0: 1, 1: 8, 2: 3, 3: 6}
_MIRRORED: Final = {0: 4, 1: 2}
_LEFT_OUT: Final = frozenset({b"irot", b"imir", b"ispe"})
# Of one tile: parameter sets take some 100 bytes, colours named by number 11.
_PROPERTY_BYTES: Final = 4_096
_FTYP: Final = b"heic" + bytes(4) + b"mif1heic"


@dataclass(frozen=True, slots=True)
class Window:
    """Some tiles as a file. origin: where they begin in the whole, whose size is stored, before it is turned."""

    file: bytes
    origin: tuple[int, int]
    size: tuple[int, int]
    turn: int


def cut(content: bytes, spec: InputSpec) -> Window | None:
    """Cut out the tiles that a model sees; None where a picture is no grid of equal tiles, or all of them are seen."""
    items = heif_boxes.read(content)
    grid = items.by_number.get(items.primary)
    numbers = items.references.get((b"dimg", items.primary), [])
    if grid is None or grid.kind != b"grid" or not grid.extents or not 1 < len(numbers) <= HEIF_TILES:
        return None
    tiles = [items.by_number.get(number, Item()) for number in numbers]
    across, down, width, height = grid.grid(content)
    turn, tile = _turn(grid), tiles[0].size
    usual = (
        turn
        and across * down == len(tiles)
        and 0 < width * height <= IMAGE_PIXELS
        and min(tile) > 0
        and (ceil(width / tile[0]), ceil(height / tile[1])) == (across, down)
        and all(item.kind == b"hvc1" and item.size == tile for item in tiles)
        and not items.alphas()
    )
    if not usual:
        return None
    box = (spec.turned() if turn in SIDEWAYS else spec).window(width, height)
    left, right = int(box[0] // tile[0]), min(across, ceil(box[2] / tile[0]))
    upper, lower = int(box[1] // tile[1]), min(down, ceil(box[3] / tile[1]))
    if not 0 < (right - left) * (lower - upper) < len(tiles):
        return None
    seen = [tiles[row * across + column] for row in range(upper, lower) for column in range(left, right)]
    # Tiles that overlap beyond the file, or have large properties, would be copied often.
    properties = sum(len(data) for item in seen for data in item.properties.values())
    if sum(item.bytes_listed for item in seen) > 2 * len(content) or properties > _PROPERTY_BYTES * len(seen):
        return None
    shown = min(width, right * tile[0]) - left * tile[0], min(height, lower * tile[1]) - upper * tile[1]
    file = _file(content, grid, seen, (right - left, lower - upper), shown)
    return Window(file, (left * tile[0], upper * tile[1]), (width, height), turn)


def _turn(grid: Item) -> int:
    """The orientation; 0 where properties cut the picture, or both turn and mirror it."""
    properties = grid.properties
    if b"clap" in properties or (b"irot" in properties and b"imir" in properties):
        return 0
    if b"imir" in properties:
        return _MIRRORED[(properties[b"imir"] or b"\0")[0] & 1]
    return _TURNED[(properties.get(b"irot") or b"\0")[0] & 3]


def _box(kind: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I", 8 + sum(map(len, parts))) + kind + b"".join(parts)


def _file(content: bytes, grid: Item, tiles: list[Item], layout: tuple[int, int], size: tuple[int, int]) -> bytes:
    """A file of a grid, its first item, and of its tiles."""
    table: dict[bytes, int] = {}

    def places(item: Item, *more: bytes) -> bytes:
        own = [_box(kind, data) for kind, data in item.properties.items() if kind not in _LEFT_OUT]
        numbers = [table.setdefault(one, len(table) + 1) for one in (*own, *more)]
        return bytes([len(numbers)]) + b"".join(struct.pack(">H", 0x8000 | number) for number in numbers)

    full = bytes(4)
    used = struct.pack(">H", 1) + places(grid, _box(b"ispe", full, struct.pack(">II", *size)))
    for number, tile in enumerate(tiles, start=2):
        used += struct.pack(">H", number) + places(tile, _box(b"ispe", tile.properties[b"ispe"]))
    kinds = [b"grid", *[b"hvc1"] * len(tiles)]
    entries = [
        _box(b"infe", b"\2\0\0\0", struct.pack(">HH", number, 0), kind, b"\0")
        for number, kind in enumerate(kinds, start=1)
    ]
    count, numbers = len(kinds), range(2, len(kinds) + 1)
    head = [
        _box(b"hdlr", full, full, b"pict", bytes(13)),
        _box(b"pitm", full, struct.pack(">H", 1)),
        _box(b"iinf", full, struct.pack(">H", count), *entries),
        _box(b"iref", full, _box(b"dimg", struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *numbers))),
        _box(b"iprp", _box(b"ipco", *table), _box(b"ipma", b"\0\0\0\1", struct.pack(">I", count), used)),
    ]
    data = [bytes([0, 1, layout[1] - 1, layout[0] - 1]) + struct.pack(">II", *size)]
    data += [tile.data(content) for tile in tiles]
    start = _box(b"ftyp", _FTYP)
    at = len(start) + 12 + sum(map(len, head)) + 16 + 14 * count + 8
    rows = b""
    for number, item in enumerate(data, start=1):
        rows += struct.pack(">HHHII", number, 0, 1, at, len(item))
        at += len(item)
    where = _box(b"iloc", full, struct.pack(">HH", 0x4400, count), rows)
    return start + _box(b"meta", full, *head, where) + _box(b"mdat", *data)
