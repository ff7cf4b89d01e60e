"""Responses of the gateway itself, before or instead of a function, for API Gateway and the local stack."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, NamedTuple

from skysort import limits

# Binary bodies reach a function as base64, which adds a third: 4.5 MB of a picture are 6 MB of an event.
BINARY_MB: Final = limits.LAMBDA_PAYLOAD_BYTES * 3 / 4 / limits.MIB
REQUEST_TOO_LARGE: Final = (
    f"A request may have at most {limits.GATEWAY_REQUEST_BYTES // limits.MIB} MB, of which a function takes "
    f"{limits.LAMBDA_PAYLOAD_BYTES // limits.MIB} MB: about {BINARY_MB:.1f} MB of a picture or another binary body; "
    "put larger files into the drop folder."
)


class Problem(NamedTuple):
    """A problem type of the gateway itself."""

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
# RFC 6585; API Gateway's documentation names the limit and no status.
HEAD_TOO_LARGE: Final = Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "Headers too large")
UNSUPPORTED: Final = Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-format", "Unsupported format")
TOO_MANY_REQUESTS: Final = Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", "Too many requests")
INTERNAL: Final = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "Internal error")
FUNCTION_FAILED: Final = Problem(HTTPStatus.BAD_GATEWAY, "function-failed", "The function failed")
UNAVAILABLE: Final = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Service unavailable")
TIMED_OUT: Final = Problem(HTTPStatus.GATEWAY_TIMEOUT, "timeout", "Timed out")


class GatewayResponse(NamedTuple):
    """A response of API Gateway itself. retry_after_s: Retry-After in seconds, if a retry may succeed."""

    problem: Problem
    detail: str
    retry_after_s: int | None = None


_KEY: Final = "Send a valid API key in the x-api-key header; ask the service's owner for one."
_OWN_FAULT: Final = "The service failed; quote the request id."

# Every response type of API Gateway ("Gateway response types for API Gateway"). Its own messages are not passed on:
# some echo the request, which cannot be escaped into JSON there.
GATEWAY_RESPONSES: Final[dict[str, GatewayResponse]] = {
    "ACCESS_DENIED": GatewayResponse(FORBIDDEN, "These credentials do not allow this request."),
    "API_CONFIGURATION_ERROR": GatewayResponse(INTERNAL, _OWN_FAULT),
    "AUTHORIZER_CONFIGURATION_ERROR": GatewayResponse(INTERNAL, _OWN_FAULT),
    "AUTHORIZER_FAILURE": GatewayResponse(UNAVAILABLE, "The credentials could not be checked; try again shortly.", 1),
    "BAD_REQUEST_BODY": GatewayResponse(BAD_REQUEST, "Invalid body; see /docs."),
    "BAD_REQUEST_PARAMETERS": GatewayResponse(BAD_REQUEST, "Invalid parameter; see /docs."),
    "EXPIRED_TOKEN": GatewayResponse(FORBIDDEN, "The credentials have expired; sign the request again."),
    # Also if Lambda has no free sandbox, which is transient.
    "INTEGRATION_FAILURE": GatewayResponse(FUNCTION_FAILED, "The function gave no valid response; retry shortly.", 1),
    "INTEGRATION_TIMEOUT": GatewayResponse(
        TIMED_OUT, f"The request took longer than {limits.GATEWAY_TIMEOUT_S:g} s; send less at once."
    ),
    "INVALID_API_KEY": GatewayResponse(FORBIDDEN, _KEY),
    "INVALID_SIGNATURE": GatewayResponse(FORBIDDEN, "The request's AWS signature is wrong; sign it for execute-api."),
    # API Gateway's response to an unknown path.
    "MISSING_AUTHENTICATION_TOKEN": GatewayResponse(NOT_FOUND, "Unknown path or method; see /docs."),
    "QUOTA_EXCEEDED": GatewayResponse(TOO_MANY_REQUESTS, "The daily quota of this key is used up.", 3_600),
    "REQUEST_TOO_LARGE": GatewayResponse(TOO_LARGE, REQUEST_TOO_LARGE),
    "RESOURCE_NOT_FOUND": GatewayResponse(NOT_FOUND, "Unknown path; see /docs."),
    "THROTTLED": GatewayResponse(TOO_MANY_REQUESTS, "Too many requests at once; slow down.", 1),
    "UNAUTHORIZED": GatewayResponse(UNAUTHORISED, "Send a valid token in the Authorization header."),
    "UNSUPPORTED_MEDIA_TYPE": GatewayResponse(UNSUPPORTED, "Unsupported content type; see /docs."),
    "WAF_FILTERED": GatewayResponse(FORBIDDEN, "The firewall blocked this request; if in error, quote its id."),
    "DEFAULT_4XX": GatewayResponse(BAD_REQUEST, "Invalid request; see /docs."),
    "DEFAULT_5XX": GatewayResponse(INTERNAL, _OWN_FAULT),
}
# With an IAM authoriser the same type is also the response to an unsigned request.
UNSIGNED: Final = GatewayResponse(FORBIDDEN, "Unknown path, or the request is not signed; see /docs.")
