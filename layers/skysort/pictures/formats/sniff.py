"""Detection of a picture's format by content, never by name or declared type."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from skysort.errors import EmptyInputError, UnsupportedFormatError
from skysort.gzip_stream import GZIP

READABLE: Final = "send a JPEG, PNG, WebP, TIFF, GIF, HEIC, AVIF or FITS picture"


class Format(StrEnum):
    """The supported picture formats, by media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    TIFF = "image/tiff"
    GIF = "image/gif"
    HEIF = "image/heif"
    FITS = "application/fits"


_MAGIC: Final = {
    b"\xff\xd8\xff": Format.JPEG,
    b"\x89PNG\r\n\x1a\n": Format.PNG,
    **dict.fromkeys((b"II*\x00", b"MM\x00*"), Format.TIFF),
    **dict.fromkeys((b"GIF87a", b"GIF89a"), Format.GIF),
    b"SIMPLE  =": Format.FITS,
    # Only FITS pictures are gzipped in practice; the content is checked after decompression.
    GZIP: Format.FITS,
}
_PICKLE: Final = "a Python pickle, which is never opened; save the picture as FITS or PNG"
_BROKEN: Final = "that was decoded as text in transit, which damaged it; send the raw bytes"
_ZIP: Final = b"PK\x03\x04"
_OTHERS: Final = {
    b"BM": "a BMP picture",
    **dict.fromkeys((b"II+\x00", b"MM\x00+"), "a BigTIFF picture"),
    **dict.fromkeys((b"\xff\x0a", b"\x00\x00\x00\x0cJXL "), "a JPEG XL picture"),
    **dict.fromkeys((b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51"), "a JPEG 2000 picture"),
    b"v/1\x01": "an OpenEXR picture",
    b"8BPS": "a Photoshop document",
    b"%PDF": "a PDF document",
    _ZIP: "a ZIP archive; put it in the drop folder on its own",
    b"Rar!\x1a\x07": "a RAR archive; pack the pictures as ZIP and put it in the drop folder",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; pack the pictures as ZIP and put it in the drop folder",
    b"BZh": "compressed with bzip2; unpack it first",
    b"\xfd7zXZ\x00": "compressed with xz; unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it first",
    # Formats of telescope pipelines and astronomy software other than FITS.
    b"Obj\x01": "an Avro alert packet; send its stamps",
    b"#ASDF": "an ASDF file; send its image as FITS",
    b"\x89HDF\r\n": "an HDF5 file; send its pictures one by one, as FITS, JPEG or PNG",
    b"\x0e\x03\x13\x01": "an HDF4 file; send its image as FITS",
    **dict.fromkeys((b"CDF\x01", b"CDF\x02"), "a NetCDF file; send its image as FITS"),
    b"\x93NUMPY": "a NumPy array; save it as FITS (astropy.io.fits.writeto) or as a PNG",
    **dict.fromkeys((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), _PICKLE),
    b"LBLSIZE=": "a VICAR image; send it as FITS or PNG",
    b"root": "a ROOT file; send its image as FITS",
    b"PAR1": "a Parquet table; tables of photometry belong in the star model's drop folder",
    b"SQLite format 3": "an SQLite database",
    b"XISF0100": "an XISF picture; save it as FITS",
    b"LUCAM-RECORDER": "a SER video; send one picture of it",
    b"PDS_VERSION_ID": "a PDS3 image; send it as FITS or PNG",
    b"XTENSION": "a FITS extension without the file's first header; send the whole file",
    b"\x1f\x9d": "compressed with compress (.Z); unpack it first",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML document",
    **dict.fromkeys((b"<!DOCTYPE", b"<html"), "an HTML page"),
    # Pictures damaged in transit.
    b"\xef\xbf\xbdPNG\r\n": f"a PNG picture {_BROKEN}",
    b"\xef\xbf\xbd" * 3: f"a picture, probably a JPEG, {_BROKEN}",
    b"\xc2\x89PNG\r\n": f"a PNG picture {_BROKEN}",
    b"\xc3\xbf\xc3\x98\xc3\xbf": f"a JPEG picture {_BROKEN}",
    b"\x89PNG": "a PNG picture whose line ends were converted in transit, as in text; send the raw bytes",
    **dict.fromkeys((b"{", b"["), "JSON text"),
}
# Names by media type; HEIC and AVIF share a container.
MEDIA_TYPES: Final = (*(form.value for form in Format), "image/heic", "image/avif")
NAMES: Final = {form: form.name for form in Format} | {Format.WEBP: "WebP", Format.HEIF: "HEIC or AVIF"}
# Brands of still pictures and of sequences with one (ISO/IEC 23008-12, annexes B and D; AV1 Image File Format, 6;
# MIAF), as major or compatible brand.
_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1", b"miaf"}
    | {b"avif", b"avis", b"avio", b"MA1A", b"MA1B", b"1pic", b"geo1", b"unif"}
)
_OTHER_BRANDS: Final = {
    b"crx ": "a camera's raw picture (CR3)",
    b"jxl ": "a JPEG XL picture",
    b"jp2 ": "a JPEG 2000 picture",
    b"jpx ": "a JPEG 2000 picture",
    b"avci": "a picture coded with H.264",
    b"M4A ": "sound",
}
_VIDEO_BRANDS: Final = frozenset({b"isom", b"iso2", b"mp41", b"mp42", b"qt  ", b"M4V ", b"M4A ", b"avc1", b"dash"})
_FTYP: Final = b"ftyp"
_MAX_BRANDS: Final = 64


def detect(content: bytes) -> Format:
    """The format of a picture by its first bytes; raises an InputError that names any other content."""
    if not content:
        raise EmptyInputError(f"the picture has no bytes; {READABLE}")
    for magic, form in _MAGIC.items():
        if content.startswith(magic):
            return form
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Format.WEBP
    if content[4:8] == _FTYP and content[8:12] not in _VIDEO_BRANDS and _brands(content) & _HEIF_BRANDS:
        return Format.HEIF
    kind = _describe(content)
    raise UnsupportedFormatError(f"the content is {kind}" if ";" in kind else f"the content is {kind}; {READABLE}")


def _brands(content: bytes) -> set[bytes]:
    """The major and compatible brands of an ISO file (ISO/IEC 14496-12, 4.3)."""
    end = min(int.from_bytes(content[:4], "big"), len(content), 16 + 4 * _MAX_BRANDS)
    return {content[8:12], *(content[offset : offset + 4] for offset in range(16, end, 4))}


def _describe(content: bytes) -> str:
    if content.startswith(_ZIP) and content[26:28] != b"\0\0" and b".npy" in content[30:100]:
        return "NumPy arrays (.npz); save one as FITS (astropy.io.fits.writeto) or as a PNG"
    if content[257:262] == b"ustar":
        return "a tar archive; put it in the drop folder on its own"
    if content[4:8] == _FTYP:
        return _OTHER_BRANDS.get(content[8:12], "a video")
    start = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, description in _OTHERS.items():
        if content.startswith(magic) or start.startswith(magic):
            return description
    if start and all(byte >= 32 or byte in b"\t\n\r\f" for byte in start):  # noqa: PLR2004 - control characters
        return "text"
    return "of an unknown kind"
