"""The drop folder: files uploaded below incoming/<model>/ are classified into the results bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.bucket_cors import PREFLIGHT_S, READS, UPLOADS
from infra.constructs.buckets import let_write, lifecycle, private_bucket, tell_event_bridge
from infra.constructs.common import acknowledge, bucket_arn, drop_bucket_name, grant, results_bucket_name
from infra.constructs.encryption import queue_encryption
from infra.stages.queues import DEAD_LETTER_DAYS, QUEUE_DAYS
from skysort.bulk.keys import JOBS
from skysort.drop.keys import INCOMING
from skysort.models import CUSTOM, PICTURES, of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.constructs.function import ModelFunction
    from infra.stages.queues import DropQueue
    from infra.stages.stage import AwsStage


class DropBuckets(Construct):
    """Separate drop and results buckets, to prevent loops, and a third for their access logs.

    All block public access, are encrypted and TLS only, and the account owns all objects. origins: of web pages that
    upload to the drop bucket and read results by presigned requests. Of buckets that exist already nothing is changed
    here, since a template can only create what it describes: infra/commands/existing_buckets.py does.
    """

    def __init__(self, scope: Construct, name: str, stage: AwsStage, origins: Sequence[str] = ()) -> None:
        super().__init__(scope, name)
        # Only a stage with a flood brake uses S3's request metrics.
        watched = stage.operations.flood is not None
        days = stage.drop_retention
        kept = lifecycle(days.access_logs, None)
        self.logs = private_bucket(
            self, "AccessLogs", stage, f"skysort-access-logs-{stage.name}", kept, versioned=False
        )
        acknowledge(self.logs, "S1", "it receives the access logs of the other buckets; its own would grow without end")
        kept = lifecycle(days.incoming, days.incoming, days.unfinished)
        self.drop = (
            None
            if stage.existing.drop
            else private_bucket(self, "Drop", stage, stage.drop_bucket, kept, watched=watched, logs=self.logs)
        )
        # A job may classify a whole survey: its results are kept for less long than those of single files.
        jobs = s3.LifecycleRule(id="bulk", prefix=JOBS, expiration=Duration.days(days.bulk))
        kept = [*lifecycle(days.results, days.old_results), jobs]
        self.results = (
            None
            if stage.existing.results
            else private_bucket(self, "Results", stage, stage.results_bucket, kept, watched=watched, logs=self.logs)
        )
        if self.results is not None:
            tell_event_bridge(self.results)
        if self.drop is not None:
            let_write(self.drop, stage)
        for bucket, rule in ((self.drop, UPLOADS), (self.results, READS)):
            if origins and bucket is not None:
                bucket.add_cors_rule(
                    allowed_methods=[s3.HttpMethods(method) for method in rule.methods],
                    allowed_origins=list(origins),
                    allowed_headers=list(rule.headers),
                    exposed_headers=list(rule.exposed),
                    max_age=PREFLIGHT_S,
                )


# Permissions that an event source mapping needs ("Creating and configuring an Amazon SQS event source mapping"):
# fewer than CDK's grant. The function itself says when messages are visible again (skysort.drop.visibility).
_CONSUME: Final = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
)


class ModelQueue(Construct):
    """A queue from S3 to a function, with its dead-letter queue.

    Both are encrypted and TLS only; only this queue may use the dead-letter queue, so the source of a redrive is
    unambiguous.
    """

    def __init__(self, scope: Construct, name: str, stage: AwsStage, settings: DropQueue, source_bucket: str) -> None:
        super().__init__(scope, name)
        self.settings = settings
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=settings.dead_letter_queue,
            retention_period=Duration.days(DEAD_LETTER_DAYS),
            enforce_ssl=True,
            **queue_encryption(self, "DeadLettersKey", stage),
            # By name: the queue refers to its dead-letter queue, and a circular reference is impossible.
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
            enforce_ssl=True,
            **queue_encryption(self, "QueueKey", stage),
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
    def notifications(self) -> list[s3.CfnBucket.QueueConfigurationProperty]:
        """The bucket notifications that send new objects of this model's folders to this queue."""
        return [self._notification(prefix) for prefix in self.settings.prefixes]

    def _notification(self, prefix: str) -> s3.CfnBucket.QueueConfigurationProperty:
        rules = [s3.CfnBucket.FilterRuleProperty(name="prefix", value=prefix)]
        return s3.CfnBucket.QueueConfigurationProperty(
            event="s3:ObjectCreated:*",
            queue=self._arn(self.settings.queue),
            filter=s3.CfnBucket.NotificationFilterProperty(s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=rules)),
        )

    def feed(self, target: ModelFunction) -> lambda_.EventSourceMapping:
        """Have the function's live alias process the queue."""
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
        # Lambda rejects a mapping whose function may not read the queue yet.
        mapping.node.add_dependency(permission)
        return mapping


