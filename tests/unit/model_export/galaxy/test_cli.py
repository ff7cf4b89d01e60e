from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from model_export.__main__ import main
from model_export.galaxy import cli
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("command", ["data", "train", "compare", "evaluate", "export", "download"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["galaxy", command, "--help"])
    assert left.value.code == 0
    assert "--build" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [["train", "--minutes", "0"], ["train", "--fraction", "1.5"], ["train", "--steps", "0"], ["download", "mars"]],
)
def test_a_wrong_option_is_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["galaxy", *options])
    assert left.value.code == 2
    assert "error" in capsys.readouterr().err


def test_a_missing_training_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name, name="torch")

    monkeypatch.setattr("importlib.import_module", absent)
    assert cli.main(["train"]) == 2
    assert "train-images" in capsys.readouterr().err


def test_exporting_before_evaluating_names_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["galaxy", "export", "--build", str(tmp_path), "--results", str(tmp_path)]) == 2
    assert "galaxy evaluate" in capsys.readouterr().err


def test_data_that_are_not_there_name_the_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ["--data", str(tmp_path), "--build", str(tmp_path / "b"), "--results", str(tmp_path / "r")]
    assert main(["galaxy", "data", *folders]) == 2
    assert "SKYSORT_DATA" in capsys.readouterr().err
    assert ConfigurationError.__name__ not in capsys.readouterr().err
