"""Reliability curves: what is written, and that nothing is where the figures differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_export import reliability as curves
from model_export.__main__ import main
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def test_curves_of_many_classes_come_without_a_matrix() -> None:
    truth = np.arange(100)
    found = curves.of_photographs(np.eye(1000, dtype=np.float32)[:100], truth)
    assert found == {"reliability": [{"count": 100, "confidence": 1.0, "accuracy": 1.0}]}


def test_what_is_taken_for_a_class_outside_the_set_counts_as_other() -> None:
    # Given: two classes; of class 0 one is right, of class 7 one is taken for class 500
    truth = np.array([0, 7])
    given = np.zeros((2, 1000), dtype=np.float32)
    given[0, 0], given[1, 500] = 0.9, 0.6

    # When
    found = curves.of_photographs(given, truth)

    # Then
    assert found["confusion"]["counts"] == [[1, 0, 0], [0, 0, 1]]
    assert found["confusion"]["columns"][-1] == "other"
    assert [entry["accuracy"] for entry in found["reliability"]] == [0.0, 1.0]


def test_curves_are_written_beside_the_figures_that_they_belong_to(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(json.dumps({"metrics": {"accuracy": {"value": 0.75}, "rows": 4}}))
    curves.write(path, {("metrics",): (0.75, {"reliability": []})})
    assert json.loads(path.read_text()) == {"metrics": {"accuracy": {"value": 0.75}, "rows": 4, "reliability": []}}


def test_other_data_than_the_cards_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(json.dumps({"metrics": {"top_1": {"value": 0.75}}}))
    with pytest.raises(ConfigurationError, match=r"says an accuracy of 0\.75, here it is 0\.5"):
        curves.write(path, {("metrics",): (0.5, {"reliability": []})})
    assert "reliability" not in path.read_text()


def test_a_model_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reliability", "comet"]) == 2
    assert "there is no model 'comet'; there is star, galaxy, image" in capsys.readouterr().err


@pytest.mark.parametrize("model", curves.MODELS)
def test_every_published_card_has_the_curves_of_its_results(model: str) -> None:
    # Given
    _, folder, results, below = curves.MODELS[model]
    card = json.loads((folder / "card.json").read_text())
    committed = json.loads(results.read_text())
    paths: dict[str, list[tuple[str, ...]]] = {
        "star": [("variants", name, "metrics") for name in card.get("variants", ())],
        "galaxy": [("metrics",)],
        "image": [("metrics", "exported_file", name) for name in card.get("metrics", {}).get("exported_file", ())],
    }

    # Then
    for where in paths[model]:
        shown, measured = card, committed
        for name in where:
            shown = shown[name]
        for name in below(where):
            measured = measured[name]
        assert shown["reliability"] == measured["reliability"]
        assert sum(entry["count"] for entry in shown["reliability"]) == shown["rows"]
        right = sum(entry["count"] * entry["accuracy"] for entry in shown["reliability"])
        accuracy = (shown.get("accuracy") or shown["top_1"])["value"]
        assert right / shown["rows"] == pytest.approx(accuracy, abs=1e-4)
