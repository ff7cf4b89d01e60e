"""Notifications of the local bucket tell uploads apart and put them in order, as S3's do."""

from __future__ import annotations

import resource
import threading
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws
from moto.s3 import notifications as moto_s3

from infra.local.services import OPEN_FILES, complete_notifications, one_condition_at_a_time, open_many_files
from skysort.drop.event import uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from mypy_boto3_s3 import S3Client

    from skysort.drop.event import Upload

REGION = "us-east-1"
KEY = "incoming/star/again/t.csv"


class Bucket:
    """A versioned bucket that tells a queue of what is put into it."""

    def __init__(self) -> None:
        self.s3: S3Client = boto3.client("s3", region_name=REGION)
        self._sqs = boto3.client("sqs", region_name=REGION)
        self._queue = self._sqs.create_queue(QueueName="queue")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        self.s3.create_bucket(Bucket="drop")
        self.s3.put_bucket_versioning(Bucket="drop", VersioningConfiguration={"Status": "Enabled"})
        queue = {"QueueArn": arn["QueueArn"], "Events": ["s3:ObjectCreated:*"]}
        configuration = {"QueueConfigurations": [queue]}
        self.s3.put_bucket_notification_configuration(Bucket="drop", NotificationConfiguration=configuration)  # type: ignore[arg-type]

    def uploads(self) -> list[Upload]:
        found = []
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found += uploads(message["Body"])
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setattr(moto_s3, "_get_s3_event", moto_s3._get_s3_event)
    complete_notifications()
    with mock_aws():
        yield Bucket()


def test_the_same_bytes_put_twice_are_two_uploads_in_order(bucket: Bucket) -> None:
    # Given the same file, put twice
    versions = [bucket.s3.put_object(Bucket="drop", Key=KEY, Body=b"u,g\n")["VersionId"] for _ in "12"]
    # When / Then the notifications tell them apart, and which came first
    first, second = bucket.uploads()
    assert [first.version_id, second.version_id] == versions
    assert first.etag == second.etag
    assert first.stamp.is_older_than(second.stamp)
    assert not first.stamp.is_same_as(second.stamp)


def test_an_upload_in_parts_that_is_told_of_twice_is_one_upload(bucket: Bucket) -> None:
    # Given a file put in parts, of which moto tells as a put and as completed parts
    begun = bucket.s3.create_multipart_upload(Bucket="drop", Key=KEY)["UploadId"]
    part = bucket.s3.upload_part(Bucket="drop", Key=KEY, UploadId=begun, PartNumber=1, Body=b"u,g\n")
    bucket.s3.complete_multipart_upload(
        Bucket="drop",
        Key=KEY,
        UploadId=begun,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    # When / Then both are of one upload
    first, second = bucket.uploads()
    assert first.stamp.is_same_as(second.stamp)


def test_sequencers_have_one_width_so_that_they_sort_as_text(bucket: Bucket) -> None:
    for _ in range(5):
        bucket.s3.put_object(Bucket="drop", Key=KEY, Body=b"")
    sequencers = [upload.sequencer for upload in bucket.uploads()]
    assert sorted(set(sequencers)) == sequencers
    assert {len(sequencer) for sequencer in sequencers} == {16}


@pytest.mark.parametrize("condition", ["HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"])
def test_writes_on_a_condition_take_turns_and_nothing_else_waits_for_them(condition: str) -> None:
    # Given a store in which a conditional write is under way
    begun, go_on = threading.Event(), threading.Event()
    seen: list[str] = []

    def store(environ: WSGIEnvironment, _: StartResponse) -> list[bytes]:
        seen.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "first":
            begun.set()
            go_on.wait()
        return []

    app = one_condition_at_a_time(store)

    def ask(path: str, method: str, **headers: str) -> threading.Thread:
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, **headers}
        thread = threading.Thread(target=lambda: list(app(environ, start_nothing)))
        thread.start()
        return thread

    first = ask("first", "PUT", **{condition: "*"})
    begun.wait()
    second = ask("second", "PUT", **{condition: "*"})
    # When other requests come
    for thread in (ask("plain", "PUT"), ask("read", "GET", **{condition: "x"})):
        thread.join()
    # Then they are answered, and the second write only after the first
    assert seen == ["first", "plain", "read"]
    go_on.set()
    first.join()
    second.join()
    assert seen[3:] == ["second"]


INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((1024, 524_288), (OPEN_FILES, 524_288)),
        ((1024, 4096), (4096, 4096)),
        ((256, INFINITE), (OPEN_FILES, INFINITE)),
        ((20_000, 30_000), (20_000, 30_000)),
        ((INFINITE, INFINITE), (INFINITE, INFINITE)),
    ],
)
def test_as_many_files_may_be_open_as_large_results_of_a_job_need_and_the_system_allows(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], expected: tuple[int, int]
) -> None:
    # Given a system with these limits
    current = [limits]
    monkeypatch.setattr(resource, "getrlimit", lambda _: current[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, changed: current.append(changed))
    # When
    open_many_files()
    # Then
    assert current[-1] == expected


def start_nothing(_status: str, _headers: list[tuple[str, str]], _error: object = None, /) -> Callable[[bytes], object]:
    raise AssertionError("the store answers without headers")
