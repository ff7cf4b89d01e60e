"""Fitted mixtures: densities as scikit-learn has them, shares of rows that were not fitted on, tables of a survey."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from model_export.star import mixtures
from skysort.star.cures import VEGA
from skysort.star.mixtures import THRESHOLD, product_pairs
from tests.unit.model_export.star.factories import survey

SURVEY = survey(3_000, seed=1)


def test_a_gaussian_has_the_density_that_scikit_learn_gives_it() -> None:
    # Given a mixture of correlated coordinates
    draw = np.random.default_rng(0)
    values = draw.normal(size=(400, 5)) @ draw.normal(size=(5, 5))
    fitted = GaussianMixture(3, random_state=0).fit(values)
    # When
    rows = mixtures.coefficients(fitted.weights_, fitted.means_, fitted.precisions_cholesky_)
    first, second = product_pairs(5)
    extended = np.column_stack([values, np.ones(len(values))])
    components = rows @ (extended[:, first] * extended[:, second]).T
    # Then
    np.testing.assert_allclose(np.logaddexp.reduce(components, axis=0), fitted.score_samples(values), rtol=1e-9)


@pytest.mark.parametrize("with_redshift", [False, True])
def test_few_rows_that_were_not_fitted_on_are_flagged(*, with_redshift: bool) -> None:
    # Given
    fitted = mixtures.fit(SURVEY, with_redshift=with_redshift, components=2, iterations=20)
    # When further rows of the same survey come
    photometry = survey(5_000, seed=2).photometry
    typicality = fitted.typicality(photometry.magnitudes, photometry.redshift if with_redshift else None)
    # Then
    assert (typicality < THRESHOLD).mean() < 0.02
    assert fitted.has_redshift == with_redshift


def test_a_table_in_vega_magnitudes_is_told_from_a_good_one() -> None:
    # Given
    judge = mixtures.tables(SURVEY, components=2, iterations=20, sizes=(20, 200), count=40)
    magnitudes = survey(200, seed=3).photometry.magnitudes
    # When
    good, spoilt = judge.judge(magnitudes), judge.judge(magnitudes - VEGA)
    # Then
    assert good is not None
    assert good.in_domain
    assert spoilt is not None
    assert spoilt.cause is not None
    assert spoilt.cause.code == "vega"


def test_good_tables_are_of_many_mixes_and_windows() -> None:
    # Given
    draw = np.random.default_rng(0)
    # When
    chosen = [mixtures.good_table(SURVEY, 100, draw) for _ in range(40)]
    # Then some are nearly all of one class, and some within a narrow range
    largest = [np.bincount(SURVEY.labels[rows], minlength=3).max() for rows in chosen]
    spreads = [np.ptp(SURVEY.photometry.magnitudes[rows, 2]) for rows in chosen]
    assert max(largest) > 85
    assert min(largest) < 60
    assert min(spreads) < 0.7 * max(spreads)
