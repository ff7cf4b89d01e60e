"""A name that is taken: by a stack, by what an earlier one left behind, or in another region.

"You must specify a unique name" ("Name type", AWS CloudFormation User Guide). What the handlers of resources write was
seen in deployments, and is the text of their AlreadyExists.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.deploy.emulator.formation.schema import at
from tests.deploy.emulator.refusals.errors import by_handler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.deploy.emulator.account import Account

# Which properties of a type make its name, which must be free.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("PolicyName",),
    "AWS::Athena::WorkGroup": ("Name",),
    "AWS::Budgets::Budget": ("Budget/BudgetName",),
    "AWS::CloudFront::CachePolicy": ("CachePolicyConfig/Name",),
    "AWS::CloudFront::Function": ("Name",),
    "AWS::CloudFront::OriginAccessControl": ("OriginAccessControlConfig/Name",),
    "AWS::CloudFront::OriginRequestPolicy": ("OriginRequestPolicyConfig/Name",),
    "AWS::CloudFront::ResponseHeadersPolicy": ("ResponseHeadersPolicyConfig/Name",),
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName",),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::CodeDeploy::Application": ("ApplicationName",),
    "AWS::CodeDeploy::DeploymentConfig": ("DeploymentConfigName",),
    "AWS::CodeDeploy::DeploymentGroup": ("ApplicationName", "DeploymentGroupName"),
    "AWS::Events::Rule": ("Name",),
    "AWS::Glue::Database": ("DatabaseInput/Name",),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName",),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SNS::Topic": ("TopicName",),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::SSM::Parameter": ("Name",),
    "AWS::StepFunctions::StateMachine": ("StateMachineName",),
    "AWS::WAFv2::WebACL": ("Name", "Scope"),
}
# An account has a name of these once, whatever the region; buckets' names are those of all accounts.
GLOBAL: Final = ("AWS::IAM::", "AWS::CloudFront::", "AWS::Budgets::", "AWS::S3::Bucket")
# Such a web ACL is CloudFront's, which is in no region.
_CLOUDFRONT_SCOPE: Final = "CLOUDFRONT"


def name(type_: str, properties: Mapping[str, Any]) -> str | None:
    """The name that a template gives a resource; None where CloudFormation makes one up."""
    parts = [at(properties, path) for path in NAMES.get(type_, ())]
    return "|".join(map(str, parts)) if parts and all(parts) else None


def key(type_: str, properties: Mapping[str, Any], region: str) -> tuple[str, str, str] | None:
    """What there can be once: type, region or none, name; None for what has no name of its own."""
    found = name(type_, properties)
    if found is None:
        return None
    everywhere = type_.startswith(GLOBAL) or properties.get("Scope") == _CLOUDFRONT_SCOPE
    return type_, "" if everywhere else region, found


def take(account: Account, type_: str, properties: Mapping[str, Any], region: str, owner: str) -> None:
    """Note that a stack has a name; raises RefusedError where somebody has it."""
    wanted = key(type_, properties, region)
    if wanted is None:
        return
    if wanted in account.names:
        paths = [path.rpartition("/")[2] for path in NAMES[type_]]
        values = wanted[2].split("|")
        identifier = json.dumps({f"/properties/{path}": value for path, value in zip(paths, values, strict=True)})
        identifier = values[0] if len(values) == 1 else identifier
        raise by_handler(f"Resource of type '{type_}' with identifier '{identifier}' already exists.", "AlreadyExists")
    account.names[wanted] = owner


def give_back(account: Account, type_: str, properties: Mapping[str, Any], region: str) -> None:
    """Note that a resource is gone: its name is free."""
    wanted = key(type_, properties, region)
    if wanted is not None:
        account.names.pop(wanted, None)
