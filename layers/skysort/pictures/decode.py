"""From a file's bytes to a model's input pixels: the same for training, serving and batch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image
from PIL.Image import Transpose

from skysort.errors import LimitExceededError, UnsupportedFormatError
from skysort.guard import reading
from skysort.gzip_stream import GZIP
from skysort.limits import FITS_IMAGE_BYTES, IMAGE_BYTES, MIB
from skysort.pictures.formats import prices
from skysort.pictures.formats.loaders import Loaded, load
from skysort.pictures.formats.prepared import SIDEWAYS
from skysort.pictures.formats.prices import Budget, Cost
from skysort.pictures.formats.sniff import NAMES, Format, detect
from skysort.pictures.geometry import MARGIN, Box, InputSpec, covering, inside, resampling
from skysort.pictures.measurements import draw as measurements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysort.input_warnings import InputWarning

__all__ = ["Budget", "InputSpec", "Picture", "decode", "read", "read_each"]

# Readers warn of odd metadata, which the decoders of these formats are not given.
_WITHOUT_METADATA: Final = frozenset({Format.JPEG, Format.WEBP})
# The transposition that puts a stored picture upright (CIPA DC-008, "Orientation").
_TURNS: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A model's input, (height, width, 3) uint8 RGB; the size of the full upright picture; and warnings."""

    pixels: NDArray[np.uint8]
    width: int
    height: int
    warnings: tuple[InputWarning, ...] = ()


def decode(content: bytes, spec: InputSpec) -> NDArray[np.uint8]:
    """The pixels of a picture, (height, width, 3) uint8 RGB, as `read` decodes it."""
    return read(content, spec).pixels


def read(content: bytes, spec: InputSpec, budget: Budget | None = None) -> Picture:
    """Decode a picture into one model's input; parameters and errors as those of `read_each`."""
    return read_each(content, (spec,), budget)[0]


def read_each(content: bytes, specs: Sequence[InputSpec], budget: Budget | None = None) -> tuple[Picture, ...]:
    """Decode a picture of any supported format once, into the input of each of several models.

    Parameters
    ----------
    content
        A JPEG, PNG, WebP, TIFF, GIF, HEIC, AVIF (the first frame of an animation) or FITS file, detected by content.
    specs
        The models' inputs.
    budget
        The decoding budget shared by several pictures; None gives the picture its own.

    Returns
    -------
    The models' inputs. Whatever a reader raises becomes an error of this one picture (see skysort.guard).

    Raises
    ------
    EmptyInputError, UnsupportedFormatError
        For content that is not a picture in one of these formats.
    MalformedInputError
        For a damaged or truncated file.
    LimitExceededError
        For a picture too expensive to decode; raised before its pixels are decoded.
    """
    if len(content) > IMAGE_BYTES:
        raise LimitExceededError(f"a picture may have up to {IMAGE_BYTES // MIB} MiB; this one has {len(content):,} B")
    with reading("the picture"):
        form = detect(content)
    budget = budget or Budget()
    with reading(f"the {NAMES[form]} picture"):
        if form in _WITHOUT_METADATA:
            return _decode_picture(content, form, specs, budget)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if form is Format.FITS:
                return _decode_fits(content, specs, budget)
            return _decode_picture(content, form, specs, budget)


def _decode_picture(content: bytes, form: Format, specs: Sequence[InputSpec], budget: Budget) -> tuple[Picture, ...]:
    loaded = load(content, form, covering(specs), budget)
    if len(specs) > 1:  # loading is paid for with the drawing of one input
        pixels = loaded.picture.width * loaded.picture.height
        measured = prices.MEASURED_PIXEL if loaded.picture.mode in measurements.MODES else 0
        drawing = pixels * (prices.CONVERT_PIXEL + prices.SCALE_PIXEL + measured)
        budget.take(Cost((len(specs) - 1) * drawing))
    return tuple(_drawn(loaded, spec) for spec in specs)


def _drawn(loaded: Loaded, spec: InputSpec) -> Picture:
    sideways = loaded.turn in SIDEWAYS
    width, height = loaded.size
    stored = spec.turned() if sideways else spec
    left, upper, right, lower = stored.window(width, height)
    (across, down), (x, y) = loaded.scale, loaded.origin
    box = left * across - x, upper * down - y, right * across - x, lower * down - y
    small, remarks = _shrink(loaded, stored, box)
    pixels = _pixels(small.transpose(_TURNS[loaded.turn]) if loaded.turn in _TURNS else small)
    return Picture(pixels, *((height, width) if sideways else (width, height)), remarks)


