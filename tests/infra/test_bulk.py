"""Bulk jobs as deployed: a machine with a distributed map for each family, a database, and jobs that go in the end."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from infra import node

node.use()

import aws_cdk as cdk  # noqa: E402 - starts Node.js, which has to be chosen first
from aws_cdk.assertions import Template  # noqa: E402

from infra.stacks.service import ServiceStack  # noqa: E402
from infra.stages.deployments import prod as prod_stage  # noqa: E402
from infra.stages.functions import StageError  # noqa: E402
from infra.stages.retention import DropRetention  # noqa: E402
from infra.state_machine.bulk import Family, bulk_definition  # noqa: E402
from tests.infra.machines import BUCKET, arn, complaints, definition, machine  # noqa: E402
from tests.infra.policies import invoked_by  # noqa: E402
from tests.infra.synth import CONTEXT, flat  # noqa: E402
from tests.infra.test_functions import LOGICAL_IDS, alias_of  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.synth import Synthesised

FAMILIES = ("galaxy-bulk", "image-bulk", "star-bulk", "custom-bulk")


def maps(stage: Synthesised) -> dict[str, dict[str, Any]]:
    """The states that run parts, by the function that they invoke first."""
    found = {}
    for state in definition(stage, "bulk")["States"].values():
        if state["Type"] == "Map":
            processor = state["ItemProcessor"]
            found[processor["States"][processor["StartAt"]]["Parameters"]["FunctionName"]] = state
    return found


def test_the_machine_is_the_definition_that_a_laptop_interprets(stage: Synthesised) -> None:
    deployed = definition(stage, "bulk")
    # Of the deployed machine alone: a laptop's ends with its stack
    assert deployed.pop("TimeoutSeconds") == 36 * 3_600
    families = {name: Family(arn(LOGICAL_IDS[name]), stage.stage.bulk_parts[name]) for name in FAMILIES}
    assert deployed == bulk_definition(arn("BulkFunction"), families)


@pytest.mark.usefixtures("validator")
@pytest.mark.parametrize(
    ("field", "value"), [("Next", "Nowhere"), ("ItemReader", {"Resource": 5}), ("MaxConcurrency", "many")]
)
def test_the_validator_would_find_a_fault_of_the_map(dev: Synthesised, field: str, value: Any, tmp_path: Path) -> None:
    broken = definition(dev, "bulk")
    broken["States"]["PartsStar"][field] = value
    assert complaints(broken, tmp_path)


def test_no_name_of_a_state_is_used_twice(dev: Synthesised) -> None:
    """Step Functions wants them unique in the whole machine, in the processors of its Maps too."""
    states = definition(dev, "bulk")["States"]
    names = [*states, *(name for state in maps(dev).values() for name in state["ItemProcessor"]["States"])]
    assert len(names) == len(set(names))


def test_parts_at_once_are_at_most_what_is_reserved_for_their_function(stage: Synthesised) -> None:
    found = maps(stage)
    assert found.keys() == {arn(LOGICAL_IDS[name]) for name in FAMILIES}
    for name in FAMILIES:
        reserved = stage.stage.functions[name].reserved_concurrency
        assert reserved is not None
        state = found[arn(LOGICAL_IDS[name])]
        assert 1 <= state["MaxConcurrency"] <= reserved
        assert state["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}


def test_it_invokes_the_live_aliases_of_bulk_functions_and_may_invoke_nothing_else(stage: Synthesised) -> None:
    properties = machine(stage, "bulk").properties
    aliases = {LOGICAL_IDS[name]: {"Ref": alias_of(stage, name).logical_id} for name in ("bulk", *FAMILIES)}
    assert properties["DefinitionSubstitutions"] == aliases
    assert invoked_by(stage, properties["RoleArn"]) == sorted(map(flat, aliases.values()))


def test_it_may_start_watch_and_stop_its_own_executions_and_read_lists_of_parts(stage: Synthesised) -> None:
    found = machine(stage, "bulk")
    role, name = found.properties["RoleArn"]["Fn::GetAtt"][0], found.properties["StateMachineName"]
    allowed = {
        flat(statement["Resource"]).partition(f"{'<AWS::AccountId>'}:")[2]: statement["Action"]
        for policy in stage.resources("AWS::IAM::Policy")
        if policy.properties["Roles"] == [{"Ref": role}]
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if "states:" in str(statement["Action"])
    }
    assert allowed == {
        f"stateMachine:{name}": "states:StartExecution",
        f"execution:{name}:*": ["states:DescribeExecution", "states:StopExecution"],
    }


def test_results_are_tables_of_the_stages_own_database(stage: Synthesised) -> None:
    (database,) = stage.resources("AWS::Glue::Database")
    assert database.properties["DatabaseInput"]["Name"] == stage.stage.glue_database
    assert database.properties["CatalogId"] == {"Ref": "AWS::AccountId"}


def test_jobs_go_in_the_end_with_their_results(stage: Synthesised) -> None:
    results = stage.named(BUCKET, "BucketName", f"skysort-results-{stage.stage.name}").properties
    rules = {rule["Id"]: rule for rule in results["LifecycleConfiguration"]["Rules"]}
    assert (rules["bulk"]["Prefix"], rules["bulk"]["ExpirationInDays"]) == ("bulk/", stage.stage.drop_retention.bulk)
    with pytest.raises(StageError, match="bulk jobs must be kept longer than the 14 days of their dead letters"):
        DropRetention(bulk=14)


def test_sources_that_a_stage_names_can_be_read_through_its_network() -> None:
    # Given a stage whose jobs may read a survey's bucket
    stage = dataclasses.replace(prod_stage(), bulk_sources=("survey-data/dr9/",))
    found = Template.from_stack(ServiceStack(cdk.App(context=CONTEXT), "service", stage=stage))
    files, listed = ":s3:::survey-data/dr9/*", ":s3:::survey-data'"
    # Then what plans and what classifies may read it, and nobody else
    policies = [policy["Properties"] for policy in found.find_resources("AWS::IAM::Policy").values()]
    having = [policy["Roles"] for policy in policies if files in str(policy) and listed in str(policy)]
    assert len(having) == 1 + len(FAMILIES)
    # and the endpoint lets it through
    gateway = {"Properties": {"VpcEndpointType": "Gateway"}}
    (endpoint,) = found.find_resources("AWS::EC2::VPCEndpoint", gateway).values()
    assert files in str(endpoint)
    assert listed in str(endpoint)
