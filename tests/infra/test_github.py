"""The example of continuous deployment: workflows that parse, whose commands exist, and roles that fit them."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from cfnlint.api import ManualArgs, lint

from infra import ROOT, node
from infra.commands import cdk

FOLDER = ROOT / "infra" / "github"
WORKFLOWS = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.yml"))}


def steps(name: str) -> list[dict[str, Any]]:
    """Every step of a workflow."""
    return [step for job in WORKFLOWS[name]["jobs"].values() for step in job["steps"]]


def targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_its_commands_exist(name: str) -> None:
    commands = [command for step in steps(name) for command in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))]
    assert commands
    assert set(commands) <= targets()


@pytest.mark.parametrize("name", ["deploy.yml", "diff.yml"])
def test_its_options_are_those_of_the_command_line(name: str) -> None:
    cdk.install()
    for step in steps(name):
        for action, given in re.findall(r"make (\w+)[^\"]*\"([^\"]*)\"", step.get("run", "")):
            line = [str(node.program()), str(cdk.PROGRAM), action, "--help"]
            told = subprocess.run(line, capture_output=True, text=True, check=True, env=cdk.environment()).stdout
            assert {option.partition("=")[0] for option in re.findall(r"--[\w=-]+", given)} <= set(
                re.findall(r"--[\w-]+", told)
            )


def test_nothing_of_a_context_is_put_into_a_script() -> None:
    """GitHub puts an expression into the script before the shell reads it; only the fixed matrix may be there."""
    for name in WORKFLOWS:
        for step in steps(name):
            assert set(re.findall(r"\$\{\{ *(\S+) *\}\}", step.get("run", ""))) <= {"matrix.stage"}


def test_a_pull_request_is_shown_and_deploys_nothing() -> None:
    diff = WORKFLOWS["diff.yml"]
    # YAML reads the key `on` as true.
    assert diff[True] == "pull_request"
    assert diff["jobs"]["diff"]["strategy"]["matrix"]["stage"] == ["dev", "prod"]
    assert not [step for step in steps("diff.yml") if "deploy" in step.get("run", "")]
    assert [step["with"]["role-to-assume"] for step in steps("diff.yml") if "with" in step] == [
        "${{ vars.AWS_READER_ROLE }}"
    ]


def test_prod_comes_after_dev_and_an_approval() -> None:
    deploy = WORKFLOWS["deploy.yml"]
    assert list(deploy["jobs"]) == ["dev", "prod"]
    assert deploy["jobs"]["prod"]["needs"] == "dev"
    for name, job in deploy["jobs"].items():
        # An environment may ask for an approval, and is in the token by which the role is given.
        assert job["environment"] == name
        assert [step for step in job["steps"] if f"STAGE={name}" in step.get("run", "")]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_it_has_no_key_and_no_more_permissions_than_it_needs(name: str) -> None:
    assert "secrets." not in (FOLDER / name).read_text("utf-8")
    wanted = {"contents": "read", "id-token": "write"}
    if name == "base-image.yml":
        wanted = {"contents": "write", "pull-requests": "write"}
    assert WORKFLOWS[name]["permissions"] == wanted


def test_roles_are_given_to_the_environment_of_the_stage_and_to_pull_requests_alone() -> None:
    text = (FOLDER / "roles.yaml").read_text("utf-8")
    assert re.findall(r"actions\.githubusercontent\.com:sub: (.+)", text) == [
        "!Sub repo:${Repository}:environment:${Stage}",
        "!Sub repo:${Repository}:pull_request",
    ]
    assert text.count("actions.githubusercontent.com:aud: sts.amazonaws.com") == 2
    assert "StringLike" not in text


def test_cfn_lint_finds_nothing_in_the_roles() -> None:
    found = lint((FOLDER / "roles.yaml").read_text("utf-8"), config=ManualArgs(regions=["us-east-1"]))
    assert [f"{match.rule.id} {match.message}" for match in found] == []
