"""State machines as deployed: valid, logged, started by new objects of their bucket, and nothing is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.api import ManualArgs, lint

from infra.state_machine.definition import training_definition
from tests.infra.machines import BUCKET, MACHINE, complaints, definition, machine
from tests.infra.synth import flat

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.infra.synth import Resource, Synthesised

DAY_S = 86_400
# Of each: the bucket whose objects start it, and their keys.
STARTS = {"training": ("models", "trainings/*/request.json"), "bulk": ("results", "bulk/*/runs/*/start.json")}


@pytest.mark.usefixtures("validator")
@pytest.mark.parametrize("kind", STARTS)
def test_a_validator_of_states_language_finds_nothing(stage: Synthesised, kind: str, tmp_path: Path) -> None:
    assert complaints(definition(stage, kind), tmp_path) == ""


@pytest.mark.usefixtures("validator")
@pytest.mark.parametrize(
    "broken",
    [
        {"StartAt": "Nowhere"},
        {"States": {"Kind": {"Type": "Choice", "Choices": []}}},
    ],
)
def test_the_validator_would_find_something(broken: Mapping[str, Any], tmp_path: Path) -> None:
    assert complaints({**training_definition("arn", "arn"), **broken}, tmp_path)


@pytest.mark.parametrize("kind", STARTS)
def test_executions_are_logged_traced_and_told_apart_from_an_other_accounts(stage: Synthesised, kind: str) -> None:
    found = machine(stage, kind)
    assert found.properties["StateMachineType"] == "STANDARD"
    assert found.properties["TracingConfiguration"] == {"Enabled": True}
    assert found.properties["LoggingConfiguration"]["Level"] == "ALL"
    # Step Functions refuses a machine whose role may not deliver its logs yet
    role = found.properties["RoleArn"]["Fn::GetAtt"][0]
    policies = {
        one.logical_id for one in stage.resources("AWS::IAM::Policy") if one.properties["Roles"] == [{"Ref": role}]
    }
    assert policies <= set(found.whole["DependsOn"])
    assert len(policies) >= 2
    (trust,) = stage.one(role).properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert flat(trust["Condition"]["ArnEquals"]["aws:SourceArn"]).endswith(
        f":stateMachine:{found.properties['StateMachineName']}"
    )


def rule(stage: Synthesised, kind: str) -> Resource:
    return stage.named("AWS::Events::Rule", "Name", f"skysort-{kind}-{stage.stage.name}")


@pytest.mark.parametrize("kind", STARTS)
def test_a_new_object_starts_an_execution_with_its_key_and_a_failed_start_is_kept(
    stage: Synthesised, kind: str
) -> None:
    # Given the rule about the bucket
    of, keys = STARTS[kind]
    bucket = stage.named(BUCKET, "BucketName", f"skysort-{of}-{stage.stage.name}")
    notified = bucket.properties["NotificationConfiguration"]
    assert notified == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    pattern = rule(stage, kind).properties["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert pattern["detail"]["object"]["key"] == [{"wildcard": keys}]
    assert (
        flat(pattern["detail"]["bucket"]["name"]) == f"[{json.dumps(bucket.properties['BucketName'], sort_keys=True)}]"
    )

    # Then it starts the machine with the key alone
    (target,) = rule(stage, kind).properties["Targets"]
    assert flat(target["Arn"]) == f"<{machine(stage, kind).logical_id}.Arn>"
    assert target["InputTransformer"]["InputPathsMap"] == {"detail-object-key": "$.detail.object.key"}
    assert target["InputTransformer"]["InputTemplate"] == '{"key":<detail-object-key>}'

    # and tries again, for an hour, before the event is a dead letter
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3_600, "MaximumRetryAttempts": 20}
    dead = stage.one(target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]).properties
    assert dead["MessageRetentionPeriod"] == 14 * DAY_S
    assert dead["SqsManagedSseEnabled"] is True
    # which the object outlives
    kept = {"training": stage.stage.model_retention.trainings, "bulk": stage.stage.drop_retention.bulk}
    assert kept[kind] * DAY_S > dead["MessageRetentionPeriod"]


def test_cfn_lint_reads_a_definition(dev: Synthesised) -> None:
    """It is plain text in the template, with placeholders: a definition that is joined by CloudFormation is skipped."""
    # Given the machine in a template of its own, and an error in it
    properties = dict(machine(dev, "training").properties)
    text = properties["DefinitionString"]
    properties |= {"DefinitionString": text.replace('"StartAt": "Kind"', '"StartAt": "Nowhere"')}
    properties |= {"RoleArn": "arn:aws:iam::123456789012:role/x", "DefinitionSubstitutions": {"RowsFunction": "x"}}
    del properties["LoggingConfiguration"], properties["Tags"]
    template = {"Resources": {"Machine": {"Type": MACHINE, "Properties": properties}}}
    # Then it is found
    found = lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"]))
    assert "Missing 'Next' target 'Nowhere'" in str([match.message for match in found])
