"""S3 and SQS of the local stack: moto's server in a separate process, with the stage's buckets and queues.

Data is kept in memory and temporary files; each start begins empty. Some of moto's services start programs and
containers: only S3 and SQS are created here, and only this machine's programs and the stack's own page are served
(infra.local.loopback).
"""

from __future__ import annotations

import json
import logging
import re
import resource
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from moto.s3 import notifications as moto_s3
from werkzeug.serving import make_server

from infra.local.loopback import HOST, Visitors, visitors_only
from infra.local.ranges import read_ranges
from infra.local.sandbox import watch
from infra.local.settings import Settings
from infra.stages.queues import VISIBILITY_TIMEOUT_S
from skysort.bulk.keys import JOBS, START
from skysort.registry.keys import REQUEST, TRAININGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

    from infra.stages.queues import DropQueue
    from infra.stages.stage import LocalStage

_DATA: Final = (("Content-Security-Policy", "sandbox allow-downloads"), ("X-Content-Type-Options", "nosniff"))
_CONDITIONS: Final = frozenset({"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"})
# The results of a bulk job with as many parts as it may have; what macOS allows.
OPEN_FILES: Final = 10_240
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# The credential scope of a signature: key, date, region, service (AWS Signature Version 4).
_SQS_SCOPE: Final = re.compile(r"Credential=[^/,]*/[0-9]{8}/[a-z0-9-]+/sqs/aws4_request")


def s3_and_sqs() -> WSGIApplication:
    """A WSGI application of moto's S3 and SQS only."""
    # moto's own dispatcher guesses one of two hundred services from the Host header, the path, the body and the
    # signature. Here a request is for SQS if its signature says so, and otherwise for S3, as on S3's own endpoint.
    s3: WSGIApplication = create_backend_app("s3")
    sqs: WSGIApplication = create_backend_app("sqs")

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        signed_for_sqs = _SQS_SCOPE.search(environ.get("HTTP_AUTHORIZATION", "")) is not None
        return (sqs if signed_for_sqs else s3)(environ, start_response)

    return app


def plain_data(app: WSGIApplication) -> WSGIApplication:
    """WSGI middleware: store form-typed uploads as bytes, and prevent browsers from running stored files."""
    # curl --data-binary and urllib label every body as a form, which moto's web framework would parse, and store an
    # empty object. A dropped HTML file would run in the browser of whoever opens it, with full access to this port.

    def plain(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        if form and environ["REQUEST_METHOD"] == "PUT":
            environ["CONTENT_TYPE"] = "binary/octet-stream"

        def start(
            status: str, headers: list[tuple[str, str]], error: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, *_DATA], error)

        return app(environ, start)

    return plain


def one_condition_at_a_time(app: WSGIApplication) -> WSGIApplication:
    """WSGI middleware: of writes on a condition only one at a time, as S3 does: moto checks first and writes later."""
    turn = threading.Lock()

    def in_turn(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET" or not _CONDITIONS & environ.keys():
            return app(environ, start_response)
        with turn:
            return app(environ, start_response)

    return in_turn


def complete_notifications() -> None:
    """Add version ids and sequencers to the notifications of moto's S3 in this process, as in AWS.

    Without them a file dropped again is indistinguishable from a duplicate notification (AWS, "Event message
    structure", Amazon S3 User Guide).
    """
    # moto has no hook for this; if a release renames this function, the test of this module fails.
    incomplete = moto_s3._get_s3_event  # noqa: SLF001

    def complete(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
        document = incomplete(event_name, bucket, key, notification_id)
        for record in document["Records"]:
            # Microseconds of the object's own time as 16 hexadecimal digits, as moto notifies a multipart upload twice.
            written = (key.last_modified.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
            record["s3"]["object"]["sequencer"] = f"{written:016X}"
            if bucket.is_versioned:
                record["s3"]["object"]["versionId"] = key.version_id
        return document

    moto_s3._get_s3_event = complete  # noqa: SLF001


def open_many_files() -> None:
    """Let this process open OPEN_FILES files: moto keeps one open for every object that is too large for its memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def create(stage: LocalStage, endpoint: str) -> dict[str, str]:
    """Create buckets, queues and notifications; returns queue URLs by queue name."""
    config = Config(s3={"addressing_style": "path"})
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name=stage.region, config=config)
    sqs = boto3.client("sqs", endpoint_url=endpoint, region_name=stage.region)
    for bucket in (stage.drop_bucket, stage.results_bucket, stage.models_bucket):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_open_to_all(bucket)))
    urls: dict[str, str] = {}
    configurations: list[Any] = []
    for queue in stage.drop_queues:
        dead_letters = sqs.create_queue(QueueName=queue.dead_letter_queue)["QueueUrl"]
        redrive = {"deadLetterTargetArn": _arn(sqs, dead_letters), "maxReceiveCount": queue.max_receive_count}
        attributes: dict[QueueAttributeNameType, str] = {
            "VisibilityTimeout": str(queue.visibility_timeout_s),
            "RedrivePolicy": json.dumps(redrive),
        }
        url = sqs.create_queue(QueueName=queue.queue, Attributes=attributes)["QueueUrl"]
        urls |= {queue.queue: url, queue.dead_letter_queue: dead_letters}
        configurations += _notifications(queue, _arn(sqs, url))
    s3.put_bucket_notification_configuration(
        Bucket=stage.drop_bucket, NotificationConfiguration={"QueueConfigurations": configurations}
    )
    for queue_name, bucket, prefix, suffix in (
        (stage.trainings_queue, stage.models_bucket, TRAININGS, f"/{REQUEST}"),
        (stage.bulk_queue, stage.results_bucket, JOBS, f"/{START}"),
    ):
        # Invisible while the execution that it starts runs, which takes less.
        attributes = {"VisibilityTimeout": str(VISIBILITY_TIMEOUT_S[1])}
        urls[queue_name] = sqs.create_queue(QueueName=queue_name, Attributes=attributes)["QueueUrl"]
        starts = _starts(_arn(sqs, urls[queue_name]), prefix, suffix)
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [starts]}
        )
    return urls


def _open_to_all(bucket: str) -> dict[str, Any]:
    """A policy for unsigned access: the endpoint listens on the loopback address only."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _arn(sqs: SQSClient, url: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _notifications(queue: DropQueue, arn: str) -> list[dict[str, Any]]:
    return [
        {
            "Id": f"{queue.queue}-{number}",
            "QueueArn": arn,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
        }
        for number, prefix in enumerate(queue.prefixes)
    ]


def _starts(arn: str, prefix: str, suffix: str) -> Any:
    """Notifications of what starts an execution."""
    rules = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
    return {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}


def main(lifeline: int, listener: int, page_port: int, settings: Settings) -> None:
    """Serve until killed; writes the queue URLs once buckets and queues exist."""
    watch(lifeline)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    complete_notifications()
    read_ranges()
    open_many_files()
    app = plain_data(one_condition_at_a_time(s3_and_sqs()))
    server = make_server(HOST, 0, app, threaded=True, fd=listener, request_handler=MotoRequestHandler)
    port = server.server_address[1]
    server.app = visitors_only(app, Visitors.of(port, page_port))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(create(settings.stage(), f"http://{HOST}:{port}")), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Settings.from_json(sys.argv[4]))
