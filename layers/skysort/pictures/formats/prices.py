"""The cost of decoding a picture, estimated from its bytes and checked against a budget before decoding.

Unit of work: nanoseconds of one slow core, with 92 GFLOP/s of float32 matrix products. Measured as processor time on a
core of 155 GFLOP/s with Pillow 13.0 (libjpeg-turbo 3.2, zlib-ng 2.3, libwebp 1.6, libtiff 4.7, dav1d) and
pi-heif 1.4 (libde265), on 12-megapixel pictures of noise, of gradients with noise, of one colour, and on files crafted
to be slow; the slowest, times 1.7, rounded up. Memory: peak bytes while decoding, without the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from skysort.errors import LimitExceededError
from skysort.limits import MIB, PICTURE_MEMORY_BYTES, PICTURE_WORK_S, REQUEST_WORK_S

# Walking a file that is then refused: a byte, and the maximum.
WALKED_BYTE: Final = 400
WALKED: Final = 400_000_000

# JPEG: a byte of a single scan; a byte of several scans, which visit the coefficients again; an 8 x 8 block per scan;
# an output pixel, after reduction.
JPEG_BYTE: Final = 18
JPEG_SCANS_BYTE: Final = 70
JPEG_BLOCK: Final = 80
JPEG_BLOCK_AGAIN: Final = 75
JPEG_PIXEL: Final = 10
JPEG_COEFFICIENT_BYTES: Final = 2
# Storing a block's coefficients for several scans.
JPEG_BLOCK_KEPT: Final = 100
# A marker segment walked in Python.
SEGMENT: Final = 2_500

# PNG: a byte of the decompressed rows, a pixel; a chunk walked in Python.
PNG_ROW_BYTE: Final = 17
PNG_PIXEL: Final = 7
PNG_FILE_BYTE: Final = 2
CHUNK: Final = 2_000

# WebP, lossless and lossy: a pixel of the frame, a byte; a pixel of transparency; a pixel of the canvas.
WEBP_LOSSLESS_PIXEL: Final = 40
WEBP_LOSSLESS_BYTE: Final = 45
WEBP_PIXEL: Final = 12
WEBP_BYTE: Final = 110
WEBP_ALPHA_PIXEL: Final = 30
WEBP_CANVAS_PIXEL: Final = 4

# GIF: a pixel of the frame and of the screen, a byte; a block walked in Python.
GIF_FRAME_PIXEL: Final = 20
GIF_SCREEN_PIXEL: Final = 5
GIF_BYTE: Final = 20
GIF_BLOCK: Final = 600

# TIFF: a strip or tile, a pixel; a byte of its rows costs what its compression does (see tiff).
TIFF_PART: Final = 15_000
TIFF_PIXEL: Final = 4

# AVIF (dav1d) and HEIC (libde265): a pixel of the coded frame, a byte of its data, a tile or item.
AVIF_PIXEL: Final = 30
AVIF_BYTE: Final = 170
HEIC_PIXEL: Final = 40
HEIC_BYTE: Final = 430
ITEM: Final = 200_000

# Post-processing, per pixel: palettes to colours, premultiplying, scaling, measuring.
CONVERT_PIXEL: Final = 4
SCALE_PIXEL: Final = 6
CONVERT_BYTES: Final = 5
MEASURED_PIXEL: Final = 80
COUNTS_BYTES: Final = 28
DEEP_BYTES: Final = 16
NUMBERS_BYTES: Final = 40
UNZIPPED_BYTE: Final = 6

# FITS: a header card; a value of the frame, examined for its sky and edges. Rice: a value, a byte of codes, a step over
# one code of all tiles unpacked together; placing a tile; a dequantized value.
HEADER_CARD: Final = 1_500
FRAME_VALUE: Final = 17
RICE_VALUE: Final = 68
RICE_BYTE: Final = 100
RICE_STEP: Final = 4_250
TILE: Final = 12_000
SCALED_VALUE: Final = 17
# Memory: a drawn value; a byte of codes, with the next one of each bit; a value unpacked together.
MEASURED_BYTES: Final = 32
RICE_BIT_TABLE: Final = 40
RICE_BYTES: Final = 16

# Memory per pixel: planes, their colours, the output buffer, and the picture.
AVIF_BYTES: Final = 13
HEIC_BYTES: Final = 10

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """The maximum cost of decoding a picture: nanoseconds of work, and bytes of memory beyond the file."""

    work: int
    memory: int = 0


class Budget:
    """The remaining decoding time for a caller who expects an answer in bounded time.

    Parameters
    ----------
    seconds
        Seconds of one slow core, for all pictures together.
    """

    def __init__(self, seconds: float = PICTURE_WORK_S) -> None:
        self._seconds = seconds
        self.left = int(seconds * _NS)  # nanoseconds

    @classmethod
    def of_a_request(cls) -> Budget:
        """The budget for all pictures of one HTTP request."""
        return cls(REQUEST_WORK_S)

    def spend(self, work: int) -> None:
        """Charge for work already done, down to zero."""
        self.left = max(0, self.left - work)

    def take(self, cost: Cost) -> None:
        """Charge a cost; raises LimitExceededError, charging nothing, if the budget is insufficient."""
        self.check(cost)
        self.left -= cost.work

    def check(self, cost: Cost) -> None:
        """Raise LimitExceededError if the budget is insufficient for a cost."""
        if cost.memory > PICTURE_MEMORY_BYTES:
            raise LimitExceededError(
                f"decoding this picture would take {cost.memory / MIB:,.0f} MiB of memory, up to "
                f"{PICTURE_MEMORY_BYTES // MIB:,} MiB are allowed; send a smaller picture, or a JPEG of it"
            )
        if cost.work <= self.left:
            return
        whose, cure = "one picture", "send a smaller picture, or a JPEG of it"
        if self._seconds < PICTURE_WORK_S:
            whose = "a request's pictures together"
            cure = "send fewer or smaller pictures, JPEGs of them, or drop them into the drop folder"
        spent = "" if self.left == int(self._seconds * _NS) else f" and {self.left / _NS:,.1f} s are left"
        raise LimitExceededError(
            f"decoding this picture may take {cost.work / _NS:,.1f} s; {whose} may take {self._seconds:g} s of decoding"
            f"{spent}: {cure}"
        )
