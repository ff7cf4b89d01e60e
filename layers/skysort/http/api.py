"""The API object that every HTTP function builds: routing, validation, and errors as problem documents."""

from __future__ import annotations

import json
import os
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import pybase64
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.metrics import MetricUnit

from skysort import problems
from skysort.errors import (
    FieldError,
    InfrastructureError,
    InvalidFieldsError,
    LimitExceededError,
    MalformedInputError,
    SkysortError,
)
from skysort.http.content_encoding import decoded
from skysort.http.headers import EVERY_ANSWER, PREFLIGHT_S, READ_BY_PAGES, SENT_BY_PAGES
from skysort.json_document import GIVEN_TWICE
from skysort.limits import LAMBDA_PAYLOAD_BYTES, MIB
from skysort.metric_names import FAILED, REFUSED, REQUESTS
from skysort.observability import logger, metrics
from skysort.settings import HttpSettings
from skysort.validation_errors import field_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from skysort.answers import Problem

JSON: Final = "application/json"
# JSON writes a character as six bytes at most: \u0000.
_LONGEST_ESCAPE: Final = 6
_OF_PAGES: Final = "Access-Control-"


class _Resolver(APIGatewayRestResolver):
    """Analyses each route when it is registered rather than, as Powertools does, on its first call (20 ms)."""

    def route(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """As APIGatewayRestResolver.route."""
        register = super().route(*args, **kwargs)

        def registered(function: Callable[..., Any]) -> Any:
            answer = register(function)
            for route in (*self._static_routes, *self._dynamic_routes):
                _ = route.dependant  # cached by the route
            return answer

        return registered


def build_api(environment: Mapping[str, str] = os.environ) -> APIGatewayRestResolver:
    """An API with validation on, whose every error is a problem document (RFC 9457); raises ConfigurationError."""
    settings = HttpSettings.from_environment(environment)
    api = _Resolver(
        enable_validation=True,
        cors=_pages(settings.page_origins),
        strip_prefixes=[settings.base_path] if settings.base_path else None,
    )

    def invalid_query(error: RequestValidationError) -> Response[str]:
        fields = [_query_fault(item) for item in error.errors()]
        return problem_response(problems.from_error(InvalidFieldsError(fields), request_id(api)))

    def refused(error: SkysortError) -> Response[str]:
        document = problems.from_error(error, request_id(api))
        if document["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.exception("request failed")
        else:
            logger.info("request refused", extra={"problem": document["type"], "detail": document["detail"][:500]})
        return problem_response(document, retry=isinstance(error, InfrastructureError))

    def failed(_: Exception) -> Response[str]:
        logger.exception("request failed")
        return problem_response(problems.internal(request_id(api)))

    @api.not_found
    def no_such_path(_: Exception) -> Response[str]:
        event = api.current_event
        detail = f"unknown path or method {event.http_method} {event.path}; see /docs"
        return problem_response(
            problems.document(HTTPStatus.NOT_FOUND, "not-found", "Not found", detail, request_id=request_id(api))
        )

    # Registered by calls: as decorators they would lose their types.
    api.exception_handler(RequestValidationError)(invalid_query)
    api.exception_handler(SkysortError)(refused)
    api.exception_handler(Exception)(failed)
    return api


def _pages(origins: Sequence[str]) -> CORSConfig | None:
    """Let pages at these origins read the answers: with a proxy integration, only the function itself can."""
    if not origins:
        return None
    return CORSConfig(
        allow_origin=origins[0],
        extra_origins=list(origins[1:]),
        allow_headers=list(SENT_BY_PAGES),
        expose_headers=list(READ_BY_PAGES),
        max_age=PREFLIGHT_S,
    )


def serve(api: APIGatewayRestResolver, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway REST proxy event, and count it."""
    # The id that the client sees, which finds every log line of its request.
    logger.set_correlation_id((event.get("requestContext") or {}).get("requestId"))
    response = _within_payload(api, api.resolve(event, context))
    for name, value in EVERY_ANSWER.items():
        response["multiValueHeaders"].setdefault(name, [value])
    metrics.add_metric(REQUESTS, MetricUnit.Count, 1)
    if response["statusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        metrics.add_metric(FAILED, MetricUnit.Count, 1)
    elif response["statusCode"] >= HTTPStatus.BAD_REQUEST:
        metrics.add_metric(REFUSED, MetricUnit.Count, 1)
    return response


def _query_fault(error: Mapping[str, Any]) -> FieldError:
    """The error of a query parameter; Powertools locates it as ("query", "limit")."""
    name, value = str(error["loc"][1]), error.get("input")
    if isinstance(value, list) and len(value) > 1:
        return FieldError(name, GIVEN_TWICE, f"is given {len(value)} times; give it once")
    (fault,) = field_errors([{**error, "loc": (name,)}])
    return fault


def _within_payload(api: APIGatewayRestResolver, response: dict[str, Any]) -> dict[str, Any]:
    """The response, or a problem document in place of one that is too large for Lambda."""
    body = response.get("body") or ""
    if _LONGEST_ESCAPE * len(body) < LAMBDA_PAYLOAD_BYTES:
        return response
    # As the runtime client writes it: UTF-8 (see functions/Dockerfile).
    size = len(json.dumps(response, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size <= LAMBDA_PAYLOAD_BYTES:
        return response
    megabytes = LAMBDA_PAYLOAD_BYTES // MIB
    error = LimitExceededError(
        f"the response would have {size / MIB:.1f} MB; at most {megabytes} MB can be sent. Request fewer items."
    )
    document = problems.from_error(error, request_id(api))
    of_pages = {name: value for name, value in response["multiValueHeaders"].items() if name.startswith(_OF_PAGES)}
    return {
        "statusCode": document["status"],
        "body": json.dumps(document),
        "isBase64Encoded": False,
        "multiValueHeaders": {**of_pages, "Content-Type": [problems.CONTENT_TYPE]},
    }


def request_id(api: APIGatewayRestResolver) -> str | None:
    """The gateway's id of the request being served."""
    context = api.current_event.get("requestContext") or {}
    return context.get("requestId")


def json_response(document: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK) -> Response[str]:
    """A response; raises ValueError for NaN and infinity, which JSON does not have."""
    return Response(status, JSON, json.dumps(document, separators=(",", ":"), allow_nan=False))


def problem_response(document: Problem, *, retry: bool = False) -> Response[str]:
    """A problem document as a response, with Retry-After where waiting helps."""
    headers: dict[str, str | list[str]] = {"Retry-After": "1"} if retry else {}
    return Response(document["status"], problems.CONTENT_TYPE, json.dumps(document), headers=headers)


def raw_body(event: APIGatewayProxyEvent) -> bytes:
    """The body, decompressed; raises MalformedInputError, and as ``content_encoding.decoded`` does."""
    # Powertools' decoded_body is text, which would corrupt a binary body.
    body = event.body or ""
    if event.is_base64_encoded:
        try:
            content = pybase64.b64decode(body, validate=True)
        except ValueError as error:
            raise MalformedInputError(f"the body is marked as base64 but cannot be decoded: {error}") from None
    else:
        content = body.encode("utf-8", "replace")
    encoding = event.headers.get("content-encoding")
    return decoded(content, encoding) if encoding else content


def content_type(event: APIGatewayProxyEvent) -> str:
    """The Content-Type header, empty when there is none."""
    return event.headers.get("content-type") or ""
