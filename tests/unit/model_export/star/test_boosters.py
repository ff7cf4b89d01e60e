"""The boosters: the same bytes each time, within the budget of speed, blind to the sky."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_export.star import boosters
from model_export.star.data import folds
from model_export.star.explore import SHIPPED, feature_sets
from skysort.errors import ConfigurationError
from tests.unit.model_export.star.factories import survey

if TYPE_CHECKING:
    from pathlib import Path

SMALL = boosters.Hyperparameters(8, {"max_depth": 3, "eta": 0.3, "max_bin": 64, "subsample": 0.8})


@pytest.mark.parametrize("variant", boosters.VARIANTS)
def test_the_same_rows_give_the_same_bytes_with_any_number_of_threads(variant: str) -> None:
    # Given
    objects = survey(2_000)
    features = boosters.matrix(objects.photometry, variant)

    # When
    content = {
        boosters.to_bytes(boosters.fit(features, objects.labels, SMALL, threads=threads)) for threads in (1, 2, 2)
    }

    # Then
    assert len(content) == 1


def test_a_booster_read_back_answers_alike() -> None:
    objects = survey(500)
    features = boosters.matrix(objects.photometry, boosters.WITH_REDSHIFT)
    booster = boosters.fit(features, objects.labels, SMALL, threads=1)
    again = boosters.from_bytes(boosters.to_bytes(booster), 1)
    np.testing.assert_array_equal(boosters.margins(booster, features), boosters.margins(again, features))


def test_out_of_fold_answers_come_from_boosters_that_did_not_see_the_object() -> None:
    # Given: labels that are pure chance, which only a booster that saw them can know
    objects = survey(600)
    objects.labels[:] = np.random.default_rng(0).integers(0, 3, len(objects))
    eager = boosters.Hyperparameters(20, {"max_depth": 8, "eta": 0.5})

    # When
    features = boosters.matrix(objects.photometry, boosters.PHOTOMETRY_ONLY)
    seen = boosters.margins(boosters.fit(features, objects.labels, eager, threads=1), features)
    unseen = boosters.out_of_fold(features, objects.labels, eager, folds(objects), threads=1)

    # Then
    assert (seen.argmax(axis=1) == objects.labels).mean() > 0.9
    assert (unseen.argmax(axis=1) == objects.labels).mean() < 0.45


def test_the_committed_hyperparameters_keep_to_the_budget_of_speed() -> None:
    for chosen in boosters.hyperparameters().values():
        assert chosen.nodes_per_row <= boosters.NODES_PER_ROW


@pytest.mark.parametrize("content", ["{}", '{"with_redshift": {"rounds": 3}}', "[", '{"with_redshift": 3}'])
def test_hyperparameters_that_lack_something_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hyperparameters.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError):
        boosters.hyperparameters(path)


def test_the_sets_of_the_ablation_grow_to_what_ships_and_beyond() -> None:
    for variant, sets in feature_sets(survey(10).photometry).items():
        widths = {name: columns.shape[1] for name, columns in sets.items()}
        shipped = len(boosters.FEATURES[variant])
        assert widths["measured values"] < widths["+ two wide colours"] < shipped
        assert widths[SHIPPED] == shipped
        assert widths["shipped + the other four colours"] == shipped + 4
