"""The monthly budget, and the brakes that stop a stage's drop folder until it is released.

A policy that denies uploads, trainings, bulk jobs, downloads of results and polling of queues is attached to the roles
concerned: by AWS Budgets when the month's budget is spent (AWS::Budgets::BudgetsAction, APPLY_IAM_POLICY), hours late
as costs are updated a few times a day; and within minutes by a function, when requests to the buckets exceed any
legitimate use.
Nothing is lost: files stay in the drop bucket, messages in their queue (for QUEUE_DAYS), and files in progress are
finished.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Final

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cw
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.buckets import REQUEST_METRICS
from infra.constructs.common import account_name, acknowledge, alarm_above, nag_name
from infra.constructs.function import ModelFunction
from infra.stages.functions import FunctionSettings
from skysort.settings import STOP_POLICY, STOP_ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_sns as sns

    from infra.constructs.drop_folder import DropFolder
    from infra.stages.operations import Flood
    from infra.stages.stage import AwsStage

BUDGET_STEPS: Final = (("ACTUAL", 50), ("ACTUAL", 90), ("FORECASTED", 100))


class MonthlyBudget(Construct):
    """A monthly budget of the account, with notifications on a topic.

    It covers the whole account, since a budget by tag counts nothing, silently, until the tag is activated as a cost
    allocation tag in the billing console. AWS chooses its name, which is global to the account and would prevent the
    replacement that other notifications cause ("AWS::Budgets::Budget", update requires replacement).
    """

    def __init__(self, scope: Construct, name: str, dollars: float, topic: sns.ITopic) -> None:
        super().__init__(scope, name)
        subscriber = budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=topic.topic_arn)
        self.budget = budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[subscriber],
                )
                for kind, percent in BUDGET_STEPS
            ],
        )
        # With the topic's policy, without which AWS Budgets may not publish, and of which it tests nothing later.
        self.budget.node.add_dependency(topic)


_ATTACH_ACTIONS: Final = ("iam:AttachRolePolicy", "iam:DetachRolePolicy")
_BRAKE: Final = FunctionSettings("functions/control", "brake.handler", "control", memory_mb=256, timeout_s=60)
_FIVE_MINUTES: Final = Duration.minutes(5)
_LATE_PERIODS: Final = 3
_GIGABYTE: Final = 1_000_000_000


class StopPolicy(Construct):
    """The policy that stops a stage.

    functions: by name, including those that poll the drop folder's queues and the one that presigns. starts: the ARN
    patterns of the objects that start trainings and bulk jobs.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: AwsStage,
        folder: DropFolder,
        functions: Mapping[str, ModelFunction],
        *,
        starts: Sequence[str],
    ) -> None:
        super().__init__(scope, name)
        queues = {queue.queue.queue_arn: functions[queue.settings.function].role for queue in folder.queues.values()}
        # Presigned requests use its permissions.
        signer = functions["control"].role
        self.roles: list[iam.IRole] = [signer, *queues.values()]
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            managed_policy_name=account_name(self, f"skysort-stop-{stage.name}"),
            description=f"skysort, stage {stage.name}: attached to stop the drop folder",
            statements=[
                # Presigned requests are checked against the signer's current permissions: issued links stop too.
                _deny("s3:PutObject", [folder.uploads, *starts]),
                # Of the signer only: a running drop function finishes its file.
                _deny("s3:GetObject", [folder.results], {"ArnEquals": {"aws:PrincipalArn": signer.role_arn}}),
                # Lambda polls with the function's role. It may still delete finished messages, to prevent repeats.
                _deny("sqs:ReceiveMessage", queues),
            ],
        )
        for keys in (folder.uploads, *starts, folder.results):
            acknowledge(
                self.policy,
                f"IAM5[Resource::{nag_name(self, keys)}]",
                "a deny statement, for all names chosen by callers",
            )

    @property
    def arn(self) -> str:
        """The ARN of the policy."""
        return self.policy.managed_policy_arn

    def grant_attach(self, role: iam.IRole, permissions: Sequence[str]) -> iam.Policy:
        """Grant a role permissions to attach or detach only this policy, and only on the roles it stops."""
        return iam.Policy(
            self,
            f"Attach{len(self.node.children)}",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    actions=list(permissions),
                    resources=[target.role_arn for target in self.roles],
                    conditions={"ArnEquals": {"iam:PolicyARN": self.arn}},
                )
            ],
        )


