"""PNG files (W3C, PNG Specification): their chunks, walked without a decoder, and their files without metadata.

Only what the pixels need is kept: header, palette, transparency and the pixel chunks joined into one. Damage in other
chunks, decompression bombs in texts, and a million empty chunks do no harm.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, field
from typing import Final

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import PNG_CHUNKS, PROFILE_BYTES
from skysort.pictures.formats import prices
from skysort.pictures.formats.prepared import UPRIGHT, Prepared, bounded, check_pixels, orientation
from skysort.pictures.formats.prices import Cost

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEAD, _HEADER_BYTES, _PALETTE_BYTES = 8, 13, 768
# Samples per pixel by colour type (11.2.1), and allowed bits per sample.
_GREY, _PALETTE = 0, 3
_SAMPLES: Final = {_GREY: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}
_DEPTHS: Final = {_GREY: {1, 2, 4, 8, 16}, 2: {8, 16}, _PALETTE: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_DEEP: Final = 16
# First pixel and step, across and down, of the seven passes of an interlaced picture (8.2).
_PASSES: Final = (
    *((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4)),
    *((0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)),
)
# Bytes of a transparent colour, by colour type; a palette's transparency may have any number.
_TRANSPARENCY_BYTES: Final = {_GREY: 2, 2: 6, _PALETTE: 1}
_CRITICAL_BIT: Final = 0x20
_NAME: Final = re.compile(rb"[A-Za-z]{4}")


@dataclass(slots=True)
class _Chunks:
    header: bytes = b""
    palette: bytes = b""
    transparency: bytes | None = None
    pixels: list[bytes] = field(default_factory=list)
    exif: bytes = b""
    profile: bytes | None = None
    profile_broken: str = ""
    count: int = 0


def prepare(content: bytes) -> Prepared:
    """Read a PNG's chunks; raises the errors of Prepared."""
    chunks = _walk(content)
    width, height, bits, colour, packing, filters, interlaced = struct.unpack(">IIBBBBB", chunks.header)
    if width < 1 or height < 1:
        raise MalformedInputError(f"the PNG picture's size is {width} x {height}")
    check_pixels("image/png", width, height)
    if bits not in _DEPTHS.get(colour, ()) or packing or filters or interlaced > 1:
        raise MalformedInputError("the PNG picture's header is invalid")
    if not chunks.pixels:
        raise MalformedInputError("the PNG picture is truncated: it ends before its first pixel")
    if colour == _PALETTE and not chunks.palette:
        raise MalformedInputError("the PNG picture is damaged: its palette is missing")
    if len(chunks.transparency or b"") < _TRANSPARENCY_BYTES.get(colour, _PALETTE_BYTES + 1):
        chunks.transparency = None  # too short for a colour, or redundant: viewers ignore it
    return Prepared(
        _rebuilt(chunks),
        width,
        height,
        _cost(len(content), chunks, width, height, _SAMPLES[colour] * bits, interlaced=bool(interlaced)),
        orientation(chunks.exif) if chunks.exif else UPRIGHT,
        chunks.profile,
        chunks.profile_broken,
        deep=bits == _DEEP and colour != _GREY,  # 16-bit grey is kept
    )


def _walk(content: bytes) -> _Chunks:
    chunks, offset = _Chunks(), len(SIGNATURE)
    for count in range(1, PNG_CHUNKS + 1):
        head = content[offset : offset + _HEAD]
        if len(head) < _HEAD:
            break
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        body = offset + _HEAD
        offset = body + size + 4
        chunks.count = count
        if name == b"IDAT":
            chunks.pixels.append(content[body : body + size])
        elif name == b"IEND":
            break
        elif not chunks.header:
            if name == b"CgBI":
                raise UnsupportedFormatError(
                    "this is a PNG in Apple's own variant for apps (CgBI); save it as an ordinary PNG"
                )
            if name != b"IHDR" or size != _HEADER_BYTES or len(content) < body + size:
                raise MalformedInputError("the PNG picture does not begin with its header")
            chunks.header = _checked(content, body, size)
        elif chunks.pixels and not _NAME.fullmatch(name):
            break  # trailing bytes after the pixels are not a chunk
        else:
            _note(name, content, body, size, chunks)
    else:
        raise LimitExceededError(f"a PNG may have up to {PNG_CHUNKS:,} chunks; this one has more")
    if not chunks.header:
        raise MalformedInputError("the PNG picture is truncated: it ends before its header")
    return chunks


def _checked(content: bytes, body: int, size: int) -> bytes:
    """A critical chunk; raises MalformedInputError for a wrong checksum."""
    if zlib.crc32(content[body - 4 : body + size]).to_bytes(4, "big") != content[body + size : body + size + 4]:
        name = content[body - 4 : body].decode("latin-1")
        raise MalformedInputError(f"the PNG picture is damaged: the checksum of its {name} is wrong")
    return content[body : body + size]


def _note(name: bytes, content: bytes, body: int, size: int, chunks: _Chunks) -> None:
    """Record a chunk after the header other than pixels."""
    if name == b"PLTE":
        chunks.palette = _checked(content, body, size)[:_PALETTE_BYTES]
    elif name == b"tRNS":
        chunks.transparency = content[body : body + min(size, _PALETTE_BYTES)]
    elif name == b"eXIf" and not chunks.exif:
        chunks.exif = content[body : body + size]
    elif name == b"iCCP" and chunks.profile is None and not chunks.pixels:
        chunks.profile, chunks.profile_broken = _profile(content[body : body + size])
    elif not name[0] & _CRITICAL_BIT and name != b"IHDR":
        raise MalformedInputError(f"the PNG picture has an invalid critical chunk: {name!r}")


def _profile(data: bytes) -> tuple[bytes | None, str]:
    """Decompress an ICC profile (11.3.2.3): a name, a zero, a zero for deflate, and the compressed profile."""
    try:
        profile = zlib.decompressobj().decompress(data[data.index(b"\0") + 2 :], PROFILE_BYTES + 1)
    except (ValueError, zlib.error):
        profile = b""
    return bounded(profile) if profile else (None, "it is damaged")


def _rebuilt(chunks: _Chunks) -> bytes:
    parts = [SIGNATURE, _chunk(b"IHDR", chunks.header)]
    if chunks.palette:
        parts.append(_chunk(b"PLTE", chunks.palette))
    if chunks.transparency is not None:
        parts.append(_chunk(b"tRNS", chunks.transparency))
    # Decoders ignore the checksum of pixels; zlib has its own.
    size = sum(map(len, chunks.pixels))
    return b"".join([*parts, size.to_bytes(4, "big"), b"IDAT", *chunks.pixels, bytes(4), _chunk(b"IEND", b"")])


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _cost(size: int, chunks: _Chunks, width: int, height: int, bits: int, *, interlaced: bool) -> Cost:
    rows = [(width, height)]
    if interlaced:
        rows = [(max(0, -(-(width - x) // dx)), max(0, -(-(height - y) // dy))) for x, dx, y, dy in _PASSES]
    unpacked = sum((-(-across * bits // 8) + 1) * down for across, down in rows if across)
    work = unpacked * prices.PNG_ROW_BYTE + width * height * prices.PNG_PIXEL
    work += size * prices.PNG_FILE_BYTE + chunks.count * prices.CHUNK
    # Decoders keep the rows of an interlaced picture until the last pass.
    return Cost(work, width * height * 4 + 2 * size + (unpacked if interlaced else 0))
