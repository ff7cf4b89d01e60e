"""What decoding a picture costs: counted from its bytes, held to a budget before any decoder sees them.

Unit of work: nanoseconds of one slow core, one that does 92 GFLOP/s of float32 matrix products. Measured as processor
time on a core of 155 GFLOP/s with Pillow 13.0 (libjpeg-turbo 3.2, zlib-ng 2.3, libwebp 1.6, libtiff 4.7, dav1d) and
pi-heif 1.4 (libde265), on 12-megapixel pictures of noise, of smooth shades with noise, of one colour, and on files that
were made to be slow; the dearest counts, times 1.7, rounded up. Memory: bytes at the height of decoding, the file left
out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from skysort.errors import LimitExceededError
from skysort.limits import MIB, PICTURE_MEMORY_BYTES, PICTURE_WORK_S, REQUEST_WORK_S

# Walking past what a file is made of, where that led to a refusal: a byte, and no more than so much.
WALKED_BYTE: Final = 400
WALKED: Final = 400_000_000

# JPEG. A byte of a picture of one scan; of several scans, whose coefficients are visited again for every scan; a block
# of 8 x 8 once a scan; a pixel that comes out, after reduction.
JPEG_BYTE: Final = 18
JPEG_SCANS_BYTE: Final = 70
JPEG_BLOCK: Final = 80
JPEG_BLOCK_AGAIN: Final = 75
JPEG_PIXEL: Final = 10
JPEG_COEFFICIENT_BYTES: Final = 2
# Laying out a block's coefficients, where there are several scans.
JPEG_BLOCK_KEPT: Final = 100
# A marker segment that is walked past here, in Python.
SEGMENT: Final = 2_500

# PNG: a byte of the unpacked rows, a pixel of the picture; a chunk that is walked past here.
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

# GIF: a pixel of the frame and of the screen, a byte; a block that is walked past here.
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

# What follows: turning palettes into colours, premultiplying, scaling, measuring; a pixel.
CONVERT_PIXEL: Final = 4
SCALE_PIXEL: Final = 6
CONVERT_BYTES: Final = 5
MEASURED_PIXEL: Final = 80
COUNTS_BYTES: Final = 28
DEEP_BYTES: Final = 16
NUMBERS_BYTES: Final = 40
UNZIPPED_BYTE: Final = 6

# FITS: a card of a header; a value of the frame, looked at for its sky and its edges. RICE: a value, a byte of codes, a
# step over one code of all tiles that are unpacked together; a tile put in its place; a value that was scaled.
HEADER_CARD: Final = 1_500
FRAME_VALUE: Final = 17
RICE_VALUE: Final = 68
RICE_BYTE: Final = 100
RICE_STEP: Final = 4_250
TILE: Final = 12_000
SCALED_VALUE: Final = 17
# Memory, a value of what is drawn; a byte of codes, where each of its bits leads; a value of those unpacked together.
MEASURED_BYTES: Final = 32
RICE_BIT_TABLE: Final = 40
RICE_BYTES: Final = 16

# Memory, a pixel: planes, their colours, what is handed over, and the picture.
AVIF_BYTES: Final = 13
HEIC_BYTES: Final = 10

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What decoding a picture takes at most: nanoseconds of work, and bytes of memory beyond the file itself."""

    work: int
    memory: int = 0


class Budget:
    """Work that may still be done for a caller who is to be answered in bounded time.

    Parameters
    ----------
    seconds
        Of one slow core, for all pictures together.
    """

    def __init__(self, seconds: float = PICTURE_WORK_S) -> None:
        self._seconds = seconds
        self.left = int(seconds * _NS)  # nanoseconds

    @classmethod
    def of_a_request(cls) -> Budget:
        """What all pictures of one HTTP request may cost together."""
        return cls(REQUEST_WORK_S)

    def spend(self, work: int) -> None:
        """Spend what was done already, or as much of it as is left."""
        self.left = max(0, self.left - work)

    def take(self, cost: Cost) -> None:
        """Spend some; raises LimitExceededError, and spends nothing, where there is not enough left."""
        self.check(cost)
        self.left -= cost.work

    def check(self, cost: Cost) -> None:
        """Raise LimitExceededError where there is not enough left for what is to come."""
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
