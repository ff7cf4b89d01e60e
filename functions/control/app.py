"""Health, models, uploads, batches, and the contract of every function."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response  # noqa: TC002 - Powertools reads the annotations

import skysort
from skysort.batches.cursor import Cursor
from skysort.batches.options import (  # noqa: TC001 - Powertools reads the annotations
    BatchName,
    FileState,
    Limit,
    Model,
    Next,
    Records,
)
from skysort.batches.status import FILES_BY_DEFAULT, BatchDesk, Page
from skysort.card import CardShelf
from skysort.http.api import build_api, json_response, serve
from skysort.observability import logger, metrics
from skysort.s3.client import S3Client
from skysort.s3.location import Addressing
from skysort.s3.signature import Credentials, Signer
from skysort.settings import ControlSettings
from skysort.uploads.kinds import KINDS
from skysort.uploads.names import batch_of
from skysort.uploads.offer import UploadDesk
from skysort.uploads.request import UploadRequest  # noqa: TC001 - Powertools reads the annotations

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = ControlSettings.from_environment(os.environ, Path(__file__).parent)
addressing = Addressing.from_environment(os.environ)
signer = Signer(Credentials.from_environment(os.environ), addressing.region)
s3 = S3Client(addressing, signer)
shelf = CardShelf(settings.cards_folder)
uploads = UploadDesk(settings.drop_bucket, addressing, signer, s3)
batches = BatchDesk(
    s3,
    drop_bucket=settings.drop_bucket,
    results_bucket=settings.results_bucket,
    models=tuple(KINDS),
    addressing=addressing,
    signer=signer,
)
api = build_api()


@api.get("/v1/health")
def health() -> Response[str]:
    """Liveness: the service answers."""
    return json_response({"status": "ok", "version": skysort.__version__})


@api.get("/v1/models")
def models() -> Response[str]:
    """Every model's name, version, architecture and labels."""
    return json_response({"models": [shelf.get(name).summary() for name in shelf.names()]})


@api.get("/v1/models/<name>")
def model(name: str) -> Response[str]:
    """One model's whole card."""
    return json_response(shelf.get(name).document)


@api.post("/v1/uploads")
def offer_uploads(request: UploadRequest) -> Response[str]:
    """A signed way into the drop folder for each file."""
    return json_response(uploads.offer(request))


@api.get("/v1/batches/<batch>")
def batch_status(
    batch: BatchName,
    *,
    limit: Limit = FILES_BY_DEFAULT,
    model: Model = None,
    state: FileState = None,
    records: Records = False,
    following: Next = None,
) -> Response[str]:
    """How many files of a batch wait, are done and failed, and the files one by one."""
    page = Page(limit, Cursor.decode(following), state, model, records)
    return json_response(batches.status(batch_of(batch), page))


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway REST proxy event."""
    return serve(api, event, context)
