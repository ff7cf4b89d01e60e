"""A drop folder of pictures on moto's S3 and SQS, and the image function's drop handler."""

from __future__ import annotations

import io
import json
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.factories import FakeContext
from tests.factories_images import picture_artefact
from tests.fakes.events import sqs_event
from tests.unit.functions.loading import load_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

DROP, RESULTS = "skysort-drop-test", "skysort-results-test"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def environment(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SKYSORT_DROP_BUCKET": DROP,
        "SKYSORT_RESULTS_BUCKET": RESULTS,
        "SKYSORT_CLIENTS": "shared",
        "SKYSORT_IMAGE_MODEL": str(picture_artefact(tmp_path / "model")),
        "SKYSORT_THREADS": "2",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield
    request = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(request).close()


@dataclass
class Folder:
    """What users and AWS do with a drop folder."""

    s3: S3Client
    sqs: SQSClient
    queue: str
    handler: Callable[[Any, Any], Any]

    def drop(self, name: str, body: bytes) -> None:
        self.s3.upload_fileobj(io.BytesIO(body), DROP, f"incoming/image/{name}")

    def messages(self) -> list[str]:
        """Take every waiting message from the queue."""
        found: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def deliver(self, *bodies: str) -> list[str]:
        """Hand messages (by default all that wait) to the handler; those that are to come again."""
        answer = self.handler(sqs_event(bodies or tuple(self.messages())), FakeContext())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def results(self) -> dict[str, bytes]:
        listing = self.s3.list_objects_v2(Bucket=RESULTS).get("Contents", [])
        return {item["Key"]: self.s3.get_object(Bucket=RESULTS, Key=item["Key"])["Body"].read() for item in listing}

    def record(self, key: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.results()[key])
        return document


@pytest.fixture
def folder() -> Folder:
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    queue = sqs.create_queue(QueueName="image")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for bucket in (DROP, RESULTS):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=DROP,
        NotificationConfiguration={
            "QueueConfigurations": [{"Id": "image", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    return Folder(s3, sqs, queue, load_function("image", "drop").handler)
