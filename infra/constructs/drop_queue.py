"""One model's way from its folder to its function: notification, queue, dead letters, event source mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.grants import bucket_arn, grant
from infra.stages.drop import DEAD_LETTER_DAYS, QUEUE_DAYS

if TYPE_CHECKING:
    from infra.constructs.deployed import Deployed
    from infra.stages.drop import DropQueue

# What an event source mapping needs of the function's role ("Creating and configuring an Amazon SQS event source
# mapping"): fewer than CDK's grant gives.
_CONSUME: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


class ModelQueue(Construct):
    """A queue that S3 writes to and that one function reads, with its dead-letter queue.

    Both are encrypted and reached by TLS only; only this queue may send its dead letters there, so that a redrive
    knows where they came from.
    """

    def __init__(self, scope: Construct, name: str, settings: DropQueue, source_bucket: str) -> None:
        super().__init__(scope, name)
        self.settings = settings
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=settings.dead_letter_queue,
            retention_period=Duration.days(DEAD_LETTER_DAYS),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # By name: the queue itself names its dead-letter queue, and two resources cannot name each other.
            redrive_allow_policy=sqs.RedriveAllowPolicy(
                source_queues=[sqs.Queue.from_queue_arn(self, "Source", self._arn(settings.queue))]
            ),
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=settings.queue,
            visibility_timeout=Duration.seconds(settings.visibility_timeout_s),
            retention_period=Duration.days(QUEUE_DAYS),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=settings.max_receive_count
            ),
        )
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="NotificationsOfTheDropBucket",
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={
                    "ArnEquals": {"aws:SourceArn": bucket_arn(self, source_bucket)},
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                },
            )
        )

    def _arn(self, queue: str) -> str:
        return Stack.of(self).format_arn(service="sqs", resource=queue, arn_format=ArnFormat.NO_RESOURCE_NAME)

    @property
    def notification(self) -> s3.CfnBucket.QueueConfigurationProperty:
        """What the drop bucket needs to know: new objects of this model's folder are told to this queue."""
        rules = [s3.CfnBucket.FilterRuleProperty(name="prefix", value=self.settings.prefix)]
        return s3.CfnBucket.QueueConfigurationProperty(
            event="s3:ObjectCreated:*",
            queue=self._arn(self.settings.queue),
            filter=s3.CfnBucket.NotificationFilterProperty(s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=rules)),
        )

    def feed(self, target: Deployed) -> lambda_.EventSourceMapping:
        """Have the function's live alias work through the queue."""
        permission = grant(self, "Consume", target.role, {self.queue.queue_arn: _CONSUME})
        mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=target.alias,
            event_source_arn=self.queue.queue_arn,
            batch_size=self.settings.batch_size,
            max_batching_window=Duration.seconds(self.settings.batching_window_s),
            max_concurrency=self.settings.maximum_concurrency,
            report_batch_item_failures=True,
        )
        # Lambda refuses a mapping whose function may not yet read the queue.
        mapping.node.add_dependency(permission)
        return mapping


def add_upload_notifications(bucket: s3.Bucket, queues: list[ModelQueue]) -> None:
    """Send a bucket's notifications to the queues.

    By the bucket's own property rather than CDK's notification helper, which deploys a function with
    permissions on every bucket for it. S3 asks each queue at once, so their policies come before the bucket.
    """
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - tells the type checker what an L2 bucket is made of
    resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        queue_configurations=[queue.notification for queue in queues]
    )
    for queue in queues:
        resource.node.add_dependency(queue.queue)
