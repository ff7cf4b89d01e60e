"""TIFF files (TIFF 6.0): the first directory, read without a decoder and reduced to what the pixels need."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import TIFF_PARTS
from skysort.pictures.formats import jpeg, prices
from skysort.pictures.formats import tiff_tags as tags
from skysort.pictures.formats.prepared import ORIENTATIONS, UPRIGHT, Prepared, bounded, check_pixels
from skysort.pictures.formats.prices import Cost

if TYPE_CHECKING:
    from skysort.pictures.formats.prices import Budget
    from skysort.pictures.formats.tiff_tags import Directory

_LONG: Final = 4
_PLAIN: Final = frozenset({tags.RAW, 32771})
# Supported compressions, with nanoseconds per byte of decompressed rows (see prices).
_COMPRESSIONS: Final = {
    **dict.fromkeys(_PLAIN, 4),
    **dict.fromkeys((2, 3, 4), 100),  # fax
    **dict.fromkeys((8, 32946), 17),  # Deflate
    5: 9,
    32773: 6,
    34925: 70,
    50000: 6,
    50001: 50,  # LZW, PackBits, LZMA, Zstandard, WebP
    tags.JPEG: 0,
    tags.OLD_JPEG: 60,  # the former is estimated by its markers
}
_MAX_SAMPLES: Final = 64
_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1
_RGB, _YCBCR = 2, 6
# Photometrics whose separate planes decoders support (RGB, CMYK, YCbCr), with their samples.
_PLANES_READ: Final = {_RGB: 3, 5: 4, _YCBCR: 3}
_SIGNED: Final = 2
_DEPTHS: Final[dict[int, np.dtype[Any]]] = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16)}


def prepare(content: bytes, budget: Budget) -> Prepared:
    """Read a TIFF's first directory; raises the errors of Prepared."""
    directory = tags.read(content)
    width, height = directory.first(tags.WIDTH, 0), directory.first(tags.HEIGHT, 0)
    if width < 1 or height < 1:
        raise MalformedInputError(f"the TIFF picture is damaged: its size is {width} x {height}")
    check_pixels("image/tiff", width, height)
    compression = directory.first(tags.COMPRESSION, tags.RAW)
    if compression not in _COMPRESSIONS:
        name = tags.COMPRESSIONS.get(compression, f"number {compression}")
        raise UnsupportedFormatError(f"this TIFF's compression, {name}, is not supported; save it with LZW or Deflate")
    if not 1 <= directory.samples <= _MAX_SAMPLES:
        raise MalformedInputError(f"the TIFF picture is damaged: it has {directory.samples} samples per pixel")
    cost = _cost(directory, width, height, budget)
    interleaves = compression in _PLAIN and directory.separate and not directory.tiled
    if _is_misread(directory) or (directory.separate and not interleaves and _planes_are_misread(directory)):
        raise UnsupportedFormatError(f"this is {directory.described()}")
    negative = _is_deep_negative(directory)
    # Without tags that decoders interpret differently: planes of one sample, and white as 0.
    entries = dict(directory.entries)
    if directory.samples == 1:
        entries.pop(tags.PLANES, None)
    if negative:
        entries[tags.PHOTOMETRIC] = _entry(directory, tags.PHOTOMETRIC, _BLACK_IS_ZERO)
    file = _interleaved(directory, width, height) if interleaves else _rebuilt(content, directory.order, entries)
    turn = directory.first(tags.ORIENTATION, UPRIGHT)
    turn = turn if turn in ORIENTATIONS else UPRIGHT
    profile = bounded(directory.data_of(tags.PROFILE) if tags.PROFILE in directory.entries else None)
    deep = directory.first(tags.PHOTOMETRIC, 0) == _RGB and set(directory.bits) == {16}
    return Prepared(file, width, height, cost, turn, *profile, deep=deep, negative=negative)


def _is_misread(directory: Directory) -> bool:
    """Whether decoders silently misread the samples: signed bytes as unsigned ones."""
    return directory.first(tags.FORMAT, 1) == _SIGNED and set(directory.bits) == {8}


def _planes_are_misread(directory: Directory) -> bool:
    """Whether decoders misread or reject separate planes that they read as pixels."""
    colours = _PLANES_READ.get(directory.first(tags.PHOTOMETRIC, 0), 0)
    further = directory.samples - colours
    if not colours or not 0 <= further <= 1 or _has_smaller_planes(directory):
        return True
    if directory.first(tags.COMPRESSION, tags.RAW) not in _PLAIN:
        return False
    transparent = colours == 3 and directory.first(tags.EXTRA, 0) in tags.TRANSPARENT  # noqa: PLR2004 - no inks
    return set(directory.bits) != {8} or (further > 0 and not transparent)


def _has_smaller_planes(directory: Directory) -> bool:
    """Whether the chroma planes are subsampled, which is the default."""
    return directory.first(tags.PHOTOMETRIC, 0) == _YCBCR and directory.every(tags.SUBSAMPLING, (2, 2)) != (1, 1)


def _is_deep_negative(directory: Directory) -> bool:
    """Whether it is 16-bit grey with white as 0, which decoders do not invert as they do 8-bit grey."""
    grey = directory.samples == 1 and directory.first(tags.PHOTOMETRIC, _BLACK_IS_ZERO) == _WHITE_IS_ZERO
    return grey and directory.bits == (16,) and directory.first(tags.FORMAT, 1) == 1


def _entry(directory: Directory, tag: int, value: int) -> bytes:
    """A directory entry with one 32-bit number."""
    return struct.pack(directory.order + "HHII", tag, _LONG, 1, value)


