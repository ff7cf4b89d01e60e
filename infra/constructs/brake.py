"""The brake of a spent budget: no upload is taken and no queue is read until somebody says so, or the month is over.

AWS Budgets itself attaches a policy that denies (AWS::Budgets::BudgetsAction, APPLY_IAM_POLICY): it needs no function
of ours, and detaches it when the next month begins or its owner reverses the action. Nothing is lost meanwhile: files
wait in the drop bucket, messages in their queue (for QUEUE_DAYS), and what is being worked on is finished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.grants import as_nag_reads
from infra.constructs.reasons import accept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_sns as sns

# What is presigned is done with the signer's permissions at the time of use: links that are out stop too.
_UPLOADS: Final = "s3:PutObject"
# Lambda polls with the function's role. Deleting stays allowed: what is being worked on must not come again.
_POLLING: Final = "sqs:ReceiveMessage"


class BudgetBrake(Construct):
    """Stops the drop folder of a stage when the whole of its budget is spent.

    queues: their ARNs with the roles that read them. uploads: the ARN of the keys that may be uploaded, and the role
    that signs for them. percent: of the budget that is spent.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: str,
        budget: budgets.CfnBudget,
        percent: float,
        topic: sns.ITopic,
        queues: Mapping[str, iam.IRole],
        uploads: tuple[str, iam.IRole],
    ) -> None:
        super().__init__(scope, name)
        keys, signer = uploads
        denied = [
            iam.PolicyStatement(effect=iam.Effect.DENY, actions=[action], resources=list(resources))
            for action, resources in ((_UPLOADS, [keys]), (_POLLING, queues))
        ]
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            managed_policy_name=f"skysort-stop-{stage}",
            description=f"skysort, stage {stage}: attached by AWS Budgets when the budget is spent",
            statements=denied,
        )
        accept(
            self.policy,
            f"IAM5[Resource::{as_nag_reads(self, keys)}]",
            "it denies, and denies every name that callers choose",
        )
        roles = [signer, *queues.values()]
        self.action = budgets.CfnBudgetsAction(
            self,
            "Action",
            action_type="APPLY_IAM_POLICY",
            approval_model="AUTOMATIC",
            budget_name=f"skysort-{stage}",
            notification_type="ACTUAL",
            action_threshold=budgets.CfnBudgetsAction.ActionThresholdProperty(type="PERCENTAGE", value=percent),
            definition=budgets.CfnBudgetsAction.DefinitionProperty(
                iam_action_definition=budgets.CfnBudgetsAction.IamActionDefinitionProperty(
                    policy_arn=self.policy.managed_policy_arn, roles=[role.role_name for role in roles]
                )
            ),
            execution_role_arn=self._role(stage, roles).role_arn,
            subscribers=[budgets.CfnBudgetsAction.SubscriberProperty(type="SNS", address=topic.topic_arn)],
        )
        self.action.node.add_dependency(budget)

    def _role(self, stage: str, roles: Sequence[iam.IRole]) -> iam.Role:
        """What AWS Budgets acts as: it may attach and detach this one policy, on these roles."""
        stack = Stack.of(self)
        budget = stack.format_arn(
            service="budgets",
            region="",
            resource="budget",
            resource_name=f"skysort-{stage}",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        role = iam.Role(
            self,
            "Role",
            # For this account's budget of this name alone: the confused deputy of AWS Budgets' documentation.
            assumed_by=iam.ServicePrincipal(
                "budgets.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": budget},
                },
            ),
        )
        iam.Policy(
            self,
            "Attach",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    actions=["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
                    resources=[target.role_arn for target in roles],
                    conditions={"ArnEquals": {"iam:PolicyARN": self.policy.managed_policy_arn}},
                )
            ],
        )
        return role
