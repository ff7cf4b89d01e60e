"""The loader: the compact copy, the original download, and what it refuses."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_export.star import data
from skysort.errors import EmptyInputError, InvalidFieldsError, MalformedInputError, NotFoundError, SkysortError
from skysort.star.columns import LABELS
from tests.unit.model_export.star.factories import kaggle_table, survey, table, write

if TYPE_CHECKING:
    from pathlib import Path


def test_the_compact_copy_and_the_original_download_give_the_same_objects(tmp_path: Path) -> None:
    # Given
    objects = survey(50)

    # When
    compact = data.load(write(table(objects), tmp_path / "sdss17.csv.gz"))
    original = data.load(write(kaggle_table(objects), tmp_path / "star_classification.csv"))

    # Then
    np.testing.assert_allclose(compact.photometry.magnitudes, objects.photometry.magnitudes, rtol=1e-14)
    np.testing.assert_array_equal(original.photometry.magnitudes, compact.photometry.magnitudes)
    np.testing.assert_array_equal(original.photometry.redshift, compact.photometry.redshift)
    np.testing.assert_array_equal(original.labels, compact.labels)


def test_the_row_of_sentinels_and_repeated_objects_are_dropped_and_counted(tmp_path: Path) -> None:
    # Given
    rows = kaggle_table(survey(20))
    rows.loc[3, ["u", "g", "z"]] = -9999.0
    again = rows.iloc[[7]].assign(redshift=rows["redshift"] + 0.001)
    rows = pd.concat([rows, again])

    # When
    dataset = data.load(write(rows, tmp_path / "star_classification.csv"))

    # Then
    assert len(dataset) == 19
    assert dataset.dropped == {"sentinel": 1, "repeated": 1}


def test_the_classes_are_counted_in_the_order_of_the_labels(tmp_path: Path) -> None:
    dataset = data.load(write(table(survey(80)), tmp_path / "a.csv"))
    assert list(dataset.counts()) == list(LABELS)
    assert sum(dataset.counts().values()) == 80


@pytest.mark.parametrize("column", ["u", "redshift", "class"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    path = write(table(survey(5)).drop(columns=column), tmp_path / "a.csv")
    with pytest.raises(InvalidFieldsError, match=rf"lacks the columns {column}; an SDSS17 table has u, g"):
        data.load(path)


def test_an_unknown_class_is_named(tmp_path: Path) -> None:
    rows = table(survey(5))
    rows.loc[2, "class"] = "COMET"
    with pytest.raises(InvalidFieldsError, match="unknown classes COMET; the column class holds GALAXY, QSO, STAR"):
        data.load(write(rows, tmp_path / "a.csv"))


def test_a_value_out_of_range_is_named_with_its_row_and_the_range(tmp_path: Path) -> None:
    rows = table(survey(5))
    rows.loc[2, "g"] = 99.0
    with pytest.raises(InvalidFieldsError, match=r"row 3: g must be from 5 to 35 mag, got 99\.0"):
        data.load(write(rows, tmp_path / "a.csv"))


@pytest.mark.parametrize(("value", "sentence"), [("bright", "must be a finite number"), (None, "is missing")])
def test_a_value_that_is_no_number_is_named(tmp_path: Path, value: str | None, sentence: str) -> None:
    rows = table(survey(5)).astype({"r": object})
    rows.loc[1, "r"] = value
    with pytest.raises(InvalidFieldsError, match=f"row 2: r {sentence}"):
        data.load(write(rows, tmp_path / "a.csv"))


def test_a_column_under_two_names_is_refused(tmp_path: Path) -> None:
    rows = table(survey(5)).assign(z_spec=0.1)
    with pytest.raises(InvalidFieldsError, match="redshift: is given twice"):
        data.load(write(rows, tmp_path / "a.csv"))


def test_a_header_alone_is_an_empty_table(tmp_path: Path) -> None:
    with pytest.raises(EmptyInputError, match="header but no rows"):
        data.load(write(table(survey(5)).iloc[:0], tmp_path / "a.csv"))


@pytest.mark.parametrize(("name", "content"), [("a.csv", b""), ("a.csv", b"\xff\xfe\x00\x81"), ("a.csv.gz", b"plain")])
def test_what_is_no_csv_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MalformedInputError, match="cannot be read as CSV"):
        data.load(path)


def test_an_absent_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"sdss17\.csv\.gz, star_classification\.csv.*set SKYSORT_DATA"):
        data.find(tmp_path)


@given(text=st.text(alphabet="ugriz,redshiftclass0123456789.-\n\"'GALXYQSOTR ", max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_or_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    # Given
    path = tmp_path / "any.csv"
    path.write_text(f"u,g,r,i,z,redshift,class\n{text}", encoding="utf-8")

    # When / Then: any other error would fail the test
    with contextlib.suppress(SkysortError):
        assert len(data.load(path)) > 0


def test_a_redshift_of_exactly_0_is_none(tmp_path: Path) -> None:
    # Given two fits that failed
    rows = kaggle_table(survey(20))
    rows.loc[[3, 8], "redshift"] = [0.0, -9999.0]
    # When
    dataset = data.load(write(rows, tmp_path / "star_classification.csv"))
    # Then the objects stay, and do not say that they have one
    assert np.flatnonzero(~dataset.has_redshift).tolist() == [3, 8]
    assert dataset.dropped == {"sentinel": 0, "repeated": 0}


@pytest.mark.needs_data
def test_the_survey_table_loses_only_the_object_that_is_in_it_twice(survey_data: Path) -> None:
    dataset = data.load(data.find(survey_data))
    assert dataset.dropped == {"sentinel": 0, "repeated": 1}
    assert dataset.take(~dataset.has_redshift).counts() == {"GALAXY": 412, "QSO": 0, "STAR": 0}
    assert dataset.counts() == {"GALAXY": 59_444, "QSO": 18_961, "STAR": 21_593}
