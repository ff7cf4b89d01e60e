"""Which permissions S3 asks for: of boto3's calls, and of requests by method and address.

Source: "Required permissions for Amazon S3 API operations" and "Add preconditions to S3 operations with conditional
requests" (a condition on an ETag reads the object, so it asks for s3:GetObject too).
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Permission = tuple[str, str]
_OF_CALLS = {
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObject": "s3:DeleteObject",
}


def of_call(operation: str, given: Mapping[str, Any]) -> list[Permission]:
    """What a call of boto3 needs."""
    if operation == "ListObjectsV2":
        return [_listing(given["Bucket"])]
    key = f"arn:aws:s3:::{given['Bucket']}/{given['Key']}"
    if operation == "GetObject":
        return [("s3:GetObjectVersion" if given.get("VersionId") else "s3:GetObject", key), _listing(given["Bucket"])]
    needed = [(_OF_CALLS[operation], key)]
    if operation == "HeadObject":
        needed.append(_listing(given["Bucket"]))
    if "IfMatch" in given:
        needed.append(("s3:GetObject", key))
    return needed


def of_request(method: str, bucket: str, path: str, query: Iterable[str]) -> list[Permission]:
    """What a request needs. path: percent-encoded, without the bucket. query: the names of its parameters."""
    key = f"arn:aws:s3:::{bucket}{unquote(path)}"
    upload = "uploadId" in set(query)
    if path == "/":
        return [_listing(bucket)] if method == "GET" else []
    if method in {"GET", "HEAD"}:
        reading = ("s3:GetObjectVersion" if "versionId" in set(query) else "s3:GetObject", key)
        return [("s3:ListMultipartUploadParts", key)] if upload else [reading, _listing(bucket)]
    if method == "DELETE" and upload:
        return [("s3:AbortMultipartUpload", key)]
    return [("s3:PutObject", key)]


def _listing(bucket: str) -> Permission:
    """What makes S3 answer 404 for an absent key, rather than 403; and what a listing needs."""
    return "s3:ListBucket", f"arn:aws:s3:::{bucket}"


def lacking(needed: Iterable[Permission], granted: Iterable[Permission]) -> set[Permission]:
    """What is needed and not granted."""
    having = list(granted)
    return {need for need in needed if not any(_covers(grant, need) for grant in having)}


def unused(needed: Iterable[Permission], granted: Iterable[Permission]) -> set[Permission]:
    """What is granted and never needed."""
    asked = list(needed)
    return {grant for grant in granted if not any(_covers(grant, need) for need in asked)}


def _covers(grant: Permission, need: Permission) -> bool:
    return grant[0] == need[0] and fnmatchcase(need[1], grant[1])
