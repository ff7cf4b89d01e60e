"""Private buckets: closed to the public, encrypted, TLS only, with a lifecycle and access logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from infra.constructs.common import bucket_name, removal
from infra.constructs.encryption import stage_key
from skysort.clients import FOLDER_PREFIX, Sharing
from skysort.drop.keys import INCOMING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct

    from infra.stages.stage import AwsStage

_TLS: Final = 1.2
# The id of S3's request metrics for a whole bucket.
REQUEST_METRICS: Final = "EntireBucket"
# What another account needs to put a file into the drop folder, whole or in parts.
_WRITE: Final = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")


def lifecycle(days: int | None, old_days: int | None, unfinished: int = 1) -> list[s3.LifecycleRule]:
    """The rules of a whole bucket.

    Parameters
    ----------
    days, old_days
        After which objects expire (None: never), and their old versions (None: a bucket without versioning).
    unfinished
        Days after which incomplete multipart uploads are aborted.

    Returns
    -------
    list of s3.LifecycleRule
        Under fixed ids.
    """
    rules = [s3.LifecycleRule(id="unfinished", abort_incomplete_multipart_upload_after=Duration.days(unfinished))]
    if days is not None:
        rules.append(s3.LifecycleRule(id="expire", expiration=Duration.days(days)))
    if old_days is not None:
        # An expiration in days also removes expired delete markers; without one they need their own flag.
        marker = None if days is not None else True
        rules.append(
            s3.LifecycleRule(
                id="old-versions",
                noncurrent_version_expiration=Duration.days(old_days),
                expired_object_delete_marker=marker,
            )
        )
    return rules


def private_bucket(
    scope: Construct,
    name: str,
    stage: AwsStage,
    bucket: str,
    rules: Sequence[s3.LifecycleRule],
    *,
    versioned: bool = True,
    watched: bool = False,
    logs: s3.IBucket | None = None,
) -> s3.Bucket:
    """A bucket that is private, encrypted and TLS only, whose objects the account owns.

    Parameters
    ----------
    bucket
        Its name in the stage.
    rules
        Its lifecycle.
    watched
        Whether it has S3's request metrics, which cost a few dollars a month.
    logs
        The bucket of its access logs; None for that bucket itself.

    Returns
    -------
    s3.Bucket
        It outlives a stage that keeps its data.
    """
    # S3 delivers access logs to no bucket with default encryption by KMS ("Enabling Amazon S3 server access logging").
    key = stage_key(scope, f"{name}Key", stage) if logs else None
    return s3.Bucket(
        scope,
        name,
        metrics=[s3.BucketMetrics(id=REQUEST_METRICS)] if watched else None,
        bucket_name=bucket_name(scope, bucket),
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
        encryption_key=key,
        # One data key for many objects: a request to KMS each would cost $3 a million, twice.
        bucket_key_enabled=True if key else None,
        enforce_ssl=True,
        minimum_tls_version=_TLS,
        versioned=versioned,
        lifecycle_rules=list(rules),
        server_access_logs_bucket=logs,
        server_access_logs_prefix=f"{name.lower()}/" if logs else None,
        removal_policy=removal(stage),
    )


def let_write(bucket: s3.Bucket, stage: AwsStage) -> None:
    """Let other accounts put files into the drop folder; this account owns them, since the bucket enforces that.

    Their own administrators still decide which of their users may. Folders of clients are closed to them: a file there
    would be one of that client's batch.
    """
    accounts = [iam.AccountPrincipal(account) for account in stage.existing.writers]
    if not accounts:
        return
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            sid="WritersOfOtherAccounts",
            principals=list(accounts),
            actions=list(_WRITE),
            resources=[bucket.arn_for_objects(f"{INCOMING}*")],
        )
    )
    if stage.clients is Sharing.SEPARATE:
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="NotIntoFoldersOfClients",
                effect=iam.Effect.DENY,
                principals=list(accounts),
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects(f"{INCOMING}*/{FOLDER_PREFIX}*")],
            )
        )


def tell_event_bridge(bucket: s3.Bucket) -> None:
    """Tell EventBridge of new objects.

    By the bucket's own property instead of CDK's helper, which deploys a function with permissions on every bucket.
    """
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - tells the type checker what an L2 bucket is made of
    resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
    )
