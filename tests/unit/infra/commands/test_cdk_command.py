"""make synth, diff, deploy, destroy: what is run, and what is refused before anything is."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from infra import ROOT, node
from infra.commands import cdk, run
from infra.containers import base

if TYPE_CHECKING:
    from pathlib import Path

PINNED = "registry.example/python:3.13-slim@sha256:" + "0a" * 32


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every step, in order, in place of running it."""
    steps: list[list[str]] = []

    class Done:
        returncode = 0

    def run(line: list[str], **_: Any) -> Done:
        steps.append(line)
        return Done()

    monkeypatch.setattr(cdk, "install", lambda: steps.append(["install"]))
    monkeypatch.setattr("infra.commands.cdk.subprocess.run", run)
    monkeypatch.setattr(cdk, "publish", lambda stage: steps.append(["publish", stage]))
    monkeypatch.setattr(cdk, "empty_buckets", lambda *stacks: steps.append(["empty", *stacks]))
    monkeypatch.setattr("infra.commands.cdk.shutil.which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setenv("SKYSORT_BASE_IMAGE", PINNED)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return steps


def test_synth_is_quiet_and_for_dev_unless_told(ran: list[list[str]]) -> None:
    assert cdk.main(["synth"]) == 0
    assert ran[-1][2:] == ["synth", "--quiet", "-c", "stage=dev"]


def test_the_command_line_runs_on_the_locked_node() -> None:
    line = cdk.command("diff", "prod", [])
    assert line[:2] == [str(node.program()), str(cdk.PROGRAM)]
    assert cdk.environment()["PATH"].split(os.pathsep)[0] == str(node.program().parent)


def test_nobody_is_told_how_the_command_line_is_used() -> None:
    assert cdk.environment()["CDK_DISABLE_CLI_TELEMETRY"] == "true"


def test_other_arguments_reach_cdk(ran: list[list[str]]) -> None:
    cdk.main(["diff", "--stage", "prod", "-c", "reserve=no"])
    assert ran[-1][2:] == ["diff", "-c", "stage=prod", "-c", "reserve=no"]


def test_deploying_uploads_the_page_after_the_stacks(ran: list[list[str]]) -> None:
    cdk.main(["deploy", "--stage", "prod"])
    assert [step[0] for step in ran[:1]] == ["install"]
    assert ran[1][2:] == ["deploy", "--all", "-c", "stage=prod"]
    assert ran[2] == ["publish", "prod"]


def test_a_base_image_that_may_change_is_told_of_and_how_to_pin_it(
    ran: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a tag, then a digest
    for image in ("registry.example/python:3.13-slim", PINNED):
        monkeypatch.setenv("SKYSORT_BASE_IMAGE", image)
        assert cdk.main(["deploy", "--stage", "prod"]) == 0
    # Then only the tag is told of, and nothing is stopped by it, since somebody chose it for this run
    told = capsys.readouterr().err
    assert told.count("note: the images are built on registry.example/python:3.13-slim, a tag that") == 1
    assert "Name it by digest in SKYSORT_BASE_IMAGE" in told
    assert len([step for step in ran if "deploy" in step]) == 2


@pytest.mark.parametrize(("text", "dev", "prod"), [("python:3.13-slim", True, False), (PINNED, True, True)])
def test_a_stage_that_keeps_its_data_takes_no_floating_base_from_the_repository(
    text: str, dev: bool, prod: bool, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given base.txt alone
    monkeypatch.delenv("SKYSORT_BASE_IMAGE")
    monkeypatch.setattr(base, "locked", lambda: text)
    # When, then
    for stage, allowed in (("dev", dev), ("prod", prod)):
        ran.clear()
        if allowed:
            assert cdk.main(["deploy", "--stage", stage]) == 0
        else:
            with pytest.raises(SystemExit):
                cdk.main(["deploy", "--stage", stage])
        assert bool(ran) == allowed


def test_destroying_empties_the_buckets_first(ran: list[list[str]]) -> None:
    cdk.main(["destroy", "--stage", "dev", "--yes", "dev"])
    assert ran[0] == ["empty", "skysort-page-dev", "skysort-service-dev"]
    assert ran[-1][2:] == ["destroy", "--all", "--force", "-c", "stage=dev"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["destroy"], "nothing was deleted; make destroy STAGE=dev ARGS='--yes dev' does not ask"),
        (["destroy", "--yes", "prod"], "nothing was deleted"),
        (["destroy", "--stage", "prod", "--yes", "prod"], "stage prod keeps its data and is protected"),
        (["deploy", "--stage", "local"], "invalid choice: 'local'"),
    ],
)
def test_what_would_surprise_is_refused(
    arguments: list[str], sentence: str, ran: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cdk.main(arguments)
    assert sentence in capsys.readouterr().err.replace("\n", " ")
    assert ran == []


@pytest.mark.parametrize("action", ["bootstrap", "diff", "deploy", "destroy"])
def test_without_credentials_the_cure_is_told(
    action: str, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a machine on which nobody has configured AWS
    monkeypatch.setattr("boto3.Session.get_credentials", lambda _: None)
    monkeypatch.setattr("sys.argv", ["cdk", action, "--yes", "dev"])
    # When
    with pytest.raises(SystemExit) as left:
        run(cdk.main)
    # Then
    assert left.value.code == (
        "AWS cannot be asked: Unable to locate credentials; run `aws configure`, or set AWS_PROFILE and AWS_REGION"
    )
    assert ran == []


def test_without_docker_nothing_is_deployed(
    ran: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("infra.commands.cdk.shutil.which", lambda _: None)
    with pytest.raises(SystemExit):
        cdk.main(["deploy"])
    assert "Docker not found" in capsys.readouterr().err
    assert ran == []


def test_the_lock_names_versions_and_hashes_and_no_registry() -> None:
    lock = json.loads((ROOT / "infra" / "package-lock.json").read_text())
    wanted = json.loads((ROOT / "infra" / "package.json").read_text())
    assert wanted["dependencies"] == {"aws-cdk": "2.1148.1"}
    assert wanted["devDependencies"] == {"asl-validator": "4.0.0"}
    for name, package in lock["packages"].items():
        if name:
            assert package["integrity"].startswith("sha512-")
            assert "resolved" not in package


def test_the_jsii_runtime_starts_the_locked_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JSII_NODE", raising=False)
    node.use()
    assert os.environ["JSII_NODE"] == str(node.program())
    # A Node.js that somebody chose stays
    monkeypatch.setenv("JSII_NODE", str(tmp_path / "node"))
    node.use()
    assert os.environ["JSII_NODE"] == str(tmp_path / "node")
