"""How typical a row is: a p-value against held-out rows."""

from __future__ import annotations

import numpy as np
import pytest

from skysort.errors import ArtefactError
from skysort.star.typicality import THRESHOLD, Typicality
from tests.fakes.trained_stars import WISE, objects

VALUES, _ = objects(WISE, 3_000)
FITTED = Typicality.fit(VALUES[:2_000], VALUES[2_000:], len(WISE.bands), np.random.default_rng(1))


def test_good_rows_are_flagged_as_often_as_the_threshold_says() -> None:
    # Given further rows of the same kind
    further, _ = objects(WISE, 20_000, seed=2)
    # When
    typicality = FITTED.of(further)
    # Then their p-values are spread evenly
    for share in (0.05, 0.5):
        assert np.isclose((typicality <= share).mean(), share, atol=0.03)
    assert (typicality < THRESHOLD).mean() < 4 * THRESHOLD


def test_a_row_unlike_any_other_is_out_of_the_domain() -> None:
    # Given colours that no row has, though every magnitude is usual
    strange = np.array([[19.0, 22.0, 16.0, 20.5, 0.5]])
    assert FITTED.of(strange)[0] < THRESHOLD


def test_a_missing_value_counts_as_usual() -> None:
    rows = VALUES[:5].copy()
    rows[:, -1] = np.nan
    assert (FITTED.of(rows) > THRESHOLD).all()


def test_it_is_read_as_it_was_written() -> None:
    assert np.array_equal(Typicality.load(FITTED.save()).of(VALUES), FITTED.of(VALUES))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", FITTED.save()[:500]], ids=["empty", "no file", "cut"])
def test_a_damaged_file_is_named(content: bytes) -> None:
    with pytest.raises(ArtefactError, match="typicality file"):
        Typicality.load(content)
