"""The policies for whoever deploys: enough for every resource of the templates, and for little else."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from infra.commands.deployer import __main__ as command
from infra.commands.deployer.arns import ANY_RESOURCE, ARNS
from infra.commands.deployer.permissions import PolicyError, actions, types
from infra.commands.deployer.policies import CHARACTERS, Account, execution, length, pipeline, reader
from infra.stages.config import stage as configured
from tests.infra.synth import flat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.infra.synth import Synthesised

WHERE = Account("123456789012", "eu-west-1")
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
# How a resource's name becomes its ARN.
NAMED = {
    "AWS::Lambda::Function": ("FunctionName", "arn:aws:lambda:eu-west-1:123456789012:function:{}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "arn:aws:logs:eu-west-1:123456789012:log-group:{}:*"),
    "AWS::S3::Bucket": ("BucketName", "arn:aws:s3:::{}"),
    "AWS::SQS::Queue": ("QueueName", "arn:aws:sqs:eu-west-1:123456789012:{}"),
    "AWS::SNS::Topic": ("TopicName", "arn:aws:sns:eu-west-1:123456789012:{}"),
    "AWS::CloudWatch::Alarm": ("AlarmName", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{}"),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{}"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", "arn:aws:cloudwatch::123456789012:dashboard/{}"),
    "AWS::Events::Rule": ("Name", "arn:aws:events:eu-west-1:123456789012:rule/{}"),
    "AWS::StepFunctions::StateMachine": (
        "StateMachineName",
        "arn:aws:states:eu-west-1:123456789012:stateMachine:{}",
    ),
    "AWS::CodeDeploy::Application": (
        "ApplicationName",
        "arn:aws:codedeploy:eu-west-1:123456789012:application:{}",
    ),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "arn:aws:iam::123456789012:policy/{}"),
}


def statements(*documents: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for document in documents:
        yield from document["Statement"]


def allowed(action: str, documents: list[dict[str, Any]], arn: str | None = None) -> bool:
    """Whether a statement allows an action, on a resource where one is given."""
    return any(
        action in statement["Action"]
        and (arn is None or any(fnmatchcase(arn, pattern) for pattern in statement["Resource"]))
        for statement in statements(*documents)
    )


@pytest.fixture(scope="module")
def policies(stage: Synthesised) -> list[dict[str, Any]]:
    """The policies of CloudFormation's role, for each stage."""
    return execution(list(stage.templates.values()), WHERE)


def test_every_type_of_resource_can_be_made_and_removed(stage: Synthesised, policies: list[dict[str, Any]]) -> None:
    for type_ in sorted(types(stage.templates.values())):
        wanted = {action for action in actions(type_) if action.partition(":")[0] in ARNS}
        assert wanted or type_ == "AWS::CDK::Metadata", type_
        assert {action for action in wanted if not allowed(action, policies)} == set(), type_


def test_resources_with_names_lie_within_it(stage: Synthesised, policies: list[dict[str, Any]]) -> None:
    outside, seen = [], 0
    for resource in stage.resources(*NAMED):
        name_of, arn = NAMED[resource.type]
        if name := resource.properties.get(name_of):
            seen += 1
            (create,) = [one for one in actions(resource.type) if one.split(":")[1] in CREATES] or [""]
            if not allowed(create, policies, arn.format(flat(name))):
                outside.append((resource.logical_id, create, flat(name)))
    assert outside == []
    assert seen > 30


CREATES = {
    "CreateFunction", "CreateLogGroup", "CreateBucket", "CreateQueue", "CreateTopic", "PutMetricAlarm",
    "PutCompositeAlarm", "PutDashboard", "PutRule", "CreateStateMachine", "CreateApplication", "CreatePolicy",
}  # fmt: skip


def test_it_fits_into_what_iam_takes(policies: list[dict[str, Any]]) -> None:
    assert max(map(length, policies)) <= CHARACTERS
    assert len(policies) <= 4


def test_no_action_has_a_star_and_no_resource_that_could_be_named(policies: list[dict[str, Any]]) -> None:
    for statement in statements(*policies):
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Resource"] == ["*"]:
            assert not [action for action in statement["Action"] if not ANY_RESOURCE.fullmatch(action)]
        else:
            assert not [arn for arn in statement["Resource"] if arn.count(":") < 5]


