"""FITS cutouts: the first image of a file, one or three bands (FITS Standard 4.0, Pence et al. 2010 and later).

A reader of our own: astropy would cost the HTTP function half a second of start-up and 60 MB for what is, for
an image without compression, a header of text cards and an array of big-endian numbers.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.images.sniff import GZIP
from skysort.limits import FITS_HEADER_CARDS, FITS_IMAGE_BYTES, MEASURED_PIXELS, MIB

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK: Final = 2880
_CARD: Final = 80
_TYPES: Final = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_MAX_AXES: Final = 999
# Blue to red, for files that name their bands (the BANDS card of the Legacy Survey's cutouts).
_BY_WAVELENGTH: Final = "ugrizy"
_COLOURS: Final = 3
# Names of extensions (EXTNAME) that say something of the image's pixels, as observatories' pipelines write them.
_BESIDE_THE_IMAGE: Final = frozenset(
    {"DQ", "MASK", "ERR", "ERROR", "VAR", "VARIANCE", "IVAR", "INVVAR", "WHT", "WEIGHT"}
)

Header = dict[str, str]


@dataclass(frozen=True, slots=True)
class Cutout:
    """An image as it lies in the file.

    planes: (bands, height, width), the file's own numbers, the first row at the bottom of the sky; red first
    where there are three. value = number * scale + zero; the number blank stands for no value.
    """

    planes: NDArray[Any]
    scale: float
    zero: float
    blank: int | None

    @property
    def is_picture(self) -> bool:
        """Whether it holds bytes, which are ready for display, not measurements."""
        return self.planes.dtype == np.uint8 and self.scale == 1 and self.zero == 0

    def values(self, rows: slice, columns: slice) -> NDArray[np.float64]:
        """Some rows and columns as values, (height, width, bands) with the first row on top; NaN for none."""
        part = self.planes[:, ::-1][:, rows, columns]
        with np.errstate(over="ignore", invalid="ignore"):  # signalling NaNs and scales out of all proportion
            values = part.astype(np.float64)
            if self.blank is not None:
                values[part == self.blank] = np.nan
            values *= self.scale
            values += self.zero
        values[~np.isfinite(values)] = np.nan
        return np.moveaxis(values, 0, -1)


def read(content: bytes) -> Cutout:
    """Read the first image of a FITS file, gzipped or not; planes of flags, errors and weights are none.

    Raises MalformedInputError for a damaged file, LimitExceededError for one too large, and
    UnsupportedFormatError for a file without a plain image of one or three bands.
    """
    if content.startswith(GZIP):
        content = _gunzip(content)
    position = 0
    passed: list[str] = []
    while position < len(content):
        header, start = _read_header(content, position)
        if position == 0 and "SIMPLE" not in header:
            raise UnsupportedFormatError("the gzipped content is no FITS file; of gzipped pictures only FITS are read")
        shape, size = _shape(header)
        name = _text(header, "EXTNAME").upper()
        if _is_image(header) and math.prod(shape) > 0 and len(shape) > 1:
            if name not in _BESIDE_THE_IMAGE:
                return _image(content, start, header, shape)
            passed.append(name)
        position = start + -(-size // _BLOCK) * _BLOCK
    found = f"only {', '.join(passed)} beside one" if passed else "no image"
    raise UnsupportedFormatError(f"the FITS file holds {found}; send one with an image of one or three bands")


def _gunzip(content: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(content, FITS_IMAGE_BYTES)
    except zlib.error as error:
        raise MalformedInputError(f"the gzipped FITS file is damaged: {error}") from None
    if unpacker.unconsumed_tail:
        raise LimitExceededError(f"a FITS picture may have up to {FITS_IMAGE_BYTES // MIB} MiB unpacked")
    return unpacked


def _read_header(content: bytes, start: int) -> tuple[Header, int]:
    """The cards of one header, the first of each name, and where its data begin."""
    header: Header = {}
    for number in range(FITS_HEADER_CARDS):
        at = start + number * _CARD
        card = content[at : at + _CARD].decode("latin-1")
        if len(card) < _CARD:
            raise MalformedInputError("the FITS file ends inside a header: it is truncated")
        name = card[:8].rstrip()
        if name == "END":
            return header, start + -(-(at + _CARD - start) // _BLOCK) * _BLOCK
        if card[8:10] == "= ":
            header.setdefault(name, card[10:])
    raise LimitExceededError(f"a FITS header may have up to {FITS_HEADER_CARDS:,} cards")


def _text(header: Header, name: str) -> str:
    value = header.get(name, "").strip()
    if value.startswith("'"):
        return value[1:].partition("'")[0].strip()
    return value.partition("/")[0].strip()


def _number(header: Header, name: str, default: float) -> float:
    text = _text(header, name)
    if not text:
        return default
    try:
        value = float(text.replace("D", "E").replace("d", "e"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise MalformedInputError(f"the FITS header's {name} is not a number: {text!r:.40}")
    return value


def _integer(header: Header, name: str, default: int | None = None) -> int:
    text = _text(header, name) or ("" if default is None else str(default))
    try:
        return int(text)
    except ValueError:
        raise MalformedInputError(f"the FITS header's {name} is not a whole number: {text!r:.40}") from None


def _shape(header: Header) -> tuple[tuple[int, ...], int]:
    """The axes of a header's data, the fastest first, and the bytes that they and their heap take."""
    axes, bits = _integer(header, "NAXIS"), _integer(header, "BITPIX")
    if not 0 <= axes <= _MAX_AXES or bits not in _TYPES:
        raise MalformedInputError(f"the FITS header has NAXIS {axes} and BITPIX {bits}, which no file may have")
    shape = tuple(_integer(header, f"NAXIS{number}") for number in range(1, axes + 1))
    extra, groups = _integer(header, "PCOUNT", 0), _integer(header, "GCOUNT", 1)
    if min(shape, default=0) < 0 or extra < 0 or groups < 0:
        raise MalformedInputError("the FITS header has a negative size")
    return shape, abs(bits) // 8 * groups * (extra + math.prod(shape)) if shape else 0


