"""FITS cutouts: read as astropy reads them, drawn as Lupton et al. 2004 draw them, refused with a sentence."""

from __future__ import annotations

import gzip
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import InputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.pictures.decode import InputSpec, decode
from skysort.pictures.fits import image as fits
from skysort.pictures.measurements import stretch
from tests.factories_images import GALAXY_INPUT, card, encode, fits_file, render, sky

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WHOLE = InputSpec(80, 80, None, 1.0, "black")


def by_astropy(hdus: Sequence[Any]) -> bytes:
    file = BytesIO()
    astropy_fits.HDUList(list(hdus)).writeto(file)
    return file.getvalue()


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "i8", "f4", "f8", "u2"])
@pytest.mark.parametrize("shape", [(30, 40), (1, 30, 40), (1, 1, 30, 40), (3, 30, 40)])
def test_values_are_those_that_astropy_reads(dtype: str, shape: tuple[int, ...]) -> None:
    # Given a file written by astropy (u2 is stored with BZERO = 32768)
    values = (np.random.default_rng(5).random(shape) * 100).astype(dtype)
    content = by_astropy([astropy_fits.PrimaryHDU(values)])
    # Then the values are the same, the first row on top, red first
    cutout = fits.read(content)
    expected = values.reshape(-1, 30, 40)
    if len(expected) == 3 and dtype != "u1":
        expected = expected[::-1]
    found = cutout.values(slice(None), slice(None))
    assert np.array_equal(np.moveaxis(found, -1, 0)[:, ::-1], expected.astype(float))


def test_an_image_may_stand_in_an_extension_behind_a_table() -> None:
    values = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    table = astropy_fits.BinTableHDU.from_columns([astropy_fits.Column("name", "10A", array=["a", "b"])])
    content = by_astropy([astropy_fits.PrimaryHDU(), table, astropy_fits.ImageHDU(values)])
    assert np.array_equal(fits.read(content).planes[0], values)


def test_gzipped_files_are_read() -> None:
    content = fits_file(sky())
    assert np.array_equal(decode(gzip.compress(content), WHOLE), decode(content, WHOLE))


@pytest.mark.parametrize("size", [1_000, 65_280])
def test_files_that_were_gzipped_in_pieces_are_read(size: int) -> None:
    # Given a file as bgzip writes it: a member for every so many bytes, an empty one at the end, and padding
    content = fits_file(sky())
    pieces = [gzip.compress(content[at : at + size]) for at in range(0, len(content), size)]
    packed = b"".join([*pieces, gzip.compress(b""), bytes(512)])
    assert np.array_equal(decode(packed, WHOLE), decode(content, WHOLE))


def test_a_gzip_file_of_endlessly_many_members_is_refused() -> None:
    with pytest.raises(LimitExceededError, match="4,096 members"):
        decode(gzip.compress(b"") * 5_000, WHOLE)


def test_blank_integers_are_no_values() -> None:
    values = np.full((20, 20), 5, np.int16)
    values[3] = -1
    found = fits.read(fits_file(values, BLANK=-1, BSCALE=2.0)).values(slice(None), slice(None))
    assert np.isnan(found).sum() == 20
    assert np.nanmax(found) == 10


def lit(plane: int) -> NDArray[np.float32]:
    """Three bands, one of them with light."""
    bands = np.full((3, 40, 40), 1.0, np.float32)
    bands[plane, 10:30, 10:30] = 50.0
    return bands


@pytest.mark.parametrize(
    ("cards", "plane", "channel"),
    [
        ({}, 0, 2),  # rising wavelength: the first is blue
        ({}, 2, 0),
        ({"BANDS": "grz"}, 2, 0),
        ({"BANDS": "zrg"}, 0, 0),
        ({"BANDS": "???"}, 0, 2),
        ({"CTYPE3": "RGB"}, 0, 0),
    ],
)
def test_the_longest_wavelength_is_red(cards: dict[str, object], plane: int, channel: int) -> None:
    shown = decode(fits_file(lit(plane), **cards), WHOLE)[40, 40]
    assert shown.argmax() == channel
    assert shown[channel] > 200


def test_bytes_are_shown_as_they_are() -> None:
    picture = render(64, 64)
    content = fits_file(np.moveaxis(picture, -1, 0)[:, ::-1])
    assert np.array_equal(decode(content, WHOLE), decode(encode(picture), WHOLE))


def test_the_first_row_of_the_file_is_the_bottom() -> None:
    values = np.zeros((40, 40), np.float32)
    values[:10] = 100
    shown = decode(fits_file(values), WHOLE)
    assert shown[-5, 40].min() > 200
    assert shown[5, 40].max() == 0


