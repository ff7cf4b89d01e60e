"""TIFF files (TIFF 6.0): the first directory of one, read without a decoder and reduced to what its pixels need."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.images import jpeg, prices
from skysort.images.budget import Cost
from skysort.images.prepared import Prepared, bounded
from skysort.limits import IMAGE_PIXELS, TIFF_ENTRIES, TIFF_PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.images.budget import Budget

# Tags (TIFF 6.0, appendix A, and Adobe's supplements).
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANES = 273, 274, 277, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 322, 323, 324, 325
_EXTRA, _FORMAT, _PROFILE = 338, 339, 34675
# What decoders need beside these: fill order, options of fax codes, predictor, palette, inks, tables and subsampling.
_KEPT: Final = frozenset(
    {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANES}
    | {_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, _EXTRA, _FORMAT}
    | {266, 292, 293, 317, 320, 332, 347, *range(512, 522), *range(529, 533)}
)
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
_ENTRY: Final = 12
_SHORT, _LONG = 3, 4
# Compressions that are read, with nanoseconds a byte of unpacked rows (see skysort.images.prices).
_RAW, _JPEG, _OLD_JPEG = 1, 7, 6
_COMPRESSIONS: Final = {
    _RAW: 4,
    32771: 4,
    **dict.fromkeys((2, 3, 4), 100),  # fax
    5: 9,  # LZW
    **dict.fromkeys((8, 32946), 17),  # Deflate
    32773: 6,  # PackBits
    34925: 70,  # LZMA
    50000: 6,  # Zstandard
    50001: 50,  # WebP
    _JPEG: 0,  # by its own markers
    _OLD_JPEG: 60,
}
_NAMES: Final = {
    32766: "NeXT",
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34713: "a camera's raw (NEF)",
    34887: "LERC",
    34892: "lossy raw JPEG",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_PHOTOMETRICS: Final = {
    0: "grey",
    1: "grey",
    2: "RGB",
    3: "a palette",
    4: "a mask",
    5: "inks (CMYK)",
    6: "YCbCr",
    8: "CIE Lab",
    9: "ICC Lab",
    10: "ITU Lab",
    32803: "a camera's raw pixels",
    34892: "a camera's raw pixels",
    32844: "LogL",
    32845: "LogLuv",
}
_FORMATS: Final = {1: "", 2: "signed ", 3: "floating-point ", 4: "undefined ", 5: "complex ", 6: "complex "}
_SEPARATE: Final = 2
_PREMULTIPLIED, _TRANSPARENCY = 1, 2
_MOST_SAMPLES: Final = 64
_PLAIN: Final = frozenset({_RAW, 32771})
_YCBCR: Final = 6
_SUBSAMPLING: Final = 530
_DEPTHS: Final = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16)}
_HOW: Final = "save it as RGB or grey with 8 or 16 bits a sample, measurements as FITS or as 32-bit floating-point grey"


@dataclass(slots=True)
class _Directory:
    """The tags of one picture: their raw entries, and the numbers of those that are needed here."""

    content: bytes
    order: str
    entries: dict[int, bytes] = field(default_factory=dict)
    numbers: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def one(self, tag: int, default: int) -> int:
        return (self.numbers.get(tag) or (default,))[0]

    def many(self, tag: int, default: Sequence[int] = ()) -> tuple[int, ...]:
        return self.numbers.get(tag) or tuple(default)

    @property
    def bits(self) -> tuple[int, ...]:
        found, samples = self.many(_BITS, (1,)), self.samples
        return found * samples if len(found) == 1 else found

    @property
    def samples(self) -> int:
        ycc = self.one(_COMPRESSION, _RAW) == _OLD_JPEG
        return self.one(_SAMPLES, 3 if ycc else 1)

    @property
    def tiled(self) -> bool:
        return _TILES in self.entries and _TILE_WIDTH in self.entries

    @property
    def separate(self) -> bool:
        return self.one(_PLANES, 1) == _SEPARATE and self.samples > 1


def prepare(content: bytes, budget: Budget) -> Prepared:
    """Read the first directory; see Prepared.

    Raises MalformedInputError for a directory that makes no sense, UnsupportedFormatError for a compression that is not
    read, and LimitExceededError for more pixels, entries, strips or tiles than may be.
    """
    directory = _read(content)
    width, height = directory.one(_WIDTH, 0), directory.one(_HEIGHT, 0)
    if width < 1 or height < 1:
        raise MalformedInputError(f"the TIFF picture is damaged: its size is {width} x {height}")
    if width * height > IMAGE_PIXELS:
        raise LimitExceededError(
            f"a picture of type image/tiff may have up to {IMAGE_PIXELS:,} pixels, this one has {width} x {height}"
        )
    compression = directory.one(_COMPRESSION, _RAW)
    if compression not in _COMPRESSIONS:
        name = _NAMES.get(compression, f"number {compression}")
        raise UnsupportedFormatError(f"this TIFF's compression, {name}, is not read; save it with LZW or Deflate")
    if not 1 <= directory.samples <= _MOST_SAMPLES:
        raise MalformedInputError(f"the TIFF picture is damaged: it has {directory.samples} samples a pixel")
    cost = _cost(directory, width, height, budget)
    if compression in _PLAIN and directory.separate and not directory.tiled:
        file = _interleaved(directory, width, height)
    elif compression in _PLAIN and directory.separate and set(directory.bits) != {8}:
        raise UnsupportedFormatError(f"this is {describe(content)}")
    else:
        file = _rebuilt(content, directory.order, directory.entries)
    turn = directory.one(_ORIENTATION, 1)
    return Prepared(file, width, height, cost, turn if 1 <= turn <= 8 else 1, *_profile(directory))  # noqa: PLR2004


def describe(content: bytes) -> str:
    """What kind of TIFF this is, for those who sent one that is not read."""
    directory = _read(content)
    bits = directory.bits
    kind = _FORMATS.get(directory.one(_FORMAT, 1), "")
    colours = _PHOTOMETRICS.get(directory.one(_PHOTOMETRIC, 0), f"colours of kind {directory.one(_PHOTOMETRIC, 0)}")
    details = f"{bits[0]} {kind}bits a sample" if len(set(bits)) == 1 else f"{kind}samples of {bits[:8]} bits"
    if directory.separate:
        details += ", in separate planes"
    if _PREMULTIPLIED in directory.many(_EXTRA):
        details += ", with premultiplied transparency"
    elif _TRANSPARENCY in directory.many(_EXTRA):
        details += ", with transparency"
    elif len(directory.many(_EXTRA)) > 1:
        details += f", with {len(directory.many(_EXTRA))} further channels"
    return f"a TIFF of {colours} with {details}; {_HOW}"


def part_bytes(content: bytes) -> int:
    """Bytes of rows in the largest strip or tile, unpacked: as much as a decoder of plain rows has to be given."""
    directory = _read(content)
    across, down, _ = _parts(directory, directory.one(_WIDTH, 0), directory.one(_HEIGHT, 0))
    return across * down * sum(directory.bits) // 8 + across * 8


def _read(content: bytes) -> _Directory:
    order = "<" if content[:2] == b"II" else ">"
    directory = _Directory(content, order)
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
        if tag in directory.entries or tag not in _KEPT | {_ORIENTATION, _PROFILE}:
            continue
        directory.entries[tag] = entry
        if tag != _PROFILE and kind in _NUMBERS:
            directory.numbers[tag] = _numbers(directory, tag, kind, values)
    return directory


def _data(directory: _Directory, tag: int) -> bytes:
    """A tag's bytes, in the entry itself where they fit."""
    entry = directory.entries[tag]
    _, kind, values = struct.unpack_from(directory.order + "HHI", entry)
    size = _SIZES.get(kind, 1) * values
    if size <= 4:  # noqa: PLR2004 - TIFF 6.0, section 2
        return entry[8 : 8 + size]
    (at,) = struct.unpack_from(directory.order + "I", entry, 8)
    return directory.content[at : at + size]


