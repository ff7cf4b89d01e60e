"""WebP files (RFC 9649): their chunks, walked without a decoder, and the first frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import IMAGE_PIXELS, PNG_CHUNKS
from skysort.pictures.formats import prices
from skysort.pictures.formats.prepared import UPRIGHT, Prepared, bounded, check_pixels, orientation
from skysort.pictures.formats.prices import Cost

_HEAD, _FILE_HEAD, _FRAME_HEAD = 8, 12, 16
_LOSSY, _LOSSLESS, _ALPHA, _FRAME = b"VP8 ", b"VP8L", b"ALPH", b"ANMF"
_PICTURES: Final = frozenset({_LOSSY, _LOSSLESS, _FRAME})
_KEPT_FLAGS: Final = 0x10 | 0x02  # alpha and animation; the flags of profile, EXIF and XMP are cleared
# Cost of a pixel and of a byte.
_PRICES: Final = {
    _LOSSLESS: (prices.WEBP_LOSSLESS_PIXEL, prices.WEBP_LOSSLESS_BYTE),
    _LOSSY: (prices.WEBP_PIXEL, prices.WEBP_BYTE),
    _ALPHA: (prices.WEBP_ALPHA_PIXEL, prices.WEBP_LOSSLESS_BYTE),
}


@dataclass(slots=True)
class _Chunks:
    """The first chunk of each name, and the first picture chunk."""

    named: dict[bytes, bytes] = field(default_factory=dict)
    picture: tuple[bytes, bytes] = (b"", b"")  # name and data
    count: int = 0


def prepare(content: bytes) -> Prepared:
    """Read a WebP's chunks; raises the errors of Prepared."""
    chunks = _walk(content)
    canvas = chunks.named.get(b"VP8X", b"")[:10]
    if len(canvas) == 10:  # noqa: PLR2004 - flags, three bytes of nothing, two sizes of three bytes
        width, height = 1 + int.from_bytes(canvas[4:7], "little"), 1 + int.from_bytes(canvas[7:], "little")
    else:
        width, height = _size(*chunks.picture)
    if width < 1 or height < 1:
        raise MalformedInputError(f"the WebP picture is damaged: its size is {width} x {height}")
    check_pixels("image/webp", width, height)
    parts = _decoded(chunks)
    work = width * height * prices.WEBP_CANVAS_PIXEL + chunks.count * prices.CHUNK
    for name, data in parts:
        across, down = _size(name, data)
        pixels = max(across * down, width * height) if name == _ALPHA else across * down
        if pixels > IMAGE_PIXELS:
            raise LimitExceededError(
                f"a WebP's frame may have up to {IMAGE_PIXELS:,} pixels; this one has {across} x {down}"
            )
        pixel, byte = _PRICES[name]
        work += pixels * pixel + len(data) * byte
    # Two canvases, the last decoded picture, the decoder's copy of a lossless one, and the output.
    cost = Cost(work, width * height * 12 + 3 * len(content))
    turn = orientation(chunks.named[b"EXIF"]) if chunks.named.get(b"EXIF") else UPRIGHT
    return Prepared(_rebuilt(chunks, canvas), width, height, cost, turn, *bounded(chunks.named.get(b"ICCP")))


def _read_chunks(content: bytes, offset: int, chunks: _Chunks) -> list[tuple[bytes, bytes]]:
    """The chunks from an offset on: names and data."""
    read: list[tuple[bytes, bytes]] = []
    while offset + _HEAD <= len(content):
        chunks.count += 1
        if chunks.count > PNG_CHUNKS:
            raise LimitExceededError(f"a WebP may have up to {PNG_CHUNKS:,} chunks; this one has more")
        name, size = content[offset : offset + 4], int.from_bytes(content[offset + 4 : offset + 8], "little")
        data = content[offset + _HEAD : offset + _HEAD + size]
        if len(data) < size and name in _PRICES:
            raise MalformedInputError("the WebP picture is truncated: it ends inside its pixels")
        read.append((name, data))
        offset += _HEAD + size + (size & 1)
    return read


def _walk(content: bytes) -> _Chunks:
    chunks = _Chunks()
    end = min(len(content), _HEAD + int.from_bytes(content[4:8], "little"))
    for name, data in _read_chunks(content[:end], _FILE_HEAD, chunks):
        chunks.named.setdefault(name, data)
        if name in _PICTURES and not chunks.picture[0]:
            chunks.picture = name, data
    if not chunks.picture[0]:
        raise MalformedInputError("the WebP picture is truncated: it ends before its first pixel")
    return chunks


def _size(name: bytes, data: bytes) -> tuple[int, int]:
    """Width and height in a picture's own header (RFC 6386, 9.1; RFC 9649, 3.4); 0 x 0 without one."""
    if name == _LOSSLESS and len(data) >= 5:  # noqa: PLR2004 - a byte of signature, then the sizes
        bits = int.from_bytes(data[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if name == _LOSSY and len(data) >= 10:  # noqa: PLR2004 - a frame's tag, a start code, two sizes
        return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    return 0, 0


def _decoded(chunks: _Chunks) -> list[tuple[bytes, bytes]]:
    """The chunks to decode: picture and alpha, or those of an animation's first frame."""
    name, data = chunks.picture
    if name == _FRAME:
        return [(name, data) for name, data in _read_chunks(data, _FRAME_HEAD, chunks) if name in _PRICES]
    alpha = chunks.named.get(_ALPHA)
    return [chunks.picture, *([(_ALPHA, alpha)] if alpha else [])]


def _rebuilt(chunks: _Chunks, canvas: bytes) -> bytes:
    parts = [(b"VP8X", bytes([canvas[0] & _KEPT_FLAGS]) + canvas[1:])] if canvas else []
    parts += [(name, chunks.named[name]) for name in (b"ANIM", _ALPHA) if chunks.named.get(name)]
    parts.append(chunks.picture)
    body = b"".join(name + len(data).to_bytes(4, "little") + data + bytes(len(data) & 1) for name, data in parts)
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body
