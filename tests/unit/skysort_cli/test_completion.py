"""Completion scripts, in the shells that are here."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from skysort_cli.completion.tree import command_tree
from skysort_cli.parser import build

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.skysort_cli.conftest import Cli

SHELLS = ("bash", "zsh", "fish")
# Completes the last of some words, and prints the answers in one line.
COMPLETED = """
COMP_WORDS=({words}); COMP_CWORD={last}; _skysort; echo "${{COMPREPLY[*]}}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("m51.jpg", "m 87.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "maps").mkdir()
    return tmp_path


def completed(script: str, folder: Path, *lines: tuple[str, ...]) -> list[list[str]]:
    """What bash completes for each line of words, of which the last is being typed."""
    program = script + "".join(
        COMPLETED.format(words=" ".join(json.dumps(word) for word in words), last=len(words) - 1) for words in lines
    )
    done = subprocess.run(["bash", "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.split(" ") if line else [] for line in done.stdout.split("\n")[: len(lines)]]


def test_bash_completes_commands_options_models_and_files(cli: Cli, folder: Path) -> None:
    script = cli("completion", "bash").out
    cases: dict[tuple[str, ...], list[str]] = {
        ("skysort", "cl"): ["classify"],
        ("skysort", "train", ""): ["pictures", "star"],
        ("skysort", "train", "p"): ["pictures"],
        ("skysort", "classify", "ga"): ["galaxy"],
        ("skysort", "classify", "--quiet", "im"): ["image"],
        ("skysort", "classify", "--top-k", "3", "im"): ["image"],
        ("skysort", "classify", "galaxy", "m5"): ["m51.jpg"],
        ("skysort", "classify", "galaxy", "m51.jpg", "--lab"): ["--labels"],
        ("skysort", "classify", "--format", "cs"): ["csv"],
        ("skysort", "classify", "--format", "=", "cs"): ["csv"],
        ("skysort", "classify", "--explain-to", "m"): ["maps"],
        ("skysort", "classify", "--top-k", ""): [],
        ("skysort", "train", "pictures", "breeds", "--no"): ["--no-promote"],
        ("skysort", "train", "pictures", "breeds", "ma"): ["maps"],
        ("skysort", "train", "star", "--cl"): ["--class-column"],
        ("skysort", "completion", "f"): ["fish"],
    }
    assert dict(zip(cases, completed(script, folder, *cases), strict=True)) == cases


def test_bash_keeps_a_file_with_a_blank_whole(cli: Cli, folder: Path) -> None:
    script = cli("completion", "bash").out + 'COMP_WORDS=(skysort drop star "m "); COMP_CWORD=3; _skysort\n'
    count = subprocess.run(
        ["bash", "-c", script + 'echo "${#COMPREPLY[@]} $COMPREPLY"'],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert count.stdout == "1 m 87.jpg\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_every_option_of_every_command_is_completed(cli: Cli, shell: str) -> None:
    script = cli("completion", shell).out
    commands = list(command_tree(build()).walk())
    assert len(commands) > 10
    for command in commands:
        for option in command.options:
            name = option.names[-1].removeprefix("--")
            assert name in script
            assert shell == "bash" or option.help.partition("'")[0] in script


def test_the_shells_that_are_here_can_read_their_script(cli: Cli, tmp_path: Path) -> None:
    for shell in filter(shutil.which, SHELLS):
        script = tmp_path / shell
        script.write_text(cli("completion", shell).out)
        subprocess.run([shell, "-n", str(script)], check=True)


def test_another_shell_is_refused_with_those_that_there_are(cli: Cli) -> None:
    assert "invalid choice 'tcsh'" in cli("completion", "tcsh").err
