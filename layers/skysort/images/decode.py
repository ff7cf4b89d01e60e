"""From a file's bytes to the pixels that a model takes: one way for training, serving and batch."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFile
from PIL.Image import Transpose

from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.images import measurements, stretch
from skysort.images.geometry import MARGIN, Box, InputSpec, inside, resampling
from skysort.images.sniff import Format, detect, has_many_scans, webp_size
from skysort.limits import IMAGE_BYTES, IMAGE_PIXELS, JPEG_PIXELS, JPEG_SCANS, MEASURED_PIXELS, MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysort.input_warnings import InputWarning

__all__ = ["InputSpec", "Picture", "PixelBudget", "decode", "read"]

# The readers by format, imported on first use: each costs milliseconds of start-up.
_READERS: Final = {
    Format.JPEG: ("PIL.JpegImagePlugin", "JpegImageFile"),
    Format.PNG: ("PIL.PngImagePlugin", "PngImageFile"),
    Format.WEBP: ("PIL.WebPImagePlugin", "WebPImageFile"),
    Format.TIFF: ("PIL.TiffImagePlugin", "TiffImageFile"),
    Format.GIF: ("PIL.GifImagePlugin", "GifImageFile"),
}
_ORIENTATION: Final = 0x0112  # EXIF tag 274
# How a stored picture is put upright (CIPA DC-008, "Orientation").
_TURNS: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})
_STRIP_OFFSETS: Final = 273  # TIFF tags
_TILE_OFFSETS: Final = 324
_TRUNCATED: Final = "truncated"

# The limits here are checked before anything is decoded, and by format; Pillow's own would only warn.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Picture:
    """What a model takes, (height, width, 3) uint8 RGB, and the size of the whole upright picture.

    warnings: what was done to the picture, for its answer.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    warnings: tuple[InputWarning, ...] = ()


class PixelBudget:
    """Pixels that may still be decoded, for a caller who is to be answered in bounded time."""

    def __init__(self, pixels: int) -> None:
        self._most = pixels
        self._left = pixels

    def take(self, pixels: int) -> None:
        """Spend some; raises LimitExceededError, and spends nothing, where there are not enough left."""
        if pixels > self._left:
            raise LimitExceededError(f"the request's pictures have more than {self._most:,} pixels together")
        self._left -= pixels


def decode(content: bytes, spec: InputSpec) -> NDArray[np.uint8]:
    """Decode a picture of any accepted form into what a model takes.

    content: a JPEG, PNG, WebP, TIFF, GIF (the first frame of an animation) or FITS file, told apart by content.
    Returns (height, width, 3) uint8 RGB.

    Raises EmptyInputError, UnsupportedFormatError, MalformedInputError for a damaged or truncated file, and
    LimitExceededError, before its pixels are decoded, for one with too many.
    """
    return read(content, spec).pixels


def read(content: bytes, spec: InputSpec, budget: PixelBudget | None = None) -> Picture:
    """As decode, with the picture's size, and within a budget that several pictures share."""
    if len(content) > IMAGE_BYTES:
        raise LimitExceededError(f"a picture may have up to {IMAGE_BYTES // MIB} MiB, this one has {len(content):,} B")
    form = detect(content)
    if form is Format.FITS:
        return _decode_fits(content, spec, budget)
    with _damage_as_input_error(form), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow remarks on odd metadata; nobody is there to read it
        return _decode_picture(content, form, spec, budget)


def _decode_picture(content: bytes, form: Format, spec: InputSpec, budget: PixelBudget | None) -> Picture:
    picture = _open(content, form)
    if budget is not None:
        budget.take(picture.width * picture.height)
    size, scale = picture.size, (1.0, 1.0)
    if form is Format.JPEG:
        scale = _draft(picture, spec)
        picture.load()
    else:
        picture.load()
        size = picture.size  # Pillow may have turned a TIFF
    turn = _orientation(picture)
    sideways = turn in _SIDEWAYS
    left, upper, right, lower = (spec.turned() if sideways else spec).window(*size)
    box = (left * scale[0], upper * scale[1], right * scale[0], lower * scale[1])
    small = _shrink(picture, spec.turned() if sideways else spec, box)
    pixels = np.array(small.transpose(_TURNS[turn]) if turn in _TURNS else small)
    return Picture(pixels, *(reversed(size) if sideways else size))


def _draft(picture: ImageFile.ImageFile, spec: InputSpec) -> tuple[float, float]:
    """Have a JPEG decoded at the smallest fraction of its size that leaves the window its margin; that fraction."""
    width, height = picture.size
    left, upper, right, lower = spec.window(width, height)
    wanted = MARGIN * max(spec.height, spec.width)
    least = max(1, int(wanted * width / (right - left))), max(1, int(wanted * height / (lower - upper)))
    drafted = picture.draft(None, least)
    # The new size is rounded up; the box that comes with it is exact.
    return (drafted[1][2] / width, drafted[1][3] / height) if drafted else (1.0, 1.0)


