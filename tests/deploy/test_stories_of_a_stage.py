"""What a stage goes through: first, second, failed, repeated and turned-back deployments, to its end.

Whole stages, by their synthesised templates, in an account of this process; `test_deployment.py` deploys one by the
project's commands, with its images.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from infra.commands import rollback
from infra.constructs.function import logical_id
from tests.deploy.formation import ABROAD, NO_CHANGES, REGION, emulated
from tests.deploy.stage import DeployedStage
from tests.deploy.templates import of_type, released, with_properties
from tests.infra.synth import shared

if TYPE_CHECKING:
    from collections.abc import Iterator

STAGES = ["dev", "prod"]


@pytest.fixture(scope="module", params=STAGES)
def deployed(request: pytest.FixtureRequest) -> Iterator[DeployedStage]:
    """Each stage in turn, deployed for all stories of a stage that is there."""
    with emulated(regions=(REGION, ABROAD)) as aws:
        stage = DeployedStage(aws, shared(request.param))
        outcomes = stage.deploy()
        assert {outcome.status for outcome in outcomes.values()} == {"CREATE_COMPLETE"}, outcomes
        yield stage


def moved(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """The functions whose alias names another version."""
    return {function for function, version in after.items() if before[function] != version}


def test_a_first_deployment_proves_every_version_before_its_alias_is_there(deployed: DeployedStage) -> None:
    assert set(deployed.live().values()) == {"1"}
    proved = [invoked for invoked in deployed.aws.fleet.invoked if "release-hook" not in invoked]
    canary = {"control"} if deployed.stage.name == "prod" else set()
    assert {*proved} == {
        f"{deployed.stage.function_name(name)}:1" for name in {*deployed.stage.functions} - canary - {"flood-brake"}
    }


def test_nothing_changed(deployed: DeployedStage) -> None:
    deployed.aws.fleet.invoked.clear()
    assert {outcome.status for outcome in deployed.deploy().values()} == {NO_CHANGES}
    assert deployed.aws.fleet.invoked == []


def test_one_release_moves_one_function(deployed: DeployedStage) -> None:
    before = deployed.live()
    deployed.aws.fleet.invoked.clear()
    outcome = deployed.release(StarFunction="second")
    assert outcome.status == "UPDATE_COMPLETE", outcome
    assert moved(before, deployed.live()) == {"star"}
    # Nothing else is asked: sandboxes of other functions stay as they are
    assert {found.rpartition(":")[0] for found in deployed.aws.fleet.invoked} == {
        deployed.stage.function_name("star"),
        deployed.stage.function_name("release-hook"),
    }


def test_settings_of_a_stage_changed(deployed: DeployedStage) -> None:
    """What a function is sized by makes a version of it; how long logs are kept does not."""
    before = deployed.live()
    template = released(deployed.template, "StarFunction", "sized", Timeout=14, MemorySize=2048, Description="sized")
    (logs,) = [name for name in of_type(template, "AWS::Logs::LogGroup") if name.startswith("StarFunctionLogs")]
    outcome = deployed.aws.deploy(deployed.service, with_properties(template, logs, RetentionInDays=3))
    assert outcome.status == "UPDATE_COMPLETE", outcome
    assert moved(before, deployed.live()) == {"star"}
    group = f"/aws/lambda/{deployed.stage.function_name('star')}"
    found = deployed.aws.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found[0]["retentionInDays"] == 3


def test_a_release_while_every_drop_sandbox_is_busy(deployed: DeployedStage) -> None:
    queues = {queue.function: queue.maximum_concurrency for queue in deployed.stage.drop_queues}
    before = deployed.live()
    with ExitStack() as busy:
        for function, at_once in queues.items():
            busy.enter_context(deployed.aws.account.working(deployed.stage.function_name(function), at_once))
        tags = {logical_id(function): "busy" for function in queues}
        outcome = deployed.release(**tags)
    assert outcome.status == "UPDATE_COMPLETE", outcome
    assert moved(before, deployed.live()) >= queues.keys()


def test_a_release_is_taken_back_by_one_command(deployed: DeployedStage, capsys: pytest.CaptureFixture[str]) -> None:
    before = deployed.live()
    assert deployed.release(StarFunction="regretted").status == "UPDATE_COMPLETE"
    assert moved(before, deployed.live()) >= {"star"}
    context = {"dev": [], "prod": ["-c", "mail=sky@example.org"]}[deployed.stage.name]
    assert rollback.main(["--stage", deployed.stage.name, "--only", "star", *context]) == 0
    assert f"-> {before['star']}" in capsys.readouterr().out
    assert deployed.live()["star"] == before["star"]


@pytest.mark.parametrize("function", ["StarFunction", "ControlFunction"])
def test_a_release_whose_code_answers_500_is_turned_back(function: str, deployed: DeployedStage) -> None:
    before = deployed.live()
    deployed.aws.fleet.broken = {"answers-500"}
    deployed.aws.account.digest = lambda uri: uri.rpartition(":")[2]
    outcome = deployed.release(**{function: "answers-500"})
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert any("answered 500, not 200" in why or "lifecycle event hook" in why for why in outcome.reasons.values())
    assert moved(before, deployed.live()) == set()

    # And can be released once it is mended
    deployed.aws.fleet.broken = set()
    outcome = deployed.release(**{function: "answers-500"})
    assert outcome.status == "UPDATE_COMPLETE", outcome
    name = function.removesuffix("Function").lower()
    assert name in moved(before, deployed.live())
