"""Tile-compressed FITS images (.fits.fz): the values that astropy reads, bounded work, a sentence for the rest."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.errors import InputError, LimitExceededError, MalformedInputError, UnsupportedFormatError
from skysort.pictures.decode import InputSpec, decode
from skysort.pictures.fits import image as fits
from skysort.pictures.fits import rice as fits_rice
from skysort.pictures.fits import tiles as fits_tiles
from skysort.pictures.formats.prices import Budget, Cost
from tests.factories_images import fits_file, sky

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

WHOLE = InputSpec(80, 80, None, 1.0, "black")
LOSSLESS = ["RICE_1", "GZIP_1", "GZIP_2", "NOCOMPRESS"]


def packed(values: NDArray[Any], *, cards: dict[str, Any] | None = None, **options: Any) -> bytes:
    """A file as fpack writes it."""
    header = astropy_fits.Header()
    header.update(cards or {})
    image = astropy_fits.CompImageHDU(values, header, **options)
    file = BytesIO()
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), image]).writeto(file)
    return file.getvalue()


def by_astropy(content: bytes) -> NDArray[Any]:
    with astropy_fits.open(BytesIO(content)) as file:
        found: NDArray[Any] = np.array(file[1].data)
    return found


def by_us(content: bytes) -> NDArray[Any]:
    """(bands, height, width) values, the first row at the bottom, bands in the file's order where there is one."""
    return np.moveaxis(fits.read(content).values(slice(None), slice(None)), -1, 0)[:, ::-1]


@st.composite
def whole_numbers(draw: st.DrawFn) -> NDArray[Any]:
    """Smooth ramps, noise, constants and numbers from end to end of their range."""
    dtype = draw(st.sampled_from(["u1", "i2", "i4", "u2"]))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 90))
    chance = np.random.default_rng(draw(st.integers(0, 1_000)))
    limits = np.iinfo(dtype)
    kind = draw(st.sampled_from(["ramp", "noise", "constant", "anything", "spikes"]))
    if kind == "ramp":
        values = np.add.outer(np.arange(height), np.arange(width))
    elif kind == "noise":
        values = chance.normal(100, 5, (height, width))
    elif kind == "constant":
        values = np.full((height, width), draw(st.integers(limits.min, limits.max)))
    elif kind == "anything":
        values = chance.integers(limits.min, limits.max, (height, width), endpoint=True)
    else:
        values = np.where(chance.random((height, width)) < 0.02, limits.max, 7)
    return values.astype(dtype)


@given(whole_numbers(), st.sampled_from(LOSSLESS), st.data())
@settings(max_examples=120, deadline=None)
def test_whole_numbers_are_those_that_went_in(values: NDArray[Any], method: str, data: st.DataObject) -> None:
    tile = tuple(data.draw(st.integers(1, size)) for size in values.shape)
    content = packed(values, compression_type=method, tile_shape=tile)
    assert np.array_equal(by_us(content)[0], values.astype(float))


@given(
    st.sampled_from(["RICE_1", "GZIP_1", "GZIP_2"]),
    st.sampled_from([-1, 1, 2]),  # no dither, and the two ways of it
    st.sampled_from(["f4", "f8"]),
    st.integers(1, 10_000),
    st.booleans(),
    st.data(),
)
@settings(max_examples=80, deadline=None)
def test_real_numbers_are_those_that_astropy_reads(
    method: str, dithering: int, dtype: str, seed: int, holes: bool, data: st.DataObject
) -> None:
    # Given noise with zeros, and with values that are none
    height, width = data.draw(st.integers(4, 50)), data.draw(st.integers(10, 90))
    values = np.random.default_rng(seed).normal(10, 1, (height, width)).astype(dtype)
    values[1, 3:9] = 0.0
    if holes:
        values[2:4, 2:7] = np.nan
    tile = tuple(data.draw(st.integers(1, size)) for size in values.shape)
    options: dict[str, Any] = {"compression_type": method, "tile_shape": tile, "quantize_level": 16.0}
    content = packed(values, quantize_method=dithering, dither_seed=seed, **options)
    # Then they come out as astropy unpacks them
    assert np.array_equal(by_us(content)[0], by_astropy(content).astype(float), equal_nan=True)


