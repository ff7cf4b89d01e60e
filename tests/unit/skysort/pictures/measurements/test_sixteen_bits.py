"""Grey of sixteen bits: a detector's counts where the model is meant for measurements, else a photograph."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from skysort.errors import ArtefactError
from skysort.pictures.decode import InputSpec, decode, read
from tests.factories_images import encode, fits_file, render, sky, tiff_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

PHOTOGRAPH = InputSpec(80, 80, None, 1.0, "white")
GALAXY = InputSpec(80, 80, None, 1.0, "black", measurements=True)


def grey(bits: int) -> NDArray[np.uint16]:
    """A photograph in the lowest bits of sixteen."""
    shades = render()[..., 0].astype(np.float64)
    scaled = (shades - shades.min()) / (shades.max() - shades.min()) * (2**bits - 1)
    found: NDArray[np.uint16] = np.round(scaled).astype(np.uint16)
    return found


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_a_photograph_of_fewer_bits_is_shown_at_its_own_scale(bits: int, form: str) -> None:
    # Given what a camera of 12 bits writes into 16, an underexposed photograph, or one of 8 bits in 16
    picture = read(encode(grey(bits), form), PHOTOGRAPH)
    # Then it is shown as the same photograph of the full scale is, and the answer says by how much it was raised
    assert np.abs(picture.pixels.astype(int) - decode(encode(grey(16), form), PHOTOGRAPH)).max() <= 2
    (warning,) = picture.warnings
    assert warning.code == "brightness_scaled"
    assert f"uses {bits} bits" in warning.detail
    assert f"{2**bits - 1:,} was taken as white" in warning.detail


def deep_file(form: str, samples: int, shift: int) -> bytes:
    """Eight-bit colours in the upper bits of sixteen, shifted down: a PNG or TIFF of so many samples per pixel."""
    colours = render(80, 80).astype(np.uint16) * 257 >> shift
    opaque = np.full((80, 80, 1), 65_535, np.uint16)
    shown = colours[..., :1] if samples == 2 else colours
    values = shown if samples == 3 else np.dstack([shown, opaque])
    if form == "TIFF":
        tags: dict[int, int | list[int]] = {258: [16] * samples, 277: samples, **({338: 2} if samples == 4 else {})}
        return tiff_file(80, 80, tags, values.astype("<u2").tobytes())
    rows = b"".join(b"\0" + row.tobytes() for row in values.astype(">u2"))
    header = struct.pack(">IIBBBBB", 80, 80, 16, {2: 4, 3: 2, 4: 6}[samples], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@pytest.mark.parametrize(("form", "samples"), [("PNG", 2), ("PNG", 3), ("PNG", 4), ("TIFF", 3), ("TIFF", 4)])
def test_a_photograph_in_colour_of_fewer_bits_is_shown_at_its_own_scale(form: str, samples: int) -> None:
    # Given what a camera of 12 bits writes into 16 of each colour, of which decoders keep the upper eight
    dark, whole = (read(deep_file(form, samples, shift), PHOTOGRAPH) for shift in (4, 0))
    # Then it is shown as bright as of the full scale
    assert np.abs(dark.pixels.astype(int) - whole.pixels).mean() < 10
    assert [warning.code for warning in dark.warnings] == ["brightness_scaled"]
    assert "uses 12 bits" in dark.warnings[0].detail
    assert whole.warnings == ()


def test_a_photograph_of_the_full_scale_is_shown_as_it_is() -> None:
    for bits in (15, 16):
        picture = read(encode(grey(bits)), PHOTOGRAPH)
        assert picture.warnings == ()
        assert picture.pixels.max() == pytest.approx(255 >> (16 - bits), abs=1)


def test_a_dark_photograph_is_not_stretched_as_a_galaxy_is() -> None:
    # Given shades of equal steps
    steps = np.repeat(np.arange(8, dtype=np.uint16) * 500, 10)
    shown = decode(encode(np.tile(steps, (80, 1))), PHOTOGRAPH)[40, 5::10, 0].astype(int)
    # Then they stay of equal steps: nothing is taken for sky
    assert np.ptp(np.diff(shown)) <= 1


def test_black_is_black() -> None:
    assert decode(encode(np.zeros((80, 80), np.uint16)), PHOTOGRAPH).max() == 0


def test_a_hot_pixel_does_not_darken_a_photograph() -> None:
    values = np.tile(grey(10), (3, 3))
    values[0, 0] = 16_000
    assert np.median(decode(encode(values), PHOTOGRAPH)) > 60


def test_counts_are_measured_by_the_model_that_is_meant_for_them() -> None:
    counts = (sky(80, 80) * 20).astype(np.uint16)
    found = decode(encode(counts), GALAXY)
    assert np.array_equal(found, decode(fits_file(counts[::-1].astype(np.int16)), GALAXY))
    assert not np.array_equal(found, decode(encode(counts), PHOTOGRAPH))


def test_fits_is_measured_by_both() -> None:
    content = fits_file(sky(80, 80))
    black_or_white = InputSpec(80, 80, None, 1.0, "black")
    assert np.array_equal(decode(content, GALAXY), decode(content, black_or_white))


def test_a_card_says_what_its_model_is_meant_for() -> None:
    entry = {**vars(GALAXY)}
    assert InputSpec.from_card(entry) == GALAXY
    del entry["measurements"]
    with pytest.raises(ArtefactError, match="measurements"):
        InputSpec.from_card(entry)
