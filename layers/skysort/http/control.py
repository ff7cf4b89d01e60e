"""The HTTP routes that belong to no single model: health, models, uploads, batches, jobs, and the API contract."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path as InPath
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

import skysort
from skysort.batches.match import State
from skysort.batches.status import FILES_BY_DEFAULT, BatchStatusService, Cursor, Page
from skysort.batches.table import BatchTable
from skysort.clients import Client, Sharing, client_of
from skysort.errors import ArtefactError
from skysort.http.api import build_api, content_type, json_response, raw_body
from skysort.http.bulk import add_bulk_routes
from skysort.http.headers import DOCUMENT, PAGE
from skysort.http.links import located, relative
from skysort.http.trained import add_trained_routes
from skysort.limits import BATCH_FILES_PER_PAGE, BATCH_NAME_CHARACTERS
from skysort.uploads.names import BATCH_PATTERN, batch_of
from skysort.uploads.request import ModelName, UploadName, read_body

if TYPE_CHECKING:
    from pathlib import Path

    from aws_lambda_powertools.event_handler import APIGatewayRestResolver

    from skysort.http.bulk import BulkRoutes
    from skysort.http.trained import TrainedServices
    from skysort.model_card import ModelRegistry
    from skysort.uploads.presigner import UploadPresigner

_CSV: Final = "text/csv; charset=utf-8"
CURSOR_CHARACTERS: Final = 4_000
CURSOR: Final = "batch-cursor"

# Checked after decoding: only some gateways pass it percent-encoded.
BatchName = Annotated[
    str,
    InPath(
        description="the batch's name",
        json_schema_extra={"minLength": 1, "maxLength": BATCH_NAME_CHARACTERS, "pattern": BATCH_PATTERN},
    ),
]
Uploaded = Annotated[UploadName | None, Query(description="only files of this model, or of trainings")]
Model = Annotated[ModelName | None, Query(description="only files of this model")]
FileState = Annotated[State | None, Query(description="only files in this state; the counts still cover all files")]
Limit = Annotated[
    int,
    Field(ge=0, le=BATCH_FILES_PER_PAGE),
    Query(description=f"maximum number of files to list, {FILES_BY_DEFAULT} by default; 0 for counts only"),
]
Records = Annotated[bool, Query(description="whether to include each file's record, with its predictions")]
Next = Annotated[
    str | None,
    Field(min_length=1, max_length=CURSOR_CHARACTERS, json_schema_extra={"format": CURSOR}),
    Query(alias="next", description="the next of an earlier answer"),
]

_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_SCRIPT: Final = re.compile(r'<script type="module">(.*?)</script>', re.DOTALL)


class Contract:
    """The OpenAPI document and its HTML page, read on first use, since most sandboxes never serve them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def document(self) -> str:
        """The OpenAPI document; raises ArtefactError."""
        return self._read(DOCUMENT)

    @cached_property
    def page(self) -> str:
        """The document as HTML; raises ArtefactError."""
        return self._read(PAGE)

    @cached_property
    def page_headers(self) -> dict[str, str]:
        """A content security policy: the page's own styles and script, and calls of the API that it describes."""
        nothing = "; ".join(f"{name} 'none'" for name in ("default-src", "base-uri", "form-action", "frame-ancestors"))
        script, style = _digests(_SCRIPT, self.page), _digests(_STYLE, self.page)
        allowed = f"script-src {script}; style-src {style}; connect-src 'self'"
        trusted = "require-trusted-types-for 'script'; trusted-types 'none'"
        return {
            "Content-Security-Policy": f"{nothing}; {allowed}; {trusted}",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }

    def _read(self, name: str) -> str:
        path = self._folder / name
        try:
            return path.read_text("utf-8")
        except OSError as error:
            raise ArtefactError(f"{path} cannot be read: {error.strerror}; `make openapi` writes it") from error


def _digests(pattern: re.Pattern[str], page: str) -> str:
    """What a content security policy knows the parts of a page by (CSP Level 3, hash sources)."""
    digests = (hashlib.sha256(part.encode()).digest() for part in pattern.findall(page))
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def csv_response(name: str, text: str, following: str | None, resource: str) -> Response[str]:
    """A CSV download with a file name; following: the path of its next page, if any, as seen from a call (RFC 8288)."""
    saved_as = quote(name, safe="")
    headers: dict[str, str | list[str]] = {"Content-Disposition": f"attachment; filename*=UTF-8''{saved_as}"}
    if following:
        headers["Link"] = f'<{relative(following, resource)}>; rel="next"'
    return Response(HTTPStatus.OK, _CSV, text, headers=headers)


def control_api(
    registry: ModelRegistry,
    uploads: UploadPresigner,
    batches: BatchStatusService,
    trained: TrainedServices,
    bulk: BulkRoutes,
    *,
    contract: Contract,
    clients: Sharing,
) -> APIGatewayRestResolver:
    """The API of the control function. clients: whether they share batches, or each has its own."""
    api = build_api()
    table = BatchTable(batches)

    def client() -> Client:
        """The client of the current request; raises UnauthenticatedError."""
        return client_of(api.current_event.raw_event, clients)

    add_trained_routes(api, trained, client)
    add_bulk_routes(api, bulk, client)

    @api.get("/v1/health")
    def health() -> Response[str]:
        """Liveness. clients: whether they share batches or have their own."""
        return json_response({"status": "ok", "version": skysort.__version__, "clients": clients})

    @api.get("/v1/models")
    def models() -> Response[str]:
        """A summary of every model."""
        return json_response({"models": registry.summaries()})

    @api.get("/v1/models/<name>")
    def model(name: str) -> Response[str]:
        """The full card of one model."""
        return json_response(registry.get(name).document)

    @api.post("/v1/uploads")
    def presign_uploads() -> Response[str]:
        """Presigned upload requests for each file."""
        request = read_body(raw_body(api.current_event), content_type(api.current_event))
        trained.check_model(request.model, client())
        return json_response(uploads.presign(request, client()))

    @api.get("/v1/batches/<batch>")
    def batch_status(
        batch: BatchName,
        *,
        limit: Limit = FILES_BY_DEFAULT,
        model: Uploaded = None,
        state: FileState = None,
        records: Records = False,
        following: Next = None,
    ) -> Response[str]:
        """How many files of a batch are waiting, done and failed, and a list of the files."""
        page = Page(limit, Cursor.decode(following), state, model, records)
        return json_response(located(batches.status(batch_of(batch), page, client()), api.current_event.resource))

    @api.get("/v1/batches/<batch>/results.csv")
    def batch_csv(batch: BatchName, *, model: Model = None, following: Next = None) -> Response[str]:
        """A batch's results so far as one CSV, in pages."""
        name = batch_of(batch)
        text, next_page = table.page(name, Page(cursor=Cursor.decode(following), model=model), client())
        path = batches.csv_path(name, model, next_page) if next_page else None
        return csv_response(f"{name}.csv", text, path, api.current_event.resource)

    @api.get("/openapi.json")
    def openapi() -> Response[str]:
        """The OpenAPI 3.1 document."""
        return Response(HTTPStatus.OK, "application/json", contract.document)

    @api.get("/docs")
    def docs() -> Response[str]:
        """The OpenAPI document as an HTML page."""
        return Response(HTTPStatus.OK, "text/html; charset=utf-8", contract.page, headers=dict(contract.page_headers))

    return api
