"""FITS cutouts: the image of a file, one to three of its bands (FITS Standard 4.0, Pence et al. 2010 and later).

A reader of our own: astropy would cost the HTTP function half a second of start-up and 60 MB for what is, for
an image without compression, a header of text cards and an array of big-endian numbers.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import InputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.fits_header import TYPES, HeaderReader
from skysort.gzip_stream import GZIP, beginning
from skysort.limits import FITS_GZIP_MEMBERS, FITS_HEADER_CARDS, FITS_IMAGE_BYTES, MEASURED_PIXELS, MIB
from skysort.pictures.fits import bands as fits_bands
from skysort.pictures.formats import prices
from skysort.pictures.formats.prices import Cost
from skysort.pictures.measurements.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysort.fits_header import Header
    from skysort.pictures.geometry import InputSpec

# Names of extensions, as observatories' pipelines and programs write them: of the image itself,
_THE_IMAGE: Final = frozenset({"SCI", "SCIENCE", "IMAGE", "IMG", "DATA", "COADD", "CUTOUT", "STAMP", "FLUX"})
# of planes that say something of the image's pixels, or were used to make them,
_BESIDE_THE_IMAGE: Final = frozenset(
    {
        "DQ",
        "DQMASK",
        "MASK",
        "MSK",
        "BPM",
        "FLAG",
        "FLAGS",
        "QUALITY",
        "MAXMASK",
        "SEG",
        "SEGM",
        "SEGMAP",
        "SEGMENTATION",
    }
    | {"ERR", "ERROR", "ERRORS", "RMS", "SIGMA", "STD", "STDDEV", "NOISE", "UNC", "UNCERT", "UNCERTAINTY", "SNR"}
    | {"VAR", "VARIANCE", "IVAR", "INVVAR", "WHT", "WGT", "WEIGHT", "WEIGHTS", "WMAP", "WTMAP", "WT"}
    | {"PSF", "KERNEL", "BKG", "BG", "BACK", "BACKGROUND", "SKY", "FLAT", "BIAS", "DARK", "GAIN"}
    | {
        "EXP",
        "EXPMAP",
        "EXPTIME",
        "EXPOSURE",
        "TIME",
        "SAMP",
        "NEXP",
        "NEXPS",
        "COVERAGE",
        "COV",
        "DEPTH",
        "CON",
        "CTX",
    }
    | {"CHI2", "CHISQ", "AREA", "WCSDVARR", "D2IMARR", "NIMAGES", "CONTEXT"}
)
# and of pictures that are looked at only where there is nothing better.
_MADE_FROM_IT: Final = frozenset(
    {"MODEL", "MODELS", "RESID", "RESIDUAL", "RESIDUALS", "SUB"} | {"THUMB", "THUMBNAIL", "PREVIEW"}
)
# Parts of longer names of such planes: CRMASK, BADPIX, MASKBITS, LABELS, UNCERTAINTIES.
_BESIDE_IT: Final = re.compile(r"MASK(?!ED)|BADPIX|FLAG|LABEL|SEGM|WEIGHT|UNCERT|VARIANCE|EXPOSURE|COVERAGE")
# Where that is said: by the standard; by pipelines, such as the Legacy Survey's (IMTYPE) and NOIRLab's (PRODTYPE).
_NAME_CARDS: Final = ("EXTNAME", "HDUNAME", "IMTYPE", "PRODTYPE")
_WORDS: Final = re.compile(r"[A-Z]+")
_PREFERRED, _PLAIN, _LAST_CHOICE = range(3)
_BEGINNING: Final = b"SIMPLE"
_OTHER_GZIPPED: Final = "the gzipped content is no FITS file; of gzipped pictures only FITS are read: unpack it first"


@dataclass(frozen=True, slots=True)
class _Image:
    """An image that a header describes. rank: how likely it is the one that is meant."""

    rank: int
    header: Header
    compressed: bool


@dataclass(slots=True)
class _Contents:
    """What a file holds, as its headers say."""

    images: list[_Image] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    tables: int = 0
    random_groups: bool = False
    one_dimensional: bool = False


def read(content: bytes, spend: Callable[[Cost], None] | None = None, spec: InputSpec | None = None) -> Frame:
    """Read the image of a FITS file, gzipped or tile-compressed or neither.

    Parameters
    ----------
    content
        The file. Of several images the one named for science (EXTNAME SCI, IMAGE) is read, else the first; planes of
        flags, errors, weights and the like are none.
    spend
        Is told what reading and drawing cost, before they are begun.
    spec
        Of the model, whose window is what is drawn; without one everything.

    Raises
    ------
    MalformedInputError
        For a damaged file.
    LimitExceededError
        For one too large.
    UnsupportedFormatError
        For a file without an image of one band, three, or several with names; the sentence says what it holds.
    """
    if content.startswith(GZIP):
        content = _gunzip(content)
        if not content.startswith(_BEGINNING[: len(content)]):
            raise UnsupportedFormatError(_OTHER_GZIPPED)
    found = _survey(content, spend)
    if not found.images:
        raise UnsupportedFormatError(_holds(found))
    first_error: InputError | None = None
    for image in sorted(found.images, key=lambda image: image.rank):
        try:
            shape, choice = _layout(image)
        except UnsupportedFormatError as error:
            first_error = first_error or error
            continue
        if math.prod(shape) > MEASURED_PIXELS:
            raise LimitExceededError(
                f"a FITS picture may have up to {MEASURED_PIXELS:,} values, this one has {math.prod(shape):,}"
            )
        if spend is not None:
            spend(_cost(shape, len(choice.planes), spec))
        return _cutout(content, image, shape, choice, spend)
    raise first_error or UnsupportedFormatError(_holds(found))


def _gunzip(content: bytes) -> bytes:
    unpacked = beginning(content, FITS_IMAGE_BYTES + 1, FITS_GZIP_MEMBERS)
    if len(unpacked) > FITS_IMAGE_BYTES:
        raise LimitExceededError(f"a FITS picture may have up to {FITS_IMAGE_BYTES // MIB} MiB unpacked")
    return unpacked


def _survey(content: bytes, spend: Callable[[Cost], None] | None) -> _Contents:
    """Read the headers of a file, up to an image that is named for what it is."""
    found = _Contents()
    reader = HeaderReader(
        content, FITS_HEADER_CARDS, lambda cards: spend(Cost(cards * prices.HEADER_CARD)) if spend else None
    )
    position = 0
    while position < len(content):
        try:
            header = reader.read(position)
            if position == 0 and "SIMPLE" not in header:
                raise UnsupportedFormatError(_OTHER_GZIPPED)
            if _note(found, header) == _PREFERRED:
                break
            position = header.end
        except InputError:
            if found.images:  # an image is there, whatever lies behind it
                break
            raise
    return found


def _note(found: _Contents, header: Header) -> int | None:
    """Take down what a header describes; the rank of an image."""
    compressed = header.is_compressed_image
    if not compressed and "SIMPLE" not in header and header.text("XTENSION") != "IMAGE":
        found.tables += header.text("XTENSION") in {"BINTABLE", "TABLE", "A3DTABLE"}
        return None
    prefix = "Z" if compressed else ""
    header.bitpix(prefix)
    axes = header.axes(prefix)
    if header.is_random_groups:
        found.random_groups = True
        return None
    if len(axes) < 2 or math.prod(axes) == 0:  # noqa: PLR2004 - width and height
        found.one_dimensional |= math.prod(axes) > 0 and bool(axes)
        return None
    name = next((name for card in _NAME_CARDS if (name := header.text(card).upper())), "")
    words = {name, *_WORDS.findall(name)}
    if words & _BESIDE_THE_IMAGE or (_BESIDE_IT.search(name) and not words & _THE_IMAGE):
        found.beside.append(name[:20])
        return None
    rank = _LAST_CHOICE if words & _MADE_FROM_IT else _PREFERRED if words & _THE_IMAGE else _PLAIN
    found.images.append(_Image(rank, header, compressed))
    return rank


def _holds(found: _Contents) -> str:
    hint = "send one with an image of one or three bands"
    if found.random_groups:
        return "random groups are no picture: the FITS file holds an interferometer's visibilities; send the image"
    if found.beside:
        beside = ", ".join(found.beside[:8])
        return f"the FITS file holds no image, only what belongs to one ({beside}); {hint}"
    if found.tables:
        return (
            f"the FITS file holds a table and no image; {hint}, and a table of photometry to the star model (its drop"
            " folder takes FITS tables)"
        )
    if found.one_dimensional:
        return f"the FITS file holds a spectrum or another row of numbers and no image; {hint}"
    return f"the FITS file holds no image; {hint}"


def _layout(image: _Image) -> tuple[tuple[int, int, int], fits_bands.Choice]:
    """An image's (planes, height, width), and which planes are drawn."""
    header = image.header
    prefix = "Z" if image.compressed else ""
    axes, bits = header.axes(prefix), header.bitpix(prefix)
    shape = list(axes[::-1])
    while len(shape) > 2 and shape[0] == 1:  # noqa: PLR2004 - height and width stay
        del shape[0]
    if len(shape) == 2:  # noqa: PLR2004 - one band
        shape.insert(0, 1)
    if len(shape) != 3:  # noqa: PLR2004 - bands, height, width
        sizes = " x ".join(map(str, axes[:8]))
        raise UnsupportedFormatError(f"a FITS picture has one or three bands (width x height x 3), this one {sizes}")
    planes, height, width = shape
    if width in {3, 4} and min(planes, height) > 4 * width:
        raise UnsupportedFormatError(
            f"the FITS image has its {width} colours along the first axis; write them as planes of width x height"
            " (numpy.moveaxis(image, -1, 0))"
        )
    as_stored = header.number("BSCALE", 1.0) == 1 and header.number("BZERO", 0.0) == 0
    choice = fits_bands.choose(header, planes, ready_for_display=bits == 8 and as_stored)  # noqa: PLR2004 - bytes
    return (planes, height, width), choice