def _pixels(small: Image.Image) -> NDArray[np.uint8]:
    """The pixels of an RGB or RGBX picture, (height, width, 3); numpy itself takes five times as long for RGBX."""
    return np.frombuffer(small.tobytes("raw", "RGB"), np.uint8).reshape(small.height, small.width, 3)


def _shrink(loaded: Loaded, spec: InputSpec, box: Box) -> tuple[Image.Image, tuple[InputWarning, ...]]:
    """The window of a loaded picture at the model's size, in sRGB over the background; its mode is RGB or RGBX."""
    picture = loaded.picture
    box = inside(box, *picture.size)
    if picture.mode in measurements.MODES:
        small, remarks = measurements.shrink(picture, spec, box)
        if small.mode == "RGB":
            return small, remarks
    else:
        if picture.mode != "RGBA" and picture.has_transparency_data:
            picture = picture.convert("RGBA")
        elif picture.mode in {"1", "P"} or (picture.mode == "CMYK" and loaded.profile is None):
            picture = picture.convert("RGB")
        small = picture.resize((spec.width, spec.height), resampling(spec, box), box, reducing_gap=MARGIN)
        small, remarks = measurements.brightened(small) if loaded.deep and not spec.measurements else (small, ())
    if small.mode != "RGBA":
        shown, more = _in_srgb(small, loaded)
        return shown, remarks + more
    shown, more = _in_srgb(small.convert("RGB"), loaded)
    shown.putalpha(small.getchannel("A"))
    ground = Image.new("RGBA", small.size, spec.background)
    return Image.alpha_composite(ground, shown).convert("RGB"), remarks + more


def _in_srgb(small: Image.Image, loaded: Loaded) -> tuple[Image.Image, tuple[InputWarning, ...]]:
    if loaded.profile is None and loaded.nclx is None and not loaded.profile_broken:
        return small if small.mode == "RGBX" else _to_rgb(small), ()
    from skysort.pictures.formats import colour  # noqa: PLC0415 - for pictures that have one

    if loaded.profile_broken:
        return _to_rgb(small), (colour.ignored(loaded.profile_broken),)
    if loaded.profile is None:
        small = _to_rgb(small)
        return colour.from_nclx(small, loaded.nclx) if loaded.nclx is not None else (small, ())
    if small.mode == "RGBX":
        small = small.convert("RGB")
    if small.mode == "RGB" and loaded.picture.mode == "LA":
        small = small.getchannel("R")
    shown, remarks = colour.to_srgb(small, loaded.profile)
    return _to_rgb(shown), remarks


def _to_rgb(picture: Image.Image) -> Image.Image:
    try:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    except ValueError:
        raise UnsupportedFormatError(
            f"the picture's colours are {picture.mode}, which cannot be shown as RGB; convert it to RGB or grey"
        ) from None


def _decode_fits(content: bytes, specs: Sequence[InputSpec], budget: Budget) -> tuple[Picture, ...]:
    from skysort.pictures.fits import image as fits  # noqa: PLC0415 - a dozen milliseconds of start-up that most functions never need

    if content.startswith(GZIP):
        budget.take(Cost(min(1_032 * len(content), FITS_IMAGE_BYTES) * prices.UNZIPPED_BYTE))
    cutout = fits.read(content, budget.take, covering(specs))
    bands, height, width = cutout.planes.shape
    loaded = None
    if cutout.is_picture:
        pixels = np.moveaxis(cutout.planes[:, ::-1], 0, -1)
        shown = np.ascontiguousarray(pixels if pixels.shape[2] > 1 else pixels[..., 0])
        loaded = Loaded(Image.fromarray(shown), (width, height))
    pictures = []
    for number, spec in enumerate(specs):
        box = spec.window(width, height)
        if number:  # reading is paid for with the drawing of one input
            budget.take(Cost(int(bands * (box[2] - box[0] + 1) * (box[3] - box[1] + 1)) * prices.MEASURED_PIXEL))
        small, remarks = _shrink(loaded, spec, box) if loaded is not None else measurements.draw(cutout, spec, box)
        pictures.append(Picture(np.array(small), width, height, cutout.warnings if loaded is not None else remarks))
    return tuple(pictures)
