"""Emptying a stack's buckets before it is destroyed: S3 deletes no bucket that holds so much as an old version."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator


def empty_buckets(*stacks: str) -> None:
    """Delete every version of every object in the buckets of these stacks; one that is not there is passed over.

    Access logs are switched off first: deleting the other buckets would fill the logs' own again.
    """
    s3 = boto3.resource("s3")
    names = [name for stack in stacks for name in buckets(stack)]
    for name in names:
        s3.BucketLogging(name).put(BucketLoggingStatus={})
    for name in names:
        sys.stdout.write(f"emptying {name}\n")
        s3.Bucket(name).object_versions.delete()


def buckets(stack: str) -> Iterator[str]:
    """The names of a deployed stack's buckets."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources")
    try:
        for page in pages.paginate(StackName=stack):
            for resource in page["StackResourceSummaries"]:
                if resource["ResourceType"] == "AWS::S3::Bucket" and resource.get("PhysicalResourceId"):
                    yield resource["PhysicalResourceId"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
