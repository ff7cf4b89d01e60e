"""The same galaxies in other formats: their light, their colour, and FITS files of them."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from PIL import Image

from model_export.galaxy import input_formats, other_pictures, readme
from model_export.galaxy.data import spec
from model_export.galaxy.workspace import FORMATS
from skysort.pictures.decode import decode
from skysort.pictures.measurements.stretch import GALAXY_COLOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray


def picture(pixels: NDArray[np.uint8]) -> bytes:
    written = BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def galaxy(red: int, green: int, blue: int) -> bytes:
    """A disc of one colour on a black sky."""
    y, x = np.mgrid[-32:32, -32:32]
    return picture(np.where((x**2 + y**2 < 150)[..., np.newaxis], (red, green, blue), 0).astype(np.uint8))


def test_light_drawn_again_is_the_picture() -> None:
    # Given a picture's light
    content = galaxy(200, 160, 90)
    found = other_pictures.light(content)
    # When it is stretched as Lupton et al. do
    intensity = found.mean(axis=2, keepdims=True)
    shown = found / intensity.clip(1e-12) * np.arcsinh(other_pictures.Q * intensity) / other_pictures.Q
    # Then the picture is back
    assert np.abs(shown * 255 - np.asarray(Image.open(BytesIO(content)))).max() < 1e-6


def test_the_colour_is_that_of_the_galaxy_without_the_sky() -> None:
    found = input_formats.colour(other_pictures.light(galaxy(180, 120, 60)))
    assert found is not None
    assert found.tolist() == pytest.approx([1.5, 1.0, 0.5])
    assert input_formats.colour(other_pictures.light(galaxy(0, 0, 0))) is None


@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7)])
def test_a_written_file_is_one_that_astropy_reads(shape: tuple[int, ...]) -> None:
    planes = np.arange(float(np.prod(shape))).reshape((-1, *shape[-2:]))
    with astropy_fits.open(BytesIO(input_formats.fits(planes))) as file:
        assert np.array_equal(np.asarray(file[0].data)[:, ::-1], planes)


def test_of_a_cube_the_three_bands_are_drawn_that_the_network_knows() -> None:
    # Given a galaxy as a cube of griz, and as its first three bands
    cube, bands = (
        input_formats.CONVERSIONS[name](galaxy(200, 160, 90))
        for name in ("FITS cube of g, r, i and z", "FITS of g, r and i in nanomaggies")
    )
    # When both are read as in the service
    with astropy_fits.open(BytesIO(cube)) as file:
        assert (file[0].data.shape, file[0].header["BANDS"]) == ((4, 64, 64), "griz")
    # Then both are the same picture
    assert np.array_equal(decode(cube, spec(64)), decode(bands, spec(64)))


def test_every_format_is_one_that_the_service_reads_and_has_its_figures() -> None:
    measured = json.loads((readme.PAGE.results / FORMATS).read_text())
    assert list(measured["forms"]) == list(input_formats.CONVERSIONS)
    assert {row["rows"] for row in measured["forms"].values()} == {1026}


def test_three_bands_get_the_colour_that_was_measured() -> None:
    measured = json.loads((readme.PAGE.results / FORMATS).read_text())
    assert list(GALAXY_COLOUR) == measured["colour"]["mean"]
