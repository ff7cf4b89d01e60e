from __future__ import annotations

import pytest

from model_export.image import cli

COMMANDS = ("weights", "train", "evaluate", "export", "validate", "compare", "report")


def test_help_lists_the_commands_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    places = [shown.index(f"    {command}  ") for command in COMMANDS]
    assert places == sorted(places)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main([command, "--help"])
    assert "--results" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["train", "--epochs", "0"], "at least 1"),
        (["train", "--rate", "-1"], "must be above 0"),
        (["export", "--network", "other"], "invalid choice"),
        (["dance"], "invalid choice"),
        ([], "required"),
    ],
)
def test_wrong_options_are_named(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert complaint in capsys.readouterr().err
