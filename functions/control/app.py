"""Health, models, uploads, batches, and the contract of every function."""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response

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
from skysort.batches.status import FILES_BY_DEFAULT, BatchStatusService, Page
from skysort.batches.table import BatchTable
from skysort.card import ModelRegistry
from skysort.clients import Client, client_of
from skysort.cold_start import Start
from skysort.http.api import build_api, content_type, json_response, raw_body, serve
from skysort.http.contract import Contract
from skysort.http.csv_file import csv_response
from skysort.models import MODELS
from skysort.observability import logger, metrics
from skysort.s3.client import S3Client
from skysort.s3.signature import Addressing, Credentials, Signer
from skysort.settings import ControlSettings
from skysort.uploads.body import read_body
from skysort.uploads.names import batch_of
from skysort.uploads.presigner import UploadPresigner

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = ControlSettings.from_environment(os.environ, Path(__file__).parent)
addressing = Addressing.from_environment(os.environ)
signer = Signer(Credentials.from_environment(os.environ), addressing.region)
s3 = S3Client(addressing, signer)
registry = ModelRegistry(settings.cards_folder)
uploads = UploadPresigner(settings.drop_bucket, addressing, signer, s3)
batches = BatchStatusService(
    s3,
    drop_bucket=settings.drop_bucket,
    results_bucket=settings.results_bucket,
    models=tuple(MODELS),
    addressing=addressing,
    signer=signer,
)
table = BatchTable(batches)
contract = Contract(Path(__file__).parent)
api = build_api()
start.done()


def client() -> Client:
    """Whose batches the request being served is about; raises UnauthenticatedError."""
    return client_of(api.current_event.raw_event, settings.clients)


@api.get("/v1/health")
def health() -> Response[str]:
    """Liveness: the service answers. clients: whether they share batches or have their own."""
    return json_response({"status": "ok", "version": skysort.__version__, "clients": settings.clients})


@api.get("/v1/models")
def models() -> Response[str]:
    """What every model classifies, and by which version."""
    return json_response({"models": registry.summaries()})


@api.get("/v1/models/<name>")
def model(name: str) -> Response[str]:
    """One model's whole card."""
    return json_response(registry.get(name).document)


@api.post("/v1/uploads")
def offer_uploads() -> Response[str]:
    """A signed way into the drop folder for each file."""
    request = read_body(raw_body(api.current_event), content_type(api.current_event))
    return json_response(uploads.presign(request, client()))


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
    return json_response(batches.status(batch_of(batch), page, client()))


@api.get("/v1/batches/<batch>/results.csv")
def batch_csv(batch: BatchName, *, model: Model = None, following: Next = None) -> Response[str]:
    """One CSV of what a batch has come to so far, in pages."""
    name = batch_of(batch)
    text, rest = table.page(name, Page(cursor=Cursor.decode(following), model=model), client())
    return csv_response(f"{name}.csv", text, batches.csv_path(name, model, rest) if rest else None)


@api.get("/openapi.json")
def openapi() -> Response[str]:
    """The contract of every function, OpenAPI 3.1."""
    return Response(HTTPStatus.OK, "application/json", contract.document)


@api.get("/docs")
def docs() -> Response[str]:
    """The contract as a page."""
    return Response(HTTPStatus.OK, "text/html; charset=utf-8", contract.page, headers=dict(contract.page_headers))


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway REST proxy event."""
    return serve(api, event, context)
