"""Uploading functions/site to a deployed stage's page, each file with the headers that the local gateway sends."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import ClientError

from infra import ROOT
from infra.local.site import NOT_SERVED
from infra.site_headers import cache_control, content_type

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SITE: Final = ROOT / "functions" / "site"


def files(site: Path = SITE) -> Iterator[tuple[str, Path]]:
    """Every file of the page with its key; what is beside it for its readers is no part of it."""
    for path in sorted(site.rglob("*")):
        key = path.relative_to(site).as_posix()
        if path.is_file() and content_type(key) is not None and key.split("/")[0] not in NOT_SERVED:
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
    sys.stdout.write(f"{len(page)} files of the page are at {where['PageUrl']}\n")
    return len(page)
