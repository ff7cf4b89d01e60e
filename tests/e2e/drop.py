"""The drop folder as a test sees it: put a file, wait for its outcome, count what was written."""

from __future__ import annotations

import json
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.local.running_stack import StartedStack

DROP = "skysort-drop-local"
RESULTS = "skysort-results-local"
WAIT_S = 60.0


class DropFolder:
    """Clients for the two buckets and the queue of one model in a started stack."""

    def __init__(self, stack: StartedStack, model: str = "star") -> None:
        self.model = model
        session = boto3.Session("local", "local", region_name="us-east-1")
        config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1})
        self.s3 = session.client("s3", endpoint_url=stack.s3, config=config)
        self.sqs = session.client("sqs", endpoint_url=stack.s3, config=config)
        self.queue = self.sqs.get_queue_url(QueueName=f"skysort-{model}-drop-local")["QueueUrl"]
        self.dead_letters = self.sqs.get_queue_url(QueueName=f"skysort-{model}-drop-dlq-local")["QueueUrl"]

    def put(self, name: str, content: bytes) -> None:
        """Drop a file as `<model>/<name>`."""
        self.s3.put_object(Bucket=DROP, Key=f"incoming/{self.model}/{name}", Body=content)

    def summary(self, name: str, wait_s: float = WAIT_S) -> dict[str, Any]:
        """The file's summary, waited for."""
        found: dict[str, Any] = json.loads(self.wait(f"{self.model}/{name}.json", wait_s))
        return found

    def error(self, name: str) -> dict[str, Any]:
        """The file's error record, waited for."""
        found: dict[str, Any] = json.loads(self.wait(f"{self.model}/{name}.error.json"))
        return found

    def result(self, name: str) -> bytes:
        """The classified table."""
        return self.s3.get_object(Bucket=RESULTS, Key=f"{self.model}/{name}")["Body"].read()

    def first(self, name: str, suffixes: Sequence[str], wait_s: float = WAIT_S) -> tuple[str, bytes]:
        """The first of a file's outcome objects to be there, waited for: its suffix and its content."""
        deadline = time.monotonic() + wait_s
        while True:
            for suffix in suffixes:
                try:
                    return suffix, self.wait(f"{self.model}/{name}{suffix}", 0)
                except ClientError:
                    if time.monotonic() > deadline:
                        raise
            time.sleep(0.05)

    def wait(self, key: str, wait_s: float = WAIT_S) -> bytes:
        """An object of the results bucket, waited for."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                return self.s3.get_object(Bucket=RESULTS, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchKey" or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def written(self, name: str) -> dict[str, int]:
        """How many versions of each of the file's outcome objects were ever written."""
        listed = self.s3.list_object_versions(Bucket=RESULTS, Prefix=f"{self.model}/{name}").get("Versions", [])
        keys = [version["Key"] for version in listed]
        return {key: keys.count(key) for key in keys}

    def redeliver(self, name: str) -> None:
        """Send the notification that led to a file's result once more, as S3 may."""
        source = self.summary(name)["source"]
        uploaded = {
            "key": urllib.parse.quote_plus(source["key"], safe="/"),
            "size": source["bytes"],
            "eTag": source["etag"],
            "versionId": source["version_id"],
            "sequencer": source["sequencer"],
        }
        record = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": source["event_time"],
            "eventName": "ObjectCreated:Put",
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": {"name": source["bucket"], "arn": f"arn:aws:s3:::{source['bucket']}"},
                "object": {name: value for name, value in uploaded.items() if value is not None},
            },
        }
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps({"Records": [record]}))

    def waiting(self, queue: str) -> int:
        """Messages in a queue, in flight or not."""
        found = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])

    def in_flight(self) -> int:
        """Messages that the drop function is working on."""
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessagesNotVisible"])

    def drained(self, wait_s: float = WAIT_S) -> bool:
        """Whether the queue runs empty in time."""
        deadline = time.monotonic() + wait_s
        while self.waiting(self.queue):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True
