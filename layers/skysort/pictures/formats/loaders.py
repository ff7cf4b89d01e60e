"""Loading pictures with the decoder of their format, after checking the cost against the budget."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageFile

from skysort.errors import InputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.limits import MEASURED_PIXELS
from skysort.pictures.formats import jpeg, prices
from skysort.pictures.formats.prepared import SIDEWAYS, orientation
from skysort.pictures.formats.prices import Cost
from skysort.pictures.formats.sniff import Format
from skysort.pictures.geometry import MARGIN
from skysort.pictures.measurements import draw as measurements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysort.pictures.formats.colour import Nclx
    from skysort.pictures.formats.prepared import Prepared
    from skysort.pictures.formats.prices import Budget
    from skysort.pictures.geometry import InputSpec

# The limits by format are checked before decoding; Pillow's own would only warn.
Image.MAX_IMAGE_PIXELS = None

# Bytes appended to a JPEG without an end marker: decoders read so far ahead.
_AHEAD: Final = 8
_REDUCTIONS: Final = (8, 4, 2, 1)
# Pillow's errors for a valid TIFF with unsupported samples.
_UNKNOWN: Final = frozenset(
    {"unknown pixel mode", "unknown data organization", "unknown raw mode for given image mode"}
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A picture with its pixels.

    size: of the full picture, as stored. scale: of the decoded pixels, relative to it. origin: their position in it.
    The rest as in Prepared.
    """

    picture: Image.Image
    size: tuple[int, int]
    scale: tuple[float, float] = (1.0, 1.0)
    origin: tuple[int, int] = (0, 0)
    turn: int = 1
    profile: bytes | None = None
    nclx: Nclx | None = None
    profile_broken: str = ""
    deep: bool = False


def load(content: bytes, form: Format, spec: InputSpec, budget: Budget) -> Loaded:
    """Decode a picture of any format but FITS; raises the errors of Prepared, and those of decoders."""
    budget.check(Cost(1))
    if form is Format.JPEG:
        return _jpeg(content, spec, budget)
    if form is Format.HEIF:
        return _heif(content, spec, budget)
    with _walking(content, budget):
        scanner = _module(f"skysort.pictures.formats.{form.name.lower()}")
        prepared: Prepared = scanner.prepare(content, *([budget] if form is Format.TIFF else []))
    budget.take(_with_scaling(prepared, 0 if form is Format.WEBP else prices.CONVERT_BYTES))
    return _loaded(_LOADERS[form](prepared, budget), prepared)


@contextmanager
def _walking(content: bytes, budget: Budget) -> Iterator[None]:
    """Charge the budget for walking a file that is then refused; accepted files include it in their cost."""
    try:
        yield
    except InputError:
        budget.spend(min(len(content) * prices.WALKED_BYTE, prices.WALKED))
        raise


def _loaded(picture: Image.Image, prepared: Prepared) -> Loaded:
    colours = prepared.profile, prepared.nclx, prepared.profile_broken, prepared.deep
    return Loaded(picture, picture.size, (1.0, 1.0), (0, 0), prepared.turn, *colours)


@cache
def _module(name: str) -> Any:
    """Import a module on first use: each costs milliseconds of cold start."""
    return import_module(name)


def _with_scaling(prepared: Prepared, more: int) -> Cost:
    """The cost of decoding and downscaling. more: extra bytes per pixel for downscaling."""
    pixels = prepared.width * prepared.height
    scaling = pixels * (prices.CONVERT_PIXEL + prices.SCALE_PIXEL)
    return Cost(prepared.cost.work + scaling, prepared.cost.memory + pixels * more)


def _opened(file: bytes, module: str, name: str, size: tuple[int, int]) -> ImageFile.ImageFile:
    """Open a picture with Pillow; raises MalformedInputError unless it has the size of the cost estimate."""
    picture: ImageFile.ImageFile = getattr(_module(module), name)(BytesIO(file))
    picture.decodermaxblock = max(1, len(file))  # in one piece
    if picture.size != size:
        raise MalformedInputError(
            f"the picture's size is {picture.width} x {picture.height} but its header says {size[0]} x {size[1]}"
        )
    return picture