def add_upload_notifications(bucket: s3.Bucket, queues: list[ModelQueue]) -> None:
    """Send a bucket's notifications to the queues.

    By the bucket's own property instead of CDK's notification helper, which deploys a function with permissions on
    every bucket. S3 validates each queue immediately, so their policies must precede the bucket.
    """
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - tells the type checker what an L2 bucket is made of
    resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        queue_configurations=[each for queue in queues for each in queue.notifications]
    )
    for queue in queues:
        resource.node.add_dependency(queue.queue)


# Without s3:ListBucket S3 responds 403 for a missing key, the same as for a denied one.
_LIST: Final = ("s3:ListBucket",)
_READ: Final = ("s3:GetObject",)
# The version named in an event.
_READ_VERSIONS: Final = ("s3:GetObject", "s3:GetObjectVersion")
# PutObject covers multipart uploads except aborting; a conditional write by ETag needs GetObject too.
_RECORD: Final = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject")
# A form, or a multipart upload, resumed or aborted.
_UPLOAD: Final = ("s3:PutObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload")
_ANY_FILE: Final = "callers choose the names of files; only the prefix is known"


class DropFolder(Construct):
    """Buckets, queues and mappings of all models, and the permissions of the functions on them.

    functions: by name in the stage: every queue's function, and the HTTP functions that read from the buckets or
    presign. origins: of web pages that may upload.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: AwsStage,
        functions: Mapping[str, ModelFunction],
        origins: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, name)
        self.drop_bucket_name = drop_bucket_name(self, stage)
        self.results_bucket_name = results_bucket_name(self, stage)
        self.buckets = DropBuckets(self, "Buckets", stage, origins)
        self.queues: dict[str, ModelQueue] = {}
        for settings in stage.drop_queues:
            model = settings.model.name
            queue = ModelQueue(self, model, stage, settings, self.drop_bucket_name)
            self.queues[model] = self._model(queue, functions)
        if self.buckets.drop is not None:
            add_upload_notifications(self.buckets.drop, list(self.queues.values()))
        # A request for pictures may name a dropped file by its s3_key.
        for model in (*of_kind(PICTURES), CUSTOM.name):
            self._grant_read(model, functions[model])
        self._grant_sign(functions["control"])

    def _model(self, queue: ModelQueue, functions: Mapping[str, ModelFunction]) -> ModelQueue:
        target = functions[queue.settings.function]
        queue.feed(target)
        allowed = {
            **{self._drop(f"/{prefix}*"): _READ_VERSIONS for prefix in queue.settings.prefixes},
            self._drop(): _LIST,
            **{self._results(f"/{folder}/*"): _RECORD for folder in queue.settings.served},
            self._results(): _LIST,
        }
        grant(queue, "Files", target.role, allowed, _ANY_FILE)
        return queue

    def _grant_read(self, model: str, caller: ModelFunction) -> None:
        """Let a function read dropped files that requests name by s3_key."""
        allowed = {self._drop(f"/{INCOMING}*"): _READ, self._drop(): _LIST}
        grant(self, f"{model}-reads", caller.role, allowed, _ANY_FILE)

    def _grant_sign(self, control: ModelFunction) -> None:
        """Let the control function list a batch's files, and presign uploads and downloads of results.

        Its role needs the permissions of its presigned requests.
        """
        allowed = {
            self._drop(f"/{INCOMING}*"): _UPLOAD,
            self._drop(): _LIST,
            self._results("/*"): _READ,
            self._results(): _LIST,
        }
        grant(self, "control-signs", control.role, allowed, _ANY_FILE)

    @property
    def uploads(self) -> str:
        """The ARN pattern of all keys that may be uploaded."""
        return self._drop(f"/{INCOMING}*")

    @property
    def results(self) -> str:
        """The ARN pattern of all results."""
        return self._results("/*")

    def _drop(self, keys: str = "") -> str:
        return bucket_arn(self, self.drop_bucket_name, keys)

    def _results(self, keys: str = "") -> str:
        return bucket_arn(self, self.results_bucket_name, keys)