@given(st.floats(1e-20, 1e20), st.floats(-1e3, 1e3))
def test_the_stretch_knows_no_units(scale: float, offset: float) -> None:
    """Counts, nanomaggies or electrons, sky subtracted or not: the same picture."""
    values = sky(40, 40).astype(np.float64)
    reference = decode(fits_file(values), WHOLE)
    found = decode(fits_file((values + offset) * scale), WHOLE)
    assert np.abs(found.astype(int) - reference).max() <= 1


def test_sky_is_dark_and_the_galaxy_bright() -> None:
    shown = decode(fits_file(sky(flux=500.0)), WHOLE)
    assert np.median(shown) < 30
    assert shown[40, 40].min() > 230


@pytest.mark.parametrize("units", [(1.0, 1.0, 1.0), (1.0, 0.6, 0.3), (1e-9, 1e3, 5.0)])
def test_a_galaxy_has_its_usual_colour_in_whatever_units_its_bands_are(units: tuple[float, ...]) -> None:
    # Given a galaxy with a red core and a blue disc, its bands measured in units of their own
    light = np.zeros((40, 40, 3))
    light[8:32, 8:32] = (1.0, 1.0, 1.2)
    light[15:25, 15:25] = (4.0, 3.0, 2.0)
    whole = light.sum(axis=(0, 1))
    # When
    shown = stretch.lupton_rgb(light * units) / 255.0
    # Then its light as a whole has the usual colour, and what differs within it still does
    red, green, blue = np.array(stretch.GALAXY_COLOUR) / (whole / whole.mean())
    core, disc = shown[20, 20], shown[9, 9]
    assert core[0] / core[2] == pytest.approx(2 * red / blue, rel=0.04)
    assert disc[0] / disc[1] == pytest.approx(red / green, rel=0.04)


def test_bands_without_light_are_left_as_they_are() -> None:
    light = np.zeros((20, 20, 3))
    light[5:15, 5:15, 0] = 1.0
    assert stretch.lupton_rgb(light)[10, 10].tolist() == [255, 0, 0]


def test_the_sky_is_that_of_the_frame_and_not_of_the_galaxy_in_its_middle() -> None:
    # Given a galaxy that fills the middle half of its frame, at half of its core's brightness
    values = sky(80, 80, flux=0.0)
    values[20:60, 20:60] += 50.0
    values[35:45, 35:45] += 50.0
    # When only the middle half is shown
    shown = decode(fits_file(values), InputSpec(40, 40, None, 0.5, "black"))
    # Then the galaxy is not taken for sky
    assert np.median(shown) > 60


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_numbers_that_are_none_do_not_spoil_the_rest(value: float) -> None:
    values = sky()
    values[:8, :8] = value
    assert decode(fits_file(values), WHOLE).std() > 10 or value == 3e38


@pytest.mark.parametrize("value", [0.0, 7.5, -3e30])
def test_a_field_of_one_value_is_refused(value: float) -> None:
    with pytest.raises(MalformedInputError, match="have the same value"):
        decode(fits_file(np.full((9, 9), value, np.float32)), WHOLE)


@pytest.mark.parametrize("beside", ["DQ", "err", "WHT"])
def test_planes_that_tell_of_the_images_pixels_are_not_taken_for_it(beside: str) -> None:
    # Given a file whose flags or errors come before the image
    image = astropy_fits.ImageHDU(sky(), name="SCI")
    other = astropy_fits.ImageHDU(np.zeros((80, 80), np.int16), name=beside)
    # Then the image is read
    found = decode(by_astropy([astropy_fits.PrimaryHDU(), other, image]), WHOLE)
    assert np.array_equal(found, decode(fits_file(sky()), WHOLE))
    # And without one it is said what was there
    with pytest.raises(UnsupportedFormatError, match=rf"only ancillary planes \({beside.upper()}\)"):
        decode(by_astropy([astropy_fits.PrimaryHDU(), other]), WHOLE)


def test_a_large_cutout_is_averaged_in_the_linear_scale() -> None:
    shown = decode(fits_file(np.kron(sky(), np.ones((8, 8), np.float32))), WHOLE)
    assert np.abs(shown.astype(int) - decode(fits_file(sky()), WHOLE)).mean() < 6


PRIMARY = {"SIMPLE": True, "BITPIX": -32}


