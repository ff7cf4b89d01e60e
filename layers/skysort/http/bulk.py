"""The HTTP routes of bulk jobs."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from aws_lambda_powertools.event_handler import Response  # noqa: TC002 - the resolver reads the annotations
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import Field

from skysort.bulk.keys import JOB_PATTERN
from skysort.bulk.request import read_body
from skysort.bulk.service import LISTED_BY_DEFAULT
from skysort.http.api import content_type, json_response, raw_body
from skysort.http.links import located
from skysort.limits import BULK_JOBS_LISTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.event_handler import APIGatewayRestResolver

    from skysort.bulk.service import BulkService
    from skysort.clients import Client

_ID_CHARACTERS: Final = 100
_NAME_CHARACTERS: Final = 100
# Patterns are for callers; what does not match them is not found.
JobId = Annotated[str, Path(description="the id of a bulk job", json_schema_extra={"pattern": JOB_PATTERN})]
Limit = Annotated[
    int, Field(ge=1, le=BULK_JOBS_LISTED), Query(description=f"maximum number to list, {LISTED_BY_DEFAULT} by default")
]
NextJob = Annotated[
    str | None,
    Field(min_length=1, max_length=_ID_CHARACTERS, json_schema_extra={"pattern": JOB_PATTERN}),
    Query(alias="next", description="the next of an earlier answer"),
]
NextFile = Annotated[
    str | None,
    Field(min_length=1, max_length=_NAME_CHARACTERS),
    Query(alias="next", description="the next of an earlier answer"),
]


@dataclass(frozen=True, slots=True)
class BulkRoutes:
    """The service behind the routes. check_model: raises NotFoundError if a client has no such model."""

    service: BulkService
    check_model: Callable[[str, Client], None]


def add_bulk_routes(api: APIGatewayRestResolver, routes: BulkRoutes, client: Callable[[], Client]) -> None:
    """Add the routes to an API. client: the client of the current request; raises UnauthenticatedError."""
    service = routes.service

    def shown(document: Mapping[str, Any], *, listed: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response[str]:
        return json_response(located(document, api.current_event.resource, listed), status)

    @api.post("/v1/bulk")
    def start_bulk() -> Response[str]:
        """Start a job."""
        request = read_body(raw_body(api.current_event), content_type(api.current_event))
        routes.check_model(request.model, client())
        return shown(service.start(request, client()), status=HTTPStatus.ACCEPTED)

    @api.get("/v1/bulk")
    def bulk_jobs(*, limit: Limit = LISTED_BY_DEFAULT, following: NextJob = None) -> Response[str]:
        """The jobs, the newest first."""
        return shown(service.page(client(), limit, following or ""), listed="jobs")

    @api.get("/v1/bulk/<id>")
    def bulk_job(id: JobId) -> Response[str]:  # noqa: A002 - the parameter's name in the path
        """One job."""
        return shown(service.get(id, client()))

    @api.get("/v1/bulk/<id>/files")
    def bulk_files(id: JobId, *, following: NextFile = None) -> Response[str]:  # noqa: A002
        """The files of a job's results."""
        return json_response(service.files(id, client(), following or ""))

    @api.post("/v1/bulk/<id>/cancel")
    def cancel_bulk(id: JobId) -> Response[str]:  # noqa: A002
        """Stop a job."""
        return shown(service.cancel(id, client()), status=HTTPStatus.ACCEPTED)

    @api.post("/v1/bulk/<id>/resume")
    def resume_bulk(id: JobId) -> Response[str]:  # noqa: A002
        """Start a planned job, or go on with one that ended before its time."""
        return shown(service.resume(id, client()), status=HTTPStatus.ACCEPTED)
