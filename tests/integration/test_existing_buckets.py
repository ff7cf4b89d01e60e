"""Buckets that existed before their stage: what it needs is added to what they have, and taken away again."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from moto.s3.models import s3_backends

from infra.commands import CommandError
from infra.commands.existing_buckets import connect
from infra.stages.account import ExistingBuckets
from infra.stages.deployments import dev
from tests.fakes.aws_session import emulated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stages.stage import AwsStage

OTHER = {"Id": "backup", "Events": ["s3:ObjectCreated:*"]}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsStage]:
    """A deployed stage whose buckets existed before, one of them with a notification to somebody's queue."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3: Any = boto3.client("s3")
        sqs = boto3.client("sqs")
        for name in ("raw", "results"):
            s3.create_bucket(Bucket=name)
        stage = dataclasses.replace(dev(), existing=ExistingBuckets("raw", "results"))
        arns = {}
        for name in ("backup", *(queue.queue for queue in stage.drop_queues)):
            url = sqs.create_queue(QueueName=name)["QueueUrl"]
            arns[name] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        theirs = {**OTHER, "QueueArn": arns["backup"], "Filter": prefixed("archive/")}
        s3.put_bucket_notification_configuration(
            Bucket="raw", NotificationConfiguration={"QueueConfigurations": [theirs]}
        )
        template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"DropBucket": {"Value": "raw"}}}
        boto3.client("cloudformation").create_stack(StackName="skysort-service-dev", TemplateBody=json.dumps(template))
        yield stage


def prefixed(prefix: str) -> dict[str, Any]:
    return {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}


def notifications(bucket: str = "raw") -> dict[str, str]:
    """The queue of each prefix."""
    found = boto3.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    return {
        rule["Value"]: each["QueueArn"].rpartition(":")[2]
        for each in found.get("QueueConfigurations", [])
        for rule in each["Filter"]["Key"]["FilterRules"]
    }


def test_every_folder_of_the_drop_bucket_tells_its_queue_beside_what_others_are_told(stage: AwsStage) -> None:
    # When it is connected, and once more after another deployment
    for _ in range(2):
        connect(emulated(), stage)
    # Then
    own = {prefix: queue.queue for queue in stage.drop_queues for prefix in queue.prefixes}
    assert notifications() == {"archive/": "backup", **own}
    # moto keeps what tells EventBridge, but does not say so
    kept = s3_backends[emulated().account]["aws"].buckets["results"].notification_configuration
    assert kept is not None
    assert kept.event_bridge is not None


def test_before_the_stage_goes_its_notifications_go_and_others_stay(stage: AwsStage) -> None:
    connect(emulated(), stage)
    connect(emulated(), stage, remove=True)
    assert notifications() == {"archive/": "backup"}


def test_a_stage_that_creates_its_buckets_has_none_to_connect(stage: AwsStage) -> None:
    with pytest.raises(CommandError, match=r"stage dev creates its buckets; name others as existing\.drop"):
        connect(emulated(), dataclasses.replace(stage, existing=ExistingBuckets()))


def test_a_stage_that_is_not_deployed_has_no_queues_yet(stage: AwsStage) -> None:
    boto3.client("cloudformation").delete_stack(StackName="skysort-service-dev")
    with pytest.raises(CommandError, match=r"stage dev is not deployed in account .*: deploy it first"):
        connect(emulated(), stage)
