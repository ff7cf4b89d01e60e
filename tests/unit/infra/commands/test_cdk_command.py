"""make synth, diff, deploy, destroy: what is run, and what is refused before anything is."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from infra import ROOT, node
from infra.commands import CommandError, cdk, run
from infra.commands.session import Options
from infra.commands.stack_state import StackState
from infra.containers import base
from infra.stages.functions import StageError
from tests.fakes.aws_session import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from infra.commands.session import Session
    from infra.stages.stage import AwsStage

PINNED = "registry.example/python:3.13-slim@sha256:" + "0a" * 32
BOUND = ["-c", f"account={ACCOUNT}", "-c", f"region={REGION}"]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """Every step, in order, in place of running it; in an emulated account without stacks."""
    steps: list[list[str]] = []

    class Done:
        returncode = 0

    def run(line: list[str], **_: Any) -> Done:
        steps.append(line)
        return Done()

    def delete(session: Session, stacks: tuple[str, ...], destroy: Callable[[], int]) -> int:
        steps.append(["empty", session.region, *stacks])
        return destroy()

    def publish(session: Session, stage: AwsStage) -> None:
        steps.append(["publish", session.region, stage.name])

    monkeypatch.setattr(cdk, "install", lambda: steps.append(["install"]))
    monkeypatch.setattr("infra.commands.cdk.subprocess.run", run)
    monkeypatch.setattr(cdk, "publish", publish)
    monkeypatch.setattr(cdk, "delete", delete)
    monkeypatch.setattr("infra.commands.cdk.shutil.which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setenv("SKYSORT_BASE_IMAGE", PINNED)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield steps


def test_synth_is_quiet_and_for_dev_unless_told(ran: list[list[str]]) -> None:
    assert cdk.main(["synth"]) == 0
    assert ran[-1][2:] == ["synth", "--quiet", "-c", "stage=dev"]


def test_the_command_line_runs_on_the_locked_node() -> None:
    line = cdk.command("diff", Options("prod", None, {}), None, [])
    assert line[:2] == [str(node.program()), str(cdk.PROGRAM)]
    assert cdk.environment()["PATH"].split(os.pathsep)[0] == str(node.program().parent)


def test_nobody_is_told_how_the_command_line_is_used() -> None:
    assert cdk.environment()["CDK_DISABLE_CLI_TELEMETRY"] == "true"


def test_other_arguments_reach_cdk(ran: list[list[str]]) -> None:
    cdk.main(["diff", "--stage", "prod", "-c", "reserve=no"])
    assert ran[-1][2:] == ["diff", "-c", "stage=prod", "-c", "reserve=no", *BOUND]


def test_deploying_uploads_the_page_after_the_stacks(ran: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    cdk.main(["deploy", "--stage", "dev", "--require-approval", "never"])
    assert ran == [
        ["install"],
        [*ran[1][:2], "deploy", "--all", "-c", "stage=dev", *BOUND, "--require-approval", "never"],
        ["publish", REGION, "dev"],
    ]
    assert f"deploy of stage dev: account {ACCOUNT}, region {REGION}, as arn:aws:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "spelling",
    [
        ["--profile", "sandbox", "-c", "region=eu-west-1"],
        ["--profile=sandbox", "-cregion=eu-west-1"],
        ["--context", "region=eu-west-1", "--profile", "sandbox"],
    ],
)
@pytest.mark.parametrize("action", ["deploy", "destroy"])
def test_cdk_and_what_is_done_beside_it_use_the_same_credentials_and_region(
    action: str, spelling: list[str], ran: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given a profile, and a default region that is another
    (tmp_path / "config").write_text("[profile sandbox]\nregion = us-west-2\n")
    (tmp_path / "credentials").write_text("[sandbox]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    # When
    cdk.main([action, "--yes", "dev", *spelling])
    # Then CDK is bound to the region that the buckets are emptied and the page is published in
    (line,) = (step for step in ran if action in step)
    assert f"account={ACCOUNT}" in line
    assert "region=eu-west-1" in line
    assert line[-2:] == ["--profile", "sandbox"]
    assert [step[1] for step in ran if step[0] in {"empty", "publish"}] == ["eu-west-1"]


@pytest.mark.parametrize("action", ["deploy", "destroy", "diff", "bootstrap"])
def test_credentials_of_another_account_change_nothing(action: str, ran: list[list[str]]) -> None:
    sentence = f"stage dev belongs to account 210987654321, and these credentials to {ACCOUNT}"
    with pytest.raises(CommandError, match=sentence):
        cdk.main([action, "--yes", "dev", "-c", "account=210987654321"])
    assert ran == []


def test_a_stage_with_a_qualifier_gets_a_bootstrap_of_its_own_beside_the_accounts(
    ran: list[list[str]], tmp_path: Path
) -> None:
    path = tmp_path / "stages.toml"
    path.write_text('[stages.dev]\nqualifier = "skysort"')
    cdk.main(["bootstrap", "-c", f"config={path}"])
    assert ran[-1][-4:] == ["--qualifier", "skysort", "--toolkit-stack-name", "CDKToolkit-skysort"]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["-c", "region=eu-west-1"], f"aws://{ACCOUNT}/eu-west-1"),
        ([f"aws://{ACCOUNT}/us-west-2"], f"aws://{ACCOUNT}/us-west-2"),
    ],
)
def test_bootstrapping_is_for_one_environment(arguments: list[str], environment: str, ran: list[list[str]]) -> None:
    cdk.main(["bootstrap", *arguments])
    assert [part for part in ran[-1] if part.startswith("aws://")] == [environment]
    assert "--qualifier" not in ran[-1]


def test_a_change_set_that_is_left_to_somebody_else_publishes_no_page(ran: list[list[str]]) -> None:
    cdk.main(["deploy", "--no-execute"])
    assert [step[0] for step in ran if len(step) > 1][1:] == []


def test_a_stack_that_is_yet_to_be_created_is_protected_only_then(ran: list[list[str]]) -> None:
    # Given an account without stacks, When prod is deployed
    cdk.main(["deploy", "--stage", "prod"])
    # Then CDK is told which stacks to leave unprotected
    assert "unprotected=skysort-page-prod,skysort-service-prod" in ran[1]


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
            with pytest.raises(CommandError, match="by digest only"):
                cdk.main(["deploy", "--stage", stage])
        assert bool(ran) == allowed


def test_destroying_empties_the_buckets_first(ran: list[list[str]]) -> None:
    cdk.main(["destroy", "--stage", "dev", "--yes", "dev"])
    assert ran[0] == ["empty", REGION, "skysort-page-dev", "skysort-service-dev"]
    assert ran[-1][2:] == ["destroy", "--all", "--force", "-c", "stage=dev", *BOUND]


@pytest.mark.parametrize(
    ("stage", "arguments"), [("dev", ["--page"]), ("dev", ["-c", "page=no"]), ("prod", ["--page"])]
)
def test_a_page_goes_alone_or_when_it_was_switched_off(
    stage: str, arguments: list[str], ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a stage with a page
    page = StackState(f"skysort-page-{stage}", "CREATE_COMPLETE", protected=stage == "prod", outputs={})
    monkeypatch.setattr(cdk, "state", lambda *_: page)

    def unprotect(_: Session, found: StackState) -> None:
        ran.append(["unprotected", found.name])

    def delete_stack(_: Session, name: str) -> int:
        ran.append(["deleted", name])
        return 0

    monkeypatch.setattr(cdk, "unprotect", unprotect)
    monkeypatch.setattr(cdk, "delete_stack", delete_stack)
    # When
    assert cdk.main(["destroy", "--stage", stage, "--yes", stage, *arguments]) == 0
    # Then its stack is deleted whatever the app has, and the service with the stage only
    assert ran[:3] == [["unprotected", page.name], ["empty", REGION, page.name], ["deleted", page.name]]
    assert any("destroy" in step for step in ran) == (arguments != ["--page"])


def test_a_page_that_is_not_there_cannot_go(ran: list[list[str]]) -> None:
    with pytest.raises(CommandError, match="stage dev has no page in account"):
        cdk.main(["destroy", "--page", "--yes", "dev"])
    assert ran == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["destroy"], "nothing was deleted; make destroy STAGE=dev ARGS='--yes dev' does not ask"),
        (["destroy", "--yes", "prod"], "nothing was deleted"),
        (["destroy", "--stage", "prod", "--yes", "prod"], "stage prod keeps its data and is protected"),
        (["deploy", "--stage", "local"], "unknown stage 'local'"),
    ],
)
def test_what_would_surprise_is_refused(arguments: list[str], sentence: str, ran: list[list[str]]) -> None:
    with pytest.raises((CommandError, StageError), match=sentence):
        cdk.main(arguments)
    assert ran == []


def test_context_that_names_no_key_is_refused(ran: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cdk.main(["deploy", "-c", "eu-west-1"])
    assert "must read KEY=VALUE (got 'eu-west-1')" in capsys.readouterr().err
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


@pytest.mark.parametrize(("setting", "engine"), [(None, "docker"), ("finch", "finch")])
def test_without_the_engine_that_builds_the_images_nothing_is_deployed(
    setting: str | None, engine: str, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if setting:
        monkeypatch.setenv("CDK_DOCKER", setting)
    monkeypatch.setattr("infra.commands.cdk.shutil.which", lambda _: None)
    with pytest.raises(CommandError, match=f"{engine} not found"):
        cdk.main(["deploy"])
    assert ran == []


def test_another_engine_than_docker_will_do(ran: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_DOCKER", "podman")
    monkeypatch.setattr("infra.commands.cdk.shutil.which", {"podman": "/usr/bin/podman"}.get)
    assert cdk.main(["deploy"]) == 0
    assert [step for step in ran if "deploy" in step]


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
