"""The four commands in order, on rendered photographs and random weights in the public form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from model_export.image import cli, export
from skysort.pictures.model import PictureModel
from tests.training.image.public_files import data_folder, pixels

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_folder(tmp_path_factory.mktemp("data"))


def run(folder: Path, work: Path, *arguments: str) -> int:
    places = ["--data", str(folder), "--build", str(work / "build"), "--results", str(work / "results")]
    return cli.main([*arguments, *places])


def read(work: Path, name: str) -> Any:
    return json.loads((work / "results" / name).read_text())


def test_weights_to_artefact(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given little patience for timings
    monkeypatch.setattr(export, "REPEATS", 20)
    monkeypatch.setattr(export, "SESSIONS", 2)
    monkeypatch.setattr(export, "CALIBRATION", 2)
    # When the commands run in order
    assert run(folder, tmp_path, "weights") == 0
    assert run(folder, tmp_path, "train", "--epochs", "1") == 0
    assert run(folder, tmp_path, "evaluate") == 0
    assert run(folder, tmp_path, "export", "--into", str(tmp_path / "model")) == 0
    # Then the service loads what they left, and the card tells the same story as the results
    model = PictureModel.load(tmp_path / "model")
    card = model.card.document
    assert model.predict(pixels(2)).probabilities.shape == (2, 1000)
    assert card["temperature"] == read(tmp_path, "evaluation_tuned.json")["temperature"]
    assert card["parity"]["largest_difference"] < 1e-4
    assert card["training_data"]["tuning"]["photographs"] == read(tmp_path, "training.json")["data"]["photographs"]
    assert len(card["subsets"]["dogs"]) == 118
    assert read(tmp_path, "weights.json")["largest_logit_difference"] < 1e-2


def test_a_command_out_of_order_names_the_one_before(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, tmp_path, "train") == 2
    assert "run `python -m model_export image weights` first" in capsys.readouterr().err


def test_figures_of_another_network_are_not_exported(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, tmp_path, "weights")
    run(folder, tmp_path, "evaluate", "--network", "base")
    assert run(folder, tmp_path, "export", "--into", str(tmp_path / "model")) == 2
    assert "evaluate --network tuned" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_a_folder_without_photographs_says_what_was_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = data_folder(tmp_path / "data", photographs=0)
    assert run(empty, tmp_path, "weights") == 2
    assert "imagenet_sample_1000" in capsys.readouterr().err
