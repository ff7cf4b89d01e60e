"""JPEG files (ITU-T T.81): their markers, walked without a decoder, and their files without metadata.

Decoders walk the markers too, but copy and join segments repeatedly, and start over for every scan: crafted files of a
few megabytes took 20 seconds. Here every byte is read once, and the output has only tables, frame and scans.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import JPEG_PIXELS, JPEG_SCANS, JPEG_SEGMENTS
from skysort.pictures.formats import prices
from skysort.pictures.formats.prepared import UPRIGHT, bounded, check_pixels, orientation
from skysort.pictures.formats.prices import Cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.pictures.formats.prices import Budget

# A marker: not a stuffed byte (FF 00), a restart, TEM or a fill byte (T.81, B.1.1).
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_START: Final = b"\xff\xd8"
END: Final = b"\xff\xd9"
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_TABLES: Final = frozenset({0xDB, 0xC4, 0xDD})  # quantisation, Huffman codes, restart interval
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1})
_PROGRESSIVE: Final = 0xC2
_NOT_READ: Final = {
    **dict.fromkeys((0xC3, 0xCB), "a lossless JPEG"),
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF, 0xDE), "a hierarchical JPEG"),
    **dict.fromkeys((0xC9, 0xCA), "a JPEG with arithmetic coding"),
    0xF7: "a JPEG-LS picture",
}
_FRAMES: Final = _SEQUENTIAL | {_PROGRESSIVE, *_NOT_READ}
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_PROFILE: Final = b"ICC_PROFILE\0"
_PROFILE_HEAD: Final = len(_PROFILE) + 2
_BLOCK, _BITS, _MAX_SAMPLING = 8, 8, 4
# Bytes of tables before a scan: four quantisation and eight Huffman tables take 2 kB.
_TABLE_BYTES: Final = 65_536
# Total fill bytes between marker segments: the standard allows any number, encoders write none.
_FILL_BYTES: Final = 65_536
_HOW: Final = "save it as an ordinary (baseline or progressive) JPEG, or as a PNG"


@dataclass(slots=True)
class Frame:
    """A frame header (T.81, B.2.2): width, height, and each component's sampling factors by its identifier."""

    width: int
    height: int
    progressive: bool
    sampling: dict[int, tuple[int, int]]
    units: int = field(init=False)  # MCUs
    blocks: int = field(init=False)  # 8 x 8 blocks of all components, padded as in interleaved scans

    def __post_init__(self) -> None:
        """Count the blocks."""
        largest_across = largest_down = 1
        blocks_per_unit = 0
        for across, down in self.sampling.values():
            largest_across, largest_down = max(largest_across, across), max(largest_down, down)
            blocks_per_unit += across * down
        self.units = -(-self.width // (largest_across * _BLOCK)) * -(-self.height // (largest_down * _BLOCK))
        self.blocks = self.units * blocks_per_unit

    def blocks_of(self, components: Sequence[int]) -> int:
        """Blocks of some components."""
        factors = (self.sampling[component] for component in components if component in self.sampling)
        return self.units * sum(across * down for across, down in factors)


@dataclass(slots=True)
class Jpeg:
    """A JPEG by its markers.

    content: the file without metadata, up to its end marker or its truncated end. passes: blocks visited by all scans
    together. data_bytes: from the first scan on. complete: whether it has an end marker. segments: the number of marker
    segments.
    """

    content: bytes
    frame: Frame
    one_scan: bool
    passes: int
    data_bytes: int
    complete: bool
    segments: int
    turn: int
    profile: bytes | None
    profile_broken: str

    def cost(self, reduction: int) -> Cost:
        """The cost of decoding at 1, 1/2, 1/4 or 1/8 of its size."""
        frame = self.frame
        blocks, pixels = frame.blocks, frame.width * frame.height // reduction**2
        byte = prices.JPEG_BYTE if self.one_scan else prices.JPEG_SCANS_BYTE
        work = self.data_bytes * byte + blocks * prices.JPEG_BLOCK + pixels * prices.JPEG_PIXEL
        memory = pixels * (1 if len(frame.sampling) == 1 else 4) + 2 * len(self.content)
        if not self.one_scan:
            work += self.passes * prices.JPEG_BLOCK_AGAIN + blocks * prices.JPEG_BLOCK_KEPT
            memory += blocks * _BLOCK**2 * prices.JPEG_COEFFICIENT_BYTES
        work += self.segments * prices.SEGMENT
        return Cost(work, memory) if self.complete else Cost(2 * work, 2 * memory)


@dataclass(slots=True)
class _Segments:
    """The segments before the first scan: those that a decoder needs, EXIF data, parts of a colour profile."""

    kept: list[tuple[int, int]] = field(default_factory=lambda: [(0, len(_START))])  # start and end offsets
    frame: Frame | None = None
    unmodified: bool = True  # no segment was dropped
    tables: int = 0
    exif: bytes = b""
    profile: list[bytes] = field(default_factory=list)

    def needs(self, marker: int, segment: bytes) -> bool:
        """Whether a decoder needs a segment; stores EXIF data and profile parts."""
        if marker in _TABLES:
            self.tables += len(segment) + 2
            if self.tables > _TABLE_BYTES:
                raise LimitExceededError(f"a JPEG may have up to {_TABLE_BYTES:,} B of tables; this one has more")
            return True
        if marker in _FRAMES:
            self.frame = _frame(marker, segment)
            return True
        if marker == _APP1 and not self.exif and segment.startswith(b"Exif\0\0"):
            self.exif = segment
        elif marker == _APP2 and segment.startswith(_PROFILE) and len(segment) > _PROFILE_HEAD:
            self.profile.append(segment)
        # These two define the colour space.
        return (marker == _APP0 and segment.startswith(b"JFIF\0")) or (
            marker == _APP14 and segment.startswith(b"Adobe")
        )

    def front(self, content: bytes) -> bytes:
        """The segments before the first scan that a decoder needs."""
        return b"".join([content[start:end] for start, end in self.kept])

    def icc(self) -> tuple[bytes | None, str]:
        """The profile joined from its numbered parts (ICC.1, annex B.4), and why it is unusable."""
        parts = sorted(self.profile, key=lambda part: part[:_PROFILE_HEAD])
        if not parts:
            return None, ""
        if [part[len(_PROFILE)] for part in parts] != list(range(1, parts[0][len(_PROFILE) + 1] + 1)):
            return None, "parts of it are missing"
        return bounded(b"".join(part[_PROFILE_HEAD:] for part in parts))


def scan(content: bytes, budget: Budget) -> Jpeg:
    """Walk the markers of a JPEG, or of the abbreviated one in a TIFF strip; raises the errors of Prepared."""
    segments, offset, fill = _Segments(), len(_START), _FILL_BYTES
    for number in range(JPEG_SEGMENTS):
        start = _next_marker(content, offset, fill)
        if start > offset:
            fill -= start - offset
            segments.unmodified = False
        marker, body = content[start + 1], start + 2
        if marker == _END_OF_IMAGE:
            raise MalformedInputError("the JPEG picture ends before its first scan: it holds no pixels")
        if marker == _START_OF_SCAN:
            return _scans(content, start, segments, number, budget)
        offset = body + max(2, int.from_bytes(content[body : body + 2], "big"))
        if segments.needs(marker, content[body + 2 : offset]):
            segments.kept.append((start, offset))
        else:
            segments.unmodified = False
    raise LimitExceededError(f"a JPEG may have up to {JPEG_SEGMENTS:,} marker segments; this one has more")


def _next_marker(content: bytes, offset: int, fill: int) -> int:
    """The offset of the next marker, after at most fill bytes."""
    match = _MARKER.match(content, offset) or _MARKER.search(content, offset, offset + fill + 2)
    if match is not None:
        return match.start()
    if offset + fill + 2 < len(content):
        raise MalformedInputError("the JPEG picture is damaged: no marker follows its first segments")
    raise MalformedInputError("the JPEG picture is truncated: it ends before its first scan")


def _frame(marker: int, segment: bytes) -> Frame:
    if marker in _NOT_READ:
        raise UnsupportedFormatError(f"this is {_NOT_READ[marker]}, which is not supported; {_HOW}")
    if len(segment) < 6 or len(segment) < 6 + 3 * segment[5]:  # noqa: PLR2004 - a frame header without components
        raise MalformedInputError("the JPEG picture's frame header is too short")
    bits, components = segment[0], segment[5]
    height, width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    if bits != _BITS:
        raise UnsupportedFormatError(f"this JPEG has {bits} bits per sample; only {_BITS} are supported: {_HOW}")
    if components not in {1, 3, 4}:
        raise UnsupportedFormatError(f"this JPEG has {components} components; 1, 3 or 4 are supported: {_HOW}")
    if width < 1:
        raise MalformedInputError(f"the JPEG picture's size is {width} x {height}")
    if height < 1:
        raise UnsupportedFormatError(f"this JPEG has its height after its pixels (DNL), which is not supported; {_HOW}")
    check_pixels("image/jpeg", width, height, JPEG_PIXELS)
    sampling = {segment[i]: (segment[i + 1] >> 4, segment[i + 1] & 15) for i in range(6, 6 + 3 * components, 3)}
    if len(sampling) < components or not all(1 <= f <= _MAX_SAMPLING for pair in sampling.values() for f in pair):
        raise MalformedInputError("the JPEG picture's frame header has invalid components")
    return Frame(width, height, marker == _PROGRESSIVE, sampling)


def _scans(content: bytes, offset: int, head: _Segments, segments: int, budget: Budget) -> Jpeg:
    """Read the rest of a file, from its first scan's marker on."""
    frame = head.frame
    if frame is None:
        raise MalformedInputError("the JPEG picture's first scan comes before its frame header")
    one_scan = not frame.progressive and len(_components(content, offset + 2)) == len(frame.sampling)
    if not one_scan:
        budget.check(Cost((len(content) - offset) * prices.JPEG_SCANS_BYTE))
        passes, end, more = _walk(content, offset, frame)
    else:
        # Decoders stop after this scan, which nearly always ends with the file; else its end is searched.
        passes, more = frame.blocks, 0
        end = len(content) - len(END) if content.endswith(END) else content.find(END, offset)
    complete = end >= 0
    end = end if complete else len(content)
    file = content
    if not complete:
        # Half an end marker would form a marker with the bytes appended to it.
        file = head.front(content) + content[offset:].rstrip(b"\xff")
    elif not head.unmodified or len(content) > end + len(END):
        file = b"".join([head.front(content), memoryview(content)[offset:end], END])
    turn = orientation(head.exif) if head.exif else UPRIGHT
    return Jpeg(file, frame, one_scan, passes, end - offset, complete, segments + more, turn, *head.icc())


def _components(content: bytes, body: int) -> list[int]:
    """The components of a scan, by its header (T.81, B.2.3)."""
    return list(content[body + 3 : body + 3 + 2 * min(4, content[body + 2] if body + 2 < len(content) else 0) : 2])


def _walk(content: bytes, offset: int, frame: Frame) -> tuple[int, int, int]:
    """Blocks visited by all scans, the offset of the end marker (-1: missing), and the number of segments."""
    passes = scans = 0
    for number in range(JPEG_SEGMENTS):
        match = _MARKER.search(content, offset)
        if match is None:
            return passes, -1, number
        marker, body = content[match.start() + 1], match.end()
        if marker == _END_OF_IMAGE:
            return passes, match.start(), number
        if marker == _START_OF_SCAN:
            scans += 1
            passes += frame.blocks_of(_components(content, body))
            if scans > JPEG_SCANS:
                raise LimitExceededError(f"a JPEG may have up to {JPEG_SCANS} scans; this one has more")
        offset = body + max(2, int.from_bytes(content[body : body + 2], "big"))
    raise LimitExceededError(f"a JPEG may have up to {JPEG_SEGMENTS:,} marker segments; this one has more")
