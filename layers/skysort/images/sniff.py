"""What kind of picture some bytes are: the content decides, never a name or a declared type."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from skysort.errors import EmptyInputError, UnsupportedFormatError

READABLE: Final = "send a JPEG, PNG, WebP, TIFF, GIF or FITS picture"
GZIP: Final = b"\x1f\x8b"


class Format(StrEnum):
    """The pictures that can be read, by media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    TIFF = "image/tiff"
    GIF = "image/gif"
    FITS = "application/fits"


_MAGIC: Final = {
    b"\xff\xd8\xff": Format.JPEG,
    b"\x89PNG\r\n\x1a\n": Format.PNG,
    b"II*\x00": Format.TIFF,
    b"MM\x00*": Format.TIFF,
    b"GIF87a": Format.GIF,
    b"GIF89a": Format.GIF,
    b"SIMPLE  =": Format.FITS,
    # The only gzipped pictures in use are FITS; what is inside is checked after unpacking.
    GZIP: Format.FITS,
}
_ZIP: Final = b"PK\x03\x04"
_OTHERS: Final = {
    b"BM": "a BMP picture",
    b"II+\x00": "a BigTIFF picture",
    b"MM\x00+": "a BigTIFF picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"\x00\x00\x00\x0cJXL ": "a JPEG XL picture",
    b"\x00\x00\x00\x0cjP  ": "a JPEG 2000 picture",
    b"8BPS": "a Photoshop document",
    b"%PDF": "a PDF document",
    _ZIP: "a ZIP archive, which belongs into the drop folder",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    # What telescopes' pipelines and programs of the field write beside FITS.
    b"Obj\x01": "an Avro alert packet; send its stamps",
    b"#ASDF": "an ASDF file; send its image as FITS",
    b"\x89HDF\r\n": "an HDF5 file; send its pictures one by one, as FITS, JPEG or PNG",
    b"\x0e\x03\x13\x01": "an HDF4 file; send its image as FITS",
    b"CDF\x01": "a NetCDF file; send its image as FITS",
    b"CDF\x02": "a NetCDF file; send its image as FITS",
    b"\x93NUMPY": "a NumPy array; save it as FITS (astropy.io.fits.writeto) or as a PNG",
    b"\x80\x04\x95": "a Python pickle, which is never opened; save the picture as FITS or PNG",
    b"root": "a ROOT file; send its image as FITS",
    b"PAR1": "a Parquet table; tables of photometry belong into the star model's drop folder",
    b"SQLite format 3": "an SQLite database",
    b"XISF0100": "an XISF picture; save it as FITS",
    b"LUCAM-RECORDER": "a SER video; send one picture of it",
    b"PDS_VERSION_ID": "a PDS3 image; send it as FITS or PNG",
    b"XTENSION": "a FITS extension without the file's first header; send the whole file",
    b"\x1f\x9d": "compressed with compress (.Z)",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML document",
    b"<!DOCTYPE": "an HTML page",
    b"<html": "an HTML page",
    b"{": "JSON text",
    b"[": "JSON text",
}
_HEIF_BRANDS: Final = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")

# A marker in a JPEG: not a stuffed byte (FF 00), a restart, TEM or a fill byte (ITU-T T.81, B.1.1).
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
# Tables, metadata and scans of one JPEG: cameras write a few dozen markers.
_MOST_MARKERS: Final = 5_000
_START_OF_SCAN: Final = b"\xff\xda"
_END_OF_IMAGE: Final = b"\xff\xd9"
# Frames whose scans each hold all there is to know of their components: baseline and extended sequential (B.2.2).
_SEQUENTIAL: Final = frozenset({b"\xff\xc0", b"\xff\xc1"})
_COMPONENTS_AT: Final = 7  # bytes from a frame's length to the number of its components


def detect(content: bytes) -> Format:
    """The format of a picture, from its first bytes.

    Raises EmptyInputError for no bytes, and UnsupportedFormatError that says what the content is instead.
    """
    if not content:
        raise EmptyInputError(f"the picture has no bytes; {READABLE}")
    for magic, found in _MAGIC.items():
        if content.startswith(magic):
            return found
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Format.WEBP
    what = _describe(content)
    raise UnsupportedFormatError(f"the content is {what}" if ";" in what else f"the content is {what}; {READABLE}")


def _describe(content: bytes) -> str:
    if content[4:8] == b"ftyp":
        if content[8:12] in _HEIF_BRANDS:
            return "a HEIC or AVIF picture"
        return "a video"
    if content.startswith(_ZIP) and content[26:28] != b"\0\0" and b".npy" in content[30:100]:
        return "NumPy arrays (.npz); save one as FITS (astropy.io.fits.writeto) or as a PNG"
    start = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, what in _OTHERS.items():
        if content.startswith(magic) or start.startswith(magic):
            return what
    if start and all(byte >= 32 or byte in b"\t\n\r\f" for byte in start):  # noqa: PLR2004 - control characters
        return "text"
    return "no picture that is known here"


def webp_size(content: bytes) -> tuple[int, int] | None:
    """Width and height in a WebP header, None where it is damaged.

    Asked before the decoder is made, which allocates the whole canvas at once
    (https://developers.google.com/speed/webp/docs/riff_container; RFC 6386, 9.1; RFC 9649, 3.4).
    """
    kind, head = content[12:16], content[20:30]
    if len(head) < 10:  # noqa: PLR2004 - the longest of the three headers
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
    return None


def has_many_scans(content: bytes, most: int, images: int = 1) -> bool:
    """Whether a JPEG, or a TIFF with so many JPEG-coded parts, makes its decoder pass over the pixels more often.

    most: passes over each image. Previews in metadata and a film behind the picture, which may look like scans,
    do not count.
    """
    if images == 1 and _has_one_scan(content):
        return False
    # Enough for nearly every other picture: a scan cannot be written without these two bytes.
    if content.count(_START_OF_SCAN) <= most * images:
        return False
    if images > 1 or not content.startswith(b"\xff\xd8"):
        return True
    scans, at = 0, 2
    for _ in range(_MOST_MARKERS):
        marker = _MARKER.search(content, at)
        if marker is None or marker[0] == _END_OF_IMAGE:
            return False
        scans += marker[0] == _START_OF_SCAN
        if scans > most:
            break
        at = marker.end() + max(2, int.from_bytes(content[marker.end() : marker.end() + 2], "big"))
    return True


def _has_one_scan(content: bytes) -> bool:
    """Whether a JPEG is what cameras write: a sequential frame, all of whose components come in its first scan.

    Decoders are done after that scan. Its header alone is read, a thousand times less than the picture.
    """
    if not content.startswith(b"\xff\xd8"):
        return False
    components, at = 0, 2
    for _ in range(_MOST_MARKERS):
        marker = _MARKER.search(content, at)
        if marker is None or marker[0] == _END_OF_IMAGE:
            return False
        segment = marker.end()
        if marker[0] == _START_OF_SCAN:
            return 0 < components == int.from_bytes(content[segment + 2 : segment + 3], "big")
        if marker[0] in _SEQUENTIAL:
            components = int.from_bytes(content[segment + _COMPONENTS_AT : segment + _COMPONENTS_AT + 1], "big")
        at = segment + max(2, int.from_bytes(content[segment : segment + 2], "big"))
    return False
