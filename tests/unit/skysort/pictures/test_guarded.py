"""Whatever a reader raises over one picture, that picture has the problem and the others are answered."""

from __future__ import annotations

import pkgutil
import struct
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from skysort.pictures.bodies.request import PictureItem, PictureRequest
from tests.factories_images import encode, fits_file, plain, render, results_of, sky
from tests.heic_files import heic
from tests.icc_profiles import rgb_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysort.pictures.classify import PictureClassifier

SMALL = render(64, 64)
SWAPPED = rgb_profile(swapped=True)
# Every step between a file's bytes and a model's pixels, by what it is done with.
STEPS: dict[str, tuple[str, bytes]] = {
    "the markers of a JPEG": ("skysort.pictures.formats.jpeg.scan", encode(SMALL, "JPEG")),
    "Pillow's JPEG": ("PIL.JpegImagePlugin.JpegImageFile", encode(SMALL, "JPEG")),
    "the chunks of a PNG": ("skysort.pictures.formats.png.prepare", encode(SMALL)),
    "Pillow's PNG": ("PIL.PngImagePlugin.PngImageFile", encode(SMALL)),
    "the chunks of a WebP": ("skysort.pictures.formats.webp.prepare", encode(SMALL, "WEBP")),
    "libwebp": ("PIL._webp.WebPAnimDecoder", encode(SMALL, "WEBP")),
    "the tags of a TIFF": ("skysort.pictures.formats.tiff.prepare", encode(SMALL, "TIFF")),
    "Pillow's TIFF": ("PIL.TiffImagePlugin.TiffImageFile._setup", encode(SMALL, "TIFF")),
    "the blocks of a GIF": ("skysort.pictures.formats.gif.prepare", encode(SMALL, "GIF")),
    "Pillow's GIF": ("PIL.GifImagePlugin.GifImageFile", encode(SMALL, "GIF")),
    "the boxes of a HEIC": ("skysort.pictures.formats.heif.prepare", heic(SMALL)),
    "the tiles of a HEIC": ("skysort.pictures.formats.heif.cut", heic(SMALL)),
    "libheif": ("_pi_heif.load_file", heic(SMALL)),
    "Pillow's AVIF": ("PIL.AvifImagePlugin.AvifImageFile", encode(SMALL, "AVIF")),
    "EXIF data": ("skysort.pictures.formats.jpeg.orientation", encode(SMALL, "JPEG", exif=b"Exif\0\0II*\0")),
    "FITS": ("skysort.pictures.fits.image.read", fits_file(sky())),
    "measurements of a FITS": ("skysort.pictures.measurements.draw.draw", fits_file(sky())),
    "measurements of a TIFF": ("skysort.pictures.measurements.draw.shrink", encode(Image.fromarray(sky()), "TIFF")),
    "a file's first bytes": ("skysort.pictures.decode.detect", encode(SMALL)),
    "pixels": ("PIL.ImageFile.ImageFile.load", encode(SMALL)),
    "scaling": ("PIL.Image.Image.resize", encode(SMALL)),
    "the conversion of colours": ("skysort.pictures.formats.colour.to_srgb", encode(SMALL, icc_profile=SWAPPED)),
}
RAISED: dict[str, Callable[[], Exception]] = {
    "MemoryError": MemoryError,
    "OSError": lambda: OSError("image file is truncated"),
    "ValueError": lambda: ValueError("no such thing"),
    "TypeError": lambda: TypeError("'NoneType' object is not subscriptable"),
    "IndexError": lambda: IndexError("list index out of range"),
    "KeyError": lambda: KeyError(259),
    "OverflowError": lambda: OverflowError("Python int too large to convert to C long"),
    "struct.error": lambda: struct.error("unpack requires a buffer of 4 bytes"),
    "RecursionError": lambda: RecursionError("maximum recursion depth exceeded"),
    "SyntaxError": lambda: SyntaxError("not a TIFF file"),
    "ZeroDivisionError": ZeroDivisionError,
    "UnicodeDecodeError": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    "EOFError": EOFError,
    "lone surrogates": lambda: ValueError("\ud800"),
}
# Pictures that come with the bad one, and steps that these take too.
OTHER, LAST = (encode(plain(colour), "GIF") for colour in ((250, 0, 0), (0, 250, 0)))
COMMON = {"a file's first bytes", "scaling", "pixels", "Pillow's GIF", "the blocks of a GIF"}


@pytest.mark.parametrize("step", STEPS)
def test_what_any_reader_raises_is_its_pictures_problem(
    step: str, classifier: PictureClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a picture that takes a step
    target, content = STEPS[step]
    module, _, name = target.rpartition(".")
    holder = pkgutil.resolve_name(module)
    taken, right = [], getattr(holder, name)

    def step_is_taken(*given: Any, **options: Any) -> Any:
        taken.append(given)
        return right(*given, **options)

    monkeypatch.setattr(holder, name, step_is_taken)
    assert results_of(classifier, PictureRequest([PictureItem("a", content)], {}))[0]["predictions"]
    assert taken
    for number, raised in enumerate(RAISED):
        # When the step raises over it, between two other pictures
        monkeypatch.setattr(holder, name, raising(RAISED[raised]))
        items = [
            PictureItem("other", OTHER),
            PictureItem("bad", content + bytes(number + 1)),
            PictureItem("last", LAST),
        ]
        other, bad, last = results_of(classifier, PictureRequest(items, {}))
        # Then it has a problem of the caller's, which can be written as JSON, and no others have
        expected = 413 if raised == "MemoryError" else 400
        assert bad["error"]["status"] == expected, raised
        assert bad["error"]["detail"].encode()
        if step not in COMMON:
            assert other["predictions"]
            assert last["predictions"]


def raising(make: Callable[[], Exception]) -> Callable[..., Any]:
    """A step that raises, whatever it is given."""

    def step(*_: Any, **__: Any) -> Any:
        raise make()

    return step


def test_a_colour_profile_that_a_reader_raises_over_is_left_out(
    classifier: PictureClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise TypeError("Invalid type for profile")

    monkeypatch.setattr("PIL.ImageCms.ImageCmsProfile", broken)
    content = encode(SMALL, icc_profile=rgb_profile(swapped=True, name="another"))
    (result,) = results_of(classifier, PictureRequest([PictureItem("a", content)], {}))
    assert result["predictions"]
    assert [warning["code"] for warning in result["warnings"]] == ["colour_profile_ignored"]
