"""The window that a model sees lies inside the picture, whatever its size: measurements, photographs, slivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra import ROOT
from skysort.errors import MalformedInputError
from skysort.model_card import load_card
from skysort.pictures.bodies.request import PictureItem, PictureRequest
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.decode import InputSpec, decode
from skysort.pictures.model import PictureModel
from tests.factories_images import encode, fits_file, results_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FUNCTIONS = ROOT / "functions"
MODELS = ("galaxy", "image")
SPECS = {name: InputSpec.from_card(load_card(FUNCTIONS / name / "model").document["input"]) for name in MODELS}
# Sizes n whose n / 224 x 224 is rounded up beyond n.
ROUNDED_UP = [29, 58, 116, *range(225, 254, 7), *range(450, 507, 7), 900, 907]
SIDES = st.one_of(st.integers(1, 70), st.sampled_from(ROUNDED_UP), st.integers(1, 1_100))


def counts(height: int, width: int, dtype: str = "i2") -> NDArray[Any]:
    """Ramps, so that no window is without light."""
    return (np.arange(height)[:, np.newaxis] % 251 + 3 * np.arange(width) % 97 + 100).astype(dtype)


@pytest.fixture(scope="module", params=MODELS)
def shipped(request: pytest.FixtureRequest) -> PictureClassifier:
    return PictureClassifier(PictureModel.load(FUNCTIONS / request.param / "model"))


def test_a_form_of_counts_with_sides_of_29_58_and_225_pixels_is_answered(shipped: PictureClassifier) -> None:
    # Given FITS files of counts, their shorter side of a size that rounding goes beyond
    sides = [29, 58, 116, 225, 253, 450]
    files = [fits_file(counts(side, side + more)) for side in sides for more in (0, 40)]
    # When they come in one form
    items = [PictureItem(str(number), content) for number, content in enumerate(files)]
    results = results_of(shipped, PictureRequest(items, {}))
    # Then each is answered
    assert [result for result in results if "predictions" not in result] == []


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_no_window_reaches_beyond_its_picture(spec: InputSpec) -> None:
    # Given every shorter side up to 3,000 pixels, and a longer one beside it
    for side in range(1, 3_001):
        for width, height in ((side, side), (side, side + 1), (2 * side + 1, side), (4_001, side), (side, 9_973)):
            left, upper, right, lower = spec.window(width, height)
            # Then the window is inside, and not empty
            assert 0 <= left < right <= width
            assert 0 <= upper < lower <= height


@pytest.mark.parametrize("model", SPECS)
@given(height=SIDES, width=SIDES, dtype=st.sampled_from(["i2", "f4"]))
@example(height=29, width=29, dtype="f4")
@example(height=1, width=1_000, dtype="i2")
@settings(max_examples=60, deadline=None)
def test_measurements_of_every_shape_are_drawn(model: str, height: int, width: int, dtype: str) -> None:
    spec = SPECS[model]
    try:
        shown = decode(fits_file(counts(height, width, dtype)), spec)
    except MalformedInputError as error:
        # One pixel may be all that the model looks at
        assert "have the same value" in error.detail  # noqa: PT017 - a picture or this sentence
        assert min(height, width) <= 2
    else:
        assert shown.shape == (spec.height, spec.width, 3)


@pytest.mark.parametrize("model", SPECS)
@pytest.mark.parametrize("side", [29, 225, 453, 900])
@pytest.mark.parametrize("form", ["counts in 16 bits", "numbers in 32 bits", "grey in 16 bits"])
def test_pictures_of_more_than_eight_bits_are_drawn_at_every_size(model: str, side: int, form: str) -> None:
    values = counts(side, side, "i4")
    content = {
        "counts in 16 bits": lambda: encode(values.astype(np.uint16), "PNG"),
        "numbers in 32 bits": lambda: encode(values.astype(np.float32), "TIFF"),
        "grey in 16 bits": lambda: encode((values * 150).astype(np.uint16), "PNG"),
    }[form]()
    assert decode(content, SPECS[model]).shape == (SPECS[model].height, SPECS[model].width, 3)


@pytest.mark.parametrize("model", SPECS)
@pytest.mark.parametrize("value", [-32_768, -1.0, 0.0, 3e38, -3e38, np.nan, np.inf])
def test_a_frame_of_one_value_is_refused_at_every_size(model: str, value: float) -> None:
    for side in (29, 225, 450):
        with pytest.raises(MalformedInputError, match=r"have the same value|no pixel with a value"):
            decode(fits_file(np.full((side, side), value, np.float32)), SPECS[model])


@pytest.mark.parametrize("model", SPECS)
@pytest.mark.parametrize("scale", [-1.0, 1e30, -1e30, 1e-38])
def test_negative_and_huge_numbers_are_drawn_at_every_size(model: str, scale: float) -> None:
    for side in (29, 225, 450):
        content = fits_file((counts(side, side) * np.float64(scale)).astype(np.float32))
        assert decode(content, SPECS[model]).shape == (SPECS[model].height, SPECS[model].width, 3)
