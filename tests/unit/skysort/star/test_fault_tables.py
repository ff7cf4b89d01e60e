"""Tables that users and attackers sent: what the star model says of them, by HTTP and in the drop folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from skysort.cache import AnswerCache
from skysort.errors import InvalidFieldsError, LimitExceededError
from skysort.star.body import CSV, JSON, read_body
from skysort.star.classify import StarClassifier
from skysort.star.model import StarModel
from tests.conftest import ROOT
from tests.fakes.tables import classify

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_data
MODEL = ROOT / "functions" / "star" / "model"


@pytest.fixture
def catalogues(survey_data: Path) -> Path:
    return survey_data.parent / "faults" / "catalogues"


@pytest.fixture
def hostile(survey_data: Path) -> Path:
    return survey_data.parent / "faults" / "hostile"


def answers(body: bytes, kind: str = CSV) -> list[dict[str, Any]]:
    classifier = StarClassifier(StarModel.load(MODEL), AnswerCache(10))
    return cast("list[dict[str, Any]]", classifier.answer(read_body(body, kind), {})["results"])


def test_a_table_filled_with_redshifts_of_0_is_classified_from_photometry(catalogues: Path) -> None:
    # Given 400 objects whose unknown redshifts are 0, and what they truly are
    body = (catalogues / "redshift_zero_is_unknown.csv").read_bytes()
    truth = [line.rsplit(b",", 1)[1].decode() for line in body.split()[1:]]
    # When
    found = answers(body)
    # Then
    assert {(each["variant"], each["warnings"][0]["code"]) for each in found} == {
        ("photometry_only", "redshift_sentinel")
    }
    right = [each["predictions"][0]["label"] == true for each, true in zip(found, truth, strict=True)]
    assert sum(right) / len(right) > 0.96
    summary = classify(MODEL, body).summary
    assert summary["warnings"][0]["rows"] == summary["variants"]["photometry_only"] == 400


def test_a_table_of_two_selects_has_the_same_rows_by_http_and_dropped(catalogues: Path) -> None:
    body = (catalogues / "casjobs_two_tables.csv").read_bytes()
    assert len(answers(body)) == 41
    assert classify(MODEL, body).summary["rows"] == {"total": 41, "classified": 41, "rejected": 0}


def test_a_redshift_from_photometry_is_left_out(catalogues: Path) -> None:
    body = (catalogues / "redshift_phot_only.csv").read_bytes()
    assert {each["variant"] for each in answers(body)} == {"photometry_only"}
    assert classify(MODEL, body).summary["warnings"][0]["code"] == "photometric_redshift"


def test_a_row_of_skyservers_radial_search_is_answered_as_in_a_csv(catalogues: Path) -> None:
    # Given the row in JSON, and its columns as a CSV
    body = (catalogues / "skyserver_radial_row.json").read_bytes()
    (row,) = read_body(body, JSON).rows
    table = f"type,Err_u,u,g,r,i,z\n3,0.66,{','.join(map(repr, row.values[:5]))}\n".encode()
    # When
    (found,), (same,) = answers(body, JSON), answers(table)
    # Then
    assert found["predictions"] == same["predictions"]
    assert found["predictions"][0]["label"] == "GALAXY"
    assert found["predictions"][0]["probability"] == pytest.approx(0.61, abs=0.05)


def test_a_catalogue_of_gaap_magnitudes_is_told_so(catalogues: Path) -> None:
    with pytest.raises(InvalidFieldsError) as caught:
        classify(MODEL, (catalogues / "kids_dr4_sample.csv").read_bytes())
    assert [field.field for field in caught.value.fields] == list("ugriz")
    assert "MAG_GAAP_u is a GAaP magnitude" in caught.value.detail
    assert "did you mean" not in caught.value.detail


def test_vega_magnitudes_are_refused(catalogues: Path) -> None:
    with pytest.raises(InvalidFieldsError, match="Vega system"):
        classify(MODEL, (catalogues / "unit_mag_vega.vot").read_bytes())


def test_a_cell_of_40_000_digits_is_no_number(hostile: Path) -> None:
    body = (hostile / "star_redos_40k.csv").read_bytes()
    (found,) = answers(body)
    assert found["error"]["status"] == 422
    assert ("u", "not_a_number") in {(reject["column"], reject["reason"]) for reject in classify(MODEL, body).rejects}


def test_a_file_of_blank_lines_is_refused(hostile: Path) -> None:
    with pytest.raises(LimitExceededError, match="no header found within"):
        classify(MODEL, (hostile / "blank_lines_8MB.csv.gz").read_bytes())


def test_an_innocent_file_with_a_name_in_latin_1_is_classified(hostile: Path) -> None:
    result = classify(MODEL, (hostile / "ragged_latin1.csv").read_bytes())
    assert result.summary["rows"] == {"total": 2, "classified": 1, "rejected": 1}
    assert [reject["reason"] for reject in result.rejects] == ["wrong_cell_count"]
