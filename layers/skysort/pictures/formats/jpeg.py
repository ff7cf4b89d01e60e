"""JPEG files (ITU-T T.81): their markers, walked without a decoder, and their files without metadata.

Decoders walk markers one by one too, but copy what they meet, join it again and again, and start over for every scan:
files of a few megabytes made to be slow took them 20 seconds. Here every byte is looked at once, and what comes out has
nothing but tables, frame and scans.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import JPEG_PIXELS, JPEG_SCANS, JPEG_SEGMENTS, PROFILE_BYTES
from skysort.pictures.formats import exif, prices
from skysort.pictures.formats.budget import Cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.pictures.formats.budget import Budget

# A marker: not a stuffed byte (FF 00), a restart, TEM or a fill byte (T.81, B.1.1).
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_START: Final = b"\xff\xd8"
END: Final = b"\xff\xd9"
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_RESTART_INTERVAL: Final = 0xDD
_TABLES: Final = frozenset({0xDB, 0xC4, _RESTART_INTERVAL})  # quantisation, Huffman codes
_LINES: Final = 0xDC
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1})
_PROGRESSIVE: Final = 0xC2
_HIERARCHICAL: Final = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF, 0xDE})
_NOT_READ: Final = {
    **dict.fromkeys((0xC3, 0xCB), "a lossless JPEG"),
    **dict.fromkeys(_HIERARCHICAL, "a hierarchical JPEG"),
    **dict.fromkeys((0xC9, 0xCA), "a JPEG with arithmetic coding"),
    0xF7: "a JPEG-LS picture",
}
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_PROFILE: Final = b"ICC_PROFILE\0"
_PROFILE_HEAD: Final = len(_PROFILE) + 2
_BLOCK: Final = 8
_BITS: Final = 8
_MOST_SAMPLING: Final = 4
# Bytes of tables in front of a scan: four of quantisation and eight of Huffman codes take 2 kB.
_TABLE_BYTES: Final = 65_536
# Bytes between marker segments, all in all: the standard allows as many as one likes, encoders write none.
_FILL_BYTES: Final = 65_536
_HOW: Final = "save it as an ordinary (baseline or progressive) JPEG, or as a PNG"


@dataclass(slots=True)
class Frame:
    """A frame header (T.81, B.2.2): width, height, and each component's sampling factors by its identifier."""

    width: int
    height: int
    progressive: bool
    sampling: dict[int, tuple[int, int]]
    units: int = field(init=False)  # of as many blocks as the largest component has
    blocks: int = field(init=False)  # of 8 x 8 pixels, of all components, padded as in interleaved scans

    def __post_init__(self) -> None:
        """Count the blocks."""
        largest_across = largest_down = 1
        each = 0
        for across, down in self.sampling.values():
            largest_across, largest_down = max(largest_across, across), max(largest_down, down)
            each += across * down
        self.units = -(-self.width // (largest_across * _BLOCK)) * -(-self.height // (largest_down * _BLOCK))
        self.blocks = self.units * each

    def blocks_of(self, components: Sequence[int]) -> int:
        """Blocks of some components."""
        each = (self.sampling[one] for one in components if one in self.sampling)
        return self.units * sum(across * down for across, down in each)


@dataclass(slots=True)
class Jpeg:
    """What a JPEG's markers say.

    content: the file without metadata, from its start to its end or to the end of what there is. passes: blocks that
    all scans visit together. data_bytes: from the first scan on. complete: whether its end is marked. segments: marker
    segments that were met.
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
        """Of decoding it at 1, 1/2, 1/4 or 1/8 of its size."""
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
    """What stands in front of the first scan: what a decoder needs, EXIF data, parts of a colour profile."""

    kept: list[tuple[int, int]] = field(default_factory=lambda: [(0, len(_START))])  # places
    frame: Frame | None = None
    whole: bool = True  # nothing was left out
    tables: int = 0
    exif: bytes = b""
    profile: list[bytes] = field(default_factory=list)

    def count_tables(self, size: int) -> None:
        """Count a segment of tables; raises LimitExceededError where there are too many bytes of them."""
        self.tables += size
        if self.tables > _TABLE_BYTES:
            raise LimitExceededError(f"a JPEG may have up to {_TABLE_BYTES:,} B of tables, this one has more")

    def front(self, content: bytes) -> bytes:
        """What a decoder needs of what stands in front of the first scan."""
        return b"".join([content[start:end] for start, end in self.kept])

    def icc(self) -> tuple[bytes | None, str]:
        """The profile put together from its numbered parts (ICC.1, annex B.4), and why there is none."""
        parts = sorted(self.profile, key=lambda part: part[:_PROFILE_HEAD])
        if not parts:
            return None, ""
        numbers = [part[len(_PROFILE)] for part in parts]
        if numbers != list(range(1, parts[0][len(_PROFILE) + 1] + 1)):
            return None, "parts of it are missing"
        if sum(map(len, parts)) > PROFILE_BYTES:
            return None, f"it is larger than {PROFILE_BYTES:,} B"
        return b"".join(part[_PROFILE_HEAD:] for part in parts), ""


def scan(content: bytes, budget: Budget) -> Jpeg:
    """Walk the markers of a JPEG, or of the abbreviated one in a TIFF's strip.

    budget: what is left; scans that would cost more are not looked for.

    Raises MalformedInputError where there is no frame or no scan, UnsupportedFormatError for the kinds of JPEG that
    decoders of photographs do not read, and LimitExceededError for more pixels, segments or scans than may be.
    """
    known, at, fill = _Segments(), len(_START), _FILL_BYTES
    for number in range(JPEG_SEGMENTS):
        start = _next_marker(content, at, fill)
        if start > at:
            fill -= start - at
            known.whole = False
        marker, body = content[start + 1], start + 2
        if marker == _END_OF_IMAGE:
            raise MalformedInputError("the JPEG picture ends before its first scan: it holds no pixels")
        if marker == _START_OF_SCAN:
            return _scans(content, start, known, number, budget)
        at = body + max(2, int.from_bytes(content[body : body + 2], "big"))
        if marker in _TABLES:
            known.count_tables(at - body)
        elif not _is_needed(marker, content[body + 2 : at], known):
            known.whole = False
            continue
        known.kept.append((start, at))
    raise LimitExceededError(f"a JPEG may have up to {JPEG_SEGMENTS:,} marker segments, this one has more")


def _next_marker(content: bytes, at: int, fill: int) -> int:
    """Where the next marker is, at most so many bytes on."""
    found = _MARKER.match(content, at) or _MARKER.search(content, at, at + fill + 2)
    if found is not None:
        return found.start()
    if at + fill + 2 < len(content):
        raise MalformedInputError("the JPEG picture is damaged: what follows its first segments is none")
    raise MalformedInputError("the JPEG picture is truncated: it ends before its first scan")


def _is_needed(marker: int, segment: bytes, known: _Segments) -> bool:
    """Whether a decoder needs a segment that is no table; what else is of use is put aside."""
    if marker in _NOT_READ or marker in _SEQUENTIAL or marker == _PROGRESSIVE:
        known.frame = _frame(marker, segment)
        return True
    return _of_colours(marker, segment, known)


def _of_colours(marker: int, segment: bytes, known: _Segments) -> bool:
    """Whether a segment tells a decoder what its components are; what else is of use is put aside."""
    if marker == _APP0:
        return segment.startswith(b"JFIF\0")
    if marker == _APP14:
        return segment.startswith(b"Adobe")
    if marker == _APP1 and not known.exif and segment.startswith(b"Exif\0\0"):
        known.exif = segment
    elif marker == _APP2 and segment.startswith(_PROFILE) and len(segment) > _PROFILE_HEAD:
        known.profile.append(segment)
    return False


def _frame(marker: int, segment: bytes) -> Frame:
    if marker in _NOT_READ:
        raise UnsupportedFormatError(f"this is {_NOT_READ[marker]}, which is not read; {_HOW}")
    if len(segment) < 6 or len(segment) < 6 + 3 * segment[5]:  # noqa: PLR2004 - a frame header without components
        raise MalformedInputError("the JPEG picture's frame header is too short")
    bits, components = segment[0], segment[5]
    height, width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    if bits != _BITS:
        raise UnsupportedFormatError(f"this JPEG has {bits} bits a sample; {_BITS} are read: {_HOW}")
    if components not in {1, 3, 4}:
        raise UnsupportedFormatError(f"this JPEG has {components} components; 1, 3 or 4 are read: {_HOW}")
    if width < 1:
        raise MalformedInputError(f"the JPEG picture's size is {width} x {height}")
    if height < 1:
        raise UnsupportedFormatError(f"this JPEG tells its height behind its pixels, which is not read; {_HOW}")
    if width * height > JPEG_PIXELS:
        raise LimitExceededError(
            f"a picture of type image/jpeg may have up to {JPEG_PIXELS:,} pixels, this one has {width} x {height}"
        )
    sampling = {
        segment[6 + 3 * one]: (segment[7 + 3 * one] >> 4, segment[7 + 3 * one] & 15) for one in range(components)
    }
    if len(sampling) < components or not all(1 <= f <= _MOST_SAMPLING for pair in sampling.values() for f in pair):
        raise MalformedInputError("the JPEG picture's frame header has components that no JPEG may have")
    return Frame(width, height, marker == _PROGRESSIVE, sampling)


def _scans(content: bytes, at: int, known: _Segments, segments: int, budget: Budget) -> Jpeg:
    """The rest of a file, from its first scan's marker on."""
    frame = known.frame
    if frame is None:
        raise MalformedInputError("the JPEG picture's first scan comes before its frame header")
    first = _components(content, at + 2)
    one_scan = not frame.progressive and len(first) == len(frame.sampling)
    if not one_scan:
        budget.check(Cost((len(content) - at) * prices.JPEG_SCANS_BYTE))
        passes, end, more = _walk(content, at, frame)
    else:
        # Decoders are done after this scan. It ends where nearly all files end; else its end is looked for.
        passes, more = frame.blocks, 0
        end = len(content) - len(END) if content.endswith(END) else content.find(END, at)
    complete = end >= 0
    end = end if complete else len(content)
    profile, broken = known.icc()
    file = content
    if not complete:
        # Half an end is none, and would be taken for a marker together with what is put behind it.
        file = known.front(content) + content[at:].rstrip(b"\xff")
    elif not known.whole or len(content) > end + len(END):
        file = b"".join([known.front(content), memoryview(content)[at:end], END])
    return Jpeg(
        file,
        frame,
        one_scan,
        passes,
        end - at,
        complete,
        segments + more,
        exif.orientation(known.exif) if known.exif else 1,
        profile,
        broken,
    )


def _components(content: bytes, body: int) -> list[int]:
    """The components of a scan, by its header (T.81, B.2.3)."""
    return list(content[body + 3 : body + 3 + 2 * min(4, content[body + 2] if body + 2 < len(content) else 0) : 2])


def _walk(content: bytes, at: int, frame: Frame) -> tuple[int, int, int]:
    """Blocks that all scans visit, where the picture ends (-1: nowhere), and segments met on the way."""
    passes = scans = 0
    for number in range(JPEG_SEGMENTS):
        found = _MARKER.search(content, at)
        if found is None:
            return passes, -1, number
        marker, body = content[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            return passes, found.start(), number
        if marker == _START_OF_SCAN:
            scans += 1
            passes += frame.blocks_of(_components(content, body))
            if scans > JPEG_SCANS:
                raise LimitExceededError(f"a JPEG may have up to {JPEG_SCANS} scans, this one has more")
        at = body + max(2, int.from_bytes(content[body : body + 2], "big"))
    raise LimitExceededError(f"a JPEG may have up to {JPEG_SEGMENTS:,} marker segments, this one has more")
