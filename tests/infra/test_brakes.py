"""What stops a stage: the policy, AWS Budgets, and the function that an alarm invokes; each may do that and no more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.synth import flat

if TYPE_CHECKING:
    from tests.infra.synth import Resource, Synthesised

STOPPED = {"ControlFunction/Role", *(f"{model}DropFunction/Role" for model in ("Star", "Galaxy", "Image", "Custom"))}


def stop_policy(stage: Synthesised) -> Resource:
    return stage.named("AWS::IAM::ManagedPolicy", "ManagedPolicyName", "skysort-stop-")


def attached_by(stage: Synthesised, role: str) -> dict[str, Any]:
    """The one statement of a role's policy about other roles."""
    found = [
        statement
        for policy in stage.resources("AWS::IAM::Policy")
        if policy.properties["Roles"] == [{"Ref": role}]
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if "iam:" in json.dumps(statement["Action"])
    ]
    (statement,) = found
    return dict(statement)


def test_a_stopped_stage_takes_no_upload_gives_out_no_result_and_reads_no_queue(prod: Synthesised) -> None:
    policy = stop_policy(prod)
    statements = {one["Action"]: one for one in policy.properties["PolicyDocument"]["Statement"]}
    assert statements.keys() == {"s3:PutObject", "s3:GetObject", "sqs:ReceiveMessage"}
    assert {one["Effect"] for one in statements.values()} == {"Deny"}
    uploads, trainings, runs = map(flat, statements["s3:PutObject"]["Resource"])
    assert uploads.startswith("arn:<AWS::Partition>:s3:::skysort-drop-prod-")
    assert uploads.endswith("/incoming/*")
    # nor does it start trainings or runs of bulk jobs; those that have started end
    assert trainings.startswith("arn:<AWS::Partition>:s3:::skysort-models-prod-")
    assert trainings.endswith("/trainings/*/request.json")
    assert runs.startswith("arn:<AWS::Partition>:s3:::skysort-results-prod-")
    assert runs.endswith("/bulk/*/runs/*/start.json")
    # Results are kept back from what control signs, so that a drop function that is at work can finish
    (signer,) = statements["s3:GetObject"]["Condition"]["ArnEquals"].values()
    assert prod.one(signer["Fn::GetAtt"][0]).path == "ControlFunction/Role"
    assert len(statements["sqs:ReceiveMessage"]["Resource"]) == len(prod.stage.drop_queues)
    # and it is attached to nobody until then
    assert "Roles" not in policy.properties


def test_a_spent_budget_stops_the_stage_without_asking(dev: Synthesised, prod: Synthesised) -> None:
    (action,) = prod.resources("AWS::Budgets::BudgetsAction")
    assert (action.properties["ActionType"], action.properties["ApprovalModel"]) == ("APPLY_IAM_POLICY", "AUTOMATIC")
    assert (action.properties["NotificationType"], action.properties["ActionThreshold"]) == (
        "ACTUAL",
        {"Type": "PERCENTAGE", "Value": prod.stage.operations.stop_at_percent},
    )
    (budget,) = prod.resources("AWS::Budgets::Budget")
    assert action.properties["BudgetName"] == {"Ref": budget.logical_id}
    definition = action.properties["Definition"]["IamActionDefinition"]
    assert definition["PolicyArn"] == {"Ref": stop_policy(prod).logical_id}
    assert {prod.one(role["Ref"]).path for role in definition["Roles"]} == STOPPED
    assert dev.resources("AWS::Budgets::BudgetsAction") == []


