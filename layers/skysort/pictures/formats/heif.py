"""HEIC and AVIF pictures: the cost of decoding one, from its boxes and the headers of its coded data.

Telephones write their pictures in tiles of 512 x 512 pixels. HEVC is slow to decode, and the models see the centre: of
a 24-megapixel picture the photograph model sees 60 of 108 tiles, which are extracted into a file of their own.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import HEIF_TILES, IMAGE_PIXELS
from skysort.pictures.formats import heif_boxes, heif_coded, prices
from skysort.pictures.formats.colour import Nclx
from skysort.pictures.formats.heif_boxes import Item
from skysort.pictures.formats.prepared import SIDEWAYS, UPRIGHT, Prepared, bounded
from skysort.pictures.formats.prices import Cost

if TYPE_CHECKING:
    from skysort.pictures.formats.heif_boxes import Items
    from skysort.pictures.geometry import InputSpec

_HEVC: Final = frozenset({b"hvc1", b"hev1"})
_AV1: Final = b"av01"
_DERIVED: Final = frozenset({b"grid", b"iden"})
_OTHERS: Final = {
    b"iovl": "an overlay of pictures",
    b"jpeg": "a JPEG inside a HEIF file",
    b"avc1": "coded with H.264",
    b"vvc1": "coded with H.266",
    b"unci": "uncompressed HEIF",
    b"j2k1": "JPEG 2000 inside a HEIF file",
    b"lhv1": "layered HEVC",
    b"tmap": "a tone map",
}
_DEPTH: Final = 2
# Rotation and mirror properties (ISO/IEC 23008-12, 6.5.10 and 6.5.12) as EXIF orientations.
_TURNED: Final = {0: 1, 1: 8, 2: 3, 3: 6}
_MIRRORED: Final = {0: 4, 1: 2}
_LEFT_OUT: Final = frozenset({b"irot", b"imir", b"ispe"})
# Limit for one tile: parameter sets take some 100 bytes, colour code points 11.
_PROPERTY_BYTES: Final = 4_096
_FTYP: Final = b"heic" + bytes(4) + b"mif1heic"
_DAMAGED: Final = "the HEIC or AVIF picture is damaged"


@dataclass(frozen=True, slots=True)
class Still:
    """A still picture of a HEIF file. av1: whether it is coded with AV1, else with HEVC."""

    prepared: Prepared
    av1: bool


@dataclass(frozen=True, slots=True)
class Window:
    """A file of some tiles. origin: their position in the full picture, as stored; size: of the full picture."""

    file: bytes
    origin: tuple[int, int]
    size: tuple[int, int]
    turn: int


def prepare(content: bytes) -> Still:
    """Read a HEIC or AVIF's boxes; raises the errors of Prepared. The decoder rotates; EXIF does not count."""
    items = heif_boxes.read(content)
    primary = items.by_number.get(items.primary)
    if primary is None or not primary.kind:
        raise MalformedInputError(f"{_DAMAGED}: its primary item is missing")
    width, height = primary.size
    if width < 1 or height < 1:
        raise MalformedInputError(f"{_DAMAGED}: its size is {width} x {height}")
    _check_pixels(width * height, width, height)
    coded = _coded(items, items.primary)
    av1 = {items.by_number[number].kind == _AV1 for number in coded}
    if len(av1) != 1:
        raise MalformedInputError(f"{_DAMAGED}: it has no tiles, or tiles of different codecs")
    alpha = [number for picture in items.alphas() for number in _coded(items, picture)]
    grids = [item.grid(content) for item in items.by_number.values() if item.kind == b"grid" and item.extents]
    out = max([width * height, *(across * down for _, _, across, down in grids)])
    work, pixels = _work(content, items, coded + alpha)
    # Tiles extend beyond the picture: those of a telephone's 48 megapixels have 50.
    _check_pixels(max(out, pixels * 4 // (10 if alpha else 5)), width, height)
    byte = prices.AVIF_BYTES if av1 == {True} else prices.HEIC_BYTES
    cost = Cost(work, max(out, pixels) * byte + 2 * len(content))
    colours = _colours(primary.properties.get(b"colr", b""))
    return Still(Prepared(content, width, height, cost, UPRIGHT, *colours), av1 == {True})


def _check_pixels(pixels: int, width: int, height: int) -> None:
    if pixels > IMAGE_PIXELS:
        inside = "" if pixels <= width * height else f" and {pixels:,} pixels of coded data"
        raise LimitExceededError(
            f"a HEIC or AVIF picture may have up to {IMAGE_PIXELS:,} pixels; this one has {width} x {height}{inside}"
        )


def _coded(items: Items, number: int, depth: int = 0) -> list[int]:
    """The coded items of an item."""
    item = items.by_number.get(number)
    if item is None:
        raise MalformedInputError(f"{_DAMAGED}: one of its tiles is missing")
    if item.kind in _HEVC or item.kind == _AV1:
        return [number]
    if item.kind not in _DERIVED or depth >= _DEPTH or (item.kind == b"grid" and depth):
        kind = _OTHERS.get(item.kind, f"of the type {item.kind.decode('latin-1')!r}")
        raise UnsupportedFormatError(f"the picture is {kind}, which is not supported; save it as a JPEG or a PNG")
    tiles = items.references.get((b"dimg", number), [])[: 1 if item.kind == b"iden" else None]
    if len(tiles) > HEIF_TILES:
        raise LimitExceededError(f"a HEIC or AVIF picture may have up to {HEIF_TILES:,} tiles; this one has more")
    return [coded for tile in tiles for coded in _coded(items, tile, depth + 1)]


def _work(content: bytes, items: Items, numbers: list[int]) -> tuple[int, int]:
    """The work of decoding some coded items, and their total pixels."""
    if sum(items.by_number[number].bytes_listed for number in numbers) > 2 * len(content):
        raise LimitExceededError("the tiles of this picture overlap: together they are larger than the file")
    work = total = 0
    for number in numbers:
        item = items.by_number[number]
        data = item.data(content)
        if item.kind == _AV1:
            largest, frames = heif_coded.av1(item.properties.get(b"av1C", b""), data)
            pixel, byte = prices.AVIF_PIXEL, prices.AVIF_BYTE
        else:
            largest, frames = heif_coded.hevc(item.properties.get(b"hvcC", b""), data)
            pixel, byte = prices.HEIC_PIXEL, prices.HEIC_BYTE
        across, down = item.size
        pixels = max(largest, across * down)
        total += pixels
        work += pixels * max(1, frames) * pixel + len(data) * byte + prices.ITEM
    return work, total


def _colours(colr: bytes) -> tuple[bytes | None, str, Nclx | None]:
    kind, data = colr[:4], colr[4:]
    if kind in heif_boxes.PROFILES:
        return (*bounded(data), None)
    if kind == b"nclx" and len(data) >= 4:  # noqa: PLR2004 - primaries and transfer
        return None, "", Nclx(int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big"))
    return None, "", None


def cut(content: bytes, spec: InputSpec) -> Window | None:
    """Extract the tiles that a model sees; None where a picture is not a grid of equal tiles, or all are seen."""
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
    visible = [tiles[row * across + column] for row in range(upper, lower) for column in range(left, right)]
    # Overlapping tiles, or large properties, would multiply the size.
    properties = sum(len(data) for item in visible for data in item.properties.values())
    if sum(item.bytes_listed for item in visible) > 2 * len(content) or properties > _PROPERTY_BYTES * len(visible):
        return None
    shown = min(width, right * tile[0]) - left * tile[0], min(height, lower * tile[1]) - upper * tile[1]
    file = _file(content, grid, visible, (right - left, lower - upper), shown)
    return Window(file, (left * tile[0], upper * tile[1]), (width, height), turn)


def _turn(grid: Item) -> int:
    """The EXIF orientation; 0 where properties crop the picture, or both rotate and mirror it."""
    properties = grid.properties
    if b"clap" in properties or (b"irot" in properties and b"imir" in properties):
        return 0
    if b"imir" in properties:
        return _MIRRORED[(properties[b"imir"] or b"\0")[0] & 1]
    return _TURNED[(properties.get(b"irot") or b"\0")[0] & 3]


def _box(kind: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I", 8 + sum(map(len, parts))) + kind + b"".join(parts)


def _file(content: bytes, grid: Item, tiles: list[Item], layout: tuple[int, int], size: tuple[int, int]) -> bytes:
    """A file of a grid and some of its tiles."""
    table: dict[bytes, int] = {}

    def places(item: Item, *more: bytes) -> bytes:
        boxes = [_box(kind, data) for kind, data in item.properties.items() if kind not in _LEFT_OUT]
        numbers = [table.setdefault(box, len(table) + 1) for box in (*boxes, *more)]
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
    offset = len(start) + 12 + sum(map(len, head)) + 16 + 14 * count + 8
    rows = b""
    for number, item in enumerate(data, start=1):
        rows += struct.pack(">HHHII", number, 0, 1, offset, len(item))
        offset += len(item)
    where = _box(b"iloc", full, struct.pack(">HH", 0x4400, count), rows)
    return start + _box(b"meta", full, *head, where) + _box(b"mdat", *data)
