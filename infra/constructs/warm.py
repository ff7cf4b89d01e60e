"""Scaling of a function's provisioned concurrency: by utilisation, and by the stage's schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cw
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.stages.readiness import readiness_request

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from infra.stages.functions import Provisioned

_MINUTE: Final = Duration.minutes(1)


class WarmAlias(Construct):
    """Scales the provisioned concurrency of an alias; does nothing for a constant number.

    Target tracking keeps each minute's maximum utilisation at the target, as "Configuring provisioned concurrency for a
    function" (Lambda) advises for short bursts: CDK's helper takes the average, which hides them.

    The metric has data only in minutes with calls, and target tracking does not scale in without data ("How target
    tracking scaling for Application Auto Scaling works"): the sandboxes of a busy hour would stay, and be billed, until
    somebody calls. So the function is asked for its readiness every minute. The other ways are closed: FILL(metric, 0)
    replaces the latest data, which arrive late, and holds the alarm in one state ("Using metric math", CloudWatch), so
    that the function might never scale out; and Lambda takes no step scaling policy, with an alarm of its own, for
    scaling in (PutScalingPolicy, PolicyType).
    """

    def __init__(self, scope: Construct, name: str, *, function: str, alias: lambda_.Alias, warm: Provisioned) -> None:
        super().__init__(scope, name)
        if not warm.scales:
            return
        deployed = f"{alias.lambda_.function_name}:{alias.alias_name}"
        target = scaling.ScalableTarget(
            self,
            "Target",
            service_namespace=scaling.ServiceNamespace.LAMBDA,
            scalable_dimension="lambda:function:ProvisionedConcurrency",
            resource_id=f"function:{deployed}",
            min_capacity=warm.concurrency,
            max_capacity=warm.ceiling,
            # AWS's service-linked role; otherwise CDK would add a role without permissions.
            role=iam.Role.from_role_arn(self, "Role", _service_role(self), mutable=False),
        )
        # The id consists of names only; CloudFormation must still create the alias first (aws/aws-cdk #7903).
        target.node.add_dependency(alias)
        for number, minimum in enumerate(warm.schedule):
            # Only the minimum changes: never to 0, which the settings reject.
            target.scale_on_schedule(
                f"Minimum{number}",
                schedule=scaling.Schedule.expression(minimum.cron),
                min_capacity=minimum.concurrency,
            )
        target.scale_to_track_metric(
            "Utilisation",
            target_value=warm.target_utilisation,
            custom_metric=cw.Metric(
                namespace="AWS/Lambda",
                metric_name="ProvisionedConcurrencyUtilization",
                dimensions_map={"FunctionName": alias.lambda_.function_name, "Resource": deployed},
                statistic="Maximum",
                period=_MINUTE,
            ),
        )
        events.Rule(
            self,
            "Heartbeat",
            description=f"asks {function} whether it is ready, so that its utilisation has data without callers",
            schedule=events.Schedule.rate(_MINUTE),
            targets=[
                targets.LambdaFunction(
                    alias,
                    event=events.RuleTargetInput.from_object(readiness_request(function)),
                    # The next minute has its own.
                    retry_attempts=0,
                    max_event_age=_MINUTE,
                )
            ],
        )


def _service_role(scope: Construct) -> str:
    service = "lambda.application-autoscaling.amazonaws.com"
    name = f"aws-service-role/{service}/AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency"
    return Stack.of(scope).format_arn(service="iam", region="", resource="role", resource_name=name)
