"""FITS cutouts: the image in a file, one to three of its bands (FITS Standard 4.0, Pence et al. 2010 and later).

Without astropy, which would cost the HTTP function half a second of cold start and 60 MB: an uncompressed image is a
header of text cards and an array of big-endian numbers.
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
from skysort.pictures.fits import bands
from skysort.pictures.formats import prices
from skysort.pictures.formats.prices import Cost
from skysort.pictures.measurements.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysort.fits_header import Header
    from skysort.pictures.fits.bands import Choice
    from skysort.pictures.geometry import InputSpec

# Names of extensions, as observatories' pipelines and programs write them: of the image itself,
_THE_IMAGE: Final = frozenset({"SCI", "SCIENCE", "IMAGE", "IMG", "DATA", "COADD", "CUTOUT", "STAMP", "FLUX"})
# of ancillary planes (masks, errors, weights),
_BESIDE_THE_IMAGE: Final = frozenset(
    {"DQ", "DQMASK", "MASK", "MSK", "BPM", "FLAG", "FLAGS", "QUALITY", "MAXMASK", "SEG", "SEGM", "SEGMAP"}
    | {"SEGMENTATION", "ERR", "ERROR", "ERRORS", "RMS", "SIGMA", "STD", "STDDEV", "NOISE", "UNC", "UNCERT", "SNR"}
    | {"UNCERTAINTY", "VAR", "VARIANCE", "IVAR", "INVVAR", "WHT", "WGT", "WEIGHT", "WEIGHTS", "WMAP", "WTMAP", "WT"}
    | {"PSF", "KERNEL", "BKG", "BG", "BACK", "BACKGROUND", "SKY", "FLAT", "BIAS", "DARK", "GAIN", "EXP", "EXPMAP"}
    | {"EXPTIME", "EXPOSURE", "TIME", "SAMP", "NEXP", "NEXPS", "COVERAGE", "COV", "DEPTH", "CON", "CTX", "CONTEXT"}
    | {"CHI2", "CHISQ", "AREA", "WCSDVARR", "D2IMARR", "NIMAGES"}
)
# and of images that are used only where there is nothing better.
_MADE_FROM_IT: Final = frozenset(
    {"MODEL", "MODELS", "RESID", "RESIDUAL", "RESIDUALS", "SUB", "THUMB", "THUMBNAIL", "PREVIEW"}
)
# Parts of longer names of ancillary planes: CRMASK, BADPIX, MASKBITS, LABELS, UNCERTAINTIES.
_BESIDE_IT: Final = re.compile(r"MASK(?!ED)|BADPIX|FLAG|LABEL|SEGM|WEIGHT|UNCERT|VARIANCE|EXPOSURE|COVERAGE")
# Keywords with the type: the standard's, the Legacy Survey's (IMTYPE) and NOIRLab's (PRODTYPE).
_NAME_CARDS: Final = ("EXTNAME", "HDUNAME", "IMTYPE", "PRODTYPE")
_WORDS: Final = re.compile(r"[A-Z]+")
_PREFERRED, _PLAIN, _LAST_CHOICE = range(3)
_BEGINNING: Final = b"SIMPLE"
_OTHER_GZIPPED: Final = "the gzipped content is not a FITS file; only FITS pictures may be gzipped: unpack it first"


@dataclass(frozen=True, slots=True)
class _Image:
    """An image described by a header. rank: how likely it is the intended one."""

    rank: int
    header: Header
    compressed: bool


@dataclass(slots=True)
class _Contents:
    """The contents of a file, according to its headers."""

    images: list[_Image] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    tables: int = 0
    random_groups: bool = False
    one_dimensional: bool = False

    def note(self, header: Header) -> int | None:
        """Record what a header describes; returns the rank of an image."""
        compressed = header.is_compressed_image
        if not compressed and "SIMPLE" not in header and header.text("XTENSION") != "IMAGE":
            self.tables += header.text("XTENSION") in {"BINTABLE", "TABLE", "A3DTABLE"}
            return None
        prefix = "Z" if compressed else ""
        header.bitpix(prefix)
        axes = header.axes(prefix)
        if header.is_random_groups:
            self.random_groups = True
            return None
        if len(axes) < 2 or math.prod(axes) == 0:  # noqa: PLR2004 - width and height
            self.one_dimensional |= math.prod(axes) > 0 and bool(axes)
            return None
        name = next((name for card in _NAME_CARDS if (name := header.text(card).upper())), "")
        words = {name, *_WORDS.findall(name)}
        if words & _BESIDE_THE_IMAGE or (_BESIDE_IT.search(name) and not words & _THE_IMAGE):
            self.beside.append(name[:20])
            return None
        rank = _LAST_CHOICE if words & _MADE_FROM_IT else _PREFERRED if words & _THE_IMAGE else _PLAIN
        self.images.append(_Image(rank, header, compressed))
        return rank

    def refusal(self) -> UnsupportedFormatError:
        """The error for a file without an image, with what it holds."""
        hint, beside = "send one with an image of one or three bands", ", ".join(self.beside[:8])
        held = f"no image; {hint}"
        if self.random_groups:
            held = "random groups (an interferometer's visibilities) and no picture; send the image"
        elif beside:
            held = f"no image, only ancillary planes ({beside}); {hint}"
        elif self.tables:
            held = (
                f"a table and no image; {hint}, and a table of photometry to the star model (its drop folder takes FITS"
                " tables)"
            )
        elif self.one_dimensional:
            held = f"a spectrum or other one-dimensional data and no image; {hint}"
        return UnsupportedFormatError(f"the FITS file holds {held}")


def read(content: bytes, spend: Callable[[Cost], object] = bool, spec: InputSpec | None = None) -> Frame:
    """Read the image of a FITS file, gzipped or tile-compressed or neither.

    Parameters
    ----------
    content
        The file. Of several images the science image (EXTNAME SCI, IMAGE) is read, else the first; planes of flags,
        errors, weights and the like are not images.
    spend
        Called with the cost of reading and drawing before they begin; may raise.
    spec
        The model's input, whose window is drawn; None draws everything.

    Returns
    -------
    The bands to draw.

    Raises
    ------
    MalformedInputError
        For a damaged file.
    LimitExceededError
        For one too large.
    UnsupportedFormatError
        For a file without an image of one band, three bands, or several named ones.
    """
    if content.startswith(GZIP):
        content = beginning(content, FITS_IMAGE_BYTES + 1, FITS_GZIP_MEMBERS)
        if len(content) > FITS_IMAGE_BYTES:
            raise LimitExceededError(f"a FITS picture may have up to {FITS_IMAGE_BYTES // MIB} MiB unpacked")
        if not content.startswith(_BEGINNING[: len(content)]):
            raise UnsupportedFormatError(_OTHER_GZIPPED)
    contents = _survey(content, spend)
    first_error: InputError | None = None
    for image in sorted(contents.images, key=lambda image: image.rank):
        try:
            shape, choice = _layout(image)
        except UnsupportedFormatError as error:
            first_error = first_error or error
            continue
        if math.prod(shape) > MEASURED_PIXELS:
            raise LimitExceededError(
                f"a FITS picture may have up to {MEASURED_PIXELS:,} values; this one has {math.prod(shape):,}"
            )
        spend(_cost(shape, len(choice.planes), spec))
        return _cutout(content, image, shape, choice, spend)
    raise first_error or contents.refusal()


def _survey(content: bytes, spend: Callable[[Cost], object]) -> _Contents:
    """Read the headers of a file, up to a named science image."""
    contents, position = _Contents(), 0
    reader = HeaderReader(content, FITS_HEADER_CARDS, lambda cards: spend(Cost(cards * prices.HEADER_CARD)))
    while position < len(content):
        try:
            header = reader.read(position)
            if position == 0 and "SIMPLE" not in header:
                raise UnsupportedFormatError(_OTHER_GZIPPED)
            if contents.note(header) == _PREFERRED:
                break
            position = header.end
        except InputError:
            if contents.images:  # an image was found, whatever follows it
                break
            raise
    return contents


def _layout(image: _Image) -> tuple[tuple[int, int, int], Choice]:
    """An image's (planes, height, width), and the planes to draw."""
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
        raise UnsupportedFormatError(f"a FITS picture has one or three bands (width x height x 3), this one is {sizes}")
    planes, height, width = shape
    if width in {3, 4} and min(planes, height) > 4 * width:
        raise UnsupportedFormatError(
            f"the FITS image has its {width} colours along the first axis; write them as planes of width x height"
            " (numpy.moveaxis(image, -1, 0))"
        )
    as_stored = header.number("BSCALE", 1.0) == 1 and header.number("BZERO", 0.0) == 0
    choice = bands.choose(header, planes, ready_for_display=bits == 8 and as_stored)  # noqa: PLR2004 - bytes
    return (planes, height, width), choice