def _cost(shape: tuple[int, int, int], drawn: int, spec: InputSpec | None) -> Cost:
    """What looking at a frame and drawing a window of it cost."""
    _, height, width = shape
    left, upper, right, lower = spec.window(width, height) if spec is not None else (0, 0, width, height)
    shown = drawn * math.ceil(right - left + 1) * math.ceil(lower - upper + 1)
    work = drawn * height * width * prices.FRAME_VALUE + shown * prices.MEASURED_PIXEL
    return Cost(work, shown * prices.MEASURED_BYTES)


def _cutout(
    content: bytes,
    image: _Image,
    shape: tuple[int, int, int],
    choice: fits_bands.Choice,
    spend: Callable[[Cost], None] | None,
) -> Frame:
    header = image.header
    if image.compressed:
        from skysort.pictures.fits import tiles as fits_tiles  # noqa: PLC0415 - ten milliseconds, only where they are needed

        planes = fits_tiles.read(content, image.header.data_start, header, spend).reshape(shape)
    else:
        dtype = np.dtype(TYPES[header.bitpix()])
        values = math.prod(shape)
        if image.header.data_start + values * dtype.itemsize > len(content):
            raise MalformedInputError("the FITS file ends before its last pixel: it is truncated")
        planes = np.frombuffer(content, dtype, values, image.header.data_start).reshape(shape)
    drawn = planes if choice.planes == tuple(range(len(planes))) else planes[list(choice.planes)]
    blank = _blank(image) if planes.dtype.kind in "iu" else None
    return Frame(drawn, header.number("BSCALE", 1.0), header.number("BZERO", 0.0), blank, choice.warnings)


def _blank(image: _Image) -> int | None:
    """The whole number that stands for no value."""
    for name in ("ZBLANK", "BLANK") if image.compressed else ("BLANK",):
        if name in image.header:
            return image.header.integer(name)
    return None
