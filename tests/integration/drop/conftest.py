"""A drop folder on moto's S3 and SQS, and the drop handlers of two functions with miniature models."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest

from tests.factories import FakeContext, star_artefact
from tests.factories_images import picture_artefact
from tests.fakes.events import sqs_event
from tests.integration.conftest import reset
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

DROP, RESULTS = "skysort-drop-test", "skysort-results-test"
REGION: Final = "eu-central-1"


@pytest.fixture(scope="module", autouse=True)
def endpoint(aws: Callable[[Mapping[str, str]], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an account whose functions have miniature models."""
    models = tmp_path_factory.mktemp("models")
    return aws(
        {
            "AWS_DEFAULT_REGION": REGION,
            "SKYSORT_DROP_BUCKET": DROP,
            "SKYSORT_RESULTS_BUCKET": RESULTS,
            "SKYSORT_CLIENTS": "shared",
            "SKYSORT_IMAGE_MODEL": str(picture_artefact(models / "image")),
            "SKYSORT_STAR_MODEL": str(star_artefact(models / "star")),
            "SKYSORT_THREADS": "2",
        }
    )


@dataclass
class Folder:
    """A drop folder: what users and AWS do with it."""

    s3: S3Client
    sqs: SQSClient
    queue: str
    handler: Callable[[Any, Any], Any]
    greetings: list[str] = field(default_factory=list)

    def drop(self, key: str, body: bytes) -> None:
        self.s3.upload_fileobj(io.BytesIO(body), DROP, key)

    def messages(self) -> list[str]:
        """Take every waiting message from the queue."""
        found: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def deliver(self, *bodies: str, receives: int = 1) -> list[str]:
        """Hand messages (by default all that wait) to the handler; the bodies that are to come again.

        receives: how often each has come.
        """
        bodies = bodies or tuple(self.messages())
        answer = self.handler(sqs_event(bodies, [receives] * len(bodies)), FakeContext())
        return [bodies[int(failure["itemIdentifier"].rpartition("-")[2])] for failure in answer["batchItemFailures"]]

    def results(self) -> dict[str, bytes]:
        listing = self.s3.list_objects_v2(Bucket=RESULTS).get("Contents", [])
        return {item["Key"]: self.s3.get_object(Bucket=RESULTS, Key=item["Key"])["Body"].read() for item in listing}

    def record(self, key: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.results()[key])
        return document

    def unfinished(self) -> int:
        return len(self.s3.list_multipart_uploads(Bucket=RESULTS).get("Uploads", []))


def open_folder(endpoint: str, model: str, *, versioned: bool) -> Folder:
    """Both buckets, a queue that S3 writes to, and a model's handler."""
    s3, sqs = boto3.client("s3", endpoint_url=endpoint), boto3.client("sqs", endpoint_url=endpoint)
    queue = sqs.create_queue(QueueName=f"skysort-{model}-test", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for bucket in (DROP, RESULTS):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        if versioned:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=DROP,
        NotificationConfiguration={
            "QueueConfigurations": [{"Id": model, "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    folder = Folder(s3, sqs, queue, load_function(model, "drop").handler)
    # S3 greets a queue with a test event when notifications are set up.
    folder.greetings = folder.messages()
    return folder


@pytest.fixture(params=["versioned", "plain"])
def versioned(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "versioned")


@pytest.fixture
def folder(endpoint: str, *, versioned: bool) -> Iterator[Folder]:
    """A drop folder of tables."""
    yield open_folder(endpoint, "star", versioned=versioned)
    reset(endpoint)


@pytest.fixture
def pictures(endpoint: str) -> Iterator[Folder]:
    """A drop folder of photographs."""
    yield open_folder(endpoint, "image", versioned=True)
    reset(endpoint)