def _is_image(header: Header) -> bool:
    if _text(header, "ZIMAGE") == "T":
        raise UnsupportedFormatError("the FITS image is tile-compressed; unpack it (funpack) or send a JPEG or PNG")
    return "SIMPLE" in header or _text(header, "XTENSION") == "IMAGE"


def _image(content: bytes, start: int, header: Header, axes: tuple[int, ...]) -> Cutout:
    shape = list(axes[::-1])
    while len(shape) > 2 and shape[0] == 1:  # noqa: PLR2004 - height and width stay
        del shape[0]
    if len(shape) == 2:  # noqa: PLR2004 - one band
        shape.insert(0, 1)
    if len(shape) != 3 or shape[0] not in {1, _COLOURS}:  # noqa: PLR2004 - bands, height, width
        sizes = " x ".join(map(str, axes))
        raise UnsupportedFormatError(f"a FITS picture has one or three bands (width x height x 3), this one {sizes}")
    values = math.prod(shape)
    if values > MEASURED_PIXELS:
        raise LimitExceededError(f"a FITS picture may have up to {MEASURED_PIXELS:,} values, this one has {values:,}")
    dtype = np.dtype(_TYPES[_integer(header, "BITPIX")])
    if start + values * dtype.itemsize > len(content):
        raise MalformedInputError("the FITS file ends before its last pixel: it is truncated")
    planes = np.frombuffer(content, dtype, values, start).reshape(shape)
    if shape[0] == _COLOURS:
        planes = planes[_red_first(header, planes)]
    blank = _integer(header, "BLANK") if "BLANK" in header and dtype.kind in "iu" else None
    return Cutout(planes, _number(header, "BSCALE", 1.0), _number(header, "BZERO", 0.0), blank)


def _red_first(header: Header, planes: NDArray[Any]) -> list[int]:
    """The order of the planes for red, green and blue.

    Named bands are put in order; bytes, and planes marked RGB, are red first already (as picture editors write
    them); measurements without names are taken to rise in wavelength, as surveys list their bands.
    """
    names = _text(header, "BANDS").lower()
    if len(names) == _COLOURS and len(set(names)) == _COLOURS and set(names) <= set(_BY_WAVELENGTH):
        return sorted(range(_COLOURS), key=lambda plane: -_BY_WAVELENGTH.index(names[plane]))
    if planes.dtype == np.uint8 or _text(header, "CTYPE3").upper() == "RGB":
        return [0, 1, 2]
    return [2, 1, 0]
