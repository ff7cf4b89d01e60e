"""Decoding against a plain full decode, and everything that pictures are stored as."""

from __future__ import annotations

import zlib
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from skysort import limits
from skysort.errors import (
    ArtefactError,
    EmptyInputError,
    InputError,
    LimitExceededError,
    MalformedInputError,
    UnsupportedFormatError,
)
from skysort.pictures import decode as module
from skysort.pictures.decode import Budget, InputSpec, decode, read, read_each
from skysort.pictures.formats import jpeg
from tests.factories_images import (
    GALAXY_INPUT,
    PHOTOGRAPH_INPUT,
    encode,
    every_form,
    exif,
    plain,
    render,
    tiff_file,
    zip_file,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

GALAXY = InputSpec(128, 128, None, 0.6, "black", measurements=True)
PHOTOGRAPH = InputSpec(224, 224, 256, 1.0, "white", "hamming")
FORMS = every_form(render())


def full_decode(content: bytes, spec: InputSpec) -> NDArray[np.uint8]:
    """The reference: every pixel decoded, one resize, by the model's filter unless the picture is enlarged."""
    picture = Image.open(BytesIO(content)).convert("RGB")
    box = spec.window(*picture.size)
    enlarged = min(picture.size) < (spec.resize_shorter or spec.width / spec.central_fraction)
    resampling = Image.Resampling["BICUBIC" if enlarged else spec.filter.upper()]
    return np.array(picture.resize((spec.width, spec.height), resampling, box))


def difference(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    return float(np.abs(found.astype(int) - expected).mean())


@pytest.mark.parametrize("spec", [GALAXY, PHOTOGRAPH], ids=["galaxy", "photograph"])
@pytest.mark.parametrize(
    ("size", "form"),
    [
        *((size, "JPEG") for size in ((33, 57), (424, 424), (500, 375), (1024, 769), (1601, 2400), (4032, 3024))),
        *((size, form) for size in ((33, 57), (424, 424), (1203, 1024)) for form in ("PNG", "WEBP")),
    ],
)
def test_the_fast_way_is_the_plain_way_within_a_level(size: tuple[int, int], form: str, spec: InputSpec) -> None:
    # Given a rendered picture, large ones of larger patches
    detail = render(min(size[0], 640), min(size[1], 640))
    content = encode(Image.fromarray(detail).resize(size, Image.Resampling.BICUBIC), form)
    # Then reduced decoding differs from a full decode by less than a level on average
    found = decode(content, spec)
    assert found.shape == (spec.height, spec.width, 3)
    assert found.dtype == np.uint8
    assert difference(found, full_decode(content, spec)) < 1


@pytest.mark.needs_data
@pytest.mark.parametrize(
    ("files", "spec"),
    [
        ("image/imagenet_sample_1000/*", PHOTOGRAPH),
        ("image/imagenet_sample_1000/*", GALAXY),
        ("galaxy/images/*", GALAXY),
        ("galaxy_efigi/images/*", GALAXY),
    ],
)
def test_real_pictures_differ_by_less_than_a_level(files: str, spec: InputSpec, survey_data: Path) -> None:
    paths = sorted(survey_data.glob(files))[::50]
    assert len(paths) >= 20
    for path in paths:
        content = path.read_bytes()
        assert difference(decode(content, spec), full_decode(content, spec)) < 1, path.name


@pytest.mark.needs_data
def test_twelve_megapixel_photographs_differ_by_less_than_a_level(survey_data: Path) -> None:
    for path in sorted((survey_data / "image" / "imagenet_sample_1000").glob("*"))[::200]:
        with Image.open(path) as picture:
            large = picture.convert("RGB").resize((4032, 3024), Image.Resampling.BICUBIC)
        content = encode(large, "JPEG", quality=92)
        for spec in (GALAXY, PHOTOGRAPH):
            assert difference(decode(content, spec), full_decode(content, spec)) < 1, path.name


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spec", [GALAXY_INPUT, PHOTOGRAPH_INPUT], ids=["galaxy", "photograph"])
def test_every_form_is_read(form: str, spec: InputSpec) -> None:
    found = decode(FORMS[form], spec)
    assert found.shape == (spec.height, spec.width, 3)
    assert found.std() > 5


@pytest.mark.parametrize(
    "form", ["png", "png_animated", "webp_lossless", "webp_animated", "tiff", "tiff_lzw", "tiff_deflate", "fits_bytes"]
)
def test_lossless_forms_show_the_same_pixels(form: str) -> None:
    margin = 6 if form == "webp_animated" else 0.01  # lossy by default
    assert difference(decode(FORMS[form], GALAXY_INPUT), decode(FORMS["png"], GALAXY_INPUT)) < margin


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("spec", [GALAXY, InputSpec(80, 120, 130, 1.0, "white")], ids=["square", "wide"])
def test_pictures_are_put_upright(orientation: int, form: str, spec: InputSpec) -> None:
    # Given a picture stored as a camera held in one of eight ways stores it
    upright = Image.fromarray(render(200, 160))
    undo: dict[int, Any] = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exact: dict[str, dict[str, Any]] = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    options = exact.get(form, {})
    # Then the model sees it upright
    found = decode(encode(stored, form, exif=exif(orientation), **options), spec)
    assert difference(found, decode(encode(upright, form, **options), spec)) < 1


@pytest.mark.parametrize(("spec", "shade"), [(GALAXY, 0), (PHOTOGRAPH, 255)])
@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "GIF"])
def test_what_is_transparent_shows_the_models_background(form: str, spec: InputSpec, shade: int) -> None:
    clear = Image.new("RGBA", (60, 60), (200, 30, 30, 0))
    assert np.all(decode(encode(clear, form), spec) == shade)


