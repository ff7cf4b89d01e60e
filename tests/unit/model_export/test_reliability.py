"""Reliability curves: what is written, and that nothing is where the figures differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from model_export import reliability
from model_export.__main__ import main
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def test_curves_are_written_beside_the_figures_that_they_belong_to(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(json.dumps({"metrics": {"accuracy": {"value": 0.75}, "rows": 4}}))
    reliability.write(path, {("metrics",): (0.75, {"reliability": []})})
    assert json.loads(path.read_text()) == {"metrics": {"accuracy": {"value": 0.75}, "rows": 4, "reliability": []}}


def test_other_data_than_the_cards_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(json.dumps({"metrics": {"top_1": {"value": 0.75}}}))
    with pytest.raises(ConfigurationError, match=r"reports an accuracy of 0\.75, but 0\.500000 was measured"):
        reliability.write(path, {("metrics",): (0.5, {"reliability": []})})
    assert "reliability" not in path.read_text()


def test_a_model_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reliability", "comet"]) == 2
    assert "unknown model 'comet'; choose from star, galaxy, image" in capsys.readouterr().err


@pytest.mark.parametrize("model", reliability.MODELS)
def test_every_published_card_has_the_curves_of_its_results(model: str) -> None:
    # Given
    card, committed = (json.loads(path.read_text()) for path in reliability.documents(model))
    _, _, below = reliability.MODELS[model]
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
        for name in where[below:]:
            measured = measured[name]
        assert shown["reliability"] == measured["reliability"]
        assert sum(entry["count"] for entry in shown["reliability"]) == shown["rows"]
        right = sum(entry["count"] * entry["accuracy"] for entry in shown["reliability"])
        accuracy = (shown.get("accuracy") or shown["top_1"])["value"]
        assert right / shown["rows"] == pytest.approx(accuracy, abs=1e-4)
