"""How a new version comes to its requests: proven by the release hook first, watched or shifted gradually after.

A stage's kept-warm functions cannot be shifted by CodeDeploy, since Lambda refuses provisioned concurrency on an alias
with weights. So every function has the same gate, as a resource that CloudFormation creates before it moves the alias:
if the hook says no, the deployment fails there and the alias never moved. A second such resource after the alias waits
for the function's alarm; if that is raised, CloudFormation rolls back, and the alias with it.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Final

from aws_cdk import ArnFormat, CustomResource, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from constructs import Construct

from infra.constructs.common import acknowledge, grant
from infra.constructs.function import ModelFunction, logical_id
from infra.stages.functions import AllAtOnce, Canary, FunctionSettings
from skysort.settings import NEW_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.stages.stage import AwsStage

# The hook waits for cold starts, and watches for minutes.
_HOOK: Final = FunctionSettings("functions/control", "hook.handler", "control", memory_mb=512, timeout_s=900)
_PROOF_S: Final = 300
# Failed invocations (crashes, timeouts: not refused requests) within a minute that turn a deployment back.
_ERRORS: Final = 3
# What CodeDeploy needs to move an alias, as AWS keeps it: its least policy for Lambda.
_CODEDEPLOY_POLICY: Final = "service-role/AWSCodeDeployRoleForLambdaLimited"
_CODEDEPLOY: Final = "CDK gives CodeDeploy the managed policy that AWS keeps up with what its deployments call"
_ANY_VERSION: Final = "the version's number is only known once it is published"


class RollOut(Construct):
    """The hook of a stage, and each function's way to a new version."""

    def __init__(self, scope: Construct, name: str, *, stage: AwsStage, functions: Mapping[str, ModelFunction]) -> None:
        super().__init__(scope, name)
        self._stage = stage
        settings = dataclasses.replace(_HOOK, reserved_concurrency=stage.release_hook_concurrency)
        self.hook = ModelFunction(self, "release-hook", stage=stage, settings=settings)
        self._permission = grant(
            self,
            "InvokeVersions",
            self.hook.role,
            {self._versions(name): ("lambda:InvokeFunction",) for name in functions},
            _ANY_VERSION,
        )
        shifted: dict[str, str] = {}
        for function in functions.values():
            roll_out = function.settings.roll_out
            if isinstance(roll_out, Canary):
                self._shift(function, roll_out)
                shifted[function.name] = function.function.current_version.function_arn
            else:
                self._gate(function)
                if roll_out.watch_minutes:
                    self._watch(function, roll_out)
        if shifted:
            # CodeDeploy does not tell its hook which version it is about.
            self.hook.function.add_environment(NEW_VERSIONS, json.dumps(shifted))

    def _versions(self, function: str) -> str:
        return Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=f"{self._stage.function_name(function)}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _gate(self, function: ModelFunction) -> None:
        """Have the alias wait until its new version is proven."""
        proof = CustomResource(
            self,
            f"{function.name}-proof",
            resource_type="Custom::Proof",
            service_token=self.hook.function.function_arn,
            service_timeout=Duration.seconds(_PROOF_S),
            properties={
                "Do": "prove",
                "Function": function.name,
                "Version": function.function.current_version.function_arn,
            },
        )
        proof.node.add_dependency(self._permission)
        function.alias.node.add_dependency(proof)

    def _watch(self, function: ModelFunction, roll_out: AllAtOnce) -> None:
        """Wait for the alarm of a version that took over, so that the deployment can still be rolled back."""
        alarm = self._alarm(function)
        permission = grant(
            self, f"{function.name}-alarm-state", self.hook.role, {alarm.alarm_arn: ("cloudwatch:DescribeAlarms",)}
        )
        watch = CustomResource(
            self,
            f"{function.name}-watch",
            resource_type="Custom::Watch",
            service_token=self.hook.function.function_arn,
            service_timeout=Duration.minutes(roll_out.watch_minutes + 2),
            properties={
                "Do": "watch",
                "Function": function.name,
                "Version": function.function.current_version.function_arn,
                "Alarm": alarm.alarm_name,
                "Minutes": str(roll_out.watch_minutes),
            },
        )
        watch.node.add_dependency(function.alias, permission)

    def _shift(self, function: ModelFunction, roll_out: Canary) -> None:
        """Have CodeDeploy move the alias: hook, a share of the requests, the rest, and back if the alarm is raised."""
        routing = codedeploy.TimeBasedCanaryTrafficRouting(
            interval=Duration.minutes(roll_out.minutes), percentage=roll_out.percent
        )
        name = self._stage.function_name(function.name)
        group = codedeploy.LambdaDeploymentGroup(
            self,
            f"{function.name}-shift",
            application=codedeploy.LambdaApplication(self, f"{function.name}-application", application_name=name),
            deployment_group_name=name,
            alias=function.alias,
            deployment_config=codedeploy.LambdaDeploymentConfig(
                self, f"{function.name}-canary", deployment_config_name=f"{name}-canary", traffic_routing=routing
            ),
            pre_hook=self.hook.function,
            alarms=[self._alarm(function)],
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
            ),
        )
        acknowledge(group.role, f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{_CODEDEPLOY_POLICY}]", _CODEDEPLOY)
        acknowledge(
            group.role,
            f"IAM5[Resource::<{logical_id(self.hook.name)}.Arn>:*]",
            "CodeDeploy invokes the hook by its name, of which CDK allows every version",
        )
        function.alias.node.add_dependency(self.hook.function, self._permission)
        group.node.add_dependency(self._permission)

    def _alarm(self, function: ModelFunction) -> cloudwatch.Alarm:
        metric = function.alias.metric_errors(period=Duration.minutes(1), statistic="Sum")
        return cloudwatch.Alarm(
            self,
            f"{function.name}-errors",
            alarm_name=f"{self._stage.function_name(function.name)}-release",
            alarm_description=f"a new version of {function.name} fails; the deployment is turned back",
            metric=metric,
            threshold=_ERRORS,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