def test_half_transparent_pixels_are_mixed_with_the_background() -> None:
    half = Image.new("RGBA", (60, 60), (200, 100, 0, 128))
    assert np.allclose(decode(encode(half), PHOTOGRAPH)[5, 5], [227, 177, 127], atol=1)


def test_colours_under_transparency_do_not_bleed_into_the_edge() -> None:
    # Given white above nothing, where "nothing" was stored as pure red
    pixels = np.full((64, 64, 4), 255, np.uint8)
    pixels[32:] = (255, 0, 0, 0)
    # Then no red fringe shows over white
    assert decode(encode(Image.fromarray(pixels)), PHOTOGRAPH).min() >= 254


def test_a_transparent_colour_without_an_alpha_channel_is_transparent() -> None:
    assert np.all(decode(encode(plain((10, 20, 30)), transparency=(10, 20, 30)), PHOTOGRAPH) == 255)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_counts_in_sixteen_bits_are_measurements(form: str) -> None:
    # Given a detector's counts, a sky of 1,000 and a galaxy, and a hot pixel
    y, x = np.mgrid[-40:40, -40:40]
    counts = 1_000 + 5_000 * np.exp(-(x**2 + y**2) / 100) + np.random.default_rng(1).normal(0, 20, (80, 80))
    counts[3, 3] = 65_535
    # Then they are drawn as the same numbers in 32 bits are, and not as a nearly black picture
    found = decode(encode(Image.fromarray(counts.astype(np.uint16)), form), GALAXY)
    assert np.array_equal(found, decode(encode(Image.fromarray(counts.astype(np.int32)), "TIFF"), GALAXY))
    assert found[64, 64].min() > 200


def test_sixteen_bits_are_scaled_by_their_range() -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (256, 1))
    expected = decode(encode(np.tile(np.arange(256, dtype=np.uint8), (256, 1))), PHOTOGRAPH)
    for form in ("PNG", "TIFF"):
        assert difference(decode(encode(Image.fromarray(ramp), form), PHOTOGRAPH), expected) < 1


def test_inks_become_light() -> None:
    cyan = Image.new("CMYK", (40, 40), (255, 0, 0, 0))
    assert np.allclose(decode(encode(cyan, "JPEG"), PHOTOGRAPH), [0, 255, 255], atol=2)


def test_an_animation_shows_its_first_frame() -> None:
    frames = [Image.fromarray(plain(colour)) for colour in ((200, 0, 0), (0, 200, 0))]
    for form in ("GIF", "WEBP", "PNG", "TIFF"):
        content = encode(frames[0], form, save_all=True, append_images=frames[1:])
        assert np.allclose(decode(content, GALAXY), [200, 0, 0], atol=6)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (7, 2)])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_the_smallest_and_the_longest_are_pictures_too(size: tuple[int, int], form: str) -> None:
    for spec in (GALAXY, PHOTOGRAPH):
        found = decode(encode(plain((90, 90, 90), *size), form), spec)
        assert np.allclose(found, 90, atol=2)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7])