class BudgetBrake(Construct):
    """Stops a stage at a percentage of its budget; AWS Budgets reverses it at the beginning of the next month."""

    def __init__(
        self, scope: Construct, name: str, *, stop: StopPolicy, budget: MonthlyBudget, percent: float, topic: sns.ITopic
    ) -> None:
        super().__init__(scope, name)
        stack = Stack.of(self)
        budget_arn = stack.format_arn(
            service="budgets",
            region="",
            resource="budget",
            resource_name=budget.budget.ref,
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        # Only for this budget (confused deputy prevention, AWS Budgets documentation).
        conditions = {"StringEquals": {"aws:SourceAccount": stack.account}, "ArnLike": {"aws:SourceArn": budget_arn}}
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("budgets.amazonaws.com", conditions=conditions))
        permission = stop.grant_attach(role, _ATTACH_ACTIONS)
        action = budgets.CfnBudgetsAction
        self.action = action(
            self,
            "Action",
            action_type="APPLY_IAM_POLICY",
            approval_model="AUTOMATIC",
            budget_name=budget.budget.ref,
            notification_type="ACTUAL",
            action_threshold=action.ActionThresholdProperty(type="PERCENTAGE", value=percent),
            definition=action.DefinitionProperty(
                iam_action_definition=action.IamActionDefinitionProperty(
                    policy_arn=stop.arn, roles=[target.role_name for target in stop.roles]
                )
            ),
            execution_role_arn=role.role_arn,
            subscribers=[action.SubscriberProperty(type="SNS", address=topic.topic_arn)],
        )
        self.action.node.add_dependency(permission)


class FloodBrake(Construct):
    """Stops a stage when S3's request metrics of its buckets exceed the stage's Flood."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: AwsStage,
        stop: StopPolicy,
        flood: Flood,
        topic: sns.ITopic,
        folder: DropFolder,
    ) -> None:
        super().__init__(scope, name)
        drop_bucket, results_bucket = folder.drop_bucket_name, folder.results_bucket_name
        settings = dataclasses.replace(_BRAKE, reserved_concurrency=1 if stage.release_hook_concurrency else None)
        self.function = ModelFunction(self, "flood-brake", stage=stage, settings=settings)
        self.function.add_variable(STOP_POLICY, stop.arn)
        self.function.add_variable(STOP_ROLES, json.dumps([role.role_name for role in stop.roles]))
        stop.grant_attach(self.function.role, _ATTACH_ACTIONS[:1])
        writes = cw.MathExpression(
            # Forms are posted; parts and whole files are put.
            expression="FILL(posts,0)+FILL(puts,0)",
            using_metrics={
                "posts": self._requests(drop_bucket, "PostRequests"),
                "puts": self._requests(drop_bucket, "PutRequests"),
            },
            label="writes to the drop bucket",
            period=_FIVE_MINUTES,
        )
        for alarm_name, metric, threshold in (
            ("uploads-flood", writes, flood.writes_in_5_minutes),
            (
                "uploaded-bytes-flood",
                self._requests(drop_bucket, "BytesUploaded"),
                flood.uploaded_gb_in_5_minutes * _GIGABYTE,
            ),
            (
                "downloads-flood",
                self._requests(results_bucket, "BytesDownloaded"),
                flood.downloaded_gb_in_5_minutes * _GIGABYTE,
            ),
        ):
            meaning = (
                "more than any legitimate use; the drop folder was stopped. Identify the caller in S3's access logs, "
                f"then: python -m infra.commands.brake --stage {stage.name} --release"
            )
            # S3's request metrics are late, and FILL puts 0 in their place until they come: an alarm on the newest
            # period alone would never fire ("Using metric math", CloudWatch).
            alarm = alarm_above(
                self, alarm_name, stage=stage, metric=metric, above=threshold, meaning=meaning, within=_LATE_PERIODS
            )
            alarm.add_alarm_action(actions.LambdaAction(self.function.alias), actions.SnsAction(topic))

    def _requests(self, bucket: str, name: str) -> cw.Metric:
        return cw.Metric(
            namespace="AWS/S3",
            metric_name=name,
            dimensions_map={"BucketName": bucket, "FilterId": REQUEST_METRICS},
            statistic="Sum",
            period=_FIVE_MINUTES,
        )


def _deny(
    action: str, resources: Sequence[str] | Mapping[str, object], conditions: Mapping[str, object] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        effect=iam.Effect.DENY, actions=[action], resources=list(resources), conditions=conditions
    )
