"""Help, version and refusals: readable, quick, and with examples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import skysort
from skysort_cli.exits import Exit
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.unit.skysort_cli.conftest import Cli

COMMANDS = ("classify", "drop", "bulk", "train", "trainings", "models", "serve", "doctor")
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
    *("skysort_cli", "skysort_cli.main", "skysort_cli.parser", "skysort_cli.help_texts", "skysort_cli.exits"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(cli: Cli, command: str) -> None:
    ran = cli(command, "--help")
    assert ran.code == Exit.OK
    assert f"skysort {command}" in ran.out.partition("examples:")[2]
    assert max(map(len, ran.out.splitlines())) <= 120


@pytest.mark.parametrize("kind", ["pictures", "star"])
def test_both_ways_to_train_have_help_with_examples(cli: Cli, kind: str) -> None:
    ran = cli("train", kind, "--help")
    assert ran.code == Exit.OK
    assert f"skysort train {kind}" in ran.out.partition("examples:")[2]
    assert max(map(len, ran.out.splitlines())) <= 120


@pytest.mark.parametrize("command", ["classify", "drop"])
def test_help_tells_the_exit_status_and_the_environment(cli: Cli, command: str) -> None:
    shown = cli(command, "--help").out
    assert all(f"  {code:d}  " in shown for code in Exit if code)
    assert all(name in shown for name in ("SKYSORT_ENDPOINT", "SKYSORT_API_KEY", "NO_COLOR"))


def test_the_overview_names_every_command(cli: Cli) -> None:
    shown = cli("--help").out
    assert all(f"skysort {command}" in shown for command in COMMANDS)


def test_the_version_is_the_packages(cli: Cli) -> None:
    assert cli("--version").out == f"skysort {skysort.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["clasify"], "invalid choice: 'clasify'"),
        (["classify", "galaxy"], "the following arguments are required: FILE"),
        (["classify", "comet", "a.jpg"], "unknown model 'comet'; choose from galaxy, image, star, custom/NAME"),
        (["classify", "galaxy", "a.jpg", "--top-k", "0"], "must be a whole number from 1 to 10, got '0'"),
        (["classify", "galaxy", "a.jpg", "--jobs", "many"], "must be a whole number from 1 to 64, got 'many'"),
        (["drop", "star", "a.csv", "--wait-for", "-1"], "must be a number of seconds up to 86400, got '-1'"),
        (["models", "--endpoint"], "argument --endpoint: expected one argument"),
        (["classify", "galaxy", "a.jpg", "--top", "3"], "unrecognized arguments: --top 3"),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_sentence(cli: Cli, arguments: list[str], sentence: str) -> None:
    ran = cli(*arguments)
    assert ran.code == Exit.USAGE
    assert sentence in ran.err
    assert len(ran.err.splitlines()) == 2


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
