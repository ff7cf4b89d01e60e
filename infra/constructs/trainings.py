"""Trainings: a request in the models bucket starts an execution of the state machine of infra/state_machine.

S3 -> EventBridge -> Step Functions. An event that starts no execution is tried again for an hour, then it is a dead
letter, which raises an alarm; the request itself stays in the bucket.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.common import acknowledge, grant, log_group
from infra.constructs.metrics import TrainingMetrics
from infra.stages.stage import DEAD_LETTER_DAYS
from infra.state_machine.definition import training_definition
from skysort.models import CUSTOM, TRAINED_ROWS
from skysort.registry.keys import REQUEST, TRAININGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.constructs.function import ModelFunction
    from infra.stages.stage import AwsStage

# Placeholders of the functions in the definition, which is plain text in the template, so that it can be validated.
_PICTURES: Final = "PicturesFunction"
_ROWS: Final = "RowsFunction"
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
# Steps have 15 minutes each and three retries: an execution that takes longer than all of them hangs.
_TIMEOUT_S: Final = 6 * 3_600
_START_WITHIN: Final = Duration.hours(1)
_START_ATTEMPTS: Final = 20


def state_machine_name(stage: str) -> str:
    """The name of a stage's state machine."""
    return f"skysort-training-{stage}"


def dead_letter_queue_name(stage: str) -> str:
    """The name of the queue of events that started no execution."""
    return f"skysort-training-dlq-{stage}"


class Trainings(Construct):
    """The state machine, and the rule that starts it.

    functions: by name in the stage; the machine invokes their live aliases. bucket: the name of the models bucket.
    """

    def __init__(
        self, scope: Construct, name: str, *, stage: AwsStage, functions: Mapping[str, ModelFunction], bucket: str
    ) -> None:
        super().__init__(scope, name)
        self._stage = stage
        self.machine = self._machine(functions)
        self._start(bucket)
        self.metrics = TrainingMetrics(self._machine_arn, dead_letter_queue_name(stage.name))

    @property
    def _machine_arn(self) -> str:
        """By name: the role of the machine names it, and a circular reference is impossible."""
        return Stack.of(self).format_arn(
            service="states",
            resource="stateMachine",
            resource_name=state_machine_name(self._stage.name),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _machine(self, functions: Mapping[str, ModelFunction]) -> sfn.CfnStateMachine:
        name = state_machine_name(self._stage.name)
        aliases = {
            _PICTURES: functions[CUSTOM.train_function].alias.function_arn,
            _ROWS: functions[TRAINED_ROWS.train_function].alias.function_arn,
        }
        # Log groups of this prefix need no entry in the account's resource policy, whose size is limited.
        logs = log_group(self, "Logs", f"/aws/vendedlogs/states/{name}", self._stage)
        conditions = {
            "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
            "ArnEquals": {"aws:SourceArn": self._machine_arn},
        }
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com", conditions=conditions))
        invoke = grant(self, "Invoke", role, dict.fromkeys(aliases.values(), ("lambda:InvokeFunction",)))
        tell = grant(
            self,
            "LogAndTrace",
            role,
            {"*": (*_LOG_DELIVERY, *_TRACES)},
            "log delivery and X-Ray have no resource-level permissions",
        )
        definition = training_definition(f"${{{_PICTURES}}}", f"${{{_ROWS}}}") | {"TimeoutSeconds": _TIMEOUT_S}
        machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=name,
            state_machine_type="STANDARD",
            role_arn=role.role_arn,
            definition_string=json.dumps(definition, indent=1),
            definition_substitutions=aliases,
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                # A key, the numbers of shards, and why a training failed, which may name files and classes; nothing
                # else of what is in files passes through the machine.
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

    def _start(self, bucket: str) -> None:
        """Start an execution for every new request; its key is all that the execution is given."""
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=dead_letter_queue_name(self._stage.name),
            retention_period=Duration.days(DEAD_LETTER_DAYS),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        acknowledge(self.dead_letters, "SQS3", "it is a dead-letter queue itself")
        machine = sfn.StateMachine.from_state_machine_arn(self, "Started", self.machine.attr_arn)
        events.Rule(
            self,
            "Requests",
            rule_name=state_machine_name(self._stage.name),
            description="a new request starts a training",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [bucket]}, "object": {"key": [{"wildcard": f"{TRAININGS}*/{REQUEST}"}]}},
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
