"""Which image of a FITS file is read and which of its bands are drawn; what holds no picture is named."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.errors import InputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.pictures.bodies.request import PictureItem, PictureRequest
from skysort.pictures.decode import InputSpec, decode, read
from skysort.pictures.fits import image as fits
from skysort.pictures.formats.prices import Budget
from tests.factories_images import card, fits_file, results_of, sky

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysort.pictures.classify import PictureClassifier

WHOLE = InputSpec(80, 80, None, 1.0, "black")
Image, Table = astropy_fits.ImageHDU, astropy_fits.BinTableHDU


def file_of(*extensions: Any, primary: NDArray[Any] | None = None) -> bytes:
    file = BytesIO()
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(primary), *extensions]).writeto(file)
    return file.getvalue()


def bands(count: int) -> NDArray[np.float32]:
    """Planes that are told apart by their level: 0, 1, 2 and so on."""
    return np.stack([np.full((20, 30), float(band), np.float32) for band in range(count)])


def drawn(content: bytes) -> list[float]:
    """The levels of the planes taken for red, green and blue."""
    return [float(level) for level in fits.read(content).values(slice(0, 1), slice(0, 1))[0, 0]]


@pytest.mark.parametrize(
    ("names", "levels"),
    [
        ("griz", [2, 1, 0]),
        ("grizy", [2, 1, 0]),
        ("ugriz", [3, 2, 1]),
        ("zirg", [1, 2, 3]),
        ("ugrizy", [3, 2, 1]),
        ("gi", [1, 0.5, 0]),
        ("rg", [0, 0.5, 1]),
        ("zr", [0, 0.5, 1]),
        ("grz", [2, 1, 0]),
        ("g,r,i,z", [2, 1, 0]),
        ("u g r i z", [3, 2, 1]),
    ],
)
def test_three_of_the_named_bands_are_drawn_red_first(names: str, levels: list[float]) -> None:
    planes = len(names.replace(",", "").replace(" ", ""))
    assert drawn(fits_file(bands(planes), BANDS=names)) == levels


@pytest.mark.parametrize(
    ("cards", "levels"),
    [
        ({"BAND0": "g", "BAND1": "r", "BAND2": "i", "BAND3": "z"}, [2, 1, 0]),
        ({"BAND1": "z", "BAND2": "i", "BAND3": "r", "BAND4": "g"}, [1, 2, 3]),
        ({"FILTER1": "HSC-G", "FILTER2": "HSC-R2", "FILTER3": "HSC-I2", "FILTER4": "HSC-Z"}, [2, 1, 0]),
        ({"FILTER1": "F435W", "FILTER2": "F606W", "FILTER3": "F814W", "FILTER4": "F160W"}, [2, 1, 0]),
        ({"FILTER1": "g_SDSS", "FILTER2": "r_SDSS", "FILTER3": "i_SDSS", "FILTER4": "Ks"}, [2, 1, 0]),
        ({"WAVELN1": 9130.0, "WAVELN2": 7630.0, "WAVELN3": 6230, "WAVELN4": 4770}, [1, 2, 3]),
        ({"FILTERS": "J H K Y"}, [0, 3, 0]),
    ],
)
def test_bands_may_be_named_by_a_card_each(cards: dict[str, object], levels: list[float]) -> None:
    found = drawn(fits_file(bands(4), **cards))
    if "FILTERS" in cards:  # all infrared: whichever are nearest, the longest is red
        wave = {0: 1_235, 1: 1_662, 2: 2_159, 3: 1_020}
        assert sorted((wave[int(level)] for level in found), reverse=True) == [wave[int(level)] for level in found]
    else:
        assert found == levels


def test_a_cutout_of_griz_is_answered_and_says_which_bands_it_was_drawn_from(classifier: PictureClassifier) -> None:
    # Given a cutout as the Legacy Survey's service writes it
    planes = np.stack([sky(64, 64, flux=20.0 * band, seed=band) for band in (1, 2, 3, 4)])
    item = PictureItem("cutout.fits", fits_file(planes, BANDS="griz"))
    # When it is classified
    (result,) = results_of(classifier, PictureRequest([item], {}))
    # Then i, r and g were taken, and the answer says so
    assert result["predictions"]
    (warning,) = result["warnings"]
    assert warning["code"] == "bands_chosen"
    assert "g, r, i and z; i, r and g were drawn as red, green and blue" in warning["detail"]


def test_three_named_bands_need_no_remark(classifier: PictureClassifier) -> None:
    item = PictureItem("cutout.fits", fits_file(np.stack([sky(seed=band) for band in (1, 2, 3)]), BANDS="grz"))
    (result,) = results_of(classifier, PictureRequest([item], {}))
    assert "warnings" not in result


@pytest.mark.parametrize("planes", [2, 4, 5, 9])
@pytest.mark.parametrize("names", ["", "what", "rrrrr"])
def test_bands_without_names_are_refused_with_what_to_cut_out(planes: int, names: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=rf"has {planes} planes.*cut out one or three.*BANDS = 'griz'"):
        decode(fits_file(bands(planes), BANDS=names), WHOLE)


@pytest.mark.parametrize("cards", [{"CTYPE3": "WAVE-LOG"}, {"CTYPE3": "VRAD"}])
def test_a_cube_of_wavelengths_is_called_one(cards: dict[str, object]) -> None:
    with pytest.raises(UnsupportedFormatError, match="a cube of 6 planes"):
        decode(fits_file(bands(6), **cards), WHOLE)
    with pytest.raises(UnsupportedFormatError, match="a cube of 40 planes"):
        decode(fits_file(bands(40)), WHOLE)


@pytest.mark.parametrize(
    "before",
    [
        ["SEG"],
        ["PSF", "SEGMAP"],
        ["BKG"],
        ["MSK", "WGT"],
        ["EXP"],
        ["SCI_ERR"],
        ["MODEL"],
        ["RESIDUAL"],
        ["VAR_RNOISE"],
        ["CRMASK", "BADPIX"],
        ["MASKBITS"],
        ["LABELS"],
        ["THUMBNAIL"],
    ],
)
@pytest.mark.parametrize("name", ["SCI", "IMAGE", "sci", "SCI1", "", "TARGET", "MASKED"])
def test_the_image_is_read_wherever_it_stands(before: Sequence[str], name: str) -> None:
    # Given a file whose image comes behind what belongs to it
    beside = [Image(np.full((80, 96), 7, np.int16), name=other) for other in before]
    found = decode(file_of(*beside, Image(sky(), name=name)), WHOLE)
    assert np.array_equal(found, decode(fits_file(sky()), WHOLE))


@pytest.mark.parametrize("card_name", ["HDUNAME", "IMTYPE", "PRODTYPE"])
def test_pipelines_that_name_their_planes_in_other_cards_are_understood(card_name: str) -> None:
    weights, image = Image(np.full((80, 96), 7, np.int16)), Image(sky())
    weights.header[card_name], image.header[card_name] = "wtmap", "image"
    assert np.array_equal(decode(file_of(weights, image), WHOLE), decode(fits_file(sky()), WHOLE))


def test_the_extension_named_for_science_wins_over_an_image_without_a_name() -> None:
    content = file_of(Image(sky(), name="SCI"), primary=np.eye(50, dtype=np.float32))
    assert np.array_equal(decode(content, WHOLE), decode(fits_file(sky()), WHOLE))


def test_a_model_is_looked_at_where_there_is_nothing_else() -> None:
    content = file_of(Image(sky(), name="MODEL"))
    assert np.array_equal(decode(content, WHOLE), decode(fits_file(sky()), WHOLE))


def test_an_image_that_cannot_be_a_picture_is_passed_over_for_one_that_can() -> None:
    content = file_of(Image(sky()), primary=bands(7))
    assert np.array_equal(decode(content, WHOLE), decode(fits_file(sky()), WHOLE))


def test_what_is_damaged_behind_the_image_does_not_matter() -> None:
    content = fits_file(sky())
    assert np.array_equal(decode(content + b"XTENSION= 'IMAGE", WHOLE), decode(content, WHOLE))
    assert np.array_equal(decode(content + b"\0" * 5_000, WHOLE), decode(content, WHOLE))


def test_colours_along_the_wrong_axis_are_told_how_to_stand() -> None:
    with pytest.raises(UnsupportedFormatError, match=r"3 colours along the first axis.*moveaxis"):
        decode(fits_file(np.moveaxis(np.stack([sky()] * 3), 0, -1)), WHOLE)


def table() -> Any:
    return Table.from_columns([astropy_fits.Column("u", "E", array=[1.0, 2.0])])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (file_of(table()), "holds a table and no image.*star model"),
        (file_of(), "holds no image"),
        (file_of(primary=np.arange(50, dtype=np.float32)), "a spectrum"),
        (file_of(Image(sky(), name="PSF"), table()), r"only ancillary planes \(PSF\)"),
    ],
)
def test_a_file_without_an_image_says_what_it_holds(content: bytes, says: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=says):
        decode(content, WHOLE)


def test_random_groups_are_no_picture() -> None:
    # Given three groups of two parameters and twelve values
    axes = {"NAXIS": 3, "NAXIS1": 0, "NAXIS2": 3, "NAXIS3": 4}
    cards = {"SIMPLE": True, "BITPIX": -32, **axes, "GROUPS": True, "PCOUNT": 2, "GCOUNT": 3}
    head = b"".join(card(name, value) for name, value in cards.items()) + b"END".ljust(80)
    content = head.ljust(2880) + bytes(2880)
    # Then they are called so, whether a table follows or nothing
    for whole in (content, content + file_of(table())[2880:]):
        with pytest.raises(UnsupportedFormatError, match="holds random groups"):
            decode(whole, WHOLE)


def test_headers_are_counted_together() -> None:
    # Given a hundred megabytes of empty extensions, were they read to their end
    extension = file_of(Image())[2880:5760]
    content = file_of() + extension * 3_000
    with pytest.raises((LimitExceededError, UnsupportedFormatError), match="no image"):
        decode(content, WHOLE)
    with pytest.raises(LimitExceededError, match="50,000 cards"):
        decode(content + extension * 6_000, WHOLE)


def test_headers_are_paid_for_while_they_are_read() -> None:
    # Given files of endless headers, in one request
    budget = Budget.of_a_request()
    content = b"SIMPLE  =                    T".ljust(80 * 48_000)
    refusals = 0
    for _ in range(40):
        try:
            fits.read(content, budget.take)
        except LimitExceededError:
            refusals += 1
        except MalformedInputError as error:
            assert "ends inside a header" in error.detail  # noqa: PT017 - it was read to its end
    # Then some dozens are read and no more
    assert refusals > 5
    assert budget.left < 2_000_000


@given(st.binary(max_size=400), st.integers(0, 2_000), st.integers(0, 5_759))
@settings(max_examples=200, deadline=None)
def test_any_bytes_in_a_header_give_a_picture_or_a_sentence(noise: bytes, size: int, at: int) -> None:
    content = bytearray(file_of(Image(sky(20, 20), name="SCI")))
    content[at : at + len(noise)] = noise
    try:
        assert read(bytes(content[: len(content) - size]), WHOLE).pixels.shape == (80, 80, 3)
    except InputError as error:
        assert error.detail  # noqa: PT017 - a picture or a sentence


CARDS = ["NAXIS", "NAXIS1", "NAXIS2", "BITPIX", "PCOUNT", "GCOUNT", "BANDS", "BZERO", "BSCALE", "BLANK", "EXTNAME"]
VALUES = ["T", "F", "-1", "0", "1", "3", "8", "-32", "999", "1E400", "9" * 19, "9" * 60, "''", "'griz'", "NaN", "1.5"]


@given(st.lists(st.tuples(st.sampled_from(CARDS), st.sampled_from(VALUES)), max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_cards_give_a_picture_or_a_sentence(cards: list[tuple[str, str]]) -> None:
    head = b"SIMPLE  =                    T".ljust(80)
    head += b"".join(f"{name:<8}= {value:>20}".ljust(80).encode() for name, value in cards) + b"END".ljust(80)
    try:
        assert decode(head.ljust(2880) + bytes(5_760), WHOLE).shape == (80, 80, 3)
    except InputError as error:
        assert error.detail  # noqa: PT017 - a picture or a sentence
