"""The first directory of a TIFF file (TIFF 6.0, section 2), read without a decoder, and its description."""

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
EXTRA, FORMAT, SUBSAMPLING, PROFILE = 338, 339, 530, 34675
OF_STRIPS: Final = frozenset({STRIPS, STRIP_BYTES, ROWS})
OF_TILES: Final = frozenset({TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES})
# Other tags that decoders need: fill order, fax options, predictor, palette, inks, tables and subsampling.
KEPT: Final = (
    OF_STRIPS
    | OF_TILES
    | {WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANES, EXTRA, FORMAT}
    | {266, 292, 293, 317, 320, 332, 347, *range(512, 522), *range(529, 533)}
)
RAW, JPEG, OLD_JPEG = 1, 7, 6
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
_HEADER, _ENTRY = 8, 12
_SEPARATE: Final = 2

COMPRESSIONS: Final = {
    32766: "NeXT",
    32809: "ThunderScan",
    34713: "a camera's raw (NEF)",
    34887: "LERC",
    34892: "lossy raw JPEG",
    **dict.fromkeys((33003, 33005, 34712), "JPEG 2000"),
    **dict.fromkeys((34676, 34677), "SGI LogLuv"),
    **dict.fromkeys((50002, 52546), "JPEG XL"),
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
    32844: "LogL",
    32845: "LogLuv",
    **dict.fromkeys((32803, 34892), "a camera's raw pixels"),
}
_FORMATS: Final = {1: "", 2: "signed ", 3: "floating-point ", 4: "undefined ", 5: "complex ", 6: "complex "}
_PREMULTIPLIED, _TRANSPARENCY = 1, 2
TRANSPARENT: Final = frozenset({_PREMULTIPLIED, _TRANSPARENCY})
_HOW: Final = (
    "save it as RGB or grey with 8 or 16 bits per sample, measurements as FITS or as 32-bit floating-point grey"
)


@dataclass(slots=True)
class Directory:
    """The tags of one picture: their raw entries, and the numbers of those needed here."""

    content: bytes
    order: str
    entries: dict[int, bytes] = field(default_factory=dict)
    numbers: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def first(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        return (self.numbers.get(tag) or (default,))[0]

    def every(self, tag: int, default: Sequence[int] = ()) -> tuple[int, ...]:
        """All numbers of a tag."""
        return self.numbers.get(tag) or tuple(default)

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits of each sample."""
        bits_per_sample = self.every(BITS, (1,))
        return bits_per_sample * self.samples if len(bits_per_sample) == 1 else bits_per_sample

    @property
    def samples(self) -> int:
        """Samples per pixel."""
        return self.first(SAMPLES, 3 if self.first(COMPRESSION, RAW) == OLD_JPEG else 1)

    @property
    def tiled(self) -> bool:
        """Whether the pixels are in tiles rather than strips."""
        return TILES in self.entries and TILE_WIDTH in self.entries

    @property
    def separate(self) -> bool:
        """Whether each sample has its own plane."""
        return self.first(PLANES, 1) == _SEPARATE and self.samples > 1

    def data_of(self, tag: int) -> bytes:
        """A tag's bytes, which are in the entry itself if they fit."""
        _, kind, values, offset = struct.unpack(self.order + "HHII", self.entries[tag])
        size = _SIZES.get(kind, 1) * values
        return self.entries[tag][8 : 8 + size] if size <= 4 else self.content[offset : offset + size]  # noqa: PLR2004

    def numbers_of(self, tag: int, kind: int, values: int) -> tuple[int, ...]:
        """A tag's numbers; raises LimitExceededError or MalformedInputError for too many."""
        if values > TIFF_PARTS:
            if tag in {STRIPS, STRIP_BYTES, TILES, TILE_BYTES}:
                raise LimitExceededError(
                    f"a TIFF may have up to {TIFF_PARTS:,} strips or tiles; this one has {values:,}"
                )
            raise MalformedInputError(f"the TIFF picture is damaged: its tag {tag} has {values:,} values")
        data = self.data_of(tag)
        return struct.unpack_from(f"{self.order}{len(data) // _SIZES[kind]}{_NUMBERS[kind]}", data)

    def described(self) -> str:
        """A description for the error of an unsupported TIFF."""
        bits, kind, extra = self.bits, _FORMATS.get(self.first(FORMAT, 1), ""), self.every(EXTRA)
        photometric = self.first(PHOTOMETRIC, 0)
        colours = _PHOTOMETRICS.get(photometric, f"colours of kind {photometric}")
        details = f"{bits[0]} {kind}bits per sample" if len(set(bits)) == 1 else f"{kind}samples of {bits[:8]} bits"
        if self.separate:
            details += ", in separate planes"
        if _PREMULTIPLIED in extra:
            details += ", with premultiplied transparency"
        elif _TRANSPARENCY in extra:
            details += ", with transparency"
        elif len(extra) > 1:
            details += f", with {len(extra)} further channels"
        return f"a TIFF of {colours} with {details}; {_HOW}"


def read(content: bytes) -> Directory:
    """Read the relevant tags of the first directory; raises the errors of Prepared."""
    directory = Directory(content, order := "<" if content[:2] == b"II" else ">")
    if len(content) < _HEADER:
        raise MalformedInputError("the TIFF picture is truncated: it ends inside its header")
    (start,) = struct.unpack_from(order + "I", content, 4)
    head = content[start : start + 2]
    if start < _HEADER or len(head) < 2:  # noqa: PLR2004 - bytes of a count
        raise MalformedInputError("the TIFF picture is truncated: it ends before its directory of tags")
    (count,) = struct.unpack(order + "H", head)
    if count > TIFF_ENTRIES:
        raise LimitExceededError(f"a TIFF may have up to {TIFF_ENTRIES:,} tags; this one has {count:,}")
    for offset in range(start + 2, start + 2 + count * _ENTRY, _ENTRY):
        entry = content[offset : offset + _ENTRY]
        if len(entry) < _ENTRY:
            raise MalformedInputError("the TIFF picture is truncated: it ends inside its directory of tags")
        tag, kind, values = struct.unpack_from(order + "HHI", entry)
        if tag in directory.entries or tag not in KEPT | {ORIENTATION, PROFILE}:
            continue
        directory.entries[tag] = entry
        if tag != PROFILE and kind in _NUMBERS:
            directory.numbers[tag] = directory.numbers_of(tag, kind, values)
    return directory
