"""Files of surveys and alert streams, as people sent them, through the published galaxy model."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits as astropy_fits

from infra import ROOT
from skysort.errors import UnsupportedFormatError
from skysort.pictures.bodies.request import PictureItem, PictureRequest
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.decode import decode
from skysort.pictures.model import PictureModel
from tests.factories_images import results_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.needs_data
MODEL = ROOT / "functions" / "galaxy" / "model"


@pytest.fixture(scope="module")
def model() -> PictureModel:
    return PictureModel.load(MODEL)


@pytest.fixture
def file(survey_data: Path) -> Callable[[str], bytes]:
    return lambda name: (survey_data.parent / "faults" / "catalogues" / name).read_bytes()


@pytest.fixture
def answer(model: PictureModel, file: Callable[[str], bytes]) -> Callable[[str], dict[str, Any]]:
    def answered(name: str) -> dict[str, Any]:
        request = PictureRequest([PictureItem(name, file(name))], {})
        result: dict[str, Any] = results_of(PictureClassifier(model), request)[0]
        return result

    return answered


def probabilities(result: dict[str, Any]) -> dict[str, float]:
    return {entry["label"]: entry["probability"] for entry in result["predictions"]}


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result.get("warnings", [])]


def test_a_compressed_survey_image_is_drawn_as_the_unpacked_one(
    model: PictureModel, file: Callable[[str], bytes]
) -> None:
    content = file("splus_R_200px.fits.fz")
    unpacked = BytesIO()
    with astropy_fits.open(BytesIO(content)) as packed:
        astropy_fits.PrimaryHDU(np.array(packed[1].data)).writeto(unpacked)
    assert np.array_equal(decode(content, model.spec), decode(unpacked.getvalue(), model.spec))


def test_a_cutout_of_four_bands_is_answered(answer: Callable[[str], dict[str, Any]]) -> None:
    # It is a few pixels wide, and its galaxy reaches to the edge.
    assert codes(answer("legacy_griz_4planes.fits")) == ["bands_chosen", "framing_too_close"]


@pytest.mark.parametrize(
    ("name", "remarks"),
    [
        ("no_coverage_zero_56pct.fits", ["no_coverage"]),
        ("no_coverage_nan_56pct.fits", ["no_coverage"]),
        ("saturated_core_nan.fits", ["holes_filled"]),
    ],
)
def test_pixels_without_value_do_not_change_the_class(
    name: str, remarks: list[str], answer: Callable[[str], dict[str, Any]]
) -> None:
    # Given what the whole frame is called
    whole = probabilities(answer("no_coverage_reference.fits"))
    # When part of it has no value
    result = answer(name)
    # Then it is called the same, nearly as surely, and the answer says what was done
    found = probabilities(result)
    assert max(found, key=lambda label: found[label]) == max(whole, key=lambda label: whole[label])
    assert all(abs(found[label] - whole[label]) < 0.1 for label in found)
    assert codes(result) == remarks


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("random_groups.fits", "holds random groups"),
        ("lsst_alert.avro", "an Avro alert packet; send its stamps"),
        ("casjobs_all_tdim1.fits", "holds a table and no image"),
        ("sdss_photoObj_arrays.fits", "holds a table and no image"),
    ],
)
def test_what_is_no_picture_is_named(name: str, says: str, model: PictureModel, file: Callable[[str], bytes]) -> None:
    with pytest.raises(UnsupportedFormatError, match=says):
        decode(file(name), model.spec)