@pytest.mark.parametrize("dithering", [1, 2])
def test_a_tile_of_more_pixels_than_there_are_random_numbers_goes_through_them_again(dithering: int) -> None:
    values = np.random.default_rng(3).normal(10, 1, (300, 120)).astype("f4")
    content = packed(values, tile_shape=(300, 120), quantize_method=dithering, dither_seed=9_999)
    assert np.array_equal(by_us(content)[0], by_astropy(content).astype(float))


def test_the_random_numbers_are_the_standards() -> None:
    # The 10,000th seed is what the standard gives to check an implementation by
    assert round(float(fits_tiles.random_numbers()[-1]) * 2_147_483_647) == pytest.approx(1_043_618_065, abs=64)


@pytest.mark.parametrize("method", ["GZIP_1", "GZIP_2"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_real_numbers_that_were_not_scaled_are_the_same_to_the_bit(method: str, dtype: str) -> None:
    values = np.random.default_rng(1).normal(0, 1, (20, 30)).astype(dtype)
    content = packed(values, compression_type=method, quantize_level=0.0)
    assert np.array_equal(by_us(content)[0], values.astype(float))


def test_real_numbers_in_rice_without_a_scale_are_whole_ones() -> None:
    content = packed(sky(30, 40), compression_type="RICE_1", quantize_level=0.0)
    assert np.array_equal(by_us(content)[0], by_astropy(content).astype(float))


def test_tiles_that_cannot_be_scaled_are_kept_as_they_are() -> None:
    # Given rows of one value and rows of enormous range, which are gzipped whole
    values = sky(40, 50)
    values[5] = 3.25
    values[7] = np.geomspace(1e-30, 1e30, 50)
    content = packed(values, tile_shape=(1, 50))
    assert np.array_equal(by_us(content)[0], by_astropy(content).astype(float))


def test_no_value_stays_none_in_whole_numbers() -> None:
    values = np.arange(600, dtype="i2").reshape(20, 30)
    found = by_us(packed(values, cards={"BLANK": 17}))
    assert np.isnan(found).sum() == 1


def test_scaled_whole_numbers_are_scaled_back() -> None:
    values = (np.arange(600) + 40_000).reshape(20, 30).astype("u2")
    assert np.array_equal(by_us(packed(values))[0], values.astype(float))


def test_a_cube_is_cut_into_tiles_in_three_dimensions() -> None:
    cube = np.random.default_rng(2).normal(100, 9, (3, 25, 31)).astype("i2")
    content = packed(cube, tile_shape=(2, 7, 10), cards={"BANDS": "zrg"})
    assert np.array_equal(by_us(content), cube.astype(float))


def test_a_file_of_several_extensions_is_read_at_the_one_named_for_science() -> None:
    science = (sky() * 10).astype("i2")
    flags = astropy_fits.CompImageHDU(np.zeros((80, 96), "i2"), name="MSK")
    images = [flags, astropy_fits.CompImageHDU(science, name="SCI"), astropy_fits.ImageHDU(sky(), name="WGT")]
    file = BytesIO()
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), *images]).writeto(file)
    assert np.array_equal(by_us(file.getvalue())[0], science.astype(float))


def with_card(content: bytes, name: str, value: str) -> bytes:
    """A file with another value in a header card that it has."""
    start = content.index(name.ljust(8).encode() + b"=")
    return content[:start] + f"{name:<8}= {value:>20}".ljust(80).encode() + content[start + 80 :]


