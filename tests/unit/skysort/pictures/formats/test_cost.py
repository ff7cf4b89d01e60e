"""What pictures cost: counted from their bytes, refused before anything is decoded, never more than twice for twice."""

from __future__ import annotations

import struct
import sys
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skysort import limits
from skysort.errors import InputError, LimitExceededError, SkysortError
from skysort.pictures.decode import InputSpec, decode, read
from skysort.pictures.formats import gif, jpeg, png, webp
from skysort.pictures.formats.loaders import load
from skysort.pictures.formats.prices import Budget, Cost
from skysort.pictures.formats.sniff import detect
from tests.factories_images import encode, plain, render, tiff_file
from tests.heic_files import box, heic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHOLE = InputSpec(64, 64, 64, 1.0, "white")
SMALL = render(64, 64)
DECODERS = (
    *("PIL.ImageFile.ImageFile.load", "PIL._webp.WebPAnimDecoder", "_pi_heif.load_file"),
    *("PIL.Image.core.new", "PIL.Image.core.fill"),
)


@pytest.fixture
def no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given that nothing may be decoded, and no picture's memory taken."""
    for name in DECODERS:
        monkeypatch.setattr(name, None)


def progressive(width: int, height: int, scans: int, mode: str = "L") -> bytes:
    """A small JPEG that says it is large, its last scan again and again."""
    content = encode(Image.new(mode, (16, 16), 100), "JPEG", progressive=True)
    at = content.index(b"\xff\xc2")
    content = content[: at + 5] + struct.pack(">HH", height, width) + content[at + 9 :]
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * scans + b"\xff\xd9"


def lossless_webp(width: int, height: int) -> bytes:
    """A lossless WebP of a few bytes that says it is large."""
    content = bytearray(encode(plain((1, 2, 3), 8, 8), "WEBP", lossless=True))
    content[21:25] = struct.pack("<I", width - 1 | height - 1 << 14)
    return bytes(content)


def gif_file(width: int, height: int, across: int, down: int, disposal: int = 2) -> bytes:
    control = b"!\xf9\x04" + bytes([disposal << 2, 0, 0, 0, 0])
    frame = b"," + struct.pack("<HHHH", 0, 0, across, down) + b"\0\x02\x02\x4c\x01\0;"
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0" + control + frame


def png_file(width: int, height: int, bits: int = 8, colour: int = 2, interlaced: int = 0) -> bytes:
    content = bytearray(encode(SMALL))
    content[16:29] = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.usefixtures("no_decoder")
@pytest.mark.parametrize(
    "content",
    [
        lossless_webp(7_071, 7_071),
        lossless_webp(16_384, 16_384),
        gif_file(8, 8, 30_000, 30_000),
        gif_file(65_535, 65_535, 8, 8),
        gif_file(7_000, 7_000, 7_000, 7_000, 3)[:-2] + b"\x01a" * limits.GIF_BLOCKS,
        progressive(10_900, 10_900, 30),
        progressive(9_000, 9_000, 1, "CMYK"),
        png_file(7_000, 7_000, 16, 6, 1),
        png_file(50_001, 1_000),
        heic(plain((1, 2, 3), 16, 16)).replace(struct.pack(">II", 16, 16), struct.pack(">II", 6_900, 6_900)),
    ],
    ids=lambda content: f"{detect(content).name} of {len(content)} B",
)
def test_a_small_file_that_costs_much_is_refused_at_once(content: bytes) -> None:
    with pytest.raises(LimitExceededError):
        read(content, WHOLE, Budget.of_a_request())


@pytest.mark.needs_data
@pytest.mark.usefixtures("no_decoder")
@pytest.mark.parametrize(
    "name",
    [
        *("pictures/webp_38_bytes_7071x7071.webp", "pictures/gif_dispose2_30000x30000.gif"),
        *("hostile/webp_50MP_2.webp", "hostile/jpeg_119MP_40scans.jpg"),
    ],
)
def test_files_that_stopped_a_function_are_refused_at_once(name: str, survey_data: Path) -> None:
    content = (survey_data.parent / "faults" / name).read_bytes()
    with pytest.raises(LimitExceededError):
        read(content, WHOLE, Budget.of_a_request())


