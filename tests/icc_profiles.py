"""ICC profiles made by arithmetic (ICC.1:2022): colours that differ from sRGB in a known way."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Columns of sRGB's matrix, Display P3's and Adobe RGB's, adapted to the white point D50.
SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
WHITE = (0.9642, 1.0, 0.8249)


def s15(*numbers: float) -> bytes:
    """Numbers of 15 and 16 bits (4.6)."""
    return struct.pack(f">{len(numbers)}i", *(round(number * 65_536) for number in numbers))


def xyz(numbers: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + s15(*numbers)


def srgb_curve() -> bytes:
    """A parametric curve (10.18), sRGB's."""
    return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + s15(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def gamma(value: float) -> bytes:
    """A parametric curve that is a power."""
    return b"para\0\0\0\0" + struct.pack(">HH", 0, 0) + s15(value)


def text(name: str) -> bytes:
    """A text in one language (10.15)."""
    words = name.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(words), 28) + words


def profile(space: bytes, tags: Mapping[bytes, bytes], kind: bytes = b"mntr", connection: bytes = b"XYZ ") -> bytes:
    """A profile of some tags for colours of a space."""
    directory, data = struct.pack(">I", len(tags)), b""
    at = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        directory += name + struct.pack(">II", at + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    size = at + len(data)
    head = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x4300000, kind, space, connection)
    head += bytes(12) + b"acsp" + bytes(28) + s15(*WHITE)
    return head.ljust(128, b"\0") + directory + data


def rgb_profile(
    columns: Sequence[Sequence[float]] = SRGB, curve: bytes | None = None, name: str = "made", *, swapped: bool = False
) -> bytes:
    """A profile of a matrix and a curve. swapped: with red and blue changed."""
    red, green, blue = columns[::-1] if swapped else columns
    shape = curve or srgb_curve()
    return profile(
        b"RGB ",
        {
            b"desc": text(name),
            b"cprt": text("made"),
            b"wtpt": xyz(WHITE),
            b"rXYZ": xyz(red),
            b"gXYZ": xyz(green),
            b"bXYZ": xyz(blue),
            b"rTRC": shape,
            b"gTRC": shape,
            b"bTRC": shape,
        },
    )


def grey_profile(curve: bytes, name: str = "grey") -> bytes:
    """A profile of shades of grey."""
    return profile(b"GRAY", {b"desc": text(name), b"cprt": text("made"), b"wtpt": xyz(WHITE), b"kTRC": curve})


def ink_profile(name: str = "inks") -> bytes:
    """A profile of four inks, whose table of 2 x 2 x 2 x 2 colours says that cyan ink is red and red ink cyan."""
    grid = b""
    for corner in range(16):
        cyan, magenta, yellow, black = (corner >> place & 1 for place in (3, 2, 1, 0))
        light = 0.0 if black else 1.0
        red, green, blue = light * (1 - cyan), light * (1 - magenta), light * (1 - yellow)
        # CIE L*a*b* by a rough rule, with the signs of a* and b* turned: every ink has the opposite colour.
        lightness = 100 * (0.3 * red + 0.5 * green + 0.2 * blue)
        a, b = 80 * (green - red), 80 * (blue - green)
        grid += struct.pack(">3H", *(round(v) for v in (lightness * 652.8, (a + 128) * 256, (b + 128) * 256)))
    identity = struct.pack(">2H", 0, 65_535)
    head = b"mft2\0\0\0\0" + bytes([4, 3, 2, 0]) + s15(1, 0, 0, 0, 1, 0, 0, 0, 1) + struct.pack(">HH", 2, 2)
    table = head + identity * 4 + grid + identity * 3
    return profile(
        b"CMYK",
        {b"desc": text(name), b"cprt": text("made"), b"wtpt": xyz(WHITE), b"A2B0": table, b"A2B1": table},
        kind=b"prtr",
        connection=b"Lab ",
    )
