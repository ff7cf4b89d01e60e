"""What an account sees of a stage: a deployment that fails half-way, a second region, the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from infra.commands.session import Options, Session
from infra.commands.stack_state import prepare, protect
from tests.deploy.emulator.account import NEW
from tests.deploy.emulator.formation.order import waves
from tests.deploy.formation import ABROAD, emulated
from tests.deploy.stage import DeployedStage
from tests.infra.synth import shared

if TYPE_CHECKING:
    from tests.deploy.formation import Aws
    from tests.infra.synth import Synthesised

STAGES = ["dev", "prod"]


def fresh(name: str, aws: Aws) -> DeployedStage:
    """A stage that is not deployed yet."""
    return DeployedStage(aws, shared(name))


@pytest.mark.parametrize("name", STAGES)
def test_a_first_deployment_that_fails_half_way_can_be_repeated(name: str, aws: Aws) -> None:
    # Given that one function fails its proof
    stage = fresh(name, aws)
    aws.fleet.broken = {stage.stage.function_name("bulk")}
    outcome = stage.deploy()[stage.service]
    assert outcome.status == "ROLLBACK_COMPLETE"

    # Then nothing is left of it
    assert aws.account.names == {}
    assert aws.left() == []

    # And it can be deployed once that is mended
    aws.fleet.broken = set()
    assert {outcome.status for outcome in stage.deploy().values()} == {"CREATE_COMPLETE"}


def test_prod_is_protected_once_it_was_deployed(aws: Aws) -> None:
    # Given a first deployment that failed, of a stack that was protected before
    stage = fresh("prod", aws)
    session = Session.open(stage.stage, Options("prod", None, {}))
    aws.fleet.broken = {stage.stage.function_name("bulk")}
    assert aws.deploy(stage.service, stage.template, protect=True).status == "ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        aws.deploy(stage.service, stage.template)

    # When the command makes way for another
    aws.fleet.broken = set()
    assert {*prepare(session, stage.stage, adopt=False)} == {*stage.synthesised.templates}

    # Then it succeeds, and what is there is protected
    assert {outcome.status for outcome in stage.deploy().values()} == {"CREATE_COMPLETE"}
    protect(session, stage.stage)
    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        stage.destroy()


@pytest.mark.parametrize("name", STAGES)
def test_a_second_region_of_the_account(name: str, aws: Aws) -> None:
    first, second = DeployedStage(aws, shared(name)), DeployedStage(aws, shared(name), ABROAD)
    assert {outcome.status for outcome in first.deploy().values()} == {"CREATE_COMPLETE"}
    outcome = second.deploy()[second.service]
    assert outcome.status == "CREATE_COMPLETE", outcome


def of_a_developer() -> Synthesised:
    """A developer's own stage, for an account as AWS hands it out, without a page."""
    return shared("alice", base="dev", small="yes", reserve="no", page="no")


def test_two_developers_in_one_account(aws: Aws) -> None:
    first, second = fresh("dev", aws), DeployedStage(aws, of_a_developer())
    assert {outcome.status for outcome in first.deploy().values()} == {"CREATE_COMPLETE"}
    assert {outcome.status for outcome in second.deploy().values()} == {"CREATE_COMPLETE"}

    # And what one of them destroys is not the other's
    before = {name: owner for name, owner in aws.account.names.items() if owner != second.service}
    assert {outcome.status for outcome in second.destroy()} == {"DELETE_COMPLETE"}
    assert aws.account.names == before
    assert set(first.live().values()) == {"1"}


def test_a_new_account_refuses_a_stage_that_is_not_small() -> None:
    with emulated(NEW) as aws:
        stage = fresh("dev", aws)
        outcome = stage.deploy()[stage.service]
        assert outcome.status == "ROLLBACK_COMPLETE"
        (why,) = outcome.reasons.values()
        assert "UnreservedConcurrentExecution below its minimum" in why or "less than or equal to 3008" in why


def test_a_small_stage_without_a_page_in_a_new_account() -> None:
    with emulated(NEW) as aws:
        stage = DeployedStage(aws, of_a_developer())
        outcomes = stage.deploy()
        assert {stack: outcome.status for stack, outcome in outcomes.items()} == {stage.service: "CREATE_COMPLETE"}
        assert set(stage.live().values()) == {"1"}

    # CloudFormation makes at once what waits for nothing else: every proof is the hook and the function that it asks
    resources = stage.template["Resources"]
    proofs = [sum(resources[name]["Type"] == "Custom::Proof" for name in wave) for wave in waves(resources)]
    assert 0 < 2 * max(proofs) <= NEW.concurrency


def test_proofs_all_at_once_are_more_than_a_new_account_runs() -> None:
    # Given proofs that do not wait for each other, as they did not
    resources = {
        name: {key: part for key, part in one.items() if key != "DependsOn" or one["Type"] != "Custom::Proof"}
        for name, one in of_a_developer().templates["skysort-service-alice"]["Resources"].items()
    }
    proofs = [sum(resources[name]["Type"] == "Custom::Proof" for name in wave) for wave in waves(resources)]
    assert 2 * max(proofs) > NEW.concurrency


def test_dev_leaves_nothing(aws: Aws) -> None:
    stage = fresh("dev", aws)
    stage.deploy()
    assert {outcome.status for outcome in stage.destroy()} == {"DELETE_COMPLETE"}
    assert aws.account.names == {}
    assert aws.left() == []


def test_prod_leaves_its_data_and_logs(aws: Aws) -> None:
    stage = fresh("prod", aws)
    stage.deploy()
    assert {outcome.status for outcome in stage.destroy()} == {"DELETE_COMPLETE"}
    assert {type_ for type_, _, _ in aws.account.names} == {"AWS::S3::Bucket", "AWS::Logs::LogGroup"}
    assert aws.client("lambda").list_functions()["Functions"] == []
