"""A table's typicality: what a single row cannot tell, and what was done to its magnitudes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from skysort.errors import ArtefactError
from skysort.star.cures import EXTINCTION, VEGA
from skysort.star.mixtures import THRESHOLD
from skysort.star.table_typicality import FEWEST, MOST, TableTypicality, TableVerdict, memberships
from tests.fakes.mixtures import mixtures, objects, tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

JUDGE = tables()
ROWS = 200


def judged(magnitudes: NDArray[np.float64]) -> TableVerdict:
    verdict = JUDGE.judge(magnitudes)
    assert verdict is not None
    return verdict


def test_good_tables_are_in_the_domain_whatever_their_mix() -> None:
    # Given tables of all classes, and of one
    good = [objects(ROWS, 50 + seed, label)[0] for seed, label in enumerate([None, 0, 1, 2] * 5)]
    # When
    verdicts = [judged(table) for table in good]
    # Then
    assert all(verdict.in_domain for verdict in verdicts)
    assert all(verdict.cause is None for verdict in verdicts)


@pytest.mark.parametrize(
    ("code", "offsets"),
    [
        ("vega", -VEGA),
        ("reddened", 0.5 * EXTINCTION),
        ("dereddened", -0.5 * EXTINCTION),
        ("fainter", np.full(5, 3.0)),
        ("brighter", np.full(5, -3.0)),
    ],
)
def test_what_was_added_to_the_magnitudes_is_named(code: str, offsets: NDArray[np.float64]) -> None:
    # Given a table
    magnitudes = objects(ROWS)[0] + offsets
    # When
    verdict = judged(magnitudes)
    # Then
    assert not verdict.in_domain
    assert verdict.cause is not None
    assert verdict.cause.code == code


def test_exchanged_bands_are_named() -> None:
    verdict = judged(objects(ROWS)[0][:, [0, 2, 1, 3, 4]])
    assert verdict.cause is not None
    assert verdict.cause.detail == "g and r are exchanged"


def test_a_zero_point_of_one_band_is_named() -> None:
    verdict = judged(objects(ROWS)[0] + np.array([1.0, 0, 0, 0, 0]))
    assert verdict.cause is not None
    assert verdict.cause.code == "zero_point"
    assert "u is about 1 too large" in verdict.cause.detail


def test_objects_without_scatter_are_too_regular() -> None:
    # Given the same object again and again, the most common one
    magnitudes = objects(5_000)[0]
    _, scores = memberships(JUDGE.mixtures.components(magnitudes))
    repeated = np.repeat(magnitudes[[scores.argmax()]], ROWS, axis=0)
    # Then
    verdict = judged(repeated)
    assert not verdict.in_domain
    assert verdict.cause is not None
    assert verdict.cause.code == "too_regular"


def test_fluxes_are_named() -> None:
    verdict = judged(10 ** ((22.5 - objects(ROWS)[0]) / 2.5))
    assert verdict.cause is not None
    assert verdict.cause.code == "nanomaggies"


def test_a_single_row_cannot_tell_what_a_table_can() -> None:
    # Given rows in Vega magnitudes
    spoilt = objects(ROWS)[0] - VEGA
    # Then most of them pass one by one
    assert (JUDGE.mixtures.typicality(spoilt) >= THRESHOLD).mean() > 0.5
    assert not judged(spoilt).in_domain


def test_what_no_cure_explains_is_said_to_be_unexplained() -> None:
    # Given numbers at random
    numbers = np.random.default_rng(0).uniform(14, 19, (ROWS, 5))
    # Then
    cause = judged(numbers).cause
    assert cause is not None
    assert cause.code == "unexplained"


def test_objects_that_are_odd_and_faint_are_told_as_the_faint_end() -> None:
    # Given noise as large as of faint objects
    noisy = objects(ROWS)[0] + 3.0 + np.random.default_rng(0).normal(0, 2.0, (ROWS, 5))
    # Then
    cause = judged(noisy).cause
    assert cause is not None
    assert cause.code == "faint_end"


def test_a_few_odd_rows_do_not_condemn_a_table() -> None:
    magnitudes = objects(ROWS)[0]
    magnitudes[:2] = 34.0
    assert judged(magnitudes).in_domain


def test_too_few_rows_are_not_judged() -> None:
    assert JUDGE.judge(objects(FEWEST - 1)[0]) is None
    assert JUDGE.judge(objects(FEWEST)[0]) is not None


def test_of_many_rows_an_even_sample_is_judged() -> None:
    magnitudes = objects(3 * MOST)[0]
    # Given that the second half is in Vega magnitudes
    magnitudes[len(magnitudes) // 2 :] -= VEGA
    # Then
    verdict = judged(magnitudes)
    assert verdict.rows == MOST
    assert not verdict.in_domain


def test_it_is_read_as_it_was_written() -> None:
    again = TableTypicality.load(mixtures(), JUDGE.save())
    spoilt = objects(ROWS)[0] - VEGA
    assert again.judge(spoilt) == judged(spoilt)


@pytest.mark.parametrize("content", [b"", JUDGE.save()[:300], mixtures().save()], ids=["empty", "cut", "another file"])
def test_a_damaged_file_is_named(content: bytes) -> None:
    with pytest.raises(ArtefactError, match="file of tables"):
        TableTypicality.load(mixtures(), content)


def test_a_file_of_other_mixtures_is_named() -> None:
    other = mixtures()
    other.classes = 2
    with pytest.raises(ArtefactError, match="do not match"):
        TableTypicality.load(other, JUDGE.save())
