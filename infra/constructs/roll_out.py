"""Roll-out of new versions: verified by the release hook, then watched or shifted gradually.

CodeDeploy cannot shift functions with provisioned concurrency, which Lambda does not allow on an alias with weights.
So these have a gate, a custom resource that CloudFormation creates before it moves the alias: if the hook rejects the
version, the deployment fails and the alias does not move. After the alias, a second custom resource restores the number
of sandboxes that were kept warm, and a third watches the function's alarm; if it fires, CloudFormation rolls back,
including the alias.
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
from infra.constructs.function import LIVE, ModelFunction, logical_id
from infra.constructs.metrics import FunctionMetrics
from infra.stages.functions import AllAtOnce, Canary, FunctionSettings, Provisioned
from infra.stages.release import PROOFS_AT_ONCE
from skysort.metric_names import FAILED
from skysort.release.verifier import ANSWER_S, PROOF_S
from skysort.settings import NEW_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import IConstruct

    from infra.stages.stage import AwsStage

# The hook waits for cold starts, and watches alarms for minutes.
_HOOK: Final = FunctionSettings("functions/control", "hook.handler", "control", memory_mb=512, timeout_s=900)
# What CloudFormation waits for the restored number of sandboxes: a minute of retries, and calls.
_KEEP_S: Final = 300
# Failures of a minute that roll a deployment back: crashes, timeouts and answers with a 5xx status, not rejected
# requests; and the least share of all invocations that they are, half of what the smallest canary gets.
_FAILURES: Final = 3
_SHARE: Final = 0.005
# Metrics come late, those of logs later, and FILL puts 0 into the last minute until then: so the last three minutes
# are looked at ("Using math expressions with CloudWatch metrics", FILL).
_PERIODS: Final = 3
# AWS's managed policy with the fewest permissions for CodeDeploy on Lambda.
_CODEDEPLOY_POLICY: Final = "service-role/AWSCodeDeployRoleForLambdaLimited"
_CODEDEPLOY: Final = "CDK uses the managed policy, which AWS keeps up to date with CodeDeploy"
_ANY_VERSION: Final = "the version number is known only once it is published"
# What CloudWatch names in its refusals, e.g. in aws-samples/amazon-cloudwatch-auto-alarms #1.
_ANY_ALARM: Final = "CloudWatch checks DescribeAlarms against alarm:*, whichever alarms are asked for"


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
        self._proofs: list[CustomResource] = []
        for function in functions.values():
            roll_out = function.settings.roll_out
            if isinstance(roll_out, Canary):
                self._shift(function, roll_out)
                shifted[function.name] = function.function.current_version.function_arn
            else:
                proof = self._gate(function)
                if isinstance(function.settings.warm, Provisioned):
                    self._keep(function, proof)
                if roll_out.watch_minutes:
                    self._watch(function, roll_out)
        if shifted:
            # CodeDeploy does not pass the version to its hook.
            self.hook.add_variable(NEW_VERSIONS, json.dumps(shifted))

    def _versions(self, function: str) -> str:
        return Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=f"{self._stage.function_name(function)}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _gate(self, function: ModelFunction) -> CustomResource:
        """Have the alias wait until its new version is verified, and the proof for one of those before it."""
        # CloudFormation would start all proofs at once, and their time would run out while they wait for sandboxes.
        warm = function.settings.warm
        proof = CustomResource(
            self,
            f"{function.name}-proof",
            resource_type="Custom::Proof",
            service_token=self.hook.function.function_arn,
            service_timeout=Duration.seconds(PROOF_S + ANSWER_S),
            properties={
                "Do": "prove",
                "Function": function.name,
                "Version": function.function.current_version.function_arn,
                **(self._kept_warm(function, str(warm.concurrency)) if isinstance(warm, Provisioned) else {}),
            },
        )
        proof.node.add_dependency(self._permission)
        if len(self._proofs) >= PROOFS_AT_ONCE:
            proof.node.add_dependency(self._proofs[-PROOFS_AT_ONCE])
        self._proofs.append(proof)
        function.alias.node.add_dependency(proof)
        return proof

    def _kept_warm(self, function: ModelFunction, count: str) -> dict[str, str]:
        return {"Deployed": self._stage.function_name(function.name), "Alias": LIVE, "Provisioned": count}

    def _keep(self, function: ModelFunction, proof: CustomResource) -> None:
        """Give the alias as many provisioned sandboxes as the proof found, which its update may have set back."""
        name = self._stage.function_name(function.name)
        alias = Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=f"{name}:{LIVE}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        permission = grant(
            self,
            f"{function.name}-provisioned",
            self.hook.role,
            {alias: ("lambda:GetProvisionedConcurrencyConfig", "lambda:PutProvisionedConcurrencyConfig")},
        )
        proof.node.add_dependency(permission)
        keep = CustomResource(
            self,
            f"{function.name}-keep",
            resource_type="Custom::Keep",
            service_token=self.hook.function.function_arn,
            service_timeout=Duration.seconds(_KEEP_S),
            properties={
                "Do": "keep",
                "Function": function.name,
                "Version": function.function.current_version.function_arn,
                **self._kept_warm(function, proof.get_att_string("Provisioned")),
            },
        )
        keep.node.add_dependency(function.alias)

    def _watch(self, function: ModelFunction, roll_out: AllAtOnce) -> None:
        """Watch the alarm of the new version, so that the deployment can still be rolled back."""
        alarm = self._alarm(function)
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
        watch.node.add_dependency(function.alias, self._alarm_states())

    def _alarm_states(self) -> IConstruct:
        """The hook's permission to look at alarms, one for all functions."""
        found = self.node.try_find_child("AlarmStates")
        if found is not None:
            return found
        alarms = Stack.of(self).format_arn(
            service="cloudwatch", resource="alarm", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        return grant(self, "AlarmStates", self.hook.role, {alarms: ("cloudwatch:DescribeAlarms",)}, _ANY_ALARM)

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
        """Fires when calls fail: those that crash or time out, and those that are answered with a 5xx status."""
        minute = Duration.minutes(1)
        failures = "FILL(errors, 0) + FILL(answers, 0)"
        share = cloudwatch.MathExpression(
            expression=f"IF({failures} >= {_FAILURES}, ({failures}) / calls, 0)",
            using_metrics={
                "errors": function.alias.metric_errors(period=minute, statistic="Sum"),
                "answers": FunctionMetrics.of(self._stage, function.name).custom(FAILED).with_(period=minute),
                "calls": function.alias.metric_invocations(period=minute, statistic="Sum"),
            },
            label="share of failures",
            period=minute,
        )
        return cloudwatch.Alarm(
            self,
            f"{function.name}-errors",
            alarm_name=f"{self._stage.function_name(function.name)}-release",
            alarm_description=f"a new version of {function.name} fails; the deployment is rolled back",
            metric=share,
            threshold=_SHARE,
            evaluation_periods=_PERIODS,
            datapoints_to_alarm=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