def part_bytes(content: bytes) -> int:
    """Decompressed bytes of the largest strip or tile: the buffer that a decoder of plain rows needs."""
    directory = tags.read(content)
    across, down, _ = _parts(directory, directory.first(tags.WIDTH, 0), directory.first(tags.HEIGHT, 0))
    return across * down * sum(directory.bits) // 8 + across * 8


def _parts(directory: Directory, width: int, height: int) -> tuple[int, int, int]:
    """Width and height of a strip or tile, and the number required."""
    if directory.tiled:
        across, down = directory.first(tags.TILE_WIDTH, 0), directory.first(tags.TILE_HEIGHT, 0)
        if across < 1 or down < 1:
            raise MalformedInputError(f"the TIFF picture is damaged: its tiles are {across} x {down}")
    else:
        across, down = width, max(1, min(height, directory.first(tags.ROWS, height) or height))
    count = -(-width // across) * -(-height // down)
    return across, down, count * (directory.samples if directory.separate else 1)


def _cost(directory: Directory, width: int, height: int, budget: Budget) -> Cost:
    across, down, count = _parts(directory, width, height)
    listed = len(directory.every(tags.TILES if directory.tiled else tags.STRIPS))
    count = max(count, listed)
    if count > TIFF_PARTS:
        raise LimitExceededError(f"a TIFF may have up to {TIFF_PARTS:,} strips or tiles; this one has {count:,}")
    planes = directory.samples if directory.separate else 1
    bits = sum(directory.bits[:_MAX_SAMPLES]) // planes
    # Tiles extend beyond the picture, and strips may be listed more than once.
    unpacked = max(-(-across * bits // 8), 1) * down * count
    compression = directory.first(tags.COMPRESSION, tags.RAW)
    work = unpacked * _COMPRESSIONS[compression] + count * prices.TIFF_PART + width * height * prices.TIFF_PIXEL
    memory = width * height * 4 + 3 * len(directory.content) + 2 * (unpacked // count)
    if compression == tags.JPEG:
        inside = _jpegs(directory, budget)
        work, memory = work + inside.work, memory + inside.memory
    elif compression in _PLAIN and planes > 1:
        memory += 2 * unpacked
    return Cost(work, memory)


def _jpegs(directory: Directory, budget: Budget) -> Cost:
    """The cost of the JPEG data of all strips or tiles, each by its markers."""
    location_tags = (tags.TILES, tags.TILE_BYTES) if directory.tiled else (tags.STRIPS, tags.STRIP_BYTES)
    offsets, sizes = (directory.every(tag) for tag in location_tags)
    content = directory.content
    if len(sizes) < len(offsets) or not all(sizes):
        raise MalformedInputError("the TIFF picture is damaged: it does not give the sizes of its strips or tiles")
    if sum(sizes) > 2 * len(content):
        raise LimitExceededError("the strips or tiles of this TIFF overlap: together they are larger than the file")
    work = memory = 0
    for offset, size in zip(offsets, sizes, strict=False):
        cost = jpeg.scan(content[offset : offset + size], budget).cost(1)
        work, memory = work + cost.work, max(memory, cost.memory)
    return Cost(work, memory)


def _rebuilt(content: bytes, order: str, entries: dict[int, bytes], more: bytes = b"") -> bytes:
    """The file with a new directory of the tags needed at its end. more: data to put before it."""
    # Only the strips or the tiles that were counted: decoders differ in which they use.
    tiled = tags.TILES in entries and tags.TILE_WIDTH in entries
    left_out = tags.OF_STRIPS if tiled else tags.OF_TILES
    numbers = sorted(tag for tag in entries if tag in tags.KEPT - left_out)
    place = len(content) + len(more)
    gap = place % 2
    directory = struct.pack(order + "H", len(numbers)) + b"".join(entries[tag] for tag in numbers) + bytes(4)
    start = struct.pack(order + "I", place + gap)
    return b"".join([content[:4], start, memoryview(content)[8:], more, bytes(gap), directory])


def _interleaved(directory: Directory, width: int, height: int) -> bytes:
    """Interleave uncompressed planes, as decoders read 16-bit planes as bytes."""
    depth = _DEPTHS.get(directory.bits[0])
    if depth is None or len(set(directory.bits)) > 1 or _has_smaller_planes(directory):
        raise UnsupportedFormatError(f"this is {directory.described()}")
    offsets, content = directory.every(tags.STRIPS), directory.content
    _, down, count = _parts(directory, width, height)
    if len(offsets) < count:
        raise MalformedInputError("the TIFF picture is truncated: strips are missing")
    strips = count // directory.samples
    sizes = [depth.itemsize * width * min(down, height - strip * down) for strip in range(strips)]
    rows = [content[offset : offset + size] for offset, size in zip(offsets, sizes * directory.samples, strict=False)]
    if any(len(row) < size for row, size in zip(rows, sizes * directory.samples, strict=True)):
        raise MalformedInputError("the TIFF picture is truncated: it ends inside its pixels")
    planes = np.frombuffer(b"".join(rows), depth).reshape(directory.samples, -1)
    pixels = planes.T.tobytes()
    entries = dict(directory.entries)
    for tag, value in ((tags.STRIPS, len(content)), (tags.STRIP_BYTES, len(pixels)), (tags.ROWS, height)):
        entries[tag] = _entry(directory, tag, value)
    entries[tags.PLANES] = _entry(directory, tags.PLANES, 1)
    return _rebuilt(content, directory.order, entries, pixels)
