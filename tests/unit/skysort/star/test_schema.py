"""What a model reads, as its card says it: bands, extra columns, redshift, and the names they may have."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.errors import ArtefactError, InvalidFieldsError
from skysort.star.columns import Photometry, Reason, check, without_sentinels
from skysort.star.features import PHOTOMETRIC, SPECTROSCOPIC, FeatureSet
from skysort.star.names import choose
from skysort.star.rows import read_row
from skysort.star.schema import SDSS, Schema
from skysort.star.spellings import BANDS, IGNORED, SPELLINGS, canonical
from skysort.star.tables.header import locate
from tests.fakes.trained_stars import AGN, WISE

NAMES = st.sampled_from([*"grizy", "w1", "w2", "bp", "rp", "j", "h", "ks", "parallax", "pm"])


def test_the_built_in_models_names_are_those_of_its_schema() -> None:
    assert {name: SDSS.canonical(name) for name in (*SPELLINGS, *IGNORED)} == {
        name: canonical(name) for name in (*SPELLINGS, *IGNORED)
    }
    assert SDSS.needs == "u, g, r, i, z and, where there is a spectrum, redshift"


def test_the_built_in_features_are_those_of_its_schema() -> None:
    assert FeatureSet.of(SDSS, with_redshift=True).names == SPECTROSCOPIC
    assert PHOTOMETRIC[:7] == (*BANDS, "u-g", "g-r")
    assert SPECTROSCOPIC[-2:] == ("redshift", "r-5log10(redshift)")


def test_other_bands_have_their_own_colours_and_bends() -> None:
    # Given a model of four bands, and an extra column
    features = FeatureSet.of(WISE, with_redshift=False)
    # Then neighbours are subtracted, and the extra column stays as it is
    assert features.names == (
        *("g", "r", "w1", "w2", "variability"),
        *("g-r", "r-w1", "w1-w2", "g-w1", "r-w2"),
        *("bend_r", "bend_w1"),
    )
    (row,) = features.matrix(np.array([[19.0, 18.5, 15.0, 14.0, 0.25]]), np.array([math.nan])).tolist()
    assert row == [19.0, 18.5, 15.0, 14.0, 0.25, 0.5, 3.5, 1.0, 4.0, 4.5, 3.0 * -1, 2.5]


def test_one_band_is_a_model_too() -> None:
    assert FeatureSet.of(Schema(("r",)), with_redshift=True).names == ("r", "redshift", "r-5log10(redshift)")


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True), st.booleans(), st.data())
def test_a_card_says_all_that_a_schema_is(names: list[str], redshift: bool, data: st.DataObject) -> None:
    # Given any bands, extra columns and names in the training table
    bands, extras = names[: -(-len(names) // 2)], names[-(-len(names) // 2) :]
    optional = data.draw(st.lists(st.sampled_from(extras), unique=True)) if extras else []
    schema = Schema(
        bands, extras=extras, optional=optional, has_redshift=redshift, columns=dict.fromkeys(names[:1], "mag_1")
    )
    # When it goes through a card
    card = json.loads(json.dumps({"input": {"columns": schema.document()}}))
    read = Schema.from_card(card)
    # Then it is the same
    assert (read.bands, read.extras, read.optional, read.has_redshift, read.columns) == (
        *(schema.bands, schema.extras, schema.optional, schema.has_redshift),
        schema.columns,
    )
    assert {name: read.ranges[name] for name in names} == {name: schema.ranges[name] for name in names}
    assert FeatureSet.of(read, with_redshift=redshift) == FeatureSet.of(schema, with_redshift=redshift)


@pytest.mark.parametrize(
    "card",
    [{}, {"input": {}}, {"input": {"columns": {"u": {"used": True}}}}, {"input": {"columns": []}}],
    ids=["nothing", "no columns", "no unit", "a list"],
)
def test_a_card_without_columns_is_refused(card: dict[str, Any]) -> None:
    with pytest.raises(ArtefactError, match="does not describe its columns"):
        Schema.from_card(card)


def test_a_trained_models_row_is_read_by_its_columns() -> None:
    row = read_row({"ID": "j1", "G": 19.0, "rmag": 18.8, "mag_w1": 15.0, "w2": 14.0}, "0", text=False, schema=WISE)
    assert (row.id, row.errors) == ("j1", ())
    assert row.values[:4] == (19.0, 18.8, 15.0, 14.0)
    assert math.isnan(row.values[4])


def test_a_row_without_the_models_columns_is_told_which_it_needs() -> None:
    schema = Schema.from_card({"name": "wise-qso", "input": {"columns": WISE.document()}}, trained=True)
    row = read_row({"g": 19.0, "r": 18.8}, "0", text=False, schema=schema)
    assert [error.field for error in row.errors] == ["w1", "w2"]
    assert row.errors[0].detail.endswith("; model wise-qso needs g, r, w1, w2")


def test_the_training_tables_own_column_takes_precedence() -> None:
    # Given a model trained on a column of another name
    schema = Schema(BANDS, columns={"u": "petro_u"})
    # When a table has both
    match = choose(["petro_u", *BANDS], schema)
    # Then the trained one counts, and without it the usual ones
    assert match.positions["u"] == 0
    assert choose(list(BANDS), schema).positions["u"] == 0
    assert match.problems == ()


def test_gaias_g_is_a_band_where_the_model_says_so() -> None:
    schema = Schema(("g", "bp", "rp"), columns={"g": "gmag", "bp": "bpmag", "rp": "rpmag"}, has_redshift=False)
    assert locate(["Gmag", "BPmag", "RPmag"], schema).positions == (0, 1, 2, None)


def test_z_is_the_redshift_where_it_is_no_band() -> None:
    assert locate(["w1", "w2", "z"], Schema(("w1", "w2"))).positions == (0, 1, 2)


def test_a_training_tables_class_is_found_or_missed_by_name() -> None:
    schema = Schema(BANDS, class_columns=("class", "label"))
    assert locate([*BANDS, "Label"], schema).positions[-1] == 5
    with pytest.raises(InvalidFieldsError, match="no column of classes"):
        locate([*BANDS], schema)


def test_a_named_column_that_is_absent_is_an_error_of_a_training() -> None:
    schema = Schema(BANDS, extras=("w1",), optional=("w1",), columns={"w1": "w1mpro"}, class_columns=("class",))
    with pytest.raises(InvalidFieldsError, match="no column w1mpro, which was named for w1"):
        locate([*BANDS, "class"], schema)


def test_an_optional_value_may_be_missing_and_a_band_may_not() -> None:
    # Given a row without the optional value, one where it was not measured, and one without a band
    values = np.array([[*AGN.values()]] * 3)
    values[0, 4], values[1, 4], values[2, 2] = math.nan, -9999.0, math.nan
    photometry = Photometry(values, np.full(3, math.nan))
    # When
    reasons = check(photometry, WISE)
    cleaned, _ = without_sentinels(photometry, WISE)
    # Then
    assert reasons.max(axis=1).tolist() == [Reason.OK, Reason.OK, Reason.MISSING]
    assert np.isnan(cleaned.magnitudes[:2, 4]).all()
