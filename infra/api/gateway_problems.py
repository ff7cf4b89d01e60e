"""What the gateway answers itself, before or instead of a function: one list for API Gateway and the local stack."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, NamedTuple

from skysort import limits

_MEGABYTES: Final = limits.GATEWAY_REQUEST_BYTES // limits.MIB
REQUEST_TOO_LARGE: Final = f"A request may have {_MEGABYTES} MB; put larger files into the drop folder."


class Problem(NamedTuple):
    """A kind of problem that the gateway itself answers with."""

    status: HTTPStatus
    kind: str
    title: str


BAD_REQUEST: Final = Problem(HTTPStatus.BAD_REQUEST, "bad-input", "The input cannot be used")
UNAUTHORISED: Final = Problem(HTTPStatus.UNAUTHORIZED, "unauthorised", "Not signed in")
FORBIDDEN: Final = Problem(HTTPStatus.FORBIDDEN, "forbidden", "Not allowed")
NOT_FOUND: Final = Problem(HTTPStatus.NOT_FOUND, "not-found", "Not found")
METHOD_NOT_ALLOWED: Final = Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed")
TOO_LARGE: Final = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "Request too large")
ADDRESS_TOO_LONG: Final = Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "address-too-long", "Address too long")
UNSUPPORTED: Final = Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-format", "Unsupported format")
TOO_MANY_REQUESTS: Final = Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", "Too many requests")
INTERNAL: Final = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "Internal error")
FUNCTION_FAILED: Final = Problem(HTTPStatus.BAD_GATEWAY, "function-failed", "The function failed")
UNAVAILABLE: Final = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Service unavailable")
TIMED_OUT: Final = Problem(HTTPStatus.GATEWAY_TIMEOUT, "timeout", "Timed out")


class GatewayAnswer(NamedTuple):
    """An answer of API Gateway's own. retry_after_s: how long to wait where waiting helps."""

    problem: Problem
    detail: str
    retry_after_s: int | None = None


_KEY: Final = "Send a valid API key in the x-api-key header; ask the service's owner for one."
_OWN_FAULT: Final = "The service failed; quote the request id."

# Every response type of API Gateway ("Gateway response types for API Gateway"). Its own sentences are not passed on:
# some echo the request, which cannot be escaped into JSON there.
GATEWAY_ANSWERS: Final[dict[str, GatewayAnswer]] = {
    "ACCESS_DENIED": GatewayAnswer(FORBIDDEN, "The credentials of this request do not allow it."),
    "API_CONFIGURATION_ERROR": GatewayAnswer(INTERNAL, _OWN_FAULT),
    "AUTHORIZER_CONFIGURATION_ERROR": GatewayAnswer(INTERNAL, _OWN_FAULT),
    "AUTHORIZER_FAILURE": GatewayAnswer(UNAVAILABLE, "The credentials could not be checked; try again shortly.", 1),
    "BAD_REQUEST_BODY": GatewayAnswer(BAD_REQUEST, "The body is not what this call takes; see /docs."),
    "BAD_REQUEST_PARAMETERS": GatewayAnswer(BAD_REQUEST, "A parameter is not what this call takes; see /docs."),
    "EXPIRED_TOKEN": GatewayAnswer(FORBIDDEN, "The credentials have expired; sign the request anew."),
    # Also Lambda without a free sandbox, which a moment later may have one.
    "INTEGRATION_FAILURE": GatewayAnswer(FUNCTION_FAILED, "No usable answer came; try again shortly.", 1),
    "INTEGRATION_TIMEOUT": GatewayAnswer(
        TIMED_OUT, f"The request took longer than {limits.GATEWAY_TIMEOUT_S:g} s; send less at once."
    ),
    "INVALID_API_KEY": GatewayAnswer(FORBIDDEN, _KEY),
    "INVALID_SIGNATURE": GatewayAnswer(FORBIDDEN, "The request's AWS signature is wrong; sign it for execute-api."),
    # What API Gateway calls a path that it does not know.
    "MISSING_AUTHENTICATION_TOKEN": GatewayAnswer(NOT_FOUND, "There is no such path or method here; see /docs."),
    "QUOTA_EXCEEDED": GatewayAnswer(TOO_MANY_REQUESTS, "The key's requests of today are used up.", 3_600),
    "REQUEST_TOO_LARGE": GatewayAnswer(TOO_LARGE, REQUEST_TOO_LARGE),
    "RESOURCE_NOT_FOUND": GatewayAnswer(NOT_FOUND, "There is no such path here; see /docs."),
    "THROTTLED": GatewayAnswer(TOO_MANY_REQUESTS, "Too many requests at once; send them more slowly.", 1),
    "UNAUTHORIZED": GatewayAnswer(UNAUTHORISED, "Send a valid token in the Authorization header."),
    "UNSUPPORTED_MEDIA_TYPE": GatewayAnswer(UNSUPPORTED, "This content type is not read; see /docs."),
    "WAF_FILTERED": GatewayAnswer(FORBIDDEN, "The firewall refused this request; quote its id if that is wrong."),
    "DEFAULT_4XX": GatewayAnswer(BAD_REQUEST, "The request cannot be used; see /docs."),
    "DEFAULT_5XX": GatewayAnswer(INTERNAL, _OWN_FAULT),
}
# With an IAM authoriser the same type also answers a request that is not signed.
UNSIGNED: Final = GatewayAnswer(FORBIDDEN, "There is no such path here, or the request is not signed; see /docs.")
