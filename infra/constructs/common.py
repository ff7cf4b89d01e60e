"""Shared by the constructs: log groups, permissions, alarms, and acknowledged cdk-nag findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aws_cdk import Acknowledgment, RemovalPolicy, Stack, Validations
from aws_cdk import aws_cloudwatch as cw
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from infra.constructs.encryption import stage_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from constructs import Construct, IConstruct

    from infra.stages.stage import AwsStage


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Acknowledge a cdk-nag finding on this construct.

    rule: without the name of its pack, with the finding if the rule has several: ``IAM5[Resource::*]``.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason))


# CDK's enum by number of days.
_DAYS = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
}


# RetainExceptOnCreate ("DeletionPolicy attribute", AWS CloudFormation): what the operation that creates a resource
# leaves behind when it fails would have the resource's name, or be the version that the next attempt publishes.
KEPT: Final = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def removal(stage: AwsStage) -> RemovalPolicy:
    """The removal policy of data and logs: kept, once they were deployed, if the stage keeps its data."""
    return KEPT if stage.keep_data else RemovalPolicy.DESTROY


def log_group(scope: Construct, id_: str, name: str, stage: AwsStage) -> logs.LogGroup:
    """A log group with the retention and the key of the stage."""
    return logs.LogGroup(
        scope,
        id_,
        log_group_name=name,
        retention=_DAYS[stage.log_days],
        removal_policy=removal(stage),
        encryption_key=stage_key(scope, f"{id_}Key", stage),
    )


def bucket_name(scope: Construct, name: str) -> str:
    """The deployed name of a bucket, with account and region, as bucket names are global."""
    stack = Stack.of(scope)
    return f"{name}-{stack.account}-{stack.region}"


def account_name(scope: Construct, name: str) -> str:
    """A name with the region, for what is global to an account: a second region would find it taken."""
    return f"{name}-{Stack.of(scope).region}"


def drop_bucket_name(scope: Construct, stage: AwsStage) -> str:
    """The deployed name of the stage's drop bucket, which may have existed before."""
    return stage.existing.drop or bucket_name(scope, stage.drop_bucket)


def results_bucket_name(scope: Construct, stage: AwsStage) -> str:
    """The deployed name of the stage's results bucket, which may have existed before."""
    return stage.existing.results or bucket_name(scope, stage.results_bucket)


def bucket_arn(scope: Construct, bucket: str, keys: str = "") -> str:
    """The ARN of a bucket by its name, or of keys in it: ``/incoming/star/*``."""
    return f"arn:{Stack.of(scope).partition}:s3:::{bucket}{keys}"


def grant(
    scope: Construct, name: str, role: iam.IRole, allowed: Mapping[str, Iterable[str]], reason: str = ""
) -> iam.Policy:
    """Attach a policy to a role.

    Parameters
    ----------
    allowed
        Actions by resource, without wildcards in actions.
    reason
        Why a resource may have a wildcard.

    Returns
    -------
    iam.Policy
        The policy, for dependencies.
    """
    policy = iam.Policy(
        scope,
        name,
        roles=[role],
        statements=[iam.PolicyStatement(actions=sorted(actions), resources=[on]) for on, actions in allowed.items()],
    )
    for resource in allowed:
        if "*" in resource:
            acknowledge(policy, f"IAM5[Resource::{nag_name(scope, resource)}]", reason)
    return policy


def nag_name(scope: Construct, resource: str) -> str:
    """A resource with its tokens as in cdk-nag's findings: ``<AWS::Partition>``, ``<Queue.Arn>``."""
    resolved = Stack.of(scope).resolve(resource)
    parts = resolved["Fn::Join"][1] if isinstance(resolved, dict) else [resolved]
    return "".join(part if isinstance(part, str) else f"<{_named(part)}>" for part in parts)


def _named(reference: Mapping[str, Any]) -> str:
    return ".".join(reference["Fn::GetAtt"]) if "Fn::GetAtt" in reference else reference["Ref"]


def alarm_above(
    scope: Construct,
    name: str,
    *,
    stage: AwsStage,
    metric: cw.IMetric,
    above: float,
    meaning: str,
    periods: int = 1,
    within: int | None = None,
) -> cw.Alarm:
    """An alarm on a metric above a threshold; missing data does not breach.

    Parameters
    ----------
    above
        The threshold.
    periods
        How many periods have to be above it, consecutive ones by default.
    within
        Of how many of the last periods, for data that come late.

    Returns
    -------
    cw.Alarm
        The alarm, without an action.
    """
    return cw.Alarm(
        scope,
        name,
        alarm_name=f"skysort-{stage.name}-{name}",
        alarm_description=f"{name}: {meaning}",
        metric=metric,
        threshold=above,
        comparison_operator=cw.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=within or periods,
        datapoints_to_alarm=periods if within else None,
        treat_missing_data=cw.TreatMissingData.NOT_BREACHING,
    )