def _open(content: bytes, form: Format) -> ImageFile.ImageFile:
    """A picture with its header read and held to the limits, its pixels not decoded yet."""
    if form is Format.WEBP and (size := webp_size(content)):
        _check_pixels(form, *size)
    module, name = _READERS[form]
    picture: ImageFile.ImageFile = getattr(import_module(module), name)(BytesIO(content))
    picture.decodermaxblock = len(content)  # all that is there at once, not piece by piece
    _check_pixels(form, *picture.size, picture.mode)
    # Scans are cheap to write and dear to decode; a TIFF may hold JPEG data too, in as many parts as it has.
    jpeg_inside = form is Format.TIFF and "jpeg" in str(picture.info.get("compression"))
    parts = _parts(picture) if jpeg_inside else 1
    if (form is Format.JPEG or jpeg_inside) and has_many_scans(content, JPEG_SCANS, parts):
        raise LimitExceededError(f"a JPEG may have up to {JPEG_SCANS} scans, this one has more")
    return picture


def _parts(picture: ImageFile.ImageFile) -> int:
    """Strips or tiles of a TIFF."""
    tags = getattr(picture, "tag_v2", {})
    offsets = tags.get(_TILE_OFFSETS) or tags.get(_STRIP_OFFSETS)
    return len(offsets) if isinstance(offsets, tuple) else 1


def _check_pixels(form: Format, width: int, height: int, mode: str = "") -> None:
    most = JPEG_PIXELS if form is Format.JPEG else MEASURED_PIXELS if mode in measurements.NUMBERS else IMAGE_PIXELS
    if width < 1 or height < 1:
        raise MalformedInputError(f"the picture's size is {width} x {height}")
    if width * height > most:
        what = "32-bit numbers" if mode in measurements.NUMBERS else f"type {form}"
        raise LimitExceededError(f"a picture of {what} may have up to {most:,} pixels, this one has {width} x {height}")


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; metadata that cannot be read say nothing."""
    try:
        found = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # a parser of foreign bytes; the pixels do not depend on it
        return 1
    return found if found in _TURNS else 1


def _shrink(picture: Image.Image, spec: InputSpec, box: Box) -> Image.Image:
    """The window of a loaded picture at the model's size, as RGB over the background."""
    box = inside(box, *picture.size)
    if picture.mode in measurements.MODES:
        return measurements.shrink(picture, spec, box)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
    elif picture.mode in {"1", "P", "CMYK"}:
        picture = picture.convert("RGB")
    small = picture.resize((spec.width, spec.height), resampling(spec, box), box, reducing_gap=MARGIN)
    if small.mode == "RGBA":
        ground = Image.new("RGBA", small.size, spec.background)
        small = Image.alpha_composite(ground, small)
    if small.mode != "RGB":
        small = _to_rgb(small)
    return small


def _to_rgb(picture: Image.Image) -> Image.Image:
    try:
        return picture.convert("RGB")
    except ValueError:
        raise UnsupportedFormatError(
            f"the picture's colours are {picture.mode}, which cannot be shown as RGB; convert it to RGB or grey"
        ) from None


def _decode_fits(content: bytes, spec: InputSpec, budget: PixelBudget | None) -> Picture:
    from skysort.images import fits  # noqa: PLC0415 - a dozen milliseconds of start-up that most functions never need

    cutout = fits.read(content, budget.take if budget is not None else None)
    height, width = cutout.planes.shape[1:]
    box = spec.window(width, height)
    if cutout.is_picture:
        pixels = np.moveaxis(cutout.planes[:, ::-1], 0, -1)
        shown = np.ascontiguousarray(pixels if pixels.shape[2] > 1 else pixels[..., 0])
        return Picture(np.array(_shrink(Image.fromarray(shown), spec, box)), width, height, cutout.warnings)
    left, upper, right, lower = measurements.outer(box, (width, height))
    values = cutout.values(slice(upper, lower), slice(left, right))
    every = slice(None, None, stretch.sample_step(cutout.planes.size))
    drawn = measurements.draw(
        values, cutout.values(every, every), spec, (box[0] - left, box[1] - upper, box[2] - left, box[3] - upper)
    )
    return Picture(np.array(drawn), width, height, cutout.warnings)


@contextmanager
def _damage_as_input_error(form: Format) -> Iterator[None]:
    """Whatever a decoder trips over in foreign bytes is the file's fault; it says so in many types of exception."""
    try:
        yield
    except (LimitExceededError, MalformedInputError, UnsupportedFormatError):
        raise
    except MemoryError:
        raise LimitExceededError(f"the {form} picture needs more memory than there is") from None
    except Exception as error:  # Pillow raises from OSError to struct.error
        state = _TRUNCATED if _TRUNCATED in str(error) else "damaged"
        raise MalformedInputError(f"the {form} picture is {state}: {error!s:.200}") from None
