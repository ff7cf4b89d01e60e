"""Arrays as PNG and FITS, as other programs read them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from skysort.pictures.formats.sniff import Format, detect
from skysort_client.arrays import array_file

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=6)
CHANNELS = st.sampled_from([(), (1,), (2,), (3,), (4,)])


@given(st.data(), SHAPES, CHANNELS)
def test_every_array_of_bytes_comes_back_from_its_png(
    data: st.DataObject, shape: tuple[int, ...], channels: tuple[int, ...]
) -> None:
    pixels = data.draw(arrays(np.uint8, (*shape, *channels)))
    file = array_file(pixels)
    assert detect(file) is Format.PNG
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(file))), pixels.squeeze(2) if channels == (1,) else pixels)


@given(arrays(np.uint16, SHAPES))
def test_sixteen_bits_are_kept(pixels: np.ndarray) -> None:
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(array_file(pixels)))), pixels)


@pytest.mark.parametrize("kind", [">f4", "<f4", "<f8"])
def test_floats_are_the_fits_file_that_astropy_writes(kind: str) -> None:
    pixels = np.random.default_rng(7).normal(size=(70, 31)).astype(kind)
    file = io.BytesIO()
    fits.PrimaryHDU(pixels).writeto(file)
    ours = array_file(pixels)
    assert detect(ours) is Format.FITS
    assert len(ours) % 2880 == 0
    with fits.open(io.BytesIO(ours)) as written, fits.open(io.BytesIO(file.getvalue())) as usual:
        written.verify("exception")
        assert np.array_equal(written[0].data, usual[0].data)


def test_a_part_of_an_array_is_the_part() -> None:
    pixels = np.arange(600, dtype=np.uint8).reshape(20, 30)
    part = pixels[5:15:2, ::3].T
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(array_file(part)))), part)