def _jpeg(content: bytes, spec: InputSpec, budget: Budget) -> Loaded:
    with _walking(content, budget):
        scan = jpeg.scan(content, budget)
    frame = scan.frame
    width, height = frame.width, frame.height
    least = _least(spec.turned() if scan.turn in SIDEWAYS else spec, width, height)
    # A truncated picture of several scans is compared at full size, to notice missing parts of the last scans.
    full_size = not (scan.complete or scan.one_scan)
    smaller = 1 if full_size else min(width // least[0], height // least[1])
    budget.take(scan.cost(next((reduction for reduction in _REDUCTIONS if reduction <= smaller), 1)))

    def shown(file: bytes) -> tuple[Image.Image, tuple[float, float]]:
        picture = _opened(file, "PIL.JpegImagePlugin", "JpegImageFile", (width, height))
        drafted = None if full_size else picture.draft(None, least)
        _decode(picture)
        # The new size is rounded up; the box is exact.
        return picture, (drafted[1][2] / width, drafted[1][3] / height) if drafted else (1.0, 1.0)

    if scan.complete:
        picture, scale = shown(scan.content)
    else:
        picture, scale = _without_end(scan, shown)
    return Loaded(
        picture, (width, height), scale, turn=scan.turn, profile=scan.profile, profile_broken=scan.profile_broken
    )


def _without_end(scan: jpeg.Jpeg, shown: Any) -> tuple[Image.Image, tuple[float, float]]:
    """Decode a JPEG without an end marker; it is complete if the bytes appended do not change the pixels."""
    end = b"" if scan.one_scan else jpeg.END
    (picture, scale), (other, _) = (shown(scan.content + bytes([filler]) * _AHEAD + end) for filler in (0, 0xAA))
    if picture != other:
        raise MalformedInputError("the JPEG picture is truncated: its last pixels are missing")
    return picture, scale


def _least(spec: InputSpec, width: int, height: int) -> tuple[int, int]:
    """The minimum size of a JPEG that leaves the window its margin."""
    left, upper, right, lower = spec.window(width, height)
    wanted = MARGIN * max(spec.height, spec.width)
    return max(1, int(wanted * width / (right - left))), max(1, int(wanted * height / (lower - upper)))


def _png(prepared: Prepared, budget: Budget) -> Image.Image:
    return _load(_opened(prepared.content, "PIL.PngImagePlugin", "PngImageFile", prepared.size), budget)


def _gif(prepared: Prepared, budget: Budget) -> Image.Image:
    return _load(_opened(prepared.content, "PIL.GifImagePlugin", "GifImageFile", prepared.size), budget)


def _tiff(prepared: Prepared, budget: Budget) -> Image.Image:
    try:
        picture = _opened(prepared.content, "PIL.TiffImagePlugin", "TiffImageFile", prepared.size)
        # A decoder's buffer for each strip, where strips are not contiguous.
        picture.decodermaxblock = _module("skysort.pictures.formats.tiff").part_bytes(prepared.content)
        loaded = _load(picture, budget)
    except (SyntaxError, ValueError) as error:
        if str(error) not in _UNKNOWN:
            raise
        directory = _module("skysort.pictures.formats.tiff_tags").read(prepared.content)
        raise UnsupportedFormatError(f"this is {directory.described()}") from None
    if prepared.negative:
        return Image.fromarray(np.invert(np.asarray(loaded).astype(np.uint16)))
    return loaded.convert("LA") if loaded.mode == "La" else loaded


def _load(picture: ImageFile.ImageFile, budget: Budget) -> Image.Image:
    pixels = picture.width * picture.height
    if picture.mode in measurements.NUMBERS and pixels > MEASURED_PIXELS:
        raise LimitExceededError(
            f"a picture of 32-bit numbers may have up to {MEASURED_PIXELS:,} pixels; this one has "
            f"{picture.width} x {picture.height}"
        )
    if picture.mode in measurements.MODES:
        counts_bytes = prices.COUNTS_BYTES if pixels <= MEASURED_PIXELS else prices.DEEP_BYTES
        bytes_each = prices.NUMBERS_BYTES if picture.mode in measurements.NUMBERS else counts_bytes
        budget.take(Cost(pixels * prices.MEASURED_PIXEL, pixels * bytes_each))
    return _decode(picture)


def _decode(picture: ImageFile.ImageFile) -> Image.Image:
    try:
        picture.load()
    except OSError as error:
        if "truncated" not in str(error):
            raise
        raise MalformedInputError(f"the {picture.format} picture is truncated: its last pixels are missing") from error
    return picture


def _webp(prepared: Prepared, _budget: Budget) -> Image.Image:
    """Decode without Pillow's plugin, which keeps the decoder's canvases in memory."""
    decoder = _module("PIL._webp").WebPAnimDecoder(prepared.content)
    size, *_, mode = decoder.get_info()
    if size != prepared.size:
        raise MalformedInputError(f"the WebP picture's size is {size[0]} x {size[1]} but its header says otherwise")
    frame = decoder.get_next()
    if frame is None:
        raise MalformedInputError("the WebP picture is damaged: its first frame cannot be decoded")
    return Image.frombuffer(mode, size, frame[0], "raw", mode, 0, 1)


def _heif(content: bytes, spec: InputSpec, budget: Budget) -> Loaded:
    with _walking(content, budget):
        heif = _module("skysort.pictures.formats.heif")
        window = heif.cut(content, spec)
        still = heif.prepare(content if window is None else window.file)
    prepared: Prepared = still.prepared
    budget.take(_with_scaling(prepared, 0))
    if window is not None:
        return replace(_heic(prepared), size=window.size, origin=window.origin, turn=window.turn)
    return _avif(prepared) if still.av1 else _heic(prepared)


def _avif(prepared: Prepared) -> Loaded:
    _module("PIL.AvifImagePlugin").DEFAULT_MAX_THREADS = 1  # one core per picture
    # A sequence has a still picture too, whose cost was estimated.
    file = b"".join([prepared.content[:8], b"avif", prepared.content[12:]])
    picture = _opened(file, "PIL.AvifImagePlugin", "AvifImageFile", prepared.size)
    picture.load()
    return replace(_loaded(picture, prepared), turn=orientation(picture.info.get("exif", b"")))


def _heic(prepared: Prepared) -> Loaded:
    """Decode HEIC by libheif and libde265, without pi-heif's metadata reader; the decoder applies the rotation."""
    images = _module("_pi_heif").load_file(prepared.content, 1, True, False, True, True, "", False)
    image = next((image for image in images if image is not None and image.primary), None)
    if image is None:
        raise MalformedInputError("the HEIC picture is damaged: its primary picture is missing")
    data = image.data
    size, mode = image.size_mode
    if size[0] * size[1] > prepared.width * prepared.height:
        raise MalformedInputError(f"the HEIC picture's size is {size[0]} x {size[1]} but its header says otherwise")
    return _loaded(Image.frombytes(mode.replace("a", "A"), size, data, "raw", mode, image.stride), prepared)


_LOADERS: Final = {Format.PNG: _png, Format.GIF: _gif, Format.TIFF: _tiff, Format.WEBP: _webp}