@pytest.mark.parametrize(
    ("width", "height", "form"),
    [(4_032, 3_024, form) for form in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF")]
    + [(12_000, 8_500, "JPEG"), (8_160, 6_120, "WEBP"), (8_064, 6_048, "AVIF")],
)
def test_a_telephones_picture_is_within_a_requests_budget(
    width: int, height: int, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a small picture whose header says that it is as large as a telephone's, and what such a file takes
    content = resized(encode(SMALL, form), form, width, height)
    spent: list[Cost] = []
    monkeypatch.setattr(Budget, "take", lambda _, cost: spent.append(cost))
    try:
        load(content, detect(content), WHOLE, Budget.of_a_request())
    except Exception:
        assert spent
    # Then a megabyte of it may come on top
    assert sum(cost.work for cost in spent) < limits.REQUEST_WORK_S * 1e9
    assert max(cost.memory for cost in spent) < limits.PICTURE_MEMORY_BYTES


def resized(content: bytes, form: str, width: int, height: int) -> bytes:
    """A file with another size in its header."""
    changed = bytearray(content)
    if form == "JPEG":
        at = content.index(b"\xff\xc0") + 5
        changed[at : at + 4] = struct.pack(">HH", height, width)
    elif form == "PNG":
        changed = bytearray(png_file(width, height))
    elif form == "WEBP":
        changed[26:30] = struct.pack("<HH", width, height)
    elif form == "GIF":
        changed[6:10] = struct.pack("<HH", width, height)
    elif form == "TIFF":
        return tiff_file(width, height, {278: 10, 273: [8] * -(-height // 10), 279: [30] * -(-height // 10)}, bytes(30))
    else:
        at = content.index(b"ispe") + 8
        changed[at : at + 8] = struct.pack(">II", width, height)
    return bytes(changed)


def lines(work: Callable[[], Any]) -> int:
    """Lines of Python that some work takes; a refusal is work too."""
    count = 0

    def trace(_frame: Any, event: str, _arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except InputError:
        pass
    finally:
        sys.settrace(before)
    return count


def chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


JPEG = encode(SMALL, "JPEG")
SCANS = encode(SMALL, "JPEG", progressive=True)
PNG = encode(SMALL)
GIF = encode(SMALL, "GIF")
WEBP = encode(SMALL, "WEBP")
AVIF = encode(SMALL, "AVIF")
# The worst of each format, of a size: what is read again for each of its parts would take four times as long for two.
WORST: dict[str, Callable[[int], bytes]] = {
    "Exif segments": lambda n: JPEG[:2] + b"\xff\xe1\x00\x08Exif\0\0" * n + JPEG[2:],
    "colour profile segments": lambda n: JPEG[:2] + b"\xff\xe2\x00\x10ICC_PROFILE\0\x01\x01" * n + JPEG[2:],
    "fill bytes": lambda n: JPEG[:2] + b"\xff" * n + JPEG[2:],
    "fill bytes between scans": lambda n: SCANS.replace(b"\xff\xda", b"\xff" * n + b"\xff\xda"),
    "stuffed bytes": lambda n: SCANS[:-2] + b"\xff\0" * n + SCANS[-2:],
    "restarts": lambda n: SCANS[:-2] + b"\xff\xd0" * n + SCANS[-2:],
    "comments between scans": lambda n: SCANS[:-2] + b"\xff\xfe\0\x02" * n + SCANS[-2:],
    "quantisation tables": lambda n: JPEG[:2] + (b"\xff\xdb\0\x43" + bytes([0, *[1] * 64])) * n + JPEG[2:],
    "a photograph without an end": lambda n: JPEG[:-2] + b"\0" * n,
    "texts in a PNG": lambda n: PNG[:33] + chunk(b"tEXt", b"a\0b") * n + PNG[33:],
    "empty chunks of pixels": lambda n: PNG[:33] + chunk(b"IDAT") * n + PNG[33:],
    "comments in a GIF": lambda n: GIF[:13] + b"!\xfe\x01a\0" * n + GIF[13:],
    "blocks of a GIF": lambda n: GIF[:-2] + b"\x01\0" * n + b"\0;",
    "frames of a GIF": lambda n: GIF[:-1] + (b"," + bytes(4) + b"\x01\0\x01\0\0\x02\0") * n + b";",
    "chunks of a WebP": lambda n: WEBP[:4] + struct.pack("<I", 2**31) + WEBP[8:] + b"META\0\0\0\0" * n,
    "boxes of an AVIF": lambda n: AVIF + box(b"free") * n,
    "boxes in front": lambda n: AVIF[:32] + box(b"free") * n + AVIF[32:],
}


@pytest.mark.parametrize("what", WORST)
def test_twice_as_much_of_the_worst_takes_twice_the_work(what: str) -> None:
    once, twice = (lines(partial(decode, WORST[what](size), WHOLE)) for size in (600, 1_200))
    assert twice < 2.3 * once


@pytest.mark.parametrize("what", WORST)
def test_ever_more_of_the_worst_is_refused_or_within_the_budget(what: str) -> None:
    budget = Budget.of_a_request()
    content = WORST[what](700_000)
    try:
        read(content, WHOLE, budget)
    except InputError as error:
        assert error.detail  # noqa: PT017 - either outcome is right
    assert budget.left >= 0


def test_refusals_are_paid_for_too() -> None:
    # Given pictures that are refused only after many of their parts were walked past
    budget = Budget.of_a_request()
    content = WORST["comments in a GIF"](limits.GIF_BLOCKS)
    refused = 0
    while budget.left:
        with pytest.raises(LimitExceededError):
            read(content, WHOLE, budget)
        refused += 1
    # Then a request cannot have ever more of them walked past
    assert refused < 10
    with pytest.raises(LimitExceededError, match="may take"):
        read(PNG, WHOLE, budget)


def test_no_picture_is_kept_after_a_refusal() -> None:
    try:
        read(lossless_webp(7_071, 7_071), WHOLE, Budget.of_a_request())
    except LimitExceededError as error:
        frames = []
        trace = error.__traceback__
        while trace:
            frames.append(trace.tb_frame)
            trace = trace.tb_next
    assert not [value for frame in frames for value in frame.f_locals.values() if isinstance(value, Image.Image)]


@pytest.mark.parametrize(
    ("magic", "prepare"),
    [
        (b"\xff\xd8\xff", lambda content: jpeg.scan(content, Budget())),
        (png.SIGNATURE, png.prepare),
        (b"GIF89a", gif.prepare),
        (b"RIFF\xff\0\0\0WEBP", webp.prepare),
    ],
    ids=["jpeg", "png", "gif", "webp"],
)
@settings(max_examples=150)
@given(
    parts=st.lists(
        st.binary(max_size=30)
        | st.sampled_from(
            [b"\xff\xda", b"\xff\xc2\0\x0b\x08\0\x10\0\x10\x01\x01\x11\0", b"\xff\xd9", b"\xff\xff", b"\xff\xe2"]
        )
        | st.sampled_from([b"\0\0\0\x0dIHDR", b"\0\0\0\0IDAT", b"\0\0\0\0IEND", b"!\xf9\x04", b",", b"\x01\0"])
        | st.sampled_from(
            [b"VP8L\x05\0\0\0\x2f", b"VP8X\x0a\0\0\0", b"ANMF\x20\0\0\0", b"ALPH\0\0\0\0", b"VP8 \x0a\0\0\0"]
        ),
        max_size=12,
    )
)
def test_any_bytes_are_walked_or_refused(magic: bytes, prepare: Callable[[bytes], Any], parts: list[bytes]) -> None:
    try:
        found = prepare(magic + b"".join(parts))
    except SkysortError as error:
        assert error.detail  # noqa: PT017 - either outcome is right
    else:
        assert (found.cost(1) if isinstance(found, jpeg.Jpeg) else found.cost).work > 0


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.sampled_from([1, 2, 4, 8]))
@settings(max_examples=60)
def test_what_is_larger_never_costs_less(width: int, height: int, reduction: int) -> None:
    frame = jpeg.Frame(width, height, progressive=True, sampling={1: (2, 2), 2: (1, 1), 3: (1, 1)})
    larger = jpeg.Frame(width + 16, height, progressive=True, sampling=frame.sampling)
    costs = [
        jpeg.Jpeg(b"", one, False, one.blocks, 100, True, 5, 1, None, "").cost(reduction) for one in (frame, larger)
    ]
    assert costs[0].work <= costs[1].work
    assert costs[0].memory <= costs[1].memory


def test_a_float_picture_is_counted_as_measurements() -> None:
    content = encode(Image.fromarray(np.zeros((4_500, 3_500), np.float32)), "TIFF", compression="tiff_adobe_deflate")
    budget = Budget(0.5)
    with pytest.raises(LimitExceededError, match="may take"):
        read(content, WHOLE, budget)
