"""NumPy arrays as files that the service reads: whole numbers as PNG, floating-point ones as FITS.

NumPy itself is not imported, so that the client does not need it.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

from skysort_cli.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# Colour types of PNG by the number of channels (W3C, "Portable Network Graphics", 11.2.1).
_COLOUR_TYPES: Final = {1: 0, 2: 4, 3: 2, 4: 6}
_DEPTHS: Final = {"uint8": 8, "uint16": 16}
_BITS: Final = {"float32": -32, "float64": -64}
_BLOCK: Final = 2880
_CARD: Final = 80


def array_file(array: Any) -> bytes:
    """An array as a file.

    Parameters
    ----------
    array
        (height, width) or (height, width, channels) of uint8 or uint16, 1 to 4 channels; or (height, width) of
        float32 or float64, with the first row at the bottom, as in FITS.

    Returns
    -------
    PNG or FITS, without loss.

    Raises
    ------
    UsageError
        For another shape or type.
    """
    shape, kind = tuple(array.shape), str(array.dtype.newbyteorder("="))
    channels = shape[2] if len(shape) == 3 else 1  # noqa: PLR2004 - height, width, channels
    if kind in _DEPTHS and len(shape) in {2, 3} and channels in _COLOUR_TYPES and 0 not in shape:
        return _png(array, shape[0], shape[1], channels, _DEPTHS[kind])
    if kind in _BITS and len(shape) == 2 and 0 not in shape:  # noqa: PLR2004
        return _fits(array, shape[0], shape[1], _BITS[kind])
    raise UsageError(
        f"an array of {kind} with shape {shape} is no picture: give (height, width) or (height, width, channels) of "
        "uint8 or uint16, or (height, width) of float32 or float64"
    )


def _png(array: Any, height: int, width: int, channels: int, depth: int) -> bytes:
    pixels = array.astype(f">u{depth // 8}").tobytes()
    stride = width * channels * depth // 8
    # Each row begins with its filter: 0 for none.
    rows = b"".join(b"\0" + pixels[start : start + stride] for start in range(0, len(pixels), stride))
    header = struct.pack(">IIBBBBB", width, height, depth, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _fits(array: Any, height: int, width: int, bits: int) -> bytes:
    cards = {"SIMPLE": "T", "BITPIX": bits, "NAXIS": 2, "NAXIS1": width, "NAXIS2": height}
    header = "".join(_cards(f"{name:8}= {value:>20}" for name, value in cards.items())) + "END".ljust(_CARD)
    data: bytes = array.astype(f">f{-bits // 8}").tobytes()
    return header.ljust(_BLOCK).encode() + data.ljust(-(-len(data) // _BLOCK) * _BLOCK, b"\0")


def _cards(texts: Iterable[str]) -> Iterable[str]:
    return (text.ljust(_CARD) for text in texts)
