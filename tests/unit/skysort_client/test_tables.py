"""Tables of astropy and pandas: back as they came, with the answers beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

import skysort
from skysort_client.tables import columns_of, csv_of, result_columns
from tests.fakes.service import problem

if TYPE_CHECKING:
    from tests.fakes.service import FakeService

BANDS = ("u", "g", "r", "i", "z")
ANSWERS = ["skysort_class", "skysort_p_star", "skysort_set", "skysort_variant", "skysort_model"]


def frame(rows: int = 3) -> pd.DataFrame:
    values = {band: np.linspace(15, 20, rows) + at for at, band in enumerate(BANDS)}
    return pd.DataFrame({"name": [f"s{at}" for at in range(rows)], **values}, index=pd.Index(range(7, 7 + rows)))


def sent(service: FakeService) -> list[str]:
    return service.requests[-1].content.decode().splitlines()


def test_a_frame_comes_back_with_its_index_and_columns(client: skysort.Client) -> None:
    given = frame()
    before = given.copy()
    found = client.classify_table(given)
    assert list(found.columns) == [*given.columns, *ANSWERS]
    assert list(found.index) == [7, 8, 9]
    assert list(found["skysort_class"]) == ["STAR"] * 3
    assert found["skysort_p_star"].dtype == np.float64
    assert found["skysort_model"].iloc[0] == "star 9.9"
    pd.testing.assert_frame_equal(given, before)


def test_an_astropy_table_comes_back_as_its_kind_with_its_meta(client: skysort.Client, service: FakeService) -> None:
    # Given what a CSV cannot hold, too
    given = QTable.from_pandas(frame())
    for band in BANDS:
        given[band] = given[band] * units.mag
    given["when"] = Time([60_000.0, 60_001.0, 60_002.0], format="mjd")
    given["spectrum"] = np.zeros((3, 4))
    given.meta["survey"] = "a night"
    # When
    found = client.classify_table(given)
    # Then
    assert type(found) is QTable
    assert found.colnames == [*given.colnames, *ANSWERS]
    assert found.meta == {"survey": "a night"}
    assert found["u"].unit == units.mag
    assert list(found["skysort_class"]) == ["STAR"] * 3
    # And its units stand below the names
    assert sent(service)[:2] == ["name,u,g,r,i,z,when", ",mag,mag,mag,mag,mag,"]


def test_missing_values_are_empty_cells(client: skysort.Client, service: FakeService) -> None:
    given = Table({band: MaskedColumn([15.0, 16.0], mask=[False, band == "u"]) for band in BANDS})
    given["redshift"] = [np.nan, 0.5]
    given["text"] = ["two\nlines", "a,b"]
    given["bytes"] = np.array([b"ab", b"c"])
    client.classify_table(given)
    assert sent(service) == [
        "u,g,r,i,z,redshift,text,bytes",
        "15.0,15.0,15.0,15.0,15.0,,two lines,ab",
        ',16.0,16.0,16.0,16.0,0.5,"a,b",c',
    ]
    client.classify_table(pd.DataFrame({band: [15.0, None] for band in BANDS}).convert_dtypes())
    assert sent(service)[2] == ",,,,"


def test_a_row_that_is_refused_has_a_reason_and_no_answer(client: skysort.Client) -> None:
    given = frame()
    given["u"] = [15.0, -9999.0, 15.0]
    given["u"] = given["u"].astype(object).where(given["u"] > 0, "-9999")
    found = client.classify_table(given)
    assert list(found["skysort_error"]) == [None, "u: is -9999", None]
    assert list(found["skysort_class"]) == ["STAR", None, "STAR"]
    assert np.isnan(found["skysort_p_star"].iloc[1])
    table = client.classify_table(Table.from_pandas(given.astype({"u": str})))
    assert list(table["skysort_class"].mask) == [False, True, False]
    assert list(table["skysort_p_star"].mask) == [False, True, False]


def test_a_large_table_goes_in_pieces_and_its_order_stays(client: skysort.Client, service: FakeService) -> None:
    # Given pieces, of which one is never answered
    given = frame(4_500)
    done: list[int] = []
    # When
    found = client.classify_table(given, progress=done.append)
    # Then
    assert len(service.requests) == 3
    assert len(found) == 4_500
    assert done[-1] == 4_500
    assert found["skysort_class"].notna().all()


def test_a_second_classification_replaces_the_first(client: skysort.Client, service: FakeService) -> None:
    for given in (frame(), Table.from_pandas(frame())):
        once = client.classify_table(given)
        twice = client.classify_table(once)
        assert list(twice.columns) == list(once.columns)
        assert "skysort" not in sent(service)[0]


def test_a_table_that_is_refused_as_a_whole_is_an_exception(client: skysort.Client, service: FakeService) -> None:
    service.failures = [problem(422, "there is no column i")]
    with pytest.raises(skysort.ProblemError, match="there is no column i"):
        client.classify_table(frame())


@pytest.mark.parametrize(
    ("table", "model", "sentence"),
    [
        ([1, 2], "star", "a list is no table: give one of astropy or a data frame of pandas; Client.drop takes files"),
        (frame(), "galaxy", "galaxy classifies pictures; tables are for star and custom-star/NAME"),
    ],
)
def test_what_is_no_table_is_told_what_would_be(client: skysort.Client, table: Any, model: str, sentence: str) -> None:
    with pytest.raises(skysort.UsageError) as refused:
        client.classify_table(table, model)
    assert str(refused.value) == sentence


def test_a_table_without_rows_stays_as_it_is(client: skysort.Client, service: FakeService) -> None:
    assert len(client.classify_table(frame(0))) == 0
    assert service.requests == []


def test_typicality_stands_beside_where_the_model_says_it() -> None:
    best = [{"label": "A b", "class_id": 0, "probability": 0.75}, {"label": "A-b", "class_id": 1, "probability": 0.25}]
    answer = {"predictions": best, "prediction_set": ["A b", "A-b"], "typicality": 0.5, "in_domain": True}
    unanswered = {"row": 2, "last_row": 3, "error": {"detail": "the service is busy"}}
    found = result_columns([{"row": 1, **answer}, unanswered], 3)
    assert found == {
        "skysort_class": ["A b", None, None],
        "skysort_p_a_b": [0.75, None, None],
        "skysort_p_a_b_2": [0.25, None, None],
        "skysort_typicality": [0.5, None, None],
        "skysort_in_domain": [True, None, None],
        "skysort_set": ["A b|A-b", None, None],
        "skysort_variant": [None, None, None],
        "skysort_model": [None, None, None],
        "skysort_error": [None, "the service is busy", "the service is busy"],
    }


def test_a_table_unlike_what_the_model_was_tested_on_is_warned_of(client: skysort.Client, service: FakeService) -> None:
    cause = {"code": "vega", "detail": "the magnitudes are in the Vega system"}
    service.table = {"domain": {"typicality": 0.0, "in_domain": False, "rows_in_domain": 0.5, "cause": cause}}
    with pytest.warns(UserWarning, match="the magnitudes are in the Vega system"):
        client.classify_table(frame())


def test_other_units_than_magnitudes_are_left_to_the_columns_names() -> None:
    table = QTable({band: [1.0] * units.Jy for band in BANDS})
    assert csv_of(columns_of(table)).splitlines()[0] == b"u,g,r,i,z"


def test_answers_of_another_number_are_no_answers() -> None:
    with pytest.raises(skysort.ServiceError, match="answered 1 rows of a table of 2"):
        result_columns([{"row": 1, "error": {}}], 2)