def table_of(content: bytes) -> int:
    """Where the table of a file's only extension begins."""
    start = content.index(b"XTENSION")
    return start + 2880 * (content[start:].index(b"END   ") // 2880 + 1)


def test_descriptors_of_64_bits_are_read() -> None:
    # Given a table whose columns point into the heap with 64-bit numbers
    values = (sky(30, 40) * 10).astype("i2")
    content = packed(values)
    at = table_of(content)
    headers = with_card(with_card(content[:at], "TFORM1", "'1QB(99)'"), "NAXIS1", "16")
    table = np.frombuffer(content, ">i4", 60, at).astype(">i8").tobytes()
    # Then it is read like one with 32-bit numbers
    assert np.array_equal(by_us(headers + table + content[at + 240 :])[0], values.astype(float))


def test_the_picture_is_that_of_the_unpacked_file() -> None:
    values = (sky() * 100).astype("i4")
    assert np.array_equal(decode(packed(values), WHOLE), decode(fits_file(values), WHOLE))


@pytest.mark.parametrize("method", ["PLIO_1", "HCOMPRESS_1"])
def test_other_methods_are_named(method: str) -> None:
    values = np.arange(400, dtype="i2").reshape(20, 20)
    with pytest.raises(UnsupportedFormatError, match=rf"compressed with {method}; RICE and GZIP are .*funpack"):
        decode(packed(values, compression_type=method, tile_shape=(20, 20)), WHOLE)


PACKED = packed((sky(30, 40) * 10).astype("i2"), compression_type="RICE_1")
ZIPPED = packed(sky(30, 40), compression_type="GZIP_2", quantize_method=1)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda c: with_card(c, "NAXIS2", "29"), MalformedInputError, "30 tiles and its table has 29 rows"),
        (lambda c: with_card(c, "ZTILE1", "0"), MalformedInputError, "tiles without pixels"),
        (lambda c: with_card(c, "ZNAXIS1", "-3"), MalformedInputError, "negative"),
        (lambda c: with_card(c, "ZNAXIS1", "999999"), LimitExceededError, "16,000,000"),
        (lambda c: with_card(c, "ZNAXIS2", "99999"), LimitExceededError, "65,536 tiles"),
        (lambda c: with_card(c, "ZVAL1", "3"), UnsupportedFormatError, "blocks of 3 pixels"),
        (lambda c: with_card(c, "ZVAL2", "8"), UnsupportedFormatError, "8 bytes"),
        (lambda c: with_card(c, "NAXIS1", "9"), MalformedInputError, "8 bytes wide, its rows 9"),
        (lambda c: with_card(c, "TFORM1", "'1J'"), MalformedInputError, "4 bytes wide"),
        (lambda c: with_card(c, "TFORM1", "'2J'"), MalformedInputError, "must hold array descriptors"),
        (lambda c: with_card(c, "TFORM1", "'what'"), MalformedInputError, "TFORM1 is not"),
        (lambda c: with_card(c, "TFIELDS", "0"), MalformedInputError, "0 columns"),
        (lambda c: with_card(c, "TTYPE1", "'OTHER'"), MalformedInputError, "not have as many pixels"),
        (lambda c: with_card(c, "ZCMPTYPE", "' '"), UnsupportedFormatError, "no method"),
        (lambda c: with_card(c, "PCOUNT", "20"), MalformedInputError, "outside the file"),
        (lambda c: with_card(c, "ZNAXIS1", "4000"), MalformedInputError, "tile"),
        (lambda c: c[: table_of(c) + 300], MalformedInputError, "outside the file"),
        (lambda c: c[: table_of(c) + 100], MalformedInputError, "inside the table"),
    ],
)
def test_what_contradicts_itself_is_refused_with_a_sentence(
    change: Callable[[bytes], bytes], error: type[InputError], says: str
) -> None:
    with pytest.raises(error, match=says):
        decode(change(PACKED), WHOLE)


def test_tiles_that_share_their_bytes_are_refused() -> None:
    # Given a table in which every tile is the first one, which unpacks to far more than the file holds
    at = table_of(PACKED)
    table = np.frombuffer(PACKED, ">i4", 60, at).reshape(30, 2).copy()
    table[:, 0], table[:, 1] = table[:, 0].max() + 20, 0
    with pytest.raises(MalformedInputError, match="overlap"):
        decode(PACKED[:at] + table.tobytes() + PACKED[at + 240 :], WHOLE)


def test_a_gzipped_tile_unpacks_to_its_own_size_at_most() -> None:
    # Given a tile of two hundred rows that says it has ten
    content = packed(np.zeros((200, 50), "i2"), compression_type="GZIP_1", tile_shape=(200, 50))
    with pytest.raises(MalformedInputError, match="does not have as many pixels"):
        decode(with_card(with_card(content, "ZNAXIS2", "10"), "ZTILE2", "10"), WHOLE)


def test_a_gzipped_tile_with_a_wrong_checksum_is_damaged() -> None:
    content = packed((sky(30, 40) * 10).astype("i2"), compression_type="GZIP_1", tile_shape=(30, 40))
    size, offset = np.frombuffer(content, ">i4", 2, table_of(content))
    end = table_of(content) + 8 + int(offset) + int(size)
    broken = content[: end - 8] + bytes(4) + content[end - 4 :]
    with pytest.raises(MalformedInputError, match="incorrect data check"):
        fits.read(broken)


