"""What ``star typicality`` reports of rows and tables, on a small survey."""

from __future__ import annotations

import numpy as np

from model_export.star import mixtures, typicality
from tests.unit.model_export.star.factories import survey

TEST = survey(3_000, seed=4)


def test_good_rows_and_rows_that_no_object_can_have_are_told_apart() -> None:
    # Given
    fitted = mixtures.fit(survey(3_000, seed=1), with_redshift=False, components=2)
    # When
    report = typicality.rows(fitted, TEST)
    # Then
    assert report["good"]["flagged"]["value"] < 0.02
    assert set(report["good"]) == {"flagged", "GALAXY", "QSO", "STAR"}
    assert report["impossible"]["all bands alike, 5 to 10 or 27 to 35"]["value"] == 1
    assert report["impossible"]["neighbours 20 mag apart"]["value"] == 1


def test_good_and_spoilt_tables_are_told_apart() -> None:
    # Given
    judge = mixtures.tables(survey(3_000, seed=1), components=2, sizes=(20, 200), count=40)
    # When
    good = typicality.good_tables(judge, TEST, count=4)
    spoilt = typicality.spoilt_tables(judge, TEST, count=2)
    # Then
    assert good["as_the_survey"]["value"] < 0.5
    assert spoilt["Vega magnitudes"]["flagged"]["value"] == 1
    assert spoilt["Vega magnitudes"]["cause_right_of_flagged"]["value"] == 1
    assert set(spoilt) == set(typicality.changes(TEST.photometry.magnitudes))


def test_the_cost_is_measured_of_rows_and_tables() -> None:
    fitted = {"photometry_only": mixtures.fit(survey(1_000), with_redshift=False, components=1)}
    judge = mixtures.tables(survey(1_000), components=1, sizes=(20,), count=5)
    report = typicality.cost(fitted, judge, TEST.take(np.arange(300)))
    assert set(report) == {"photometry_only", "table_of_200_ms", "table_of_300_ms", "spoilt_table_of_200_ms"}
    assert set(report["photometry_only"]) == {"ns_per_row", "one_row_us"}
