"""Help, version and refusals: readable, quick, and with examples."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import skysort
from skysort_cli.exits import Exit
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.unit.skysort_cli.conftest import Cli

COMMANDS = (
    *("classify", "drop", "bulk", "train", "trainings", "models"),
    *("serve", "open", "completion", "doctor"),
)
# What is imported beyond what Python itself has at its start.
PROGRAM = """
import json, sys
before = set(sys.modules)
from skysort_cli.main import main
try:
    main({arguments})
except SystemExit:
    pass
print(json.dumps(sorted(set(sys.modules) - before)))
"""
OWN = {
    *("skysort", "skysort.limits", "skysort.models"),
    *("skysort_cli", "skysort_cli.main", "skysort_cli.parser", "skysort_cli.command_parser"),
    *("skysort_cli.option_values", "skysort_cli.help_texts", "skysort_cli.exits"),
}


@pytest.fixture(autouse=True)
def _a_terminal_of_80_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(cli: Cli, command: str) -> None:
    ran = cli(command, "--help")
    assert ran.code == Exit.OK
    assert f"skysort {command}" in ran.out.partition("examples:")[2]
    assert max(map(len, ran.out.splitlines())) <= 80


@pytest.mark.parametrize("kind", ["pictures", "star"])
def test_both_ways_to_train_have_help_with_examples(cli: Cli, kind: str) -> None:
    ran = cli("train", kind, "--help")
    assert ran.code == Exit.OK
    assert f"skysort train {kind}" in ran.out.partition("examples:")[2]
    assert max(map(len, ran.out.splitlines())) <= 80


@pytest.mark.parametrize("command", ["classify", "drop"])
def test_help_tells_the_exit_status_and_the_environment(cli: Cli, command: str) -> None:
    shown = cli(command, "--help").out
    assert all(f"  {code:d}  " in shown for code in Exit if code)
    assert all(name in shown for name in ("SKYSORT_ENDPOINT", "SKYSORT_API_KEY", "NO_COLOR"))


def test_the_overview_names_every_command(cli: Cli) -> None:
    shown = cli("--help").out
    assert re.findall(r"^  (\w+) +\w", shown.partition("commands:")[2].partition("options:")[0], re.MULTILINE) == [
        *COMMANDS
    ]
    assert max(map(len, shown.splitlines())) <= 80


def test_the_helps_of_all_commands_begin_in_one_column(cli: Cli) -> None:
    commands = cli("--help").out.partition("commands:\n")[2].partition("\n\n")[0].splitlines()
    assert {len(line) - len(line[13:].lstrip()) for line in commands} == {14}


def test_the_command_alone_says_how_it_is_used(cli: Cli) -> None:
    ran = cli()
    assert ran.code == Exit.USAGE
    assert "  skysort classify galaxy cutouts/ " in ran.out.partition("examples:")[2]
    assert len(ran.out.splitlines()) < 14
    assert ran.err == ""


def test_help_may_be_asked_for_as_a_command(cli: Cli) -> None:
    assert cli("help", "train", "star").out == cli("train", "star", "--help").out
    assert cli("help").out == cli("--help").out


def test_the_version_is_the_packages(cli: Cli) -> None:
    assert cli("--version").out == f"skysort {skysort.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["clasify"], "unknown command 'clasify'. Did you mean classify?"),
        (["convert"], "unknown command 'convert'; choose from classify, drop, bulk,"),
        (["train", "picture"], "unknown kind 'picture'. Did you mean pictures?"),
        (["classify", "galaxy"], "the following arguments are required: FILE"),
        (["classify", "comet", "a.jpg"], "unknown model 'comet'; choose from galaxy, image, star, custom/NAME"),
        (["classify", "galaxy", "a.jpg", "--top-k", "0"], "must be a whole number from 1 to 10, got '0'"),
        (["classify", "galaxy", "a.jpg", "--jobs", "many"], "must be a whole number from 1 to 64, got 'many'"),
        (["drop", "star", "a.csv", "--wait-for", "-1"], "must be a number of seconds up to 86400, got '-1'"),
        (["models", "--endpoint"], "argument --endpoint: expected one argument"),
        (["classify", "galaxy", "a.jpg", "--top", "3"], "unrecognized arguments: --top 3. Did you mean --top-k?"),
        (["classify", "galaxy", "a.jpg", "--lables=dogs"], "--lables=dogs. Did you mean --labels?"),
        (["classify", "galaxy", "a.jpg", "--zzyzx"], "unrecognized arguments: --zzyzx\n"),
        (["doctor", "--format", "jsn"], "argument --format: invalid choice 'jsn'. Did you mean json?"),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_sentence(cli: Cli, arguments: list[str], sentence: str) -> None:
    ran = cli(*arguments)
    assert ran.code == Exit.USAGE
    assert sentence in ran.err
    assert len(ran.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["clasify"], "skysort"),
        (["classify", "galaxy", "a.jpg", "--top", "3"], "skysort classify"),
        (["train", "pictures", "breeds", "photos", "--tolerated-share", "3"], "skysort train pictures"),
        (["serve", "now"], "skysort serve"),
    ],
)
def test_a_mistake_is_sent_to_the_help_of_its_command(cli: Cli, arguments: list[str], command: str) -> None:
    assert cli(*arguments).err.splitlines()[-1] == f"Try `{command} --help`."


@pytest.mark.parametrize(
    "arguments", [["--help"], ["classify", "--help"], ["train", "pictures", "--help"], ["--version"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(arguments=arguments)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "layers"), "PATH": os.environ["PATH"]},
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    ours = {name for name in loaded if name.partition(".")[0].startswith("skysort")}
    assert ours == OWN
    assert {name.partition(".")[0] for name in loaded} - {"skysort", "skysort_cli"} <= sys.stdlib_module_names
    # Counted, because each costs: argparse and what it imports, no more.
    assert len(loaded - OWN) <= 30, sorted(loaded)


def test_work_in_this_process_imports_no_http(tmp_path: object) -> None:
    program = PROGRAM.format(arguments=["classify", "galaxy", "absent.jpg", "--format", "csv"])
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=str(tmp_path),
        env={"PYTHONPATH": str(ROOT / "layers"), "PATH": os.environ["PATH"]},
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert not loaded & {"httpx", "rich", "boto3", "moto", "xgboost", "astropy", "pyarrow"}
