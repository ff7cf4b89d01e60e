"""What make deploy and destroy do beside CDK: the page's files go up after, the buckets are emptied before."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.commands import CommandError
from infra.commands import publish as publish_page
from infra.commands.empty import delete, empty_buckets
from infra.commands.stack_state import buckets
from infra.stages.deployments import dev
from tests.fakes.aws_session import emulated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

files_of = publish_page.files
BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An emulated account in this process."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def deployed(stack: str, **outputs: Any) -> None:
    """A stack with one bucket and these outputs."""
    template = {"Resources": {"Files": BUCKET}, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}
    boto3.client("cloudformation").create_stack(StackName=stack, TemplateBody=json.dumps(template))


def distribution() -> str:
    """A distribution, since one that is not there cannot be told to fetch anew."""
    origin = {"Id": "files", "DomainName": "files.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    behaviour = {"TargetOriginId": "files", "ViewerProtocolPolicy": "redirect-to-https"}
    config: Any = {
        "CallerReference": "test",
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behaviour,
        "Comment": "",
        "Enabled": True,
    }
    made: str = boto3.client("cloudfront").create_distribution(DistributionConfig=config)["Distribution"]["Id"]
    return made


@pytest.mark.usefixtures("aws")
def test_the_page_goes_up_with_its_headers_and_what_is_gone_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a deployed page with a script of an earlier version, and the page as it is now
    deployed("skysort-page-dev", PageBucket={"Ref": "Files"}, PageDistribution=distribution(), PageUrl="https://page/")
    (bucket,) = buckets(emulated(), "skysort-page-dev")
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key="js/old.js", Body=b"")
    (tmp_path / "samples").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "samples" / "galaxy.jpg").write_bytes(b"picture")
    monkeypatch.setattr(publish_page, "files", lambda: files_of(tmp_path))

    # When it is published
    assert publish_page.publish(emulated(), dev()) == 2

    # Then browsers ask for the page each time, keep samples for a day, and the old script is gone
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["index.html", "samples/galaxy.jpg"]
    page, sample = (s3.head_object(Bucket=bucket, Key=key) for key in ("index.html", "samples/galaxy.jpg"))
    assert (page["ContentType"], page["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")
    assert (sample["ContentType"], sample["CacheControl"]) == ("image/jpeg", "public, max-age=86400")
    assert "2 files of the page are at https://page/" in capsys.readouterr().out


def cors(bucket: str) -> Any:
    """The rules of a bucket for pages of other origins; none where it has none."""
    try:
        return boto3.client("s3").get_bucket_cors(Bucket=bucket)["CORSRules"]
    except ClientError as error:
        if "NoSuchCORSConfiguration" not in str(error):
            raise
        return []


@pytest.mark.usefixtures("aws")
def test_the_stages_own_page_may_upload_and_read_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a service, and its page at the address that CloudFront drew
    s3 = boto3.client("s3")
    for name in ("drop", "results"):
        s3.create_bucket(Bucket=name)
    deployed("skysort-service-dev", DropBucket="drop", ResultsBucket="results")
    page = "https://d1234.cloudfront.net"
    deployed("skysort-page-dev", PageBucket={"Ref": "Files"}, PageDistribution=distribution(), PageUrl=f"{page}/")
    (tmp_path / "index.html").write_text("<!doctype html>")
    monkeypatch.setattr(publish_page, "files", lambda: files_of(tmp_path))

    # When it is published
    publish_page.publish(emulated(), dev())

    # Then its origin, and none beside it, may upload into the one bucket and read from the other
    (uploads,), (reads,) = cors("drop"), cors("results")
    assert uploads["AllowedOrigins"] == reads["AllowedOrigins"] == [page]
    assert (uploads["AllowedMethods"], uploads["ExposeHeaders"]) == (["POST", "PUT", "DELETE"], ["ETag"])
    assert reads["AllowedMethods"] == ["GET", "HEAD"]


@pytest.mark.usefixtures("aws")
def test_the_stages_own_page_may_upload_beside_those_that_a_bucket_allows_already() -> None:
    # Given a bucket that allows another page, by the template or by whoever had it before
    elsewhere = "https://sky.example.org"
    s3: Any = boto3.client("s3")
    s3.create_bucket(Bucket="drop")
    rule = {"AllowedOrigins": [elsewhere], "AllowedMethods": ["POST"]}
    s3.put_bucket_cors(Bucket="drop", CORSConfiguration={"CORSRules": [rule]})
    # When the stage's own page is published, and again under another address
    for address in ("https://d1234.cloudfront.net", "https://d5678.cloudfront.net"):
        publish_page.allow_origins(emulated(), "page", [address], {"DropBucket": "drop"})
    # Then both may upload, and no address of before
    assert [each["AllowedOrigins"] for each in cors("drop")] == [[elsewhere], ["https://d5678.cloudfront.net"]]


@pytest.mark.usefixtures("aws")
def test_a_stage_without_a_page_has_nothing_to_publish() -> None:
    assert publish_page.publish(emulated(), dataclasses.replace(dev(), page=False)) == 0


@pytest.mark.usefixtures("aws")
def test_a_page_that_is_not_where_it_should_be_fails_the_deployment() -> None:
    # Given a page that was deployed to another region than the one that is looked at
    deployed("skysort-page-dev", PageUrl="https://page/")
    with pytest.raises(CommandError, match=r"no stack skysort-page-dev in account \d+, region eu-west-1"):
        publish_page.publish(emulated("eu-west-1"), dev())


@pytest.mark.usefixtures("aws")
def test_a_bucket_is_emptied_of_every_version(capsys: pytest.CaptureFixture[str]) -> None:
    # Given a bucket with an overwritten and a deleted file
    deployed("skysort-service-dev")
    (bucket,) = buckets(emulated(), "skysort-service-dev")
    s3 = boto3.client("s3")
    for body in (b"first", b"second"):
        s3.put_object(Bucket=bucket, Key="incoming/star/night/stars.csv", Body=body)
    s3.put_object(Bucket=bucket, Key="gone", Body=b"")
    s3.delete_object(Bucket=bucket, Key="gone")

    # When the stage is about to be destroyed, whose page was never deployed
    empty_buckets(emulated(), "skysort-page-dev", "skysort-service-dev")

    # Then nothing is left that would keep S3 from deleting the bucket
    left = s3.list_object_versions(Bucket=bucket)
    assert [*left.get("Versions", ()), *left.get("DeleteMarkers", ())] == []
    assert capsys.readouterr().out == f"emptying {bucket}\n"


@pytest.mark.usefixtures("aws")
def test_a_bucket_in_which_access_logs_arrive_during_the_deletion_is_emptied_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Given a stage, and S3, which delivers a log while its stack is deleted, once
    deployed("skysort-service-dev")
    (bucket,) = buckets(emulated(), "skysort-service-dev")
    s3 = boto3.client("s3")
    late = ["2026-11-28-12-00-00-A1"]

    def destroy() -> int:
        if late:
            s3.put_object(Bucket=bucket, Key=late.pop(), Body=b"GET")
        return 1 if s3.list_objects_v2(Bucket=bucket)["KeyCount"] else 0

    # When it is deleted
    status = delete(emulated(), ("skysort-service-dev",), destroy)

    # Then it was emptied twice
    assert status == 0
    assert capsys.readouterr().out == (f"emptying {bucket}\naccess logs have arrived in {bucket}\nemptying {bucket}\n")


@pytest.mark.usefixtures("aws")
def test_a_deletion_that_fails_for_another_reason_is_not_repeated() -> None:
    deployed("skysort-service-dev")
    statuses = [3, 0]
    assert delete(emulated(), ("skysort-service-dev",), lambda: statuses.pop(0)) == 3
    assert statuses == [0]


@pytest.mark.usefixtures("aws")
def test_logs_that_go_on_arriving_end_the_attempts_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    deployed("skysort-service-dev")
    (bucket,) = buckets(emulated(), "skysort-service-dev")

    def destroy() -> int:
        boto3.client("s3").put_object(Bucket=bucket, Key="log", Body=b"GET")
        return 1

    assert delete(emulated(), ("skysort-service-dev",), destroy) == 1
    assert "run make destroy again later" in capsys.readouterr().err
