"""WebP files (RFC 9649): their chunks, walked without a decoder, and the first picture of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import IMAGE_PIXELS, PNG_CHUNKS
from skysort.pictures.formats import exif, prices
from skysort.pictures.formats.budget import Cost
from skysort.pictures.formats.prepared import Prepared, bounded

if TYPE_CHECKING:
    from skysort.pictures.formats.budget import Budget

_HEAD: Final = 8
_FILE_HEAD: Final = 12
_FRAME: Final = 16
_ALPHA: Final = 0x10
_ANIMATED: Final = 0x02
_KEPT_FLAGS: Final = _ALPHA | _ANIMATED
_PIXELS: Final = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
_PIXEL: Final = {
    b"VP8L": prices.WEBP_LOSSLESS_PIXEL,
    b"VP8 ": prices.WEBP_PIXEL,
    b"ALPH": prices.WEBP_ALPHA_PIXEL,
}
_BYTE: Final = {b"VP8L": prices.WEBP_LOSSLESS_BYTE, b"VP8 ": prices.WEBP_BYTE, b"ALPH": prices.WEBP_LOSSLESS_BYTE}


@dataclass(slots=True)
class _Chunks:
    canvas: bytes = b""
    animation: bytes = b""
    alpha: bytes = b""
    picture: bytes = b""  # VP8 or VP8L, or the first frame of an animation
    exif: bytes = b""
    profile: bytes | None = None
    count: int = 0
    names: set[bytes] = field(default_factory=set)


def prepare(content: bytes, _budget: Budget | None = None) -> Prepared:
    """Read a WebP's chunks; see Prepared.

    Raises MalformedInputError where there is no picture, and LimitExceededError for more pixels or chunks than may be.
    """
    chunks = _walk(content)
    width, height = _canvas(chunks)
    if width < 1 or height < 1:
        raise MalformedInputError(f"the WebP picture is damaged: its size is {width} x {height}")
    if width * height > IMAGE_PIXELS:
        raise LimitExceededError(
            f"a picture of type image/webp may have up to {IMAGE_PIXELS:,} pixels, this one has {width} x {height}"
        )
    parts = _pictures(chunks)
    work = width * height * prices.WEBP_CANVAS_PIXEL + chunks.count * prices.CHUNK
    for name, data in parts:
        across, down = _size(name, data)
        pixels = max(across * down, width * height) if name == b"ALPH" else across * down
        if pixels > IMAGE_PIXELS:
            raise LimitExceededError(
                f"a WebP's frame may have up to {IMAGE_PIXELS:,} pixels, this one {across} x {down}"
            )
        work += pixels * _PIXEL[name] + len(data) * _BYTE[name]
    # Two canvases, the picture that was decoded last, the decoder's own copy of a lossless one, and what it hands over.
    return Prepared(
        _rebuilt(chunks),
        width,
        height,
        Cost(work, width * height * 12 + 3 * len(content)),
        exif.orientation(chunks.exif) if chunks.exif else 1,
        *bounded(chunks.profile),
    )


def _each(content: bytes, at: int, chunks: _Chunks) -> list[tuple[bytes, bytes]]:
    """Chunks by name up to the first picture and what belongs to it."""
    found: list[tuple[bytes, bytes]] = []
    while at + _HEAD <= len(content):
        chunks.count += 1
        if chunks.count > PNG_CHUNKS:
            raise LimitExceededError(f"a WebP may have up to {PNG_CHUNKS:,} chunks, this one has more")
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        data = content[at + _HEAD : at + _HEAD + size]
        if len(data) < size and name in _PIXELS:
            raise MalformedInputError("the WebP picture is truncated: it ends inside its pixels")
        found.append((name, data))
        at += _HEAD + size + (size & 1)
    return found


def _walk(content: bytes) -> _Chunks:
    chunks = _Chunks()
    end = min(len(content), _HEAD + int.from_bytes(content[4:8], "little"))
    for name, data in _each(content[:end], _FILE_HEAD, chunks):
        if name in chunks.names:
            continue
        chunks.names.add(name)
        if name == b"VP8X":
            chunks.canvas = data[:10]
        elif name == b"ANIM":
            chunks.animation = data
        elif name == b"ALPH":
            chunks.alpha = data
        elif name in {b"VP8 ", b"VP8L", b"ANMF"} and not chunks.picture:
            chunks.picture = name + data
        elif name == b"EXIF":
            chunks.exif = data
        elif name == b"ICCP":
            chunks.profile = data
    if not chunks.picture:
        raise MalformedInputError("the WebP picture is truncated: it ends before its first pixel")
    return chunks


def _canvas(chunks: _Chunks) -> tuple[int, int]:
    if len(chunks.canvas) == 10:  # noqa: PLR2004 - flags, three bytes of nothing, two sizes of three bytes
        return (
            1 + int.from_bytes(chunks.canvas[4:7], "little"),
            1 + int.from_bytes(chunks.canvas[7:10], "little"),
        )
    return _size(chunks.picture[:4], chunks.picture[4:])


def _size(name: bytes, data: bytes) -> tuple[int, int]:
    """Width and height that a picture's own header tells (RFC 6386, 9.1; RFC 9649, 3.4); 0 x 0 where there is none."""
    if name == b"VP8L" and len(data) >= 5:  # noqa: PLR2004 - a byte of signature, then the sizes
        bits = int.from_bytes(data[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if name == b"VP8 " and len(data) >= 10:  # noqa: PLR2004 - a frame's tag, a start code, two sizes
        return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    return 0, 0


def _pictures(chunks: _Chunks) -> list[tuple[bytes, bytes]]:
    """What is decoded: the picture, its transparency, or those of an animation's first frame."""
    name, data = chunks.picture[:4], chunks.picture[4:]
    if name != b"ANMF":
        return [(name, data), *([(b"ALPH", chunks.alpha)] if chunks.alpha else [])]
    return [pair for pair in _each(data, _FRAME, chunks) if pair[0] in _PIXEL]


def _rebuilt(chunks: _Chunks) -> bytes:
    parts = []
    if chunks.canvas:
        # Flags of what is left out are cleared: profile, EXIF, XMP.
        parts.append((b"VP8X", bytes([chunks.canvas[0] & _KEPT_FLAGS]) + chunks.canvas[1:]))
    if chunks.animation:
        parts.append((b"ANIM", chunks.animation))
    if chunks.alpha:
        parts.append((b"ALPH", chunks.alpha))
    parts.append((chunks.picture[:4], chunks.picture[4:]))
    body = b"".join(name + len(data).to_bytes(4, "little") + data + bytes(len(data) & 1) for name, data in parts)
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body