def header(**cards: object) -> bytes:
    content = b"".join(card(name, value) for name, value in cards.items()) + b"END".ljust(80)
    return content.ljust(-(-len(content) // 2880) * 2880)


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (header(**PRIMARY, NAXIS=0), UnsupportedFormatError, "holds no image"),
        (header(**PRIMARY, NAXIS=1, NAXIS1=0), UnsupportedFormatError, "holds no image"),
        (fits_file(np.zeros((2, 5, 5), np.float32)), UnsupportedFormatError, "2 planes and its header does not name"),
        (fits_file(np.zeros((2, 3, 5, 5), np.float32)), UnsupportedFormatError, "5 x 5 x 3 x 2"),
        (fits_file(np.full((5, 5), np.nan, np.float32)), MalformedInputError, "no pixel with a value"),
        (header(**PRIMARY, NAXIS=2, NAXIS1=9, NAXIS2=9), MalformedInputError, "truncated"),
        (header(**PRIMARY, NAXIS=2, NAXIS1=90_000, NAXIS2=90_000), LimitExceededError, "16,000,000"),
        (header(**PRIMARY, NAXIS=2, NAXIS1=-9, NAXIS2=9), MalformedInputError, "negative"),
        (header(**PRIMARY, NAXIS=2, NAXIS1="x", NAXIS2=9), MalformedInputError, "NAXIS1"),
        (header(**PRIMARY, NAXIS=2, NAXIS2=9), MalformedInputError, "NAXIS1"),
        (header(SIMPLE=True, BITPIX=7, NAXIS=2), MalformedInputError, "BITPIX = 7"),
        (header(**PRIMARY, NAXIS=10_000), MalformedInputError, "NAXIS = 10,000"),
        (header(**PRIMARY)[:200], MalformedInputError, "inside a header"),
        (fits_file(sky(), BSCALE="three"), MalformedInputError, "BSCALE"),
        (b"SIMPLE  =" + b" " * 4_100_000, LimitExceededError, "50,000 cards"),
        (gzip.compress(b"no FITS".ljust(2880)), UnsupportedFormatError, "not a FITS file"),
        (gzip.compress(header(EXTEND=True, BITPIX=8, NAXIS=0)), UnsupportedFormatError, "gzipped"),
        (gzip.compress(fits_file(sky()))[:4000], MalformedInputError, "truncated"),
        (b"\x1f\x8b" + bytes(100), MalformedInputError, "damaged"),
    ],
)
def test_what_is_no_cutout_is_refused_with_a_sentence(content: bytes, error: type[InputError], says: str) -> None:
    with pytest.raises(error, match=says):
        decode(content, WHOLE)


def test_a_gzip_bomb_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits, "FITS_IMAGE_BYTES", 100_000)
    with pytest.raises(LimitExceededError, match="unpacked"):
        decode(gzip.compress(fits_file(np.zeros((400, 400), np.float32))), WHOLE)


@pytest.mark.parametrize(
    "planes",
    [
        np.array([[1e308, -1e308], [np.nan, 1.0]]),
        np.array([[3e38, -3e38], [np.nan, 1.0]], np.float32),
        np.frombuffer(b"\x01\x00\xa0\x7f" * 4, "<f4").reshape(2, 2),  # signalling NaNs
    ],
)
def test_numbers_at_the_end_of_their_range_give_a_picture_or_a_sentence(planes: NDArray[Any]) -> None:
    try:
        assert decode(fits_file(planes, BSCALE=1e300), WHOLE).shape == (80, 80, 3)
    except MalformedInputError as error:
        said = ("no pixel with a value", "have the same value")
        assert any(part in error.detail for part in said)  # noqa: PT017 - either is right


def test_large_float_pictures_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encode(sky(), "TIFF")
    monkeypatch.setattr("skysort.pictures.formats.loaders.MEASURED_PIXELS", 96 * 80 - 1)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    with pytest.raises(LimitExceededError, match="32-bit"):
        decode(content, WHOLE)


def test_float_pictures_in_tiff_are_drawn_like_fits() -> None:
    from_tiff = decode(encode(sky()[::-1], "TIFF"), WHOLE)
    assert np.array_equal(from_tiff, decode(fits_file(sky()), WHOLE))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_gzipped_picture_of_another_kind_is_named_for_what_it_is(form: str) -> None:
    with pytest.raises(UnsupportedFormatError, match="gzipped content is not a FITS file"):
        decode(gzip.compress(encode(render(), form)), GALAXY_INPUT)


def test_what_a_terminal_would_act_on_is_escaped_in_the_sentence_about_a_header() -> None:
    content = fits_file(sky()).replace(card("NAXIS1", 96), card("NAXIS1", "\x1b[2J"))
    with pytest.raises(MalformedInputError, match=r"NAXIS1 = '.x1b.2J', not a whole number"):
        decode(content, GALAXY_INPUT)
