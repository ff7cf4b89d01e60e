"""Upload functions/site to the page of a deployed stage, each file with the same headers as on the local gateway.

The page's origin, whose name CloudFront generates, is then allowed by the CORS rules of the buckets that it uploads to
and reads from; no other origin is.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from infra import ROOT
from infra.api.site_headers import cache_control, content_type
from infra.bucket_cors import PREFLIGHT_S, READS, UPLOADS
from infra.commands import CommandError
from infra.commands.stack_state import outputs, page_stack, service_stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from infra.commands.session import Session
    from infra.stages.stage import AwsStage

SITE: Final = ROOT / "functions" / "site"


def files(site: Path = SITE) -> Iterator[tuple[str, Path]]:
    """Every served file of the page, by key."""
    for path in sorted(site.rglob("*")):
        key = path.relative_to(site).as_posix()
        if path.is_file() and content_type(key) is not None:
            yield key, path


def allow_origins(session: Session, name: str, origins: Sequence[str], service: Mapping[str, str]) -> None:
    """Allow origins presigned uploads and downloads of results, beside what the buckets allow already.

    name: of the rule, whose earlier origins it replaces. service: the buckets, by names of the stack's outputs.
    """
    s3: Any = session.boto.client("s3")
    for output, rule in (("DropBucket", UPLOADS), ("ResultsBucket", READS)):
        if output not in service:
            continue
        bucket = service[output]
        # Those of a page elsewhere, by the template, and those of the owner of a bucket that existed before.
        others = [each for each in _cors_rules(s3, bucket) if each.get("ID") != name]
        own = {
            "ID": name,
            "AllowedOrigins": list(origins),
            "AllowedMethods": list(rule.methods),
            "AllowedHeaders": list(rule.headers),
            "ExposeHeaders": list(rule.exposed),
            "MaxAgeSeconds": PREFLIGHT_S,
        }
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [*others, own]})


def _cors_rules(s3: Any, bucket: str) -> list[dict[str, Any]]:
    try:
        rules: list[dict[str, Any]] = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchCORSConfiguration":
            raise
        return []
    return rules


def publish(session: Session, stage: AwsStage) -> int:
    """Upload the page of a stage and invalidate CloudFront's cache.

    Parameters
    ----------
    session
        Where the stage was deployed.
    stage
        Its settings.

    Returns
    -------
    int
        The number of files; 0 for a stage without a page.

    Raises
    ------
    CommandError
        If the page's stack is missing after a deployment that should have created it.
    """
    if not stage.page:
        return 0
    page_outputs = outputs(session, page_stack(stage.name))
    if not page_outputs:
        raise CommandError(
            f"the page was not uploaded: there is no stack {page_stack(stage.name)} in {session.place}. Deploy all "
            "stacks, or a stage without a page (-c page=no)"
        )
    bucket = session.boto.resource("s3").Bucket(page_outputs["PageBucket"])
    page = dict(files())
    # Scripts before the page that loads them.
    for key, path in sorted(page.items(), key=lambda item: item[0] == "index.html"):
        media_type = content_type(key) or ""
        bucket.put_object(Key=key, Body=path.read_bytes(), ContentType=media_type, CacheControl=cache_control(key))
    for old in bucket.objects.all():
        if old.key not in page:
            old.delete()
    session.boto.client("cloudfront").create_invalidation(
        DistributionId=page_outputs["PageDistribution"],
        InvalidationBatch={
            "Paths": {"Quantity": 1, "Items": ["/*"]},
            "CallerReference": f"skysort-{time.time_ns()}",
        },
    )
    origin = page_outputs["PageUrl"].rstrip("/")
    allow_origins(session, f"skysort-page-{stage.name}", [origin], outputs(session, service_stack(stage.name)))
    sys.stdout.write(f"{len(page)} files of the page are at {page_outputs['PageUrl']}\n")
    return len(page)
