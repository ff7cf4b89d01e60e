"""The window of a WebP decoded alone: the same input of the model, whatever the picture's size and orientation."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skysort.errors import InputError
from skysort.pictures.decode import Picture, read, read_each
from skysort.pictures.formats import webp_window
from skysort.pictures.geometry import FILTERS, InputSpec
from tests.factories_images import PHOTOGRAPH_INPUT, encode, exif, render

if TYPE_CHECKING:
    from skysort.pictures.formats.prepared import Prepared

GALAXY = InputSpec(64, 64, None, 0.5, "black", measurements=True)


def whole(content: bytes, spec: InputSpec) -> Picture:
    """As decoded without the library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webp_window, "_library", lambda: None)
        return read(content, spec)


def same(one: Picture, other: Picture) -> bool:
    return bool((one.pixels == other.pixels).all()) and replace(one, pixels=other.pixels) == other


@given(
    size=st.tuples(st.integers(1, 400), st.integers(1, 400)) | st.integers(30, 400).map(lambda side: (side, side)),
    side=st.sampled_from([1, 2, 4, 8, 16, 30, 32, 64, 100, 128]),
    fraction=st.sampled_from([0.125, 0.25, 0.3, 0.5, 0.75, 1.0]),
    turn=st.integers(1, 8),
    chosen=st.sampled_from(FILTERS),
    quality=st.integers(10, 100),
)
@settings(deadline=None, max_examples=100)
def test_the_pixels_are_those_of_the_whole_picture(
    size: tuple[int, int], side: int, fraction: float, turn: int, chosen: str, quality: int
) -> None:
    spec = InputSpec(side, side, None, fraction, "black", chosen)  # type: ignore[arg-type]
    content = encode(render(*size, turn), "WEBP", quality=quality, exif=exif(turn) if turn > 1 else b"")
    assert same(read(content, spec), whole(content, spec))


def test_the_middle_of_a_cutout_is_decoded_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    found: list[webp_window.Window | None] = []
    decoded = webp_window.decoded

    def noted(prepared: Prepared, spec: InputSpec) -> webp_window.Window | None:
        found.append(decoded(prepared, spec))
        return found[-1]

    monkeypatch.setattr(webp_window, "decoded", noted)
    # When
    picture = read(encode(render(256, 256), "WEBP"), GALAXY)
    # Then
    (window,) = found
    assert window is not None
    assert window.picture.size[0] < 160
    assert (picture.width, picture.height) == (256, 256)


@pytest.mark.parametrize("options", [{"lossless": True}, {"save_all": True}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_other_kinds_of_webp_are_decoded_as_before(options: dict[str, bool], mode: str) -> None:
    shown = Image.fromarray(render(256, 256)).convert(mode)
    file = io.BytesIO()
    more = {"append_images": [Image.new(mode, shown.size)]} if "save_all" in options else {}
    shown.save(file, "WEBP", **options, **more)
    assert same(read(file.getvalue(), GALAXY), whole(file.getvalue(), GALAXY))


def test_an_input_of_several_models_is_decoded_as_before() -> None:
    content = encode(render(256, 256), "WEBP")
    for shared, spec in zip(read_each(content, (GALAXY, PHOTOGRAPH_INPUT)), (GALAXY, PHOTOGRAPH_INPUT), strict=True):
        assert same(shared, whole(content, spec))


@given(seed=st.integers(0, 2**32))
@settings(deadline=None)
def test_damage_is_an_answer_or_an_input_error(seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray(encode(render(200, 200), "WEBP"))
    for _ in range(chance.randint(1, 6)):
        content[chance.randrange(12, len(content))] = chance.randrange(256)
    try:
        pixels = read(bytes(content), GALAXY).pixels
    except InputError:
        return
    assert pixels.shape == (64, 64, 3)
    assert pixels.dtype == np.uint8
