"""The topic that tells of alarms and of the budget, encrypted with a key of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Sequence

_PUBLISHERS: Final = ("cloudwatch.amazonaws.com", "budgets.amazonaws.com")


class AlarmTopic(Construct):
    """skysort-alarms-<stage>. mail: addresses that hear of it; each has to confirm once.

    The key is the account's own, since AWS' managed key for SNS cannot be used by CloudWatch.
    """

    def __init__(self, scope: Construct, name: str, stage: str, mail: Sequence[str]) -> None:
        super().__init__(scope, name)
        # Nothing is kept that would need the key later.
        self.key = kms.Key(
            self,
            "Key",
            description=f"skysort, stage {stage}: messages of alarms",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.topic = sns.Topic(
            self,
            "Topic",
            topic_name=f"skysort-alarms-{stage}",
            display_name=f"skysort {stage}",
            master_key=self.key,
            enforce_ssl=True,
        )
        ours = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        publishers = [iam.ServicePrincipal(publisher) for publisher in _PUBLISHERS]
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsAndBudgets",
                principals=list(publishers),
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=ours,
            )
        )
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsAndBudgets",
                principals=list(publishers),
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # in a key's policy: this key
                conditions=ours,
            )
        )
        for address in mail:
            self.topic.add_subscription(subscriptions.EmailSubscription(address))
