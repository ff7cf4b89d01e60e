"""State machines of which each new object of a bucket starts an execution.

S3 -> EventBridge -> Step Functions. An event that starts no execution is tried again for an hour, then it is a dead
letter, which raises an alarm; the object itself stays in the bucket.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.common import acknowledge, grant, log_group
from infra.constructs.encryption import queue_encryption
from infra.constructs.metrics import ExecutionMetrics
from infra.stages.queues import DEAD_LETTER_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.constructs.function import ModelFunction
    from infra.stages.stage import AwsStage

# Log delivery and traces, which AWS offers on no single resource ("Using CloudWatch Logs to log execution history in
# Step Functions", "Trace requests with X-Ray": IAM policies).
_LOG_DELIVERY: Final = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
_TRACES: Final = (
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
_START_WITHIN: Final = Duration.hours(1)
_START_ATTEMPTS: Final = 20


class Executions(Construct):
    """A state machine, and the rule that starts it.

    kind: part of the names, such as ``training``. definition: in which the functions are placeholders: plain text in
    the template, so that it can be validated. functions: by placeholder; the machine invokes their live aliases.
    timeout_s: an execution that takes longer hangs. bucket: the name of the bucket. keys: a wildcard of EventBridge.
    starts: what the rule starts executions for, for people.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: AwsStage,
        kind: str,
        definition: Mapping[str, Any],
        functions: Mapping[str, ModelFunction],
        timeout_s: int,
        bucket: str,
        keys: str,
        starts: str,
    ) -> None:
        super().__init__(scope, name)
        self._stage = stage
        self.name = f"skysort-{kind}-{stage.name}"
        self.dead_letter_queue_name = f"skysort-{kind}-dlq-{stage.name}"
        self.aliases = {placeholder: function.alias.function_arn for placeholder, function in sorted(functions.items())}
        self.role = self._role()
        self.machine = self._machine({**definition, "TimeoutSeconds": timeout_s})
        self._start(bucket, keys, starts)
        self.metrics = ExecutionMetrics(self.arn(), self.dead_letter_queue_name)

    def arn(self, resource: str = "stateMachine", after: str = "") -> str:
        """The ARN of the machine, or of its executions."""
        # By name: the role of the machine names it, and a circular reference is impossible.
        return Stack.of(self).format_arn(
            service="states",
            resource=resource,
            resource_name=self.name + after,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _role(self) -> iam.Role:
        conditions = {
            "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
            "ArnEquals": {"aws:SourceArn": self.arn()},
        }
        return iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com", conditions=conditions))

    def _machine(self, definition: Mapping[str, Any]) -> sfn.CfnStateMachine:
        # Log groups of this prefix need no entry in the account's resource policy, whose size is limited.
        logs = log_group(self, "Logs", f"/aws/vendedlogs/states/{self.name}", self._stage)
        invoke = grant(self, "Invoke", self.role, dict.fromkeys(self.aliases.values(), ("lambda:InvokeFunction",)))
        tell = grant(
            self,
            "LogAndTrace",
            self.role,
            {"*": (*_LOG_DELIVERY, *_TRACES)},
            "log delivery and X-Ray have no resource-level permissions",
        )
        machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=self.name,
            state_machine_type="STANDARD",
            role_arn=self.role.role_arn,
            definition_string=json.dumps(definition, indent=1),
            definition_substitutions=self.aliases,
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                # Keys, numbers of parts, and why a step failed, which may name files and classes; nothing else of what
                # is in files passes through a machine.
                include_execution_data=True,
                destinations=[
                    sfn.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                            log_group_arn=logs.log_group_arn
                        )
                    )
                ],
            ),
            tracing_configuration=sfn.CfnStateMachine.TracingConfigurationProperty(enabled=True),
        )
        # Step Functions rejects a machine whose role may not deliver its logs yet.
        machine.node.add_dependency(invoke, tell)
        return machine

    def _start(self, bucket: str, keys: str, starts: str) -> None:
        """Start an execution for every new object; its key is all that the execution is given."""
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=self.dead_letter_queue_name,
            retention_period=Duration.days(DEAD_LETTER_DAYS),
            enforce_ssl=True,
            **queue_encryption(self, "DeadLettersKey", self._stage),
        )
        acknowledge(self.dead_letters, "SQS3", "it is a dead-letter queue itself")
        machine = sfn.StateMachine.from_state_machine_arn(self, "Started", self.machine.attr_arn)
        events.Rule(
            self,
            "Requests",
            rule_name=self.name,
            description=starts,
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [bucket]}, "object": {"key": [{"wildcard": keys}]}},
            ),
            targets=[
                targets.SfnStateMachine(
                    machine,
                    input=events.RuleTargetInput.from_object(
                        {"key": events.EventField.from_path("$.detail.object.key")}
                    ),
                    dead_letter_queue=self.dead_letters,
                    max_event_age=_START_WITHIN,
                    retry_attempts=_START_ATTEMPTS,
                )
            ],
        )