def _numbers(directory: _Directory, tag: int, kind: int, values: int) -> tuple[int, ...]:
    if values > TIFF_PARTS:
        if tag in {_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES}:
            raise LimitExceededError(f"a TIFF may have up to {TIFF_PARTS:,} strips or tiles, this one has {values:,}")
        raise MalformedInputError(f"the TIFF picture is damaged: its tag {tag} has {values:,} values")
    data = _data(directory, tag)
    whole = len(data) // _SIZES[kind]
    return struct.unpack_from(f"{directory.order}{whole}{_NUMBERS[kind]}", data)


def _profile(directory: _Directory) -> tuple[bytes | None, str]:
    if _PROFILE not in directory.entries:
        return None, ""
    return bounded(_data(directory, _PROFILE))


def _parts(directory: _Directory, width: int, height: int) -> tuple[int, int, int]:
    """Width and height of a strip or tile, and how many there have to be."""
    if directory.tiled:
        across, down = directory.one(_TILE_WIDTH, 0), directory.one(_TILE_HEIGHT, 0)
        if across < 1 or down < 1:
            raise MalformedInputError(f"the TIFF picture is damaged: its tiles are {across} x {down}")
    else:
        across, down = width, max(1, min(height, directory.one(_ROWS, height) or height))
    count = -(-width // across) * -(-height // down)
    return across, down, count * (directory.samples if directory.separate else 1)


def _cost(directory: _Directory, width: int, height: int, budget: Budget) -> Cost:
    across, down, count = _parts(directory, width, height)
    listed = len(directory.many(_TILES if directory.tiled else _STRIPS))
    count = max(count, listed)
    if count > TIFF_PARTS:
        raise LimitExceededError(f"a TIFF may have up to {TIFF_PARTS:,} strips or tiles, this one has {count:,}")
    planes = directory.samples if directory.separate else 1
    bits = sum(directory.bits[:_MOST_SAMPLES]) // planes
    # Tiles reach beyond the picture, and strips may be listed more often than they are needed.
    unpacked = max(-(-across * bits // 8), 1) * down * count
    compression = directory.one(_COMPRESSION, _RAW)
    work = unpacked * _COMPRESSIONS[compression] + count * prices.TIFF_PART + width * height * prices.TIFF_PIXEL
    memory = width * height * 4 + 3 * len(directory.content) + 2 * (unpacked // count)
    if compression == _JPEG:
        inside = _jpegs(directory, budget)
        work, memory = work + inside.work, memory + inside.memory
    elif compression in _PLAIN and planes > 1:
        memory += 2 * unpacked
    return Cost(work, memory)


def _jpegs(directory: _Directory, budget: Budget) -> Cost:
    """What the JPEG data of all strips or tiles cost, each by its own markers."""
    offsets, sizes = (
        directory.many(tag) for tag in ((_TILES, _TILE_BYTES) if directory.tiled else (_STRIPS, _STRIP_BYTES))
    )
    content = directory.content
    if len(sizes) < len(offsets) or not all(sizes):
        raise MalformedInputError("the TIFF picture is damaged: it does not tell the sizes of its strips or tiles")
    if sum(sizes) > 2 * len(content):
        raise LimitExceededError("the strips or tiles of this TIFF overlap: together they are larger than the file")
    work = memory = 0
    for offset, size in zip(offsets, sizes, strict=False):
        found = jpeg.scan(content[offset : offset + size], budget).cost(1)
        work, memory = work + found.work, max(memory, found.memory)
    return Cost(work, memory)


def _rebuilt(content: bytes, order: str, entries: dict[int, bytes], more: bytes = b"") -> bytes:
    """The file with a directory of what is needed, behind the rest. more: data to stand in front of it."""
    # Of strips and tiles only what was counted: which of both decoders take differs.
    tiled = _TILES in entries and _TILE_WIDTH in entries
    left_out = {_STRIPS, _STRIP_BYTES, _ROWS} if tiled else {_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES}
    tags = sorted(tag for tag in entries if tag in _KEPT - left_out)
    place = len(content) + len(more)
    gap = place % 2
    directory = struct.pack(order + "H", len(tags)) + b"".join(entries[tag] for tag in tags) + bytes(4)
    start = struct.pack(order + "I", place + gap)
    return b"".join([content[:4], start, memoryview(content)[8:], more, bytes(gap), directory])


def _interleaved(directory: _Directory, width: int, height: int) -> bytes:
    """A file of plain planes as one of pixels, which decoders know in more kinds: planes of 16 bits they read as bytes.

    Chroma planes that are smaller than the picture are not put together.
    """
    depth = _DEPTHS.get(directory.bits[0])
    smaller = directory.one(_PHOTOMETRIC, 0) == _YCBCR and directory.many(_SUBSAMPLING, (2, 2)) != (1, 1)
    if depth is None or len(set(directory.bits)) > 1 or smaller:
        raise UnsupportedFormatError(f"this is {describe(directory.content)}")
    offsets, content = directory.many(_STRIPS), directory.content
    _, down, count = _parts(directory, width, height)
    if len(offsets) < count:
        raise MalformedInputError("the TIFF picture is truncated: strips are missing")
    planes = []
    for plane in range(directory.samples):
        rows = []
        for strip in range(count // directory.samples):
            size = depth.itemsize * width * min(down, height - strip * down)
            at = offsets[plane * (count // directory.samples) + strip]
            rows.append(content[at : at + size])
            if len(rows[-1]) < size:
                raise MalformedInputError("the TIFF picture is truncated: it ends inside its pixels")
        planes.append(np.frombuffer(b"".join(rows), depth))
    pixels = np.stack(planes, axis=-1).tobytes()
    entries = dict(directory.entries)
    for tag, value in ((_STRIPS, len(content)), (_STRIP_BYTES, len(pixels)), (_ROWS, height), (_PLANES, 1)):
        entries[tag] = struct.pack(directory.order + "HHII", tag, _LONG, 1, value)
        if tag == _PLANES:
            entries[tag] = struct.pack(directory.order + "HHIHH", tag, _SHORT, 1, value, 0)
    return _rebuilt(content, directory.order, entries, pixels)
