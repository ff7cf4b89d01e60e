"""The drop folder's buckets and queue on moto's server, and the star function's handler."""

from __future__ import annotations

import importlib.util
import io
import urllib.request
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.conftest import ROOT
from tests.factories import FakeContext, star_artefact
from tests.fakes.events import sqs_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

DROP, RESULTS, QUEUE = "skysort-drop-test", "skysort-results-test", "skysort-star-test"


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def environment(endpoint: str, star_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    settings = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "SKYSORT_RESULTS_BUCKET": RESULTS,
        "SKYSORT_STAR_MODEL": str(star_folder),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture(scope="session")
def star_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A miniature star artefact."""
    return star_artefact(tmp_path_factory.mktemp("star") / "model")


@pytest.fixture(params=["versioned", "plain"])
def versioned(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "versioned")


@dataclass
class Folder:
    """A drop folder: what users and AWS do with it."""

    s3: S3Client
    sqs: SQSClient
    queue: str
    handler: Callable[[Any, Any], Any]
    greetings: list[str] = field(default_factory=list)

    def drop(self, name: str, body: bytes) -> None:
        self.s3.upload_fileobj(io.BytesIO(body), DROP, name)

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

    def unfinished(self) -> int:
        return len(self.s3.list_multipart_uploads(Bucket=RESULTS).get("Uploads", []))


@cache
def load_handler() -> ModuleType:
    """Import functions/star/drop.py, as a sandbox does once at its start."""
    spec = importlib.util.spec_from_file_location("star_drop", ROOT / "functions" / "star" / "drop.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(environment: dict[str, str], *, versioned: bool) -> Iterator[Folder]:
    s3 = boto3.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])
    sqs = boto3.client("sqs", endpoint_url=environment["AWS_ENDPOINT_URL"])
    queue = sqs.create_queue(QueueName=QUEUE, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for bucket in (DROP, RESULTS):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        if versioned:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=DROP,
        NotificationConfiguration={
            "QueueConfigurations": [{"Id": "star", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    folder = Folder(s3, sqs, queue, load_handler().handler)
    # S3 greets a queue with a test event when notifications are set up.
    folder.greetings = folder.messages()
    yield folder
    reset(environment["AWS_ENDPOINT_URL"])


def reset(endpoint: str) -> None:
    """Empty the server."""
    request = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(request).close()
