"""What the benchmark counts on: digits after a JPEG's end make a new input of the same pixels."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from skysort.cache import AnswerCache
from skysort.pictures.bodies.request import PictureItem, PictureRequest
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.decode import InputSpec, decode
from skysort.pictures.model import PictureModel
from tests.bench import peers
from tests.bench.pictures import LARGE, PICTURES, large_photograph
from tests.bench.wrk import ROOT
from tests.factories_images import picture_artefact, results_of
from tests.rendered import FOLDER, SAMPLES, jpeg

if TYPE_CHECKING:
    from pathlib import Path

SPEC = InputSpec(128, 128, None, 0.5, "black")


@pytest.mark.parametrize("name", PICTURES.values())
def test_digits_after_the_end_make_a_new_input_of_the_same_pixels(name: str, tmp_path: Path) -> None:
    # Given a sample and the same with twelve digits after its end
    content = (ROOT / "events" / name).read_bytes()
    other = content + b"000000000001"
    # Then the pixels are the same, and the answers as well
    assert np.array_equal(decode(content, SPEC), decode(other, SPEC))
    classifier = PictureClassifier(PictureModel.load(picture_artefact(tmp_path / "model")), AnswerCache(10))
    found = [
        results_of(classifier, PictureRequest([PictureItem("0", given)], single=True))[0]
        for given in (content, other, other)
    ]
    assert found[0]["predictions"] == found[1]["predictions"]
    # And only the very same bytes come from the cache
    assert [result["cached"] for result in found] == [False, False, True]


def test_the_large_photograph_has_twelve_megapixels_and_fits_into_a_request() -> None:
    content = large_photograph()
    assert Image.open(BytesIO(content)).size == LARGE
    assert LARGE[0] * LARGE[1] == 12_000_000
    # As base64 in Lambda's 6 MiB
    assert len(content) * 4 / 3 < 6 * 2**20


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_what_the_code_renders(name: str) -> None:
    content = (FOLDER / name).read_bytes()
    assert len(content) < 30_000
    # Another libjpeg may round otherwise, so pixels are held against each other, not bytes.
    there, made = (np.asarray(Image.open(BytesIO(given)), np.int16) for given in (content, jpeg(SAMPLES[name]())))
    assert np.abs(there - made).mean() < 1


def test_ratios_are_of_unique_pictures_at_the_same_load() -> None:
    ours = [
        {"inputs": "repeated", "users": 5, "p50_ms": 1.0, "p95_ms": 1.0, "requests_per_s": 900.0},
        {"inputs": "unique", "users": 5, "p50_ms": 20.0, "p95_ms": 30.0, "requests_per_s": 200.0},
    ]
    theirs = [{"inputs": "unique", "users": 5, "p50_ms": 100.0, "p95_ms": 120.0, "requests_per_s": 40.0}]
    found = peers.ratios({"image": {"http": ours}}, {"image": {"http": theirs}})
    assert found == {"image": [{"users": 5, "p50": 5.0, "p95": 4.0, "requests_per_s": 5.0}]}
