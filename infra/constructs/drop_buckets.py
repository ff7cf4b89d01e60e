"""The buckets of the drop folder: dropped files, results, and the log of who read and wrote what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.bucket_cors import PREFLIGHT_S, READS, UPLOADS
from infra.constructs.reasons import acknowledge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.stages.stage import Stage

_TLS: Final = 1.2
# The filter under which S3 counts every request of a bucket.
REQUEST_METRICS: Final = "EntireBucket"


def bucket_name(scope: Construct, name: str) -> str:
    """The deployed name: with account and region, as bucket names are global."""
    stack = Stack.of(scope)
    return f"{name}-{stack.account}-{stack.region}"


class DropBuckets(Construct):
    """Two buckets, so that no loop can form, and a third for their access logs.

    All are closed to the public, encrypted, reached by TLS only, and owned by the account whoever writes.
    origins: of web pages that upload into the drop bucket and read results, by presigned requests.
    """

    def __init__(self, scope: Construct, name: str, stage: Stage, origins: Sequence[str] = ()) -> None:
        super().__init__(scope, name)
        self._removal = RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY
        self._watched = stage.operations.flood is not None
        days = stage.drop_retention
        self.logs = self._bucket("AccessLogs", f"skysort-access-logs-{stage.name}", days.access_logs, None)
        acknowledge(self.logs, "S1", "it receives the access logs of the other buckets; its own would grow without end")
        self.drop = self._bucket("Drop", stage.drop_bucket, days.incoming, days.incoming, days.unfinished)
        self.results = self._bucket("Results", stage.results_bucket, days.results, days.old_results)
        if origins:
            for bucket, rule in ((self.drop, UPLOADS), (self.results, READS)):
                bucket.add_cors_rule(
                    allowed_methods=[s3.HttpMethods(method) for method in rule.methods],
                    allowed_origins=list(origins),
                    allowed_headers=list(rule.headers),
                    exposed_headers=list(rule.exposed),
                    max_age=PREFLIGHT_S,
                )

    def _bucket(self, name: str, bucket: str, days: int | None, old_days: int | None, unfinished: int = 1) -> s3.Bucket:
        """A bucket whose objects go after some days (None: never), old versions of them after others.

        old_days: None for a bucket without versions. unfinished: days after which uploads in parts are given up.
        """
        rules = [s3.LifecycleRule(id="unfinished", abort_incomplete_multipart_upload_after=Duration.days(unfinished))]
        if days is not None:
            rules.append(s3.LifecycleRule(id="expire", expiration=Duration.days(days)))
        if old_days is not None:
            # An expiry in days also removes the delete markers that no version is left behind of; without one, say so.
            marker = None if days is not None else True
            rules.append(
                s3.LifecycleRule(
                    id="old-versions",
                    noncurrent_version_expiration=Duration.days(old_days),
                    expired_object_delete_marker=marker,
                )
            )
        # S3's request metrics cost a few dollars a month: for a stage with a flood brake, which reads them.
        watched = self._watched and name != "AccessLogs"
        return s3.Bucket(
            self,
            name,
            metrics=[s3.BucketMetrics(id=REQUEST_METRICS)] if watched else None,
            bucket_name=bucket_name(self, bucket),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=_TLS,
            versioned=old_days is not None,
            lifecycle_rules=rules,
            server_access_logs_bucket=None if name == "AccessLogs" else self.logs,
            server_access_logs_prefix=None if name == "AccessLogs" else f"{name.lower()}/",
            removal_policy=self._removal,
        )
