"""The two boosters behind one model."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from skysort.errors import ArtefactError
from skysort.star.booster import Booster
from skysort.star.columns import Photometry
from skysort.star.model import StarModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def objects(redshift: list[float]) -> Photometry:
    magnitudes = np.linspace(17.0, 21.0, len(redshift))[:, None] + np.array([1.5, 0.4, 0.0, -0.2, -0.3])
    return Photometry(magnitudes, np.array(redshift))


def test_each_object_is_classified_by_its_own_booster(star_folder: Path) -> None:
    # Given objects with and without a spectrum, mixed
    model = StarModel.load(star_folder)
    mixed = objects([0.4, np.nan, 1.8, np.nan])
    # When they are classified together and one by one
    together = model.classify(mixed)
    alone = [model.classify(mixed.take(np.array([row]))) for row in range(4)]
    # Then it makes no difference, and the answer says who spoke
    assert together.with_redshift.tolist() == [True, False, True, False]
    assert np.array_equal(together.probabilities, np.vstack([one.probabilities for one in alone]))
    assert np.array_equal(together.prediction_sets, np.vstack([one.prediction_sets for one in alone]))


def test_probabilities_sum_to_one(star_folder: Path) -> None:
    found = StarModel.load(star_folder).classify(objects([0.0, 0.4, 1.8, np.nan]))
    assert np.allclose(found.probabilities.sum(axis=1), 1.0, atol=1e-6)


def test_a_set_is_empty_where_the_best_label_misses_its_threshold(star_folder: Path, tmp_path: Path) -> None:
    # Given a model whose thresholds no probability reaches
    folder = shutil.copytree(star_folder, tmp_path / "model")
    path = folder / "card.json"
    card = json.loads(path.read_text())
    for variant in card["variants"].values():
        variant["conformal"]["thresholds"] = dict.fromkeys(card["labels"], 1.5)
    path.write_text(json.dumps(card))
    # When it classifies, then no set has a label
    found = StarModel.load(folder).classify(objects([0.0, 0.4, 1.8, np.nan]))
    assert not found.prediction_sets.any()


def test_explanations_add_up_to_the_margin(star_folder: Path) -> None:
    for explanation in StarModel.load(star_folder).explain(objects([0.4, np.nan])):
        total = explanation.base + explanation.contributions.sum(axis=1)
        assert np.allclose(total, explanation.margins, atol=1e-4)
        assert explanation.contributions.shape == (3, len(explanation.features))


def damage_hash(card: dict[str, Any]) -> None:
    card["variants"]["with_redshift"]["sha256"] = "0" * 64


def other_features(card: dict[str, Any]) -> None:
    card["variants"]["with_redshift"]["features"] = ["alpha", "delta"]


def no_variant(card: dict[str, Any]) -> None:
    del card["variants"]["photometry_only"]


def no_threshold(card: dict[str, Any]) -> None:
    card["variants"]["photometry_only"]["conformal"]["thresholds"] = {}


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (damage_hash, "not the one its card describes"),
        (other_features, "retrain it"),
        (no_variant, "photometry_only"),
        (no_threshold, "in full"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    star_folder: Path, tmp_path: Path, damage: Callable[[dict[str, Any]], None], says: str
) -> None:
    folder = shutil.copytree(star_folder, tmp_path / "model")
    card = json.loads((folder / "card.json").read_text())
    damage(card)
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ArtefactError, match=says):
        StarModel.load(folder)


def test_a_missing_model_file_is_named(star_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(star_folder, tmp_path / "model")
    (folder / "with_redshift.ubj").unlink()
    with pytest.raises(ArtefactError, match=r"with_redshift\.ubj cannot be read"):
        StarModel.load(folder)


def test_many_rows_are_explained_in_one_call_of_each_booster(
    star_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given rows with and without a redshift, in turns
    rows = objects([0.4, np.nan] * 20)
    model = StarModel.load(star_folder)
    calls: list[int] = []
    contributions = Booster.contributions

    def counted(booster: Booster, features: NDArray[np.float32]) -> NDArray[np.float32]:
        calls.append(len(features))
        return contributions(booster, features)

    monkeypatch.setattr(Booster, "contributions", counted)

    # When
    explained = model.explain(rows)

    # Then each row is explained as it is alone, and in its place
    assert calls == [20, 20]
    for at, explanation in enumerate(explained):
        (alone,) = model.explain(rows.take(np.array([at])))
        assert explanation.features == alone.features
        np.testing.assert_array_equal(explanation.contributions, alone.contributions)
        np.testing.assert_array_equal(explanation.margins, alone.margins)


def test_each_booster_is_re_weighted_by_the_shares_that_it_learnt_from(star_folder: Path, tmp_path: Path) -> None:
    # Given boosters that learnt from different shares, as where bright objects alone have a spectrum
    folder = tmp_path / "star"
    shutil.copytree(star_folder, folder)
    card = json.loads((folder / "card.json").read_text())
    card["variants"]["with_redshift"]["classes"] = {"GALAXY": 800, "QSO": 100, "STAR": 100}
    (folder / "card.json").write_text(json.dumps(card))
    model = StarModel.load(folder)
    alike = np.full((2, 3), 1 / 3, np.float32)
    # When
    weighted = model.at_prior(alike, np.array([True, False]), (0.8, 0.1, 0.1))
    # Then the same shares are news to one of them alone
    np.testing.assert_allclose(weighted, [[1 / 3, 1 / 3, 1 / 3], [0.8, 0.1, 0.1]], atol=1e-6)
    np.testing.assert_allclose(model.shares, [1 / 3, 1 / 3, 1 / 3])
