"""Uploading functions/site to a deployed stage's page, each file with the headers that the local gateway sends.

The page's own address, which CloudFront draws, is then let in by the buckets that it uploads to and reads from: no
other page's, and none before there is one.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import ClientError

from infra import ROOT
from infra.api.site_headers import cache_control, content_type
from infra.bucket_cors import PREFLIGHT_S, READS, UPLOADS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SITE: Final = ROOT / "functions" / "site"


def files(site: Path = SITE) -> Iterator[tuple[str, Path]]:
    """Every file of the page with its key; what is beside it for its readers is no part of it."""
    for path in sorted(site.rglob("*")):
        key = path.relative_to(site).as_posix()
        if path.is_file() and content_type(key) is not None:
            yield key, path


def outputs(stack: str) -> dict[str, str]:
    """A deployed stack's outputs; none where it is not deployed."""
    try:
        (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return {}
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def let_in(origin: str, service: Mapping[str, str]) -> None:
    """Let a page of this origin upload and read results by presigned requests, unless the stage names another page."""
    s3 = boto3.client("s3")
    for output, rule in (("DropBucket", UPLOADS), ("ResultsBucket", READS)):
        if output in service and "PageElsewhere" not in service:
            s3.put_bucket_cors(
                Bucket=service[output],
                CORSConfiguration={
                    "CORSRules": [
                        {
                            "AllowedOrigins": [origin],
                            "AllowedMethods": list(rule.methods),
                            "AllowedHeaders": list(rule.headers),
                            "ExposeHeaders": list(rule.exposed),
                            "MaxAgeSeconds": PREFLIGHT_S,
                        }
                    ]
                },
            )


def publish(stage: str) -> int:
    """Upload the page of a stage and have CloudFront fetch it anew; returns how many files there were."""
    where = outputs(f"skysort-page-{stage}")
    if not where:
        return 0
    bucket = boto3.resource("s3").Bucket(where["PageBucket"])
    page = dict(files())
    # Scripts before the page that asks for them.
    for key, path in sorted(page.items(), key=lambda item: item[0] == "index.html"):
        media_type = content_type(key) or ""
        bucket.put_object(Key=key, Body=path.read_bytes(), ContentType=media_type, CacheControl=cache_control(key))
    for old in bucket.objects.all():
        if old.key not in page:
            old.delete()
    boto3.client("cloudfront").create_invalidation(
        DistributionId=where["PageDistribution"],
        InvalidationBatch={
            "Paths": {"Quantity": 1, "Items": ["/*"]},
            "CallerReference": f"skysort-{time.time_ns()}",
        },
    )
    let_in(where["PageUrl"].rstrip("/"), outputs(f"skysort-service-{stage}"))
    sys.stdout.write(f"{len(page)} files of the page are at {where['PageUrl']}\n")
    return len(page)
