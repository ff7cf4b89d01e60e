"""Trainings as deployed: a request starts the state machine that the local stack interprets, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.api import ManualArgs, lint

from infra import node
from infra.commands import cdk
from infra.stages.functions import StageError
from infra.stages.stage import ModelRetention
from infra.state_machine.definition import training_definition
from tests.infra.synth import flat
from tests.infra.test_functions import alias_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.infra.synth import Resource, Synthesised

MACHINE = "AWS::StepFunctions::StateMachine"
BUCKET = "AWS::S3::Bucket"
VALIDATOR = cdk.INFRA / "node_modules" / "asl-validator" / "dist" / "bin" / "asl-validator.js"
DAY_S = 86_400


def machine(stage: Synthesised) -> Resource:
    (found,) = stage.resources(MACHINE)
    return found


def models_bucket(stage: Synthesised) -> Resource:
    return stage.named(BUCKET, "BucketName", f"skysort-models-{stage.stage.name}")


def definition(stage: Synthesised) -> dict[str, Any]:
    """The deployed definition, with the functions' ARNs in place of the placeholders."""
    properties = machine(stage).properties
    text: str = properties["DefinitionString"]
    for name in properties["DefinitionSubstitutions"]:
        text = text.replace(f"${{{name}}}", f"arn:aws:lambda:us-east-1:123456789012:function:{name}:live")
    assert "${" not in text
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture(scope="module")
def validator() -> None:
    cdk.install()


def complaints(document: Mapping[str, Any], folder: Path) -> str:
    """What the validator says of a definition, nothing of a valid one."""
    file = folder / "definition.json"
    file.write_text(json.dumps(document))
    command = [str(node.program()), str(VALIDATOR), "--json-path", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr) if done.returncode else ""


@pytest.mark.usefixtures("validator")
def test_a_validator_of_states_language_finds_nothing(stage: Synthesised, tmp_path: Path) -> None:
    assert complaints(definition(stage), tmp_path) == ""


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


def test_the_machine_is_the_definition_that_a_laptop_interprets(stage: Synthesised) -> None:
    deployed = definition(stage)
    # Of the deployed machine alone: a laptop's ends with its stack
    assert deployed.pop("TimeoutSeconds") > 4 * 900
    arn = "arn:aws:lambda:us-east-1:123456789012:function:{}:live".format
    assert deployed == training_definition(arn("PicturesFunction"), arn("RowsFunction"))


def test_it_invokes_the_live_aliases_of_what_trains_and_may_invoke_nothing_else(stage: Synthesised) -> None:
    properties = machine(stage).properties
    aliases = {
        "PicturesFunction": {"Ref": alias_of(stage, "custom-train").logical_id},
        "RowsFunction": {"Ref": alias_of(stage, "star-train").logical_id},
    }
    assert properties["DefinitionSubstitutions"] == aliases
    role = properties["RoleArn"]["Fn::GetAtt"][0]
    (invoked,) = [
        statement["Resource"]
        for policy in stage.resources("AWS::IAM::Policy")
        if policy.properties["Roles"] == [{"Ref": role}]
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Action"] == "lambda:InvokeFunction"
    ]
    assert sorted(map(flat, invoked)) == sorted(map(flat, aliases.values()))


def test_executions_are_logged_traced_and_told_apart_from_an_other_accounts(stage: Synthesised) -> None:
    found = machine(stage)
    assert found.properties["StateMachineType"] == "STANDARD"
    assert found.properties["TracingConfiguration"] == {"Enabled": True}
    assert found.properties["LoggingConfiguration"]["Level"] == "ALL"
    # Step Functions refuses a machine whose role may not deliver its logs yet
    policies = {one.logical_id for one in stage.resources("AWS::IAM::Policy") if one.path.startswith("Trainings/")}
    assert len(policies & set(found.whole["DependsOn"])) == 2
    (trust,) = stage.one(found.properties["RoleArn"]["Fn::GetAtt"][0]).properties["AssumeRolePolicyDocument"][
        "Statement"
    ]
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert flat(trust["Condition"]["ArnEquals"]["aws:SourceArn"]).endswith(
        f":stateMachine:{found.properties['StateMachineName']}"
    )


def test_a_new_request_starts_an_execution_with_its_key_and_a_failed_start_is_kept(stage: Synthesised) -> None:
    # Given the rule about the models bucket
    (rule,) = stage.resources("AWS::Events::Rule")
    bucket = models_bucket(stage)
    notified = bucket.properties["NotificationConfiguration"]
    assert notified == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    pattern = rule.properties["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert pattern["detail"]["object"]["key"] == [{"wildcard": "trainings/*/request.json"}]
    assert (
        flat(pattern["detail"]["bucket"]["name"]) == f"[{json.dumps(bucket.properties['BucketName'], sort_keys=True)}]"
    )

    # Then it starts the machine with the key alone
    (target,) = rule.properties["Targets"]
    assert flat(target["Arn"]) == f"<{machine(stage).logical_id}.Arn>"
    assert target["InputTransformer"]["InputPathsMap"] == {"detail-object-key": "$.detail.object.key"}
    assert target["InputTransformer"]["InputTemplate"] == '{"key":<detail-object-key>}'

    # and tries again, for an hour, before the event is a dead letter
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3_600, "MaximumRetryAttempts": 20}
    dead = stage.one(target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]).properties
    assert dead["MessageRetentionPeriod"] == 14 * DAY_S
    assert dead["SqsManagedSseEnabled"] is True
    assert stage.stage.model_retention.trainings * DAY_S > dead["MessageRetentionPeriod"]


def test_versions_of_models_stay_and_what_trainings_leave_behind_goes(stage: Synthesised) -> None:
    bucket, days = models_bucket(stage).properties, stage.stage.model_retention
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["LoggingConfiguration"]["LogFilePrefix"] == "models/"
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    expiring = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules.values() if "ExpirationInDays" in rule}
    assert expiring == {"intermediates/": days.intermediates, "trainings/": days.trainings}
    assert rules["old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": days.old}
    assert "ExpirationInDays" not in rules["old-versions"]


def test_a_request_outlives_the_message_that_it_started_nothing() -> None:
    with pytest.raises(StageError, match="14 days of their dead letters"):
        ModelRetention(trainings=14)
    with pytest.raises(StageError, match="intermediates must be at least 1 day"):
        ModelRetention(intermediates=0)


def test_cfn_lint_reads_the_definition(dev: Synthesised) -> None:
    """It is plain text in the template, with placeholders: a definition that is joined by CloudFormation is skipped."""
    # Given the machine in a template of its own, and an error in it
    properties = dict(machine(dev).properties)
    text = properties["DefinitionString"]
    properties |= {"DefinitionString": text.replace('"StartAt": "Kind"', '"StartAt": "Nowhere"')}
    properties |= {"RoleArn": "arn:aws:iam::123456789012:role/x", "DefinitionSubstitutions": {"RowsFunction": "x"}}
    del properties["LoggingConfiguration"], properties["Tags"]
    template = {"Resources": {"Machine": {"Type": MACHINE, "Properties": properties}}}
    # Then it is found
    found = lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"]))
    assert "Missing 'Next' target 'Nowhere'" in str([match.message for match in found])