@pytest.mark.parametrize("content", [PACKED, ZIPPED], ids=["RICE", "GZIP"])
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_files_give_a_picture_or_a_sentence(content: bytes, data: st.DataObject) -> None:
    start = content.index(b"XTENSION")
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(start, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert decode(bytes(changed[: data.draw(st.integers(start, len(content)))]), WHOLE).shape == (80, 80, 3)
    except InputError as error:
        assert error.detail  # noqa: PT017 - a picture or a sentence


@given(st.lists(st.binary(min_size=0, max_size=60), min_size=1, max_size=40), st.sampled_from([1, 2, 4]), st.data())
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_codes_or_damage(tiles: list[bytes], width: int, data: st.DataObject) -> None:
    values, block = data.draw(st.integers(1, 100)), data.draw(st.sampled_from([16, 32]))
    try:
        assert fits_rice.unpack(tiles, values, block, width).shape == (len(tiles), values)
    except MalformedInputError as error:
        assert "damaged" in error.detail  # noqa: PT017 - numbers or this


@given(whole_numbers(), st.sampled_from([1, 2, 20]))
@settings(max_examples=40, deadline=None)
def test_few_tiles_and_many_give_the_same(values: NDArray[Any], copies: int) -> None:
    # Tiles are followed one by one or all together, depending on how many there are
    content = packed(np.tile(values, (copies, 1)), compression_type="RICE_1", tile_shape=values.shape)
    assert np.array_equal(by_us(content)[0], np.tile(values, (copies, 1)).astype(float))


def test_the_steps_of_unpacking_grow_with_a_tiles_pixels_and_not_with_the_tiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given how often numpy is asked to pass over a code
    calls: list[int] = []
    step = fits_rice._step

    def counted(next_one: Any, at: Any, low: Any, rows: Any) -> None:
        calls.append(len(rows))
        step(next_one, at, low, rows)

    monkeypatch.setattr(fits_rice, "_step", counted)
    counts = {}
    for rows in (50, 100, 200):
        calls.clear()
        decode(packed((sky(rows, 64) * 10).astype("i2"), compression_type="RICE_1"), WHOLE)
        counts[rows] = sum(calls)
    assert counts == {50: 64, 100: 64, 200: 64}


def test_tiles_that_take_too_long_are_refused_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given the same pixels as rows and as one tile, which takes a step for each of them
    values = np.tile((sky() * 10).astype("i2"), (4, 4))
    rows, whole = (packed(values, compression_type="RICE_1", tile_shape=(side, 384)) for side in (1, 320))
    monkeypatch.setattr(fits_rice, "unpack", None)
    spent: dict[bytes, int] = {}
    for content in (rows, whole):
        costs: list[Cost] = []
        with pytest.raises(TypeError):  # nothing is unpacked here
            fits.read(content, costs.append)
        spent[content] = sum(cost.work for cost in costs)
    # Then the one tile costs more, and a budget that it is too dear for refuses it
    assert spent[whole] > 1.3 * spent[rows]
    budget = Budget((spent[rows] + spent[whole]) / 2e9)
    with pytest.raises(LimitExceededError, match="decoding this picture may take"):
        fits.read(whole, budget.take)


def test_a_large_tile_is_refused_for_the_memory_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed((sky() * 10).astype("i2"), compression_type="RICE_1", tile_shape=(80, 96))
    monkeypatch.setattr("skysort.pictures.formats.prices.PICTURE_MEMORY_BYTES", 300_000)
    monkeypatch.setattr(fits_rice, "unpack", None)
    with pytest.raises(LimitExceededError, match="memory"):
        fits.read(content, Budget().take)


def test_a_cameras_chip_of_eight_million_pixels_is_within_a_requests_budget() -> None:
    # Given the size of one chip of a survey's camera, rows packed to six bits a pixel
    costs = [fits._cost((1, 4096, 2048), 1, WHOLE)]
    pixels, streams = 4096 * 2048, [(0, 1_536)] * 4096
    portions = list(fits_tiles._portions(range(4096), streams, [2048] * 4096))
    costs.append(fits_tiles._cost(portions, streams, [2048] * 4096, 4 * pixels))
    budget = Budget.of_a_request()
    for cost in costs:
        budget.take(cost)
    assert budget.left >= 0


def test_a_request_spends_a_compressed_images_pixels_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skysort.pictures.fits.tiles.read", None)

    def spend(cost: Cost) -> None:
        raise LimitExceededError(f"{cost.work} spent")

    with pytest.raises(LimitExceededError, match=r"[1-9]\d+ spent"):
        fits.read(PACKED, spend)
