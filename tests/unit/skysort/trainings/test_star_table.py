"""Reading labelled tables: every format, and draws from large ones."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from skysort.errors import InputError, InvalidFieldsError
from skysort.star.columns import Photometry
from skysort.star.spellings import BANDS
from skysort.trainings.star_rows import folds, fractions, held_out, identifiers
from skysort.trainings.star_table import LabelledRows, StarOptions, read_rows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RANDOM = np.random.default_rng(17)
ROWS = 60
VALUES = RANDOM.uniform(15, 24, (ROWS, len(BANDS)))


def labelled(classes: list[object]) -> Table:
    """A table of magnitudes with a column of classes."""
    return Table({**{band: VALUES[:, place] for place, band in enumerate(BANDS)}, "class": classes})


def written(table: Table, kind: str, folder: Path) -> bytes:
    path = folder / "table"
    table.write(path, format=kind, overwrite=True)
    return path.read_bytes()


@pytest.mark.parametrize("classes", [["QSO", "STAR", "STAR"], [0, 1, 1]], ids=["texts", "numbers"])
@pytest.mark.parametrize("kind", ["ascii.csv", "fits", "votable", "parquet", "ascii.ecsv", "ascii.ipac"])
def test_classes_are_read_from_every_format(kind: str, classes: list[object], tmp_path: Path) -> None:
    # Given a table whose classes are texts or numbers
    body = written(labelled(classes * (ROWS // 3)), kind, tmp_path)
    # When
    rows = read_rows([body], StarOptions())
    # Then
    assert rows.labels == tuple(str(label) for label in dict.fromkeys(classes))
    assert np.bincount(rows.classes).tolist() == [20, 40]
    assert np.allclose(rows.photometry.magnitudes, VALUES, atol=1e-4)
    assert not rows.schema.has_redshift


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = read_rows([written(labelled(["a", "b"] * 30), "ascii.csv", tmp_path)], StarOptions())
    again = LabelledRows.load(rows.save())
    assert (again.labels, again.report, again.schema.values) == (rows.labels, rows.report, rows.schema.values)
    assert np.array_equal(again.photometry.magnitudes, rows.photometry.magnitudes)


def csv(values: NDArray[np.float64], classes: list[str]) -> bytes:
    text = io.StringIO()
    text.write(",".join((*BANDS, "class")) + "\n")
    for row, label in zip(values.tolist(), classes, strict=True):
        text.write(",".join(map(str, row)) + f",{label}\n")
    return text.getvalue().encode()


def test_of_a_large_table_the_same_rows_are_drawn_in_any_order() -> None:
    # Given more rows than are used, and few of one class
    values = np.random.default_rng(3).uniform(15, 24, (3_000, len(BANDS))).round(5)
    classes = ["rare" if row % 100 == 0 else "common" for row in range(3_000)]
    order = np.random.default_rng(4).permutation(3_000)
    # When it is read in two orders
    first = read_rows([csv(values, classes)], StarOptions(), limit=500)
    second = read_rows([csv(values[order], [classes[row] for row in order])], StarOptions(), limit=500)
    # Then the rows are the same, all of the small class among them
    assert set(identifiers(first.photometry)) == set(identifiers(second.photometry))
    assert first.report["classes"]["rare"] == 30
    assert "by a seeded draw" in first.report["drawn"]


def test_a_column_of_names_is_not_one_of_classes() -> None:
    values = np.random.default_rng(3).uniform(15, 24, (10_050, len(BANDS)))
    with pytest.raises(InvalidFieldsError, match="different values"):
        read_rows([csv(values, [f"object {row}" for row in range(10_050)])], StarOptions())


@pytest.mark.parametrize("label", ["a/b", "Straße", "a|b", "a;b", "x" * 61])
def test_rows_of_a_class_that_cannot_be_spelt_are_refused(label: str) -> None:
    rows = read_rows([csv(VALUES, ["a", "b"] * 29 + [label, label])], StarOptions())
    assert rows.report["refused"]["count"] == 2
    assert rows.report["refused"]["files"][0]["reason"].startswith("the class ")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"u,g,r,i,z,class\n", b"1,", b"19.5", b"QSO", b"\n", b'"', b",", b"\0", b"\xff"]), max_size=40
    )
)
def test_any_bytes_are_read_or_refused(pieces: list[bytes]) -> None:
    with pytest.raises(InputError):
        read_rows([b"u,g,r,i,z,class\n", *pieces], StarOptions())


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=20, max_size=200), st.integers(0, 2**32 - 1))
def test_every_class_is_held_out_in_part_and_spread_over_folds(classes: list[int], seed: int) -> None:
    # Given rows of any classes
    labels = np.array(classes)
    values = np.random.default_rng(seed).uniform(10, 25, (len(labels), 3)).round(5)
    photometry = Photometry(values, np.full(len(labels), np.nan))
    # When some are held out
    held = held_out(photometry, labels)
    # Then of each class neither none nor most, the same rows in any order
    for label in np.unique(labels):
        share = held[labels == label]
        assert share.sum() <= 0.4 * len(share)
        assert share.any() or len(share) < 3
    order = np.random.default_rng(seed).permutation(len(labels))
    assert np.array_equal(held_out(photometry.take(order), labels[order]), held[order])
    assert np.bincount(folds(photometry, labels, 5, seed), minlength=5).max() <= len(labels) / 5 + 3


def test_rows_of_the_same_values_are_in_the_same_fold() -> None:
    values = np.random.default_rng(1).uniform(10, 25, (50, 3)).round(5)
    photometry = Photometry(np.tile(values, (4, 1)), np.full(200, np.nan))
    fold_of = folds(photometry, np.zeros(200, np.int64), 5, seed=1).reshape(4, 50)
    assert (fold_of == fold_of[0]).all()
    assert np.array_equal(np.bincount(fold_of[0]), [10] * 5)


def test_fractions_are_spread_evenly() -> None:
    values = np.random.default_rng(1).uniform(10, 25, (20_000, 5))
    drawn = fractions(Photometry(values, np.full(20_000, np.nan)), seed=17)
    assert np.allclose(np.histogram(drawn, 10, (0, 1))[0] / 2_000, 1.0, atol=0.1)