def test_truncated_files_are_refused_or_shown(form: str, share: float) -> None:
    """A file cut short is an error of the caller's, never ours; a cut behind the first frame may be shown."""
    content = FORMS[form][: int(len(FORMS[form]) * share)]
    try:
        assert decode(content, GALAXY_INPUT).shape == (64, 64, 3)
    except InputError:
        return


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "gif", "fits_float"])
def test_half_a_file_is_refused(form: str) -> None:
    with pytest.raises(MalformedInputError):
        decode(FORMS[form][: len(FORMS[form]) // 2], GALAXY_INPUT)


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", EmptyInputError, "no bytes"),
        (b"Obj\x01\x14avro.codec\x08null", UnsupportedFormatError, "an Avro alert packet; send its stamps$"),
        (b"\x93NUMPY\x01\x00v\x00", UnsupportedFormatError, "a NumPy array; save it as FITS"),
        (b"\x89HDF\r\n\x1a\n", UnsupportedFormatError, "an HDF5 file; send its pictures"),
        (b"#ASDF 1.0.0\n", UnsupportedFormatError, "an ASDF file"),
        (zip_file({"arr_0.npy": b"\x93NUMPY"}), UnsupportedFormatError, "NumPy arrays"),
        (b"hello, world", UnsupportedFormatError, "is text"),
        (b"BM" + bytes(60), UnsupportedFormatError, "BMP"),
        (b"<!DOCTYPE html><html>", UnsupportedFormatError, "HTML"),
        (b"  <svg xmlns=''>", UnsupportedFormatError, "SVG"),
        (b'{"image": 1}', UnsupportedFormatError, "JSON"),
        (b"%PDF-1.7", UnsupportedFormatError, "PDF"),
        (b"\0\0\0\x18ftypheic", MalformedInputError, "HEIC"),
        (b"\0\0\0\x18ftypmp42", UnsupportedFormatError, "video"),
        (b"\x01\x02\x03\x04", UnsupportedFormatError, "of an unknown kind"),
        (b"\xff\xd8\xff\xe0", MalformedInputError, "JPEG"),
        (b"\x89PNG\r\n\x1a\n", MalformedInputError, "PNG"),
        (b"RIFF\0\0\0\0WEBP", MalformedInputError, "WebP"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(content: bytes, error: type[InputError], says: str) -> None:
    with pytest.raises(error, match=says):
        decode(content, GALAXY)


def png_header(width: int, height: int) -> bytes:
    """A real picture whose header claims another size; the checksum is made to match."""
    content = bytearray(encode(plain((1, 2, 3))))
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize("size", [(50_001, 1_000), (2**31 - 1, 1), (65_500, 65_500)])
def test_a_bomb_is_refused_before_its_pixels_are_decoded(size: tuple[int, int], monkeypatch: Any) -> None:
    # Given that nothing may be decoded
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    # Then its header alone refuses it
    with pytest.raises(LimitExceededError, match=f"{size[0]} x {size[1]}"):
        decode(png_header(*size), GALAXY)


def test_a_webp_canvas_is_refused_before_it_is_allocated(monkeypatch: Any) -> None:
    monkeypatch.setattr("PIL._webp.WebPAnimDecoder", None)
    content = bytearray(encode(plain((1, 2, 3)), "WEBP"))
    content[26:30] = (16_383).to_bytes(2, "little") * 2
    with pytest.raises(LimitExceededError, match="16383 x 16383"):
        decode(bytes(content), GALAXY)


def test_bytes_are_limited_before_they_are_looked_at(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "IMAGE_BYTES", 1_000)
    with pytest.raises(LimitExceededError, match="1,001 B"):
        decode(bytes(1_001), GALAXY)


def test_a_jpeg_of_many_scans_is_refused() -> None:
    content = encode(render(), "JPEG", progressive=True)
    scan = content[content.index(b"\xff\xda") : content.rindex(b"\xff\xd9")]
    bomb = content[:-2] + scan * limits.JPEG_SCANS + b"\xff\xd9"
    with pytest.raises(LimitExceededError, match="scans"):
        decode(bomb, GALAXY)


def test_scans_behind_the_only_one_of_a_sequential_jpeg_are_never_decoded() -> None:
    content = encode(render(), "JPEG")
    scan = content[content.index(b"\xff\xda") : content.rindex(b"\xff\xd9")]
    with pytest.raises(MalformedInputError, match="broken data stream"):
        decode(content[:-2] + scan * limits.JPEG_SCANS + b"\xff\xd9", GALAXY)


def test_a_sequential_jpeg_of_a_scan_a_component_counts_its_scans() -> None:
    # Given a baseline picture's header, with scans of its first component alone
    content = encode(render(), "JPEG")
    at = content.index(b"\xff\xda")
    assert content[at + 2 : at + 5] == b"\x00\x0c\x03"
    scan = b"\xff\xda\x00\x08\x01" + content[at + 5 : at + 7] + content[at + 11 :]
    assert not jpeg.scan(content[:at] + scan, Budget()).one_scan
    # Then as many as are too many are found
    with pytest.raises(LimitExceededError, match="scans"):
        jpeg.scan(content[:at] + scan[:-2] * (limits.JPEG_SCANS + 1), Budget())


@pytest.mark.parametrize("progressive", [False, True])
def test_what_only_looks_like_scans_is_no_scan(progressive: bool) -> None:
    """Previews in the metadata, and the film that telephones append to a photograph."""
    preview = b"\xff\xda" * 100
    film = preview * 100
    content = encode(render(), "JPEG", progressive=progressive, exif=b"Exif\0\0" + preview, comment=preview) + film
    assert decode(content, GALAXY).shape == (128, 128, 3)


def test_bytes_of_a_tiff_may_look_like_scans() -> None:
    noise = np.tile(np.frombuffer(b"\xff\xda", np.uint8), 128 * 3 * 64).reshape(128, 128, 3)
    assert decode(encode(noise, "TIFF"), GALAXY).shape == (128, 128, 3)


def test_a_tiff_of_many_jpeg_parts_is_no_bomb() -> None:
    # Given a TIFF with more JPEG-coded strips than one JPEG may have scans
    content = encode(render(200, 900), "TIFF", compression="jpeg", strip_size=200 * 3 * 8)
    assert content.count(b"\xff\xda") > limits.JPEG_SCANS
    # Then it is read
    assert decode(content, GALAXY).shape == (128, 128, 3)


def test_a_strip_of_a_tiff_may_not_hold_more_scans_than_a_jpeg() -> None:
    # Given a TIFF of one strip whose JPEG data are of many scans
    inside = encode(render(), "JPEG", progressive=True)
    scan = inside[inside.index(b"\xff\xda") : inside.rindex(b"\xff\xd9")]
    content = tiff_file(96, 80, {259: 7, 262: 6, 277: 3}, inside[:-2] + scan * limits.JPEG_SCANS + b"\xff\xd9")
    with pytest.raises(LimitExceededError, match="scans"):
        decode(content, GALAXY)


def test_damaged_metadata_do_not_cost_the_picture() -> None:
    content = encode(render(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert decode(content, GALAXY).shape == (128, 128, 3)


@pytest.mark.parametrize(("side", "same"), [(200, True), (223, True), (260, False), (480, False)])
def test_only_what_gets_smaller_takes_the_models_filter(side: int, same: bool) -> None:
    # Given a model that scales the shorter side to 224 pixels by another filter than bicubic
    hamming = InputSpec(224, 224, 224, 1.0, "white", "hamming")
    content = encode(Image.fromarray(render(side + 40, side)), "PNG")
    # Then a smaller picture is enlarged by bicubic all the same
    found, bicubic = decode(content, hamming), decode(content, replace(hamming, filter="bicubic"))
    assert np.array_equal(found, bicubic) is same


def test_a_spec_with_an_unknown_filter_is_refused() -> None:
    with pytest.raises(ArtefactError, match="filter must be bicubic or hamming, got 'sinc'"):
        InputSpec(224, 224, 224, 1.0, "white", "sinc")  # type: ignore[arg-type]  # what a card may say


def test_a_spec_that_reaches_beyond_the_picture_is_refused() -> None:
    with pytest.raises(ArtefactError, match="at least the input"):
        InputSpec(224, 224, 200, 1.0, "white")


@pytest.mark.parametrize("form", FORMS)
def test_reading_for_several_models_gives_each_what_it_would_read_alone(form: str) -> None:
    specs = (GALAXY, PHOTOGRAPH, GALAXY_INPUT)
    for spec, picture in zip(specs, read_each(FORMS[form], specs), strict=True):
        alone = read(FORMS[form], spec)
        np.testing.assert_array_equal(picture.pixels, alone.pixels)
        assert (picture.width, picture.height, picture.warnings) == (alone.width, alone.height, alone.warnings)
