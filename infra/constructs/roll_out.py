"""Roll-out of new versions: verified by the release hook, then watched or shifted gradually.

CodeDeploy cannot shift functions with provisioned concurrency, which Lambda does not allow on an alias with weights.
So these have a gate, a custom resource that CloudFormation creates before it moves the alias: if the hook rejects the
version, the deployment fails and the alias does not move. A second custom resource after the alias watches the
function's alarm; if it fires, CloudFormation rolls back, including the alias.
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

# The hook waits for cold starts, and watches alarms for minutes.
_HOOK: Final = FunctionSettings("functions/control", "hook.handler", "control", memory_mb=512, timeout_s=900)
_PROOF_S: Final = 300
# Failed invocations (crashes and timeouts, not rejected requests) within a minute that roll a deployment back.
_ERRORS: Final = 3
# AWS's managed policy with the fewest permissions for CodeDeploy on Lambda.
_CODEDEPLOY_POLICY: Final = "service-role/AWSCodeDeployRoleForLambdaLimited"
_CODEDEPLOY: Final = "CDK uses the managed policy, which AWS keeps up to date with CodeDeploy"
_ANY_VERSION: Final = "the version number is known only once it is published"


class RollOut(Construct):
    """The release hook of a stage, and the roll-out of each function."""

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
            # CodeDeploy does not pass the version to its hook.
            self.hook.function.add_environment(NEW_VERSIONS, json.dumps(shifted))

    def _versions(self, function: str) -> str:
        return Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=f"{self._stage.function_name(function)}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _gate(self, function: ModelFunction) -> None:
        """Have the alias wait until its new version is verified."""
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
        """Watch the alarm of the new version, so that the deployment can still be rolled back."""
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
        """Have CodeDeploy move the alias: hook, canary traffic, all traffic, and rollback if the alarm fires."""
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
            # Without a name of its own: other numbers replace it, which a name that is taken would prevent.
            deployment_config=codedeploy.LambdaDeploymentConfig(
                self, f"{function.name}-canary", traffic_routing=routing
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
            "CodeDeploy invokes the hook; CDK's grant covers all its versions",
        )
        function.alias.node.add_dependency(self.hook.function, self._permission)
        group.node.add_dependency(self._permission)

    def _alarm(self, function: ModelFunction) -> cloudwatch.Alarm:
        metric = function.alias.metric_errors(period=Duration.minutes(1), statistic="Sum")
        return cloudwatch.Alarm(
            self,
            f"{function.name}-errors",
            alarm_name=f"{self._stage.function_name(function.name)}-release",
            alarm_description=f"a new version of {function.name} fails; the deployment is rolled back",
            metric=metric,
            threshold=_ERRORS,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