def test_it_cannot_change_what_deploys(policies: list[dict[str, Any]]) -> None:
    """CloudFormation may change roles and policies of the service, not those that it and a pipeline have."""
    for name in ("policy/deploy-skysort-execution-1", "role/github-skysort-prod", "role/cdk-hnb659fds-cfn-exec-role-1"):
        arn = f"arn:aws:iam::{WHERE.account}:{name}"
        for action in ("iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:CreatePolicyVersion", "iam:PassRole"):
            assert not allowed(action, policies, arn)


def test_roles_get_the_policies_that_templates_attach_and_are_for_their_services_only(
    prod: Synthesised,
) -> None:
    found = execution(list(prod.templates.values()), WHERE)
    (attach,) = [one for one in statements(*found) if "iam:AttachRolePolicy" in one["Action"]]
    assert "arn:aws:iam::aws:policy/AdministratorAccess" not in attach["Condition"]["ArnLike"]["iam:PolicyARN"]
    assert [arn for arn in attach["Condition"]["ArnLike"]["iam:PolicyARN"] if arn.endswith("LambdaLimited")]
    handed = [one for one in statements(*found) if "iam:PassRole" in one["Action"] and "Condition" in one]
    assert "lambda.amazonaws.com" in handed[0]["Condition"]["StringEquals"]["iam:PassedToService"]


def test_with_a_boundary_no_role_is_made_without_it(dev: Synthesised) -> None:
    found = execution(list(dev.templates.values()), Account("123456789012", "eu-west-1", boundary=BOUNDARY))
    bounded = [one for one in statements(*found) if {"iam:CreateRole", "iam:AttachRolePolicy"} & {*one["Action"]}]
    assert bounded
    for statement in bounded:
        assert statement["Condition"]["StringEquals"]["iam:PermissionsBoundary"] == BOUNDARY


@pytest.mark.parametrize(
    ("type_", "sentence"),
    [
        ("AWS::Neptune::DBCluster", "has no ARNs for the actions of AWS::Neptune::DBCluster"),
        ("AWS::Nothing::AtAll", "has no schema of AWS::Nothing::AtAll"),
    ],
)
def test_a_resource_that_nobody_has_thought_of_is_told_of(type_: str, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        execution([{"Resources": {"One": {"Type": type_, "Properties": {}}}}], WHERE)


def test_a_pipeline_takes_on_the_bootstrap_s_roles_and_a_reader_reads() -> None:
    assert allowed("sts:AssumeRole", [pipeline("prod", WHERE)], _role("deploy"))
    assert not allowed("sts:AssumeRole", [pipeline("prod", WHERE)], _role("cfn-exec"))
    (only,) = reader(WHERE)["Statement"]
    assert (only["Action"], only["Resource"]) == (["sts:AssumeRole"], [_role("lookup")])
    assert not allowed("s3:PutObject", [pipeline("dev", WHERE)], "arn:aws:s3:::skysort-page-prod-files/index.html")


def test_the_command_writes_them(dev: Synthesised, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given what make synth writes
    monkeypatch.setattr(command, "synthesised", lambda *_: list(dev.templates.values()))
    # When
    command.main(["--stage", "dev", "-c", f"account={WHERE.account}", "-c", "region=eu-west-1", "--out", str(tmp_path)])
    # Then
    written = {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    expected = execution(list(dev.templates.values()), WHERE)
    assert written == {
        **{f"execution-{number}.json": policy for number, policy in enumerate(expected, start=1)},
        "pipeline-dev.json": pipeline("dev", WHERE),
        "reader.json": reader(WHERE),
    }


def test_without_an_account_nothing_is_written() -> None:
    with pytest.raises(PolicyError, match="stage dev is bound to no account: name it with -c account=123456789012"):
        command.whereabouts(configured("dev"))


def _role(name: str) -> str:
    return f"arn:aws:iam::123456789012:role/cdk-hnb659fds-{name}-role-123456789012-eu-west-1"
