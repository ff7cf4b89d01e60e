"""HEIC and AVIF: what telephones make, counted before a decoder sees it, turned once, in the right colours."""

from __future__ import annotations

import struct
import subprocess
import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any

import _pi_heif  # type: ignore[import-not-found]
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skysort import limits
from skysort.errors import LimitExceededError, MalformedInputError, SkysortError, UnsupportedFormatError
from skysort.pictures.decode import InputSpec, decode, read
from skysort.pictures.formats import heif, heif_boxes, heif_coded
from skysort.pictures.formats.sniff import Format, detect
from tests.factories_images import encode, exif, plain, render
from tests.heic_files import Bits, Heic, box, colours, heic, parameter_sets, samples, size_of, turned, unit
from tests.heic_files import coded as coded_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHOLE = InputSpec(64, 64, 64, 1.0, "white")
PICTURE = np.asarray(Image.fromarray(render(64, 64)).resize((96, 96), Image.Resampling.BICUBIC))
NO_DECODER = "skysort.pictures.formats.loaders._module"


def difference(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    return float(np.abs(found.astype(int) - expected).mean())


@pytest.mark.parametrize("bits", [8, 10])
def test_a_telephones_picture_is_read(bits: int) -> None:
    found = read(heic(PICTURE, bits=bits), WHOLE)
    assert (found.width, found.height) == (96, 96)
    assert difference(found.pixels, decode(encode(PICTURE), WHOLE)) < 3
    assert found.warnings == ()


def test_a_grey_one_is_read() -> None:
    grey = np.asarray(Image.fromarray(PICTURE).convert("L"))
    assert difference(decode(heic(grey), WHOLE), decode(encode(grey), WHOLE)) < 2


@pytest.mark.parametrize(
    "brand", [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevm", b"hevs", b"mif1", b"msf1", b"miaf"]
)
def test_rarer_brands_are_the_same_pictures(brand: bytes) -> None:
    assert np.array_equal(decode(heic(PICTURE, brand=brand), WHOLE), decode(heic(PICTURE), WHOLE))


@pytest.mark.parametrize("brand", [b"isom", b"mp42", b"qt  ", b"M4V "])
def test_a_video_is_called_one(brand: bytes) -> None:
    with pytest.raises(UnsupportedFormatError, match="a video"):
        decode(box(b"ftyp", brand, bytes(4), b"mp41", b"isom") + box(b"moov", bytes(40)), WHOLE)


def test_a_sequence_without_a_still_picture_says_so() -> None:
    with pytest.raises(UnsupportedFormatError, match="image sequence"):
        decode(box(b"ftyp", b"hevc", bytes(4), b"hevc") + box(b"moov", bytes(40)), WHOLE)


def test_a_picture_of_tiles_is_put_together() -> None:
    # Given four tiles and a grid of them, as telephones write their pictures
    file = Heic()
    tiles = [file.picture(PICTURE[y : y + 48, x : x + 48], colours()) for y in (0, 48) for x in (0, 48)]
    grid = file.item(b"grid", bytes([0, 0, 1, 1]) + struct.pack(">HH", 96, 96), size_of(96, 96), colours())
    file.refer(b"dimg", grid, *tiles)
    file.primary = grid
    # Then it is read as the whole
    assert difference(decode(file.file(), WHOLE), decode(heic(PICTURE), WHOLE)) < 1


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("mirrored", [None, 0, 1])
def test_a_picture_is_turned_exactly_once(quarters: int, mirrored: int | None) -> None:
    # Given a picture that its properties turn and mirror, with EXIF data that tell the same, as telephones write both
    file = Heic()
    mirror = [] if mirrored is None else [box(b"imir", bytes([mirrored]))]
    shown = file.picture(PICTURE[:, :64], colours(), turned(quarters), *mirror)
    metadata = file.item(b"Exif", struct.pack(">I", 0) + exif(6).tobytes())
    file.refer(b"cdsc", metadata, shown)
    # Then it is turned as they say, against the clock and then mirrored, and not again
    upright = np.rot90(PICTURE[:, :64], quarters)
    if mirrored is not None:
        upright = upright[:, ::-1] if mirrored else upright[::-1]
    found = read(file.file(), WHOLE)
    assert (found.height, found.width) == upright.shape[:2]
    assert difference(found.pixels, decode(encode(np.ascontiguousarray(upright)), WHOLE)) < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_is_turned_exactly_once(orientation: int) -> None:
    stored = Image.fromarray(PICTURE[:, :64])
    exact: dict[str, Any] = {"quality": 100, "subsampling": "4:4:4"}
    turn = encode(stored, "JPEG", quality=100, subsampling=0, exif=exif(orientation))
    assert difference(decode(encode(stored, "AVIF", exif=exif(orientation), **exact), WHOLE), decode(turn, WHOLE)) < 2


def test_what_is_transparent_shows_the_background() -> None:
    file = Heic()
    shown = file.picture(PICTURE, colours())
    cover = np.zeros((96, 96), np.uint8)
    cover[:, 48:] = 255
    alpha = file.picture(cover, box(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", full=0))
    file.refer(b"auxl", alpha, shown)
    found = decode(file.file(), WHOLE)
    assert found[:, :30].min() >= 254
    assert difference(found[:, 34:], decode(heic(PICTURE), WHOLE)[:, 34:]) < 1


@pytest.mark.parametrize("options", [{}, {"quality": 100}, {"subsampling": "4:0:0"}])
def test_an_avif_is_read(options: dict[str, Any]) -> None:
    expected = encode(Image.fromarray(PICTURE).convert("L") if "subsampling" in options else PICTURE)
    found = read(encode(Image.open(BytesIO(expected)), "AVIF", **options), WHOLE)
    assert (found.width, found.height) == (96, 96)
    assert difference(found.pixels, decode(expected, WHOLE)) < 5


def test_an_avif_sequence_shows_its_still_picture() -> None:
    frames = [Image.fromarray(plain(colour)) for colour in ((200, 0, 0), (0, 200, 0))]
    content = encode(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    assert np.allclose(decode(content, WHOLE), [200, 0, 0], atol=8)


def test_an_avif_may_be_transparent() -> None:
    clear = Image.new("RGBA", (60, 60), (200, 30, 30, 0))
    assert np.all(decode(encode(clear, "AVIF"), WHOLE) == 255)


@pytest.mark.parametrize("content", [heic(PICTURE), encode(PICTURE, "AVIF")], ids=["heic", "avif"])
def test_half_a_file_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedInputError):
        decode(content[: len(content) // 2], WHOLE)


@pytest.fixture
def no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given that nothing may be decoded."""
    monkeypatch.setattr("_pi_heif.load_file", None)
    monkeypatch.setattr("PIL.AvifImagePlugin.AvifImageFile", None)


@pytest.mark.usefixtures("no_decoder")
class TestCounting:
    """Decoders believe the coded data; so what they hold is counted, not what the file says around it."""

    def test_a_small_picture_that_says_it_is_large_is_refused(self) -> None:
        file = Heic()
        file.item(b"hvc1", b"", size_of(20_000, 20_000))
        with pytest.raises(LimitExceededError, match="20000 x 20000"):
            decode(file.file(), WHOLE)

    def test_a_frame_larger_than_the_file_says_is_refused(self) -> None:
        file = Heic()
        file.picture(PICTURE, sets=parameter_sets(16_000, 16_000))
        with pytest.raises(LimitExceededError):
            decode(file.file(), WHOLE)

    def test_a_larger_frame_may_not_hide_among_the_data(self) -> None:
        file = Heic()
        hidden = parameter_sets(16_000, 16_000)[33]
        picture = coded_picture(samples(PICTURE))
        data = b"".join(struct.pack(">I", len(one)) + one for one in (hidden, picture))
        file.picture(PICTURE, data=data)
        with pytest.raises(LimitExceededError):
            decode(file.file(), WHOLE)

    def test_frames_are_counted(self) -> None:
        # Given a frame of 25 megapixels that is there a hundred times
        frame = unit(19, b"\x80" + bytes(10))
        file = Heic()
        file.picture(PICTURE, data=(struct.pack(">I", len(frame)) + frame) * 100, sets=parameter_sets(5_000, 5_000))
        with pytest.raises(LimitExceededError, match="may take"):
            decode(file.file(), WHOLE)

    def test_tiles_are_counted(self) -> None:
        file = Heic()
        tile = file.picture(plain((1, 2, 3), 16, 16), sets=parameter_sets(1_024, 1_024))
        grid = file.item(b"grid", bytes([0, 0, 15, 15]) + struct.pack(">HH", 96, 96), size_of(96, 96))
        file.refer(b"dimg", grid, *[tile] * 256)
        file.primary = grid
        with pytest.raises(LimitExceededError):
            decode(file.file(), WHOLE)

    def test_a_grid_of_grids_is_refused(self) -> None:
        file = Heic()
        file.item(b"grid", bytes([0, 0, 0, 0]) + struct.pack(">HH", 96, 96), size_of(96, 96))
        file.refer(b"dimg", 1, *[1] * 1_000)
        with pytest.raises(UnsupportedFormatError):
            decode(file.file(), WHOLE)

    def test_tiles_may_not_overlap_beyond_the_file(self) -> None:
        file = Heic()
        tile = file.picture(plain((1, 2, 3), 64, 64))
        grid = file.item(b"grid", bytes([0, 0, 15, 15]) + struct.pack(">HH", 96, 96), size_of(96, 96))
        file.refer(b"dimg", grid, *[tile] * 256)
        file.primary = grid
        with pytest.raises(LimitExceededError, match="overlap"):
            decode(file.file(), WHOLE)

    def test_an_avif_frame_larger_than_the_file_says_is_refused(self) -> None:
        content = encode(PICTURE, "AVIF")
        # Given a sequence header that tells 65,536 x 65,536 in front of the picture's own
        header = Bits().put(0b00011, 5).put(0, 5).put(0xFF, 8).put(0xFFFFFFFF, 32).align().data()
        larger = bytes([0x0A, len(header)]) + header
        items = heif_boxes.read(content)
        at, length = items.by_number[items.primary].extents[0]
        assert heif_coded.av1(b"", content[at : at + length])[0] == 96 * 96
        assert heif_coded.av1(b"", larger)[0] == 65_536 * 65_536

    def test_a_million_boxes_are_refused_after_some(self) -> None:
        content = box(b"ftyp", b"heic", bytes(4)) + box(b"free") * (limits.HEIF_PARTS + 1)
        with pytest.raises(LimitExceededError, match="parts"):
            decode(content, WHOLE)


@pytest.mark.parametrize(("kind", "says"), [(b"unci", "uncompressed"), (b"avc1", "H.264"), (b"jpeg", "a JPEG inside")])
def test_what_is_coded_otherwise_is_called_by_its_name(kind: bytes, says: str) -> None:
    file = Heic()
    file.item(kind, b"data", size_of(96, 96))
    with pytest.raises(UnsupportedFormatError, match=says):
        decode(file.file(), WHOLE)


@settings(max_examples=200)
@given(st.binary(max_size=400), st.booleans())
def test_any_boxes_are_read_or_refused(rest: bytes, meta: bool) -> None:
    content = box(b"ftyp", b"heic", bytes(4)) + (box(b"meta", bytes(4), rest) if meta else rest)
    assert detect(content) is Format.HEIF
    try:
        heif.prepare(content)
    except SkysortError as error:
        assert error.detail  # noqa: PT017 - either outcome is right


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 2))
def test_damaged_boxes_are_read_or_refused(edits: list[tuple[int, int]], kind: int) -> None:
    content = bytearray((HEIC, AVIF, TILES)[kind])
    for place, value in edits:
        content[place % min(len(content), 900)] = value
    try:
        assert decode(bytes(content), WHOLE).shape == (64, 64, 3)
    except SkysortError as error:
        assert error.detail  # noqa: PT017 - either outcome is right


HEIC, AVIF = heic(plain((90, 60, 30), 32, 32)), encode(plain((90, 60, 30), 32, 32), "AVIF")


@settings(max_examples=200)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_coded_data_tell_sizes_or_are_refused(config: bytes, data: bytes) -> None:
    for reader in (heif_coded.hevc, heif_coded.av1):
        try:
            pixels, frames = reader(config, data)
        except SkysortError:
            continue
        assert pixels >= 0
        assert frames >= 0


def test_decoders_are_loaded_only_when_such_a_picture_is_met() -> None:
    program = (
        "import sys; from skysort.pictures.decode import InputSpec, decode; import skysort.pictures.classify as s;"
        "decode(s.sample_picture(), InputSpec(64, 64, 64, 1.0, 'white'));"
        "rare = ('heif', 'avif', 'imagecms', 'colour');"
        "print([name for name in sys.modules if any(one in name.lower() for one in rare)])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def tiled(picture: NDArray[np.uint8], side: int, *properties: bytes) -> bytes:
    """A HEIC file of square tiles, those at the right and lower edge filled up."""
    height, width = picture.shape[:2]
    rows, columns = -(-height // side), -(-width // side)
    full = np.pad(picture, ((0, rows * side - height), (0, columns * side - width), (0, 0)), "edge")
    file = Heic()
    tiles = [
        file.picture(np.ascontiguousarray(full[y : y + side, x : x + side]), colours())
        for y in range(0, rows * side, side)
        for x in range(0, columns * side, side)
    ]
    layout = bytes([0, 0, rows - 1, columns - 1]) + struct.pack(">HH", width, height)
    grid = file.item(b"grid", layout, size_of(width, height), colours(), *properties)
    file.refer(b"dimg", grid, *tiles)
    file.primary = grid
    return file.file()


MIDDLE = InputSpec(48, 48, None, 0.5, "black")


@pytest.mark.parametrize("size", [(200, 136), (136, 200), (160, 160), (250, 40)])
@pytest.mark.parametrize(
    "properties", [(), (turned(1),), (turned(2),), (turned(3),), (box(b"imir", b"\0"),), (box(b"imir", b"\1"),)]
)
def test_only_the_tiles_that_a_model_sees_are_decoded(
    size: tuple[int, int], properties: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a picture in tiles, and the same decoded as a whole
    picture = np.asarray(Image.fromarray(render(60, 60)).resize(size, Image.Resampling.BICUBIC))
    content = tiled(picture, 32, *properties)
    with monkeypatch.context() as whole:
        whole.setattr("skysort.pictures.formats.heif.cut", lambda *_: None)
        expected = read(content, MIDDLE)
    files: list[bytes] = []
    right = _pi_heif.load_file

    def load(file: bytes, *rest: Any) -> Any:
        files.append(file)
        return right(file, *rest)

    monkeypatch.setattr("_pi_heif.load_file", load)
    # Then it is the same picture, from fewer tiles
    found = read(content, MIDDLE)
    assert difference(found.pixels, expected.pixels) < 0.5  # turned after it is made small, not before
    assert np.abs(found.pixels.astype(int) - expected.pixels).max() <= 3
    assert (found.width, found.height) == (expected.width, expected.height)
    assert len(files[0]) < 0.8 * len(content)


TILES = tiled(render(100, 80), 16)


def test_tiles_that_all_lie_in_one_place_are_not_copied() -> None:
    # Given a hundred tiles whose data are the whole file
    content = bytearray(TILES)
    items = heif_boxes.read(TILES)
    for number, item in items.by_number.items():
        if item.kind == b"hvc1":
            row = struct.pack(">HHHII", number, 0, 1, *item.extents[0])
            content[content.index(row) : content.index(row) + 14] = struct.pack(">HHHII", number, 0, 1, 0, len(TILES))
    with pytest.raises(LimitExceededError, match="overlap"):
        decode(bytes(content), MIDDLE)
