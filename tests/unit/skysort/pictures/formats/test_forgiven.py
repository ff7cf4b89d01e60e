"""Damage that every viewer forgives, kinds of JPEG that none shows, and pictures that really are cut short."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from skysort import limits
from skysort.errors import LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.pictures.decode import InputSpec, decode
from tests.factories_images import GALAXY_INPUT, encode, render

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = InputSpec(64, 64, 64, 1.0, "white")
LARGE = render(400, 300)


def chunk(name: bytes, data: bytes, *, wrong: bool = False) -> bytes:
    checksum = zlib.crc32(name + data) ^ wrong
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 3}])
@pytest.mark.parametrize("spec", [WHOLE, GALAXY_INPUT], ids=["whole", "reduced"])
def test_a_jpeg_without_its_end_has_every_pixel(options: dict[str, bool], spec: InputSpec) -> None:
    content = encode(LARGE, "JPEG", **options)
    whole = decode(content, spec)
    found = decode(content[:-2], spec)
    assert np.abs(found.astype(int) - whole).mean() < 1.5
    assert np.abs(decode(content[:-1], spec).astype(int) - whole).mean() < 1.5


@pytest.mark.parametrize("cut", [12, 20, 60, 300, 3_000])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_jpeg_whose_last_pixels_are_missing_is_truncated(cut: int, options: dict[str, bool]) -> None:
    content = encode(LARGE, "JPEG", quality=90, **options)
    with pytest.raises(MalformedInputError, match="truncated"):
        decode(content[:-cut], WHOLE)


def test_a_film_behind_a_photograph_is_no_matter() -> None:
    content = encode(LARGE, "JPEG")
    assert np.array_equal(decode(content + bytes(1_000) + b"ftypmp42" * 100, WHOLE), decode(content, WHOLE))


@pytest.mark.parametrize(
    "damage",
    [
        chunk(b"tEXt", b"Comment\0hello", wrong=True),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2 * limits.MIB))),
        chunk(b"iTXt", bytes(2 * limits.MIB)),
        chunk(b"iCCP", b"icc\0\0" + b"no deflate", wrong=True),
        chunk(b"eXIf", b"no EXIF"),
        chunk(b"tIME", b"", wrong=True),
        chunk(b"gAMA", b""),
        chunk(b"acTL", b"\0") + chunk(b"fcTL", b"", wrong=True),
    ],
)
def test_damage_beside_the_pixels_of_a_png_does_not_matter(damage: bytes) -> None:
    plainly = encode(LARGE)
    assert np.array_equal(decode(plainly[:33] + damage + plainly[33:], WHOLE), decode(plainly, WHOLE))


def test_a_png_without_its_end_or_with_something_behind_is_read() -> None:
    plainly = encode(LARGE)
    for content in (plainly[:-12], plainly[:-14], plainly + b"more" * 100, plainly[:-12] + bytes(500)):
        assert np.array_equal(decode(content, WHOLE), decode(plainly, WHOLE))


@pytest.mark.parametrize("place", [29, 16])
def test_a_damaged_header_of_a_png_is_damage(place: int) -> None:
    content = bytearray(encode(LARGE))
    content[place] ^= 1
    with pytest.raises(MalformedInputError, match="checksum of its IHDR"):
        decode(bytes(content), WHOLE)


@pytest.mark.parametrize("form", ["PNG", "GIF", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.98])
def test_missing_pixels_stay_a_fault(form: str, share: float) -> None:
    options = {"compression": "tiff_lzw"} if form == "TIFF" else {}
    content = encode(LARGE, form, **options)
    with pytest.raises(MalformedInputError):
        decode(content[: int(len(content) * share)], WHOLE)


@pytest.mark.parametrize(
    ("marker", "bits", "says"),
    [
        (0xC0, 12, "has 12 bits per sample"),
        (0xC1, 12, "has 12 bits per sample"),
        (0xC3, 8, "a lossless JPEG"),
        (0xC5, 8, "a hierarchical JPEG"),
        (0xC9, 8, "arithmetic coding"),
        (0xCA, 8, "arithmetic coding"),
        (0xCB, 8, "a lossless JPEG"),
        (0xF7, 8, "a JPEG-LS picture"),
    ],
)
def test_a_rare_kind_of_jpeg_is_called_by_its_name(marker: int, bits: int, says: str) -> None:
    content = bytearray(encode(LARGE, "JPEG"))
    at = content.index(b"\xff\xc0")
    content[at + 1], content[at + 4] = marker, bits
    with pytest.raises(UnsupportedFormatError, match=says) as raised:
        decode(bytes(content), WHOLE)
    assert "save it as" in raised.value.detail
    assert "damaged" not in raised.value.detail


def test_a_jpeg_of_two_components_or_without_a_height_is_called_so() -> None:
    content = bytearray(encode(LARGE, "JPEG"))
    at = content.index(b"\xff\xc0")
    for place, value, says in (
        (at + 9, b"\2", "2 components"),
        (at + 5, b"\0\0", "has its height after its pixels"),
    ):
        changed = bytearray(content)
        changed[place : place + len(value)] = value
        with pytest.raises(UnsupportedFormatError, match=says):
            decode(bytes(changed), WHOLE)


def test_apples_own_png_is_called_so() -> None:
    plainly = encode(LARGE)
    with pytest.raises(UnsupportedFormatError, match="Apple's own variant"):
        decode(plainly[:8] + chunk(b"CgBI", bytes(4)) + plainly[8:], WHOLE)


@pytest.mark.parametrize("data", [b"", bytes(2)])
def test_a_transparency_that_no_colour_can_have_is_passed_over(data: bytes) -> None:
    plainly = encode(LARGE)
    at = plainly.index(b"IDAT") - 4
    found = decode(plainly[:at] + chunk(b"tRNS", data) + plainly[at:], WHOLE)
    assert np.array_equal(found, decode(plainly, WHOLE))


def test_a_palette_that_is_missing_is_told_of() -> None:
    content = encode(Image.fromarray(LARGE).quantize(16))
    at = content.index(b"PLTE") - 4
    size = int.from_bytes(content[at : at + 4], "big") + 12
    with pytest.raises(MalformedInputError, match="its palette is missing"):
        decode(content[:at] + content[at + size :], WHOLE)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_picture_that_was_handled_as_text_is_told_what_happened_to_it(form: str) -> None:
    content = encode(LARGE, form)
    for broken in (content.decode("utf-8", "replace"), content.decode("latin-1")):
        with pytest.raises(UnsupportedFormatError, match=f"{form}.* was decoded as text in transit"):
            decode(broken.encode(), WHOLE)


def test_a_png_whose_line_ends_were_changed_is_told_so() -> None:
    with pytest.raises(UnsupportedFormatError, match="line ends were converted"):
        decode(encode(LARGE).replace(b"\r\n", b"\n"), WHOLE)


@pytest.mark.needs_data
@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("jpeg_without_eoi.jpg", None),
        ("png_ancillary_crc.png", "png_without_iend.png"),
        ("png_ztxt_2MB_unpacked.png", "png_without_iend.png"),
        ("png_without_iend.png", None),
        ("tiff_rgb16_planar.tif", "tiff_rgb16_contig_same_pixels.tif"),
        ("jpeg_icc_swapped_channels.jpg", None),
    ],
)
def test_files_that_were_refused_without_need_are_read(name: str, same_as: str | None, survey_data: Path) -> None:
    folder = survey_data.parent / "faults" / "pictures"
    found = decode((folder / name).read_bytes(), WHOLE)
    assert found.std() > 10
    if same_as:
        assert np.abs(found.astype(int) - decode((folder / same_as).read_bytes(), WHOLE)).mean() < 0.1


@pytest.mark.needs_data
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("pictures/tiff_rgb_float32_real.tiff", UnsupportedFormatError),
        ("pictures/jpeg_ls_real.jls", UnsupportedFormatError),
        ("pictures/gif_dispose2_30000x30000.gif", LimitExceededError),
    ],
)
def test_files_that_cannot_be_read_are_told_apart(name: str, error: type[Exception], survey_data: Path) -> None:
    with pytest.raises(error):
        decode((survey_data.parent / "faults" / name).read_bytes(), WHOLE)
