"""What decoders cost, so that a picture's work can be counted from its header.

Unit: nanoseconds of one slow core, one that does 92 GFLOP/s of float32 matrix products. Measured as processor time on
a core of 155 GFLOP/s with Pillow 13.0 (libjpeg-turbo 3.2, zlib-ng 2.3, libwebp 1.6, libtiff 4.7, dav1d) and pi-heif 1.4
(libde265), on 12-megapixel pictures of noise, of smooth shades with noise, of one colour, and on files that were made
to be slow; the dearest counts, times 1.7, rounded up. Memory: bytes at the height of decoding, the file left out.
"""

from __future__ import annotations

from typing import Final

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
