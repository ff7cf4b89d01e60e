"""What kind of TIFF a file is, in words, for those who sent one that is not read."""

from __future__ import annotations

from typing import Final

from skysort.pictures.formats import tiff_directory as tags

COMPRESSIONS: Final = {
    32766: "NeXT",
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34713: "a camera's raw (NEF)",
    34887: "LERC",
    34892: "lossy raw JPEG",
    50002: "JPEG XL",
    52546: "JPEG XL",
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
    32803: "a camera's raw pixels",
    34892: "a camera's raw pixels",
    32844: "LogL",
    32845: "LogLuv",
}
_FORMATS: Final = {1: "", 2: "signed ", 3: "floating-point ", 4: "undefined ", 5: "complex ", 6: "complex "}
_PREMULTIPLIED, _TRANSPARENCY = 1, 2
TRANSPARENT: Final = frozenset({_PREMULTIPLIED, _TRANSPARENCY})
_HOW: Final = "save it as RGB or grey with 8 or 16 bits a sample, measurements as FITS or as 32-bit floating-point grey"


def describe(content: bytes) -> str:
    """What kind of TIFF this is, for those who sent one that is not read."""
    directory = tags.read(content)
    bits = directory.bits
    kind = _FORMATS.get(directory.one(tags.FORMAT, 1), "")
    colours = _PHOTOMETRICS.get(
        directory.one(tags.PHOTOMETRIC, 0), f"colours of kind {directory.one(tags.PHOTOMETRIC, 0)}"
    )
    details = f"{bits[0]} {kind}bits a sample" if len(set(bits)) == 1 else f"{kind}samples of {bits[:8]} bits"
    if directory.separate:
        details += ", in separate planes"
    if _PREMULTIPLIED in directory.many(tags.EXTRA):
        details += ", with premultiplied transparency"
    elif _TRANSPARENCY in directory.many(tags.EXTRA):
        details += ", with transparency"
    elif len(directory.many(tags.EXTRA)) > 1:
        details += f", with {len(directory.many(tags.EXTRA))} further channels"
    return f"a TIFF of {colours} with {details}; {_HOW}"
