"""The window of a lossy WebP that a model sees, decoded alone: the model's input is the same to the last bit.

Pillow decodes whole pictures. The library that it brings, libwebp, also decodes parts, in three quarters of the time
for the middle of a galaxy's cutout, and outside Python's lock. Where there is none, or it is another one, the whole
picture is decoded as before; so it is where scaling the part could round in another way. Damage outside the window is
not found.

Interface: libwebp's decode.h, whose structures are fixed by its ABI's major version.
"""

from __future__ import annotations

import ctypes
import math
from ctypes import POINTER, Structure, byref, c_int, c_size_t, c_uint32, c_void_p
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import PIL
from PIL import Image

if TYPE_CHECKING:
    from skysort.pictures.formats.prepared import Prepared
    from skysort.pictures.geometry import Box, InputSpec

_ABI: Final = 0x0210
_RGBA, _BYTES = 1, 4
_CHUNK, _LOSSY = slice(12, 16), b"VP8 "
# Pixels beside the window that the filter reads, by the scale, and those whose colours depend on their neighbours'.
_SUPPORT, _NEIGHBOURS = 2, 4
# A larger part of the picture is not worth it.
_WORTH: Final = 0.75
# Scaling rounds by where it counts from, unless places and steps are multiples of this.
_EXACT: Final = 1 / 64


class _Features(Structure):
    _fields_ = (
        *((name, c_int) for name in ("width", "height", "has_alpha", "has_animation", "format")),
        ("pad", c_uint32 * 5),
    )


class _RgbaBuffer(Structure):
    _fields_ = (("rgba", c_void_p), ("stride", c_int), ("size", c_size_t))


class _Planes(Structure):
    _fields_ = (
        *((name, c_void_p) for name in "yuva"),
        *((f"{name}_stride", c_int) for name in "yuva"),
        *((f"{name}_size", c_size_t) for name in "yuva"),
    )


class _Buffers(ctypes.Union):
    _fields_ = (("rgba", _RgbaBuffer), ("planes", _Planes))


class _Output(Structure):
    _fields_ = (
        *((name, c_int) for name in ("colorspace", "width", "height", "is_external_memory")),
        ("u", _Buffers),
        ("pad", c_uint32 * 4),
        ("private_memory", c_void_p),
    )


class _Options(Structure):
    _fields_ = (
        *(
            (name, c_int)
            for name in (
                "bypass_filtering", "no_fancy_upsampling", "use_cropping", "crop_left", "crop_top", "crop_width",
                "crop_height", "use_scaling", "scaled_width", "scaled_height", "use_threads", "dithering_strength",
                "flip", "alpha_dithering_strength",
            )
        ),
        ("pad", c_uint32 * 5),
    )  # fmt: skip


class _Config(Structure):
    _fields_ = (("input", _Features), ("output", _Output), ("options", _Options))


class Window(NamedTuple):
    """A part of a picture. picture: its pixels, RGBX. origin: where it lies."""

    picture: Image.Image
    origin: tuple[int, int]


def decoded(prepared: Prepared, spec: InputSpec) -> Window | None:
    """The window of a picture, with as many pixels around it as its scaling reads.

    Parameters
    ----------
    prepared
        The file.
    spec
        The input of the only model that sees the picture, as the picture is stored.

    Returns
    -------
    The window; None if it is to be decoded as a whole, and for a file that the library refuses.
    """
    if prepared.content[_CHUNK] != _LOSSY:
        return None
    width, height = prepared.size
    box = spec.window(width, height)
    left, upper, right, lower = _around(box, spec, width, height)
    across, down = right - left, lower - upper
    step = (box[2] - box[0]) / spec.width
    # Pillow scales rows or columns first, by the shape of all that it is given: that of a square's middle is the same.
    alike = width == height and spec.width == spec.height and step >= 1
    if not alike or across * down > _WORTH * width * height or any(number % _EXACT for number in (*box, step)):
        return None
    library = _library()
    if library is None:
        return None
    config = _Config()
    library.WebPInitDecoderConfigInternal(byref(config), _ABI)
    options, output = config.options, config.output
    options.use_cropping = 1
    options.crop_left, options.crop_top, options.crop_width, options.crop_height = left, upper, across, down
    pixels = bytearray(across * down * _BYTES)
    place = (ctypes.c_char * len(pixels)).from_buffer(pixels)
    output.colorspace, output.is_external_memory = _RGBA, 1
    buffer = output.u.rgba
    buffer.rgba, buffer.stride, buffer.size = ctypes.addressof(place), across * _BYTES, len(pixels)
    if library.WebPDecode(prepared.content, len(prepared.content), byref(config)) != 0:
        return None
    return Window(Image.frombuffer("RGBX", (across, down), pixels, "raw", "RGBX", 0, 1), (left, upper))


def _around(box: Box, spec: InputSpec, width: int, height: int) -> tuple[int, int, int, int]:
    """A window with what scaling reads beside it; it begins at even pixels, as colours are stored for two."""
    scale = max(1.0, (box[2] - box[0]) / spec.width, (box[3] - box[1]) / spec.height)
    beside = math.ceil(_SUPPORT * scale) + _NEIGHBOURS
    left, upper = (max(0, math.floor(edge) - beside) // 2 * 2 for edge in box[:2])
    return left, upper, min(width, math.ceil(box[2]) + beside), min(height, math.ceil(box[3]) + beside)


@cache
def _library() -> Any:
    """The libwebp that Pillow's wheels bring; None if there is none with this ABI."""
    package = Path(PIL.__file__).parent
    for path in (*package.parent.glob("pillow.libs/libwebp-*"), *package.glob(".dylibs/libwebp.*")):
        try:
            library = ctypes.CDLL(str(path))
            library.WebPInitDecoderConfigInternal.argtypes = (POINTER(_Config), c_int)
            library.WebPDecode.argtypes = (ctypes.c_char_p, c_size_t, POINTER(_Config))
        except (OSError, AttributeError):
            continue
        if library.WebPInitDecoderConfigInternal(byref(_Config()), _ABI):
            return library
    return None