def test_budgets_act_for_this_budget_only_and_on_those_roles(prod: Synthesised) -> None:
    (action,) = prod.resources("AWS::Budgets::BudgetsAction")
    role = prod.one(action.properties["ExecutionRoleArn"]["Fn::GetAtt"][0])
    (trust,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "budgets.amazonaws.com"}
    assert flat(trust["Condition"]["ArnLike"]["aws:SourceArn"]).endswith(
        f":budget/{flat(action.properties['BudgetName'])}"
    )
    statement = attached_by(prod, role.logical_id)
    assert statement["Action"] == ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
    assert statement["Condition"] == {"ArnEquals": {"iam:PolicyARN": {"Ref": stop_policy(prod).logical_id}}}
    assert {prod.one(target["Fn::GetAtt"][0]).path for target in statement["Resource"]} == STOPPED


@pytest.mark.parametrize("name", ["uploads-flood", "uploaded-bytes-flood", "downloads-flood"])
def test_a_flood_raises_an_alarm_that_stops_the_stage_and_tells_the_topic(prod: Synthesised, name: str) -> None:
    alarm = prod.named("AWS::CloudWatch::Alarm", "AlarmName", f"skysort-prod-{name}").properties
    brake, topic = alarm["AlarmActions"]
    assert prod.one(brake["Ref"]).properties["FunctionName"] == {"Ref": "FloodBrakeFunction"}
    assert topic == {"Ref": prod.named("AWS::SNS::Topic", "TopicName", "skysort-alarms-prod").logical_id}
    # S3's numbers may come two periods late
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (1, 3)
    # Of S3's own count of every request, which both buckets keep under this name
    assert "EntireBucket" in json.dumps(alarm)
    for bucket in ("drop", "results"):
        found = prod.named("AWS::S3::Bucket", "BucketName", f"skysort-{bucket}-prod").properties
        assert found["MetricsConfigurations"] == [{"Id": "EntireBucket"}]


def test_the_thresholds_are_the_stages_and_above_what_a_key_may_upload(dev: Synthesised, prod: Synthesised) -> None:
    flood, api = prod.stage.operations.flood, prod.stage.api
    assert flood is not None
    assert api is not None
    writes = prod.named("AWS::CloudWatch::Alarm", "AlarmName", "skysort-prod-uploads-flood").properties
    read = prod.named("AWS::CloudWatch::Alarm", "AlarmName", "skysort-prod-downloads-flood").properties
    assert writes["Threshold"] == flood.writes_in_5_minutes
    assert read["Threshold"] == flood.downloaded_gb_in_5_minutes * 1e9
    stored = prod.named("AWS::CloudWatch::Alarm", "AlarmName", "skysort-prod-uploaded-bytes-flood").properties
    assert (stored["MetricName"], stored["Threshold"]) == ("BytesUploaded", flood.uploaded_gb_in_5_minutes * 1e9)
    assert all(client.uploads_per_s * 500 * 300 < flood.writes_in_5_minutes for client in api.clients)
    assert "MetricsConfigurations" not in dev.named("AWS::S3::Bucket", "BucketName", "skysort-drop-dev").properties


def test_the_brake_may_attach_that_policy_and_nothing_else(prod: Synthesised) -> None:
    function = prod.one("FloodBrakeFunction").properties
    statement = attached_by(prod, function["Role"]["Fn::GetAtt"][0])
    assert statement["Action"] == "iam:AttachRolePolicy"
    assert statement["Condition"] == {"ArnEquals": {"iam:PolicyARN": {"Ref": stop_policy(prod).logical_id}}}
    variables = function["Environment"]["Variables"]
    assert variables["SKYSORT_STOP_POLICY"] == {"Ref": stop_policy(prod).logical_id}
    assert flat(variables["SKYSORT_STOP_ROLES"]).count("Role") == len(STOPPED)
    # Alarms of CloudWatch invoke it, and nobody else
    allowed = [
        one.properties
        for one in prod.resources("AWS::Lambda::Permission")
        if "FloodBrake" in flat(one.properties["FunctionName"])
    ]
    assert {one["Principal"] for one in allowed} == {"lambda.alarms.cloudwatch.amazonaws.com"}
    assert all("SourceArn" in one for one in allowed)
