"""TIFF: every way of laying out the same pixels gives the same answer, or is called by its name."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFile

from skysort import limits
from skysort.errors import LimitExceededError, MalformedInputError, SkysortError, UnsupportedFormatError
from skysort.pictures.decode import InputSpec, decode
from skysort.pictures.formats import tiff
from skysort.pictures.formats.prices import Budget
from tests.factories_images import encode, render, tiff_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SPEC = InputSpec(64, 64, 64, 1.0, "white")
RGB = render(64, 64)
ALPHA = np.dstack([RGB, render(64, 64, seed=2)[..., :1]])
INKS = np.dstack([255 - RGB, np.zeros((64, 64, 1), np.uint8)])
GREY = RGB[..., :1]
KINDS: dict[str, tuple[NDArray[np.uint8], dict[int, int | Sequence[int]]]] = {
    "RGB": (RGB, {}),
    "transparent": (ALPHA, {277: 4, 338: 2}),
    "premultiplied": (ALPHA, {277: 4, 338: 1}),
    "with a channel of something": (ALPHA, {277: 4, 338: 0}),
    "inks": (INKS, {277: 4, 262: 5}),
    "YCbCr": (RGB, {262: 6, 530: [1, 1]}),
}


def packed(pixels: NDArray[Any], compression: int) -> bytes:
    data = np.ascontiguousarray(pixels).tobytes()
    return zlib.compress(data) if compression == 8 else data


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [64, 10])
def test_planes_are_the_same_picture_as_pixels(kind: str, bits: int, compression: int, rows: int) -> None:
    # Given the same pixels one after another, and plane after plane, in strips
    pixels, tags = KINDS[kind]
    bits = 8 if kind == "YCbCr" else bits  # nobody writes it deeper
    deep = pixels if bits == 8 else pixels.astype("<u2") * 257
    tags = {**tags, 258: [bits] * pixels.shape[2], 259: compression, 278: rows}
    strips = [deep[y : y + rows] for y in range(0, 64, rows)]
    together = tiff_file(64, 64, tags, *(packed(strip, compression) for strip in strips))
    apart = [packed(strip[..., plane], compression) for plane in range(deep.shape[2]) for strip in strips]
    # Then both are read, and as the same
    expected = decode(together, SPEC)
    assert expected.std() > 10
    assert np.array_equal(decode(tiff_file(64, 64, {**tags, 284: 2}, *apart), SPEC), expected)


def test_big_endian_planes_are_the_same_picture_too() -> None:
    deep = RGB.astype(">u2") * 257
    content = tiff_file(
        64, 64, {258: [16] * 3, 284: 2}, *(packed(deep[..., plane], 1) for plane in range(3)), order=">"
    )
    assert np.array_equal(decode(content, SPEC), decode(encode(RGB), SPEC))


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({258: [32] * 3, 339: [3] * 3}, "a TIFF of RGB with 32 floating-point bits per sample"),
        ({258: [32] * 3}, "a TIFF of RGB with 32 bits per sample"),
        ({258: 64, 277: 1, 262: 1, 339: 3}, "grey with 64 floating-point bits"),
        ({258: 16, 277: 1, 262: 32803}, "a camera's raw pixels"),
        ({258: [16, 16], 277: 2, 262: 1, 338: 2}, "with transparency"),
        ({258: [5, 6, 5]}, r"samples of \(5, 6, 5\) bits"),
        ({262: 6, 284: 2}, "YCbCr with 8 bits per sample, in separate planes"),
        ({258: [16] * 3, 284: 2, 322: 16, 323: 16, 324: [8] * 48, 325: [512] * 48}, "in separate planes"),
        ({259: 34887}, "LERC"),
        ({259: 50002}, "JPEG XL"),
        ({259: 99}, "number 99"),
    ],
)
def test_a_kind_that_is_not_read_is_called_by_its_name(tags: dict[int, Any], says: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=says) as raised:
        decode(tiff_file(64, 64, tags, bytes(64 * 64 * 16)), SPEC)
    assert "save it" in raised.value.detail


@pytest.mark.parametrize("inside", ["12 bits", "lossless"])
def test_a_strip_of_a_rare_jpeg_is_called_by_its_name(inside: str) -> None:
    jpeg = bytearray(encode(RGB, "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 1 : frame + 5] = b"\xc3\x00\x11\x08" if inside == "lossless" else b"\xc1\x00\x11\x0c"
    with pytest.raises(UnsupportedFormatError, match=inside):
        decode(tiff_file(64, 64, {259: 7, 262: 6}, bytes(jpeg)), SPEC)


class TestCounting:
    """What a directory says is counted before a decoder sees it."""

    @pytest.mark.parametrize(
        ("tags", "says"),
        [
            ({278: 1, 257: 70_000, 256: 1, 273: [8] * 65_537, 279: [3] * 65_537}, "strips or tiles"),
            ({278: 1, 257: 70_000, 256: 1}, "strips or tiles"),
            ({322: 30_000, 323: 30_000, 324: 8, 325: 100}, "memory"),
            ({256: 10_000, 257: 10_000}, "10000 x 10000"),
            ({259: 7, 273: [8] * 1_000, 279: [100] * 1_000, 278: 1, 257: 1_000}, "overlap"),
            ({256: 7_000, 257: 7_000, 259: 34925}, "may take"),
        ],
    )
    def test_what_costs_too_much_is_refused_at_once(
        self, tags: dict[int, Any], says: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("PIL.TiffImagePlugin.TiffImageFile", None)
        with pytest.raises(LimitExceededError, match=says):
            decode(tiff_file(64, 64, tags, bytes(300)), SPEC)

    def test_ten_thousand_tags_are_refused(self) -> None:
        with pytest.raises(LimitExceededError, match="tags"):
            decode(tiff_file(64, 64, dict.fromkeys(range(40_000, 40_000 + limits.TIFF_ENTRIES), 1), bytes(300)), SPEC)

    def test_strips_that_all_lie_in_one_place_are_read_once_each(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Given a picture of one-row strips in no order, in a large file
        handed: list[int] = []
        right = ImageFile.ImageFile.load

        class Counted(BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                found = super().read(size)
                handed.append(len(found))
                return found

        def load(picture: Any) -> Any:
            if picture.fp is not None:
                picture.fp = Counted(picture.fp.getvalue())
            return right(picture)

        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)

        def work(rows: int) -> int:
            handed.clear()
            places = [8 + 200 * (row * 7 % rows) for row in range(rows)]
            tags: dict[int, Any] = {278: 1, 257: rows, 273: places, 279: [192] * rows}
            decode(tiff_file(64, rows, tags, bytes(200 * rows)), SPEC)
            return sum(handed)

        # Then twice the rows take twice the bytes, or hardly more
        assert work(800) < 2.5 * work(400)


@settings(max_examples=150)
@given(st.binary(max_size=300), st.sampled_from([b"II*\0", b"MM\0*"]))
def test_any_directory_is_read_or_refused(rest: bytes, magic: bytes) -> None:
    try:
        tiff.prepare(magic + rest, Budget())
    except SkysortError as error:
        assert error.detail  # noqa: PT017 - either outcome is right


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8), st.integers(0, 7))
def test_damaged_directories_are_read_or_refused(edits: list[tuple[int, int]], seed: int) -> None:
    kinds: list[dict[int, Any]] = [
        {},
        {284: 2, 258: [16] * 3},
        {259: 8},
        {322: 16, 323: 16, 324: [8] * 16, 325: [768] * 16},
    ]
    content = bytearray(tiff_file(64, 64, kinds[seed % 4], bytes(64 * 64 * 6)))
    for place, value in edits:
        content[-1 - place] = value
    try:
        assert decode(bytes(content), SPEC).shape == (64, 64, 3)
    except SkysortError as error:
        assert error.detail  # noqa: PT017 - either outcome is right


def test_a_tiff_that_ends_in_its_directory_is_truncated() -> None:
    with pytest.raises(MalformedInputError, match="truncated"):
        decode(tiff_file(64, 64, {}, bytes(64 * 64 * 3))[:-60], SPEC)


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("bits", [8, 16])
def test_white_that_is_zero_is_white(bits: int, planes: int, order: str, compression: int) -> None:
    # Given grey whose numbers count from white, as scanners of film write it, in one plane by either name
    shade = 255 - GREY if bits == 8 else (65_535 - GREY.astype(np.uint16) * 257).astype(order + "u2")
    tags = {258: bits, 259: compression, 262: 0, 277: 1, 284: planes}
    # Then it is no negative
    found = decode(tiff_file(64, 64, tags, packed(shade, compression), order=order), SPEC)
    assert np.abs(found.astype(int) - decode(encode(GREY[..., 0]), SPEC)).max() <= 1


def test_premultiplied_transparency_of_grey_is_taken_out() -> None:
    premultiplied = np.dstack([(GREY.astype(int) * 128 // 255).astype(np.uint8), np.full_like(GREY, 128)])
    found = decode(tiff_file(64, 64, {258: [8, 8], 262: 1, 277: 2, 338: 1}, packed(premultiplied, 1)), SPEC)
    expected = GREY.astype(int) * 128 // 255 + 127
    assert np.abs(found.astype(int) - expected).max() <= 3


@pytest.mark.parametrize(
    ("samples", "tags", "says"),
    [
        (2, {262: 1, 338: 2}, "grey with 8 bits per sample, in separate planes, with transparency"),
        (5, {262: 2, 338: [2, 0]}, "RGB with 8 bits per sample, in separate planes, with transparency"),
        (3, {262: 8}, "CIE Lab with 8 bits per sample, in separate planes"),
        (3, {262: 6, 530: [2, 2]}, "YCbCr with 8 bits per sample, in separate planes"),
        (1, {262: 1, 339: 2}, "grey with 8 signed bits per sample"),
    ],
)
def test_what_decoders_take_for_something_else_is_called_by_its_name(samples: int, tags: Any, says: str) -> None:
    # Given compressed planes, or signed bytes, that decoders read without a word and wrongly, or take for damaged
    plane = packed(GREY, 8)
    tags = {**tags, 258: [8] * samples, 259: 8, 277: samples, 284: 2}
    # Then they are refused for what they are
    with pytest.raises(UnsupportedFormatError, match=says):
        decode(tiff_file(64, 64, tags, *[plane] * samples), SPEC)


@pytest.mark.parametrize("photometric", [2, 5])
def test_plain_tiles_with_a_plane_of_something_are_called_by_their_name(photometric: int) -> None:
    samples = 4 if photometric == 2 else 5
    tags: dict[int, int | list[int]] = {258: [8] * samples, 262: photometric, 277: samples, 284: 2, 338: 0}
    tags |= {322: 64, 323: 64, 324: [8 + 4096 * at for at in range(samples)], 325: [4096] * samples}
    with pytest.raises(UnsupportedFormatError, match="in separate planes"):
        decode(tiff_file(64, 64, tags, *[packed(GREY, 1)] * samples), SPEC)
