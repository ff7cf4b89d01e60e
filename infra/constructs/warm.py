"""Provisioned concurrency that follows the load: target tracking and scheduled floors on the live alias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_iam as iam
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from infra.stages.functions import Provisioned


class WarmAlias(Construct):
    """Scales an alias that declares provisioned concurrency; nothing for one whose number never changes.

    CDK's own helper (`alias.add_auto_scaling`) tracks the average utilisation, which hides short peaks, and whose
    alarm has no data while nobody calls, so that the night's sandboxes would stay on, and be paid, through a quiet day
    (neiman-marcus/serverless-provisioned-concurrency-autoscaling #13, #36). Here the maximum counts, and no data is 0.
    """

    def __init__(self, scope: Construct, name: str, *, alias: lambda_.Alias, warm: Provisioned) -> None:
        super().__init__(scope, name)
        if warm.ceiling == warm.concurrency and not warm.schedule:
            return
        resource = f"function:{alias.lambda_.function_name}:{alias.alias_name}"
        target = scaling.ScalableTarget(
            self,
            "Target",
            service_namespace=scaling.ServiceNamespace.LAMBDA,
            scalable_dimension="lambda:function:ProvisionedConcurrency",
            resource_id=resource,
            min_capacity=warm.concurrency,
            max_capacity=warm.ceiling,
            # The role that AWS itself makes for this; without it CDK would add one that may do nothing.
            role=iam.Role.from_role_arn(self, "Role", _service_role(self), mutable=False),
        )
        # The id is made of names only; CloudFormation must still create the alias first (aws/aws-cdk #7903).
        target.node.add_dependency(alias)
        for number, minimum in enumerate(warm.schedule):
            # Only the floor moves: never to 0, which the settings refuse.
            target.scale_on_schedule(
                f"Minimum{number}",
                schedule=scaling.Schedule.expression(minimum.cron),
                min_capacity=minimum.concurrency,
            )
        policy = scaling.CfnScalingPolicy(
            self,
            "Utilisation",
            policy_name=f"{alias.lambda_.function_name}-utilisation",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.scalable_target_id,
            target_tracking_scaling_policy_configuration=_track(alias, warm.target_utilisation),
        )
        policy.node.add_dependency(target)


def _service_role(scope: Construct) -> str:
    service = "lambda.application-autoscaling.amazonaws.com"
    name = f"aws-service-role/{service}/AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency"
    return Stack.of(scope).format_arn(service="iam", region="", resource="role", resource_name=name)


def _track(
    alias: lambda_.Alias, utilisation: float
) -> scaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty:
    """Hold the busiest moment of each minute at this share of the provisioned sandboxes."""
    policy = scaling.CfnScalingPolicy
    dimensions = {
        "FunctionName": alias.lambda_.function_name,
        "Resource": f"{alias.lambda_.function_name}:{alias.alias_name}",
    }
    metric = policy.TargetTrackingMetricProperty(
        namespace="AWS/Lambda",
        metric_name="ProvisionedConcurrencyUtilization",
        dimensions=[
            policy.TargetTrackingMetricDimensionProperty(name=name, value=value) for name, value in dimensions.items()
        ],
    )
    return policy.TargetTrackingScalingPolicyConfigurationProperty(
        target_value=utilisation,
        customized_metric_specification=policy.CustomizedMetricSpecificationProperty(
            metrics=[
                policy.TargetTrackingMetricDataQueryProperty(
                    id="busy",
                    metric_stat=policy.TargetTrackingMetricStatProperty(metric=metric, stat="Maximum"),
                    return_data=False,
                ),
                policy.TargetTrackingMetricDataQueryProperty(
                    id="used", expression="FILL(busy, 0)", label="busiest moment, 0 without calls", return_data=True
                ),
            ]
        ),
    )
