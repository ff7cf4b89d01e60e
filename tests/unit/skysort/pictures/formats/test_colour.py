"""Colour profiles: what is not sRGB is made sRGB, on the small picture, whatever carries the profile."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skysort import limits
from skysort.pictures.decode import InputSpec, read
from skysort.pictures.formats import colour
from skysort.pictures.formats.colour import Nclx
from tests.factories_images import encode, plain, render
from tests.heic_files import colours, heic
from tests.icc_profiles import ADOBE_RGB, DISPLAY_P3, SRGB, gamma, grey_profile, ink_profile, profile, rgb_profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPEC = InputSpec(64, 64, 64, 1.0, "white")
PICTURE = render(80, 80)
SWAPPED = rgb_profile(swapped=True)
EXACT: dict[str, dict[str, Any]] = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
WITH_PROFILES = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"]


def difference(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    return float(np.abs(found.astype(int) - expected).mean())


def codes(content: bytes) -> list[str]:
    return [warning.code for warning in read(content, SPEC).warnings]


@pytest.mark.parametrize("form", WITH_PROFILES)
def test_a_photograph_with_swapped_channels_looks_as_its_profile_says(form: str) -> None:
    # Given a picture whose red and blue are swapped, with the profile that swaps them back
    content = encode(np.ascontiguousarray(PICTURE[..., ::-1]), form, icc_profile=SWAPPED, **EXACT.get(form, {}))
    found = read(content, SPEC)
    # Then it is as the picture itself, and the answer says what was done
    assert difference(found.pixels, read(encode(PICTURE, form, **EXACT.get(form, {})), SPEC).pixels) < 2
    assert [warning.code for warning in found.warnings] == ["colour_profile_converted"]
    assert "by its colour profile (made)" in found.warnings[0].detail


def test_a_telephones_picture_is_converted_from_its_profile() -> None:
    swapped = np.ascontiguousarray(PICTURE[..., ::-1])
    found = read(heic(swapped, colours(b"prof" + SWAPPED), colours()), SPEC)
    assert difference(found.pixels, read(encode(PICTURE), SPEC).pixels) < 6
    assert [warning.code for warning in found.warnings] == ["colour_profile_converted"]


@pytest.mark.parametrize("columns", [DISPLAY_P3, ADOBE_RGB])
def test_wider_colours_get_stronger(columns: Any) -> None:
    content = encode(plain((200, 60, 60)), icc_profile=rgb_profile(columns))
    red, green, blue = read(content, SPEC).pixels[32, 32]
    assert red > 205
    assert max(green, blue) <= 61


@pytest.mark.parametrize("name", ["sRGB IEC61966-2.1", "made by a camera", ""])
@pytest.mark.parametrize("form", WITH_PROFILES)
def test_srgb_by_whatever_name_changes_nothing(form: str, name: str) -> None:
    with_profile = read(encode(PICTURE, form, icc_profile=rgb_profile(SRGB, name=name)), SPEC)
    assert np.array_equal(with_profile.pixels, read(encode(PICTURE, form), SPEC).pixels)
    assert with_profile.warnings == ()


def test_a_profile_that_only_calls_itself_srgb_counts() -> None:
    content = encode(PICTURE, icc_profile=rgb_profile(ADOBE_RGB, gamma(2.2), name="sRGB IEC61966-2.1"))
    assert codes(content) == ["colour_profile_converted"]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_shades_of_grey_are_converted(form: str) -> None:
    grey = Image.new("L", (40, 40), 128)
    found = read(encode(grey, form, icc_profile=grey_profile(gamma(1.0))), SPEC)
    assert np.allclose(found.pixels, 188, atol=1)  # half the light
    assert [warning.code for warning in found.warnings] == ["colour_profile_converted"]


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_shades_of_grey_of_sixteen_bits_are_converted_as_those_of_eight(form: str) -> None:
    shades, linear = PICTURE[..., 0], grey_profile(gamma(1.0))
    deep = read(encode(shades.astype(np.uint16) * 257, form, icc_profile=linear), SPEC)
    assert difference(deep.pixels, read(encode(shades, form, icc_profile=linear), SPEC).pixels) < 2
    assert [warning.code for warning in deep.warnings] == ["colour_profile_converted"]


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_transparent_pictures_are_converted_under_their_transparency(form: str) -> None:
    pixels = np.dstack([PICTURE[..., ::-1], np.where(np.arange(80) < 40, 255, 0)[np.newaxis].repeat(80, 0)])
    content = encode(Image.fromarray(pixels.astype(np.uint8)), form, icc_profile=SWAPPED, **EXACT.get(form, {}))
    found = read(content, SPEC).pixels
    assert difference(found[:, :28], read(encode(PICTURE), SPEC).pixels[:, :28]) < 1
    assert np.all(found[:, -28:] == 255)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_inks_are_converted_by_their_press(form: str) -> None:
    # Given cyan ink, and a press whose cyan is red
    cyan = Image.new("CMYK", (40, 40), (255, 0, 0, 0))
    red, green, _ = read(encode(cyan, form, icc_profile=ink_profile()), SPEC).pixels[32, 32]
    # Then it is red; without the profile it is cyan
    assert red > 200
    assert red > int(green) + 80
    assert read(encode(cyan, form), SPEC).pixels[32, 32, 0] < 10


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (encode(PICTURE, "JPEG", icc_profile=b"no profile at all"), "damaged"),
        (encode(PICTURE, "JPEG", icc_profile=SWAPPED[:200]), "damaged"),
        (encode(PICTURE, "JPEG", icc_profile=grey_profile(gamma(1.0))), "for L colours"),
        (encode(PICTURE, "JPEG", icc_profile=profile(b"Lab ", {})), "other colours"),
        (encode(PICTURE, "JPEG", icc_profile=profile(b"RGB ", {}, kind=b"link")), "not a picture's profile"),
        (encode(PICTURE, "JPEG", icc_profile=profile(b"RGB ", {b"D2B0": b"mpet" + bytes(60)})), "piecewise"),
        (encode(PICTURE, "WEBP", icc_profile=bytes(limits.PROFILE_BYTES + 1)), "larger than"),
        (encode(PICTURE, "TIFF", icc_profile=bytes(limits.PROFILE_BYTES + 1)), "larger than"),
    ],
)
def test_a_profile_that_cannot_be_used_is_left_out(content: bytes, says: str) -> None:
    found = read(content, SPEC)
    assert [warning.code for warning in found.warnings] == ["colour_profile_ignored"]
    assert says in found.warnings[0].detail
    assert difference(found.pixels, read(encode(PICTURE), SPEC).pixels) < 8


def test_a_profile_in_a_png_may_not_unpack_without_end() -> None:
    packed = b"name\0\0" + zlib.compress(bytes(100 * limits.MIB))
    chunk = struct.pack(">I", len(packed)) + b"iCCP" + packed + struct.pack(">I", zlib.crc32(b"iCCP" + packed))
    plainly = encode(PICTURE)
    found = read(plainly[:33] + chunk + plainly[33:], SPEC)
    assert "larger than" in found.warnings[0].detail


def test_a_profile_of_which_a_segment_is_missing_is_left_out() -> None:
    # Given a profile in three segments of a JPEG, and the second cut out
    content = encode(PICTURE, "JPEG", icc_profile=SWAPPED + bytes(150_000))
    places = [place for place in range(len(content)) if content.startswith(b"\xff\xe2", place)][:3]
    assert codes(content) == ["colour_profile_converted"]
    assert codes(content[: places[1]] + content[places[2] :]) == ["colour_profile_ignored"]


def test_a_profile_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []
    right = colour._conversion

    def counted(profile: bytes) -> Any:
        made.append(profile)
        return right(profile)

    monkeypatch.setattr(colour, "_conversion", counted)
    content = encode(PICTURE, icc_profile=rgb_profile(swapped=True, name="met once"))
    for _ in range(3):
        read(content, SPEC)
    assert len(made) == 1


@pytest.mark.parametrize(
    ("nclx", "converted"), [(Nclx(1, 13), 0), (Nclx(2, 2), 0), (Nclx(12, 13), 1), (Nclx(9, 14), 1), (Nclx(9, 16), 1)]
)
def test_colours_named_by_numbers_are_converted(nclx: Nclx, converted: int) -> None:
    numbers = b"nclx" + struct.pack(">HHHB", nclx.primaries, nclx.transfer, 6, 0x80)
    found = read(heic(PICTURE, colours(numbers)), SPEC)
    assert [warning.code for warning in found.warnings] == ["colour_profile_converted"] * converted


@pytest.mark.parametrize("nclx", [Nclx(12, 13), Nclx(9, 1), Nclx(1, 16), Nclx(9, 18)])
def test_white_and_black_stay_what_they_are(nclx: Nclx) -> None:
    shades = Image.fromarray(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8))
    found, _ = colour.from_nclx(shades, nclx)
    assert np.array_equal(np.asarray(found), np.asarray(shades))


def test_a_pages_white_is_white_in_high_dynamic_range() -> None:
    # Given 203 candela a square metre: 58 % of PQ's signal, 75 % of HLG's (ITU-R BT.2408, table 1)
    for transfer, signal in ((16, 0.58), (18, 0.75)):
        shown, _ = colour.from_nclx(Image.new("RGB", (1, 1), (round(255 * signal),) * 3), Nclx(1, transfer))
        assert np.allclose(np.asarray(shown), 255, atol=4)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=8), st.booleans(), st.binary(max_size=40))
def test_any_profile_is_used_or_left_out(edits: list[tuple[int, int]], grey: bool, rest: bytes) -> None:
    damaged = bytearray((grey_profile(gamma(1.8)) if grey else SWAPPED) + rest)
    for place, value in edits:
        damaged[place % len(damaged)] = value
    shown, warnings = colour.to_srgb(Image.fromarray(PICTURE), bytes(damaged))
    assert shown.size == (80, 80)
    assert len(warnings) <= 1
