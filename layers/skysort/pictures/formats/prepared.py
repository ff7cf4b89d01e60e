"""A picture's file after its headers were scanned: the decoder's input and its cost."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError
from skysort.limits import IMAGE_PIXELS, PROFILE_BYTES

if TYPE_CHECKING:
    from skysort.pictures.formats.colour import Nclx
    from skysort.pictures.formats.prices import Cost

# Byte orders of a TIFF structure (TIFF 6.0, section 2), such as EXIF data (CIPA DC-008, 4.5).
_ORDERS: Final = {b"II": "<", b"MM": ">"}
_PREFIX: Final = b"Exif\0\0"
_ORIENTATION, _SHORT, _LONG = 274, 3, 4
_ENTRY: Final = 12
# Maximum entries read of a first directory; cameras write about a dozen.
_MAX_ENTRIES: Final = 512
UPRIGHT: Final = 1
ORIENTATIONS: Final = range(1, 9)  # the eight orientations of DC-008 and TIFF 6.0
SIDEWAYS: Final = range(5, 9)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture's file reduced to what its pixels need.

    Functions that return one raise MalformedInputError for a damaged or truncated file, UnsupportedFormatError for one
    that decoders do not support, and LimitExceededError for too many pixels or parts.

    content: the file for the decoder, without metadata. width, height: pixels, as stored. cost: of decoding.
    turn: the EXIF orientation. profile: the embedded ICC profile. nclx: colours as code points (ITU-T H.273).
    profile_broken: why the profile is unusable; empty if it is usable or absent.
    deep: whether it has 16 bits per channel, of which the decoder keeps 8.
    negative: whether 16-bit grey has white at 0 and the decoder does not invert it.
    """

    content: bytes
    width: int
    height: int
    cost: Cost
    turn: int = UPRIGHT
    profile: bytes | None = None
    profile_broken: str = ""
    nclx: Nclx | None = None
    deep: bool = False
    negative: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as stored."""
        return self.width, self.height


def check_pixels(media_type: str, width: int, height: int, max_pixels: int = IMAGE_PIXELS) -> None:
    """Raise LimitExceededError for more pixels than max_pixels."""
    if width * height > max_pixels:
        raise LimitExceededError(
            f"a picture of type {media_type} may have up to {max_pixels:,} pixels; this one has {width} x {height}"
        )


def bounded(profile: bytes | None) -> tuple[bytes | None, str]:
    """An embedded profile, or why it is unusable: it is too large."""
    if profile is not None and len(profile) > PROFILE_BYTES:
        return None, f"it is larger than {PROFILE_BYTES:,} B"
    return profile, ""


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, in EXIF data with or without their prefix; 1 if unreadable."""
    data = exif.removeprefix(_PREFIX).removeprefix(_PREFIX)  # some programs write the prefix twice
    order = _ORDERS.get(data[:2])
    if order is None or len(data) < 8:  # noqa: PLR2004 - magic and the first directory's place
        return UPRIGHT
    (start,) = struct.unpack_from(order + "I", data, 4)
    count = struct.unpack(order + "H", data[start : start + 2])[0] if len(data) >= start + 2 else 0
    for offset in range(start + 2, min(start + 2 + min(count, _MAX_ENTRIES) * _ENTRY, len(data) - _ENTRY + 1), _ENTRY):
        tag, kind, _, long = struct.unpack_from(order + "HHII", data, offset)
        if tag == _ORIENTATION:
            value = struct.unpack_from(order + "H", data, offset + 8)[0] if kind == _SHORT else long * (kind == _LONG)
            return value if value in ORIENTATIONS else UPRIGHT
    return UPRIGHT