def _cost(shape: tuple[int, int, int], drawn: int, spec: InputSpec | None) -> Cost:
    """The cost of measuring a frame and drawing a window of it."""
    _, height, width = shape
    left, upper, right, lower = spec.window(width, height) if spec is not None else (0, 0, width, height)
    shown = drawn * math.ceil(right - left + 1) * math.ceil(lower - upper + 1)
    work = drawn * height * width * prices.FRAME_VALUE + shown * prices.MEASURED_PIXEL
    return Cost(work, shown * prices.MEASURED_BYTES)


def _cutout(
    content: bytes, image: _Image, shape: tuple[int, int, int], choice: Choice, spend: Callable[[Cost], object]
) -> Frame:
    header, start = image.header, image.header.data_start
    if image.compressed:
        from skysort.pictures.fits import tiles  # noqa: PLC0415 - ten milliseconds, only where they are needed

        planes = tiles.read(content, header, spend).reshape(shape)
    else:
        dtype, values = np.dtype(TYPES[header.bitpix()]), math.prod(shape)
        if start + values * dtype.itemsize > len(content):
            raise MalformedInputError("the FITS file is truncated: it ends before its last pixel")
        planes = np.frombuffer(content, dtype, values, start).reshape(shape)
    drawn = planes if choice.planes == tuple(range(len(planes))) else planes[list(choice.planes)]
    blank = None
    if planes.dtype.kind in "iu":
        blanks = ("ZBLANK", "BLANK") if image.compressed else ("BLANK",)
        blank = next((header.integer(name) for name in blanks if name in header), None)
    return Frame(drawn, header.number("BSCALE", 1.0), header.number("BZERO", 0.0), blank, choice.warnings)
