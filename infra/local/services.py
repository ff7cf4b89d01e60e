"""S3 and SQS of the local stack: moto's server in a process of its own, with the stage's buckets and queues.

Everything lives in memory and temporary files; each start begins empty. moto is a whole AWS, some of whose services
start programs and containers: only S3 and SQS of it are made here, and only this machine's programs and the stack's own
page are answered (infra.local.loopback).
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from infra.local import notifications
from infra.local.children import tell
from infra.local.loopback import Visitors, VisitorsOnly
from infra.local.sandbox import watch
from infra.local.server import HOST
from infra.local.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

    from infra.stages.stage import DropQueue, Stage

# The poller waits at most this long for an answer of a server on the same machine.
READ_TIMEOUT_S: Final = 60
_DATA: Final = (("Content-Security-Policy", "sandbox allow-downloads"), ("X-Content-Type-Options", "nosniff"))
# The credential scope of a signature: key, date, region, service (AWS Signature Version 4).
_SQS_SCOPE: Final = re.compile(r"Credential=[^/,]*/[0-9]{8}/[a-z0-9-]+/sqs/aws4_request")


class S3AndSqs:
    """WSGI application: moto's S3 and SQS, and nothing else of moto.

    moto's own dispatcher guesses the service from the Host header, the path, the body and the signature, and makes any
    of two hundred. Here a request is SQS's where its signature says so, and otherwise S3's, as on S3's own endpoint.
    """

    def __init__(self) -> None:
        self._s3: WSGIApplication = create_backend_app("s3")
        self._sqs: WSGIApplication = create_backend_app("sqs")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        signed_for_sqs = _SQS_SCOPE.search(environ.get("HTTP_AUTHORIZATION", "")) is not None
        return (self._sqs if signed_for_sqs else self._s3)(environ, start_response)


class PlainUploads:
    """WSGI middleware: an upload is bytes, whatever its client calls it.

    curl --data-binary and urllib label every body as a form, which moto's web framework then
    parses away: the object would be stored empty.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        if form and environ["REQUEST_METHOD"] == "PUT":
            environ["CONTENT_TYPE"] = "binary/octet-stream"
        return self._app(environ, start_response)


class OnlyData:
    """WSGI middleware: what lies in a bucket is data, whatever its uploader called it.

    A dropped file that is a web page would otherwise run as one, with all rights at this port, in the browser of
    whoever looks at it.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""

        def start(
            status: str, headers: list[tuple[str, str]], error: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, *_DATA], error)

        return self._app(environ, start)


def sqs_client(endpoint: str, region: str) -> SQSClient:
    """Make a client of the local SQS."""
    return boto3.client("sqs", endpoint_url=endpoint, region_name=region, config=_config())


def s3_client(endpoint: str, region: str) -> S3Client:
    """Make a client of the local S3."""
    return boto3.client("s3", endpoint_url=endpoint, region_name=region, config=_config())


def _config() -> Config:
    return Config(read_timeout=READ_TIMEOUT_S, retries={"max_attempts": 2}, s3={"addressing_style": "path"})


def create(stage: Stage, endpoint: str) -> dict[str, str]:
    """Create buckets, queues and notifications; returns queue URLs by queue name."""
    s3, sqs = s3_client(endpoint, stage.region), sqs_client(endpoint, stage.region)
    for bucket in (stage.drop_bucket, stage.results_bucket):
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
        configurations.append(_notification(queue, _arn(sqs, url)))
    s3.put_bucket_notification_configuration(
        Bucket=stage.drop_bucket, NotificationConfiguration={"QueueConfigurations": configurations}
    )
    return urls


def _open_to_all(bucket: str) -> dict[str, Any]:
    """Let plain curl read and write: the endpoint listens on the loopback address only."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _arn(sqs: SQSClient, url: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _notification(queue: DropQueue, arn: str) -> dict[str, Any]:
    return {
        "Id": queue.queue,
        "QueueArn": arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": queue.prefix}]}},
    }


def main(lifeline: int, listener: int, settings: Settings) -> None:
    """Serve until killed; tells `ready` with the queue URLs once buckets and queues exist."""
    watch(lifeline)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    notifications.install()
    app = OnlyData(PlainUploads(S3AndSqs()))
    server = make_server(HOST, 0, app, threaded=True, fd=listener, request_handler=MotoRequestHandler)
    port = server.server_address[1]
    server.app = VisitorsOnly(app, Visitors.of(port, settings.port))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tell(ready=True, queues=create(settings.stage(), f"http://{HOST}:{port}"))
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Settings.from_json(sys.argv[3]))
