"""HTTP responses from Lambda proxy integrations, and of the gateway itself.

Shape: AWS, "Set up Lambda proxy integrations in API Gateway", output format. Malformed results give 502, as in AWS, so
that they are detected before deployment.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from infra.api.gateway_problems import GATEWAY_RESPONSES, Problem
from skysort import limits, problems
from skysort.http.headers import EVERY_ANSWER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from skysort.errors import InputError

Headers = list[tuple[bytes, bytes]]

_KEYS: Final = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Of the headers that "Amazon API Gateway important notes" says may be renamed, those that a function's answer does not
# get through unchanged, and those of a connection, which are gone.
RENAMED_HEADERS: Final = frozenset(
    {
        *("authorization", "connection", "content-length", "content-md5", "date", "expect", "host", "max-forwards"),
        *("proxy-authenticate", "server", "user-agent", "warn", "www-authenticate"),
    }
)
_RENAMED: Final = "x-amzn-Remapped-"
DROPPED_HEADERS: Final = frozenset({"te", "trailer", "transfer-encoding", "upgrade"})
_EVERY_ANSWER: Final = [(name.lower().encode(), value.encode()) for name, value in EVERY_ANSWER.items()]
_STATUSES: Final = range(200, 600)
_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED})


EVENT_TOO_LARGE: Final = f"the request has more than {limits.LAMBDA_PAYLOAD_BYTES // limits.MIB} MB as a Lambda event"


class MalformedResponseError(Exception):
    """A function's result is not a valid proxy response; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response."""

    status: int
    headers: Headers
    body: bytes


def from_reply(payload: bytes, request_id: str, *, accepts_binary: bool) -> Response:
    """Convert a handler's result into a response.

    Parameters
    ----------
    payload
        The result as JSON.
    accepts_binary
        Whether the request's Accept header names a binary media type first. As in AWS, only then is a base64 body
        decoded; otherwise the caller gets the base64 text.

    Returns
    -------
    Response
        The HTTP response.

    Raises
    ------
    MalformedResponseError
        If API Gateway would respond with 502.
    """
    document = json.loads(payload)
    if not isinstance(document, dict):
        raise MalformedResponseError(f"the function must return an object (got {document!r:.80})")
    unknown = document.keys() - _KEYS
    if unknown:
        raise MalformedResponseError(f"the function's result has unknown keys: {', '.join(sorted(unknown))}")
    status = _status(document.get("statusCode"))
    headers = _headers(document)
    body = _body(document, decode=accepts_binary)
    if status in _WITHOUT_BODY:
        body = b""
    elif not any(name.lower() == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"application/json"))
    return _response(status, headers, body, request_id)


def problem(
    problem_type: Problem,
    detail: str,
    request_id: str,
    headers: Iterable[tuple[bytes, bytes]] = (),
    **more: str,
) -> Response:
    """A response with a problem document (RFC 9457). more: further members."""
    status, kind, title = problem_type
    document = {**problems.document(status, kind, title, detail, request_id=request_id), **more}
    typed = [(b"content-type", problems.CONTENT_TYPE.encode()), *_EVERY_ANSWER, *headers]
    return _response(status, typed, json.dumps(document).encode(), request_id)


def refused(error: InputError, request_id: str) -> Response:
    """A response with the problem of an input rejected by the gateway itself."""
    document = problems.from_error(error, request_id)
    headers = [(b"content-type", problems.CONTENT_TYPE.encode()), *_EVERY_ANSWER]
    return _response(document["status"], headers, json.dumps(document).encode(), request_id)


def _response(status: int, headers: Headers, body: bytes, request_id: str) -> Response:
    headers.append((b"content-length", str(len(body)).encode()))
    headers.append((b"x-amzn-requestid", request_id.encode()))
    return Response(status, headers, body)


def _status(status: Any) -> int:
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or status not in _STATUSES:
        raise MalformedResponseError(f"statusCode must be a whole number from 200 to 599 (got {status!r:.80})")
    return status


def _body(document: Mapping[str, Any], *, decode: bool) -> bytes:
    body = document.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedResponseError(f"body must be a string (got {type(body).__name__}); dump it to JSON first")
    if not (document.get("isBase64Encoded") and decode):
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise MalformedResponseError(f"isBase64Encoded is true, but the body is not base64: {error}") from error


def _headers(document: Mapping[str, Any]) -> Headers:
    single = document.get("headers") or {}
    multiple = document.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(multiple, dict):
        raise MalformedResponseError("headers and multiValueHeaders must be objects")
    headers: Headers = []
    seen = set()
    for name, values in multiple.items():
        if not isinstance(values, list):
            raise MalformedResponseError(f"multiValueHeaders: {name!r:.80} must have a list of values")
        for value in values:
            _add(headers, name, value)
        seen.add(name.lower())
    for name, value in single.items():
        if name.lower() not in seen:
            _add(headers, name, value)
    return headers


def _add(headers: Headers, name: str, value: Any) -> None:
    if isinstance(value, bool):
        value = str(value).lower()
    text = value if isinstance(value, str) else str(value) if isinstance(value, int | float) else None
    # A line break in a value would allow header injection and response splitting.
    if text is None or _NAME.fullmatch(name) is None or _VALUE.fullmatch(text) is None:
        raise MalformedResponseError(f"the header {name!r:.80} has a name or a value that HTTP does not allow")
    renamed = f"{_RENAMED}{name}" if name.lower() in RENAMED_HEADERS else name
    if name.lower() not in DROPPED_HEADERS:
        headers.append((renamed.encode("ascii"), text.encode("latin-1")))


def of_gateway(response_type: str, request_id: str, reason: str, *, close: bool = False) -> Response:
    """The deployed gateway's own response of a type.

    Parameters
    ----------
    response_type
        One of GATEWAY_RESPONSES.
    request_id
        Of the request.
    reason
        What only this stack tells, as the member ``local``.
    close
        Whether the connection is closed, since the rest of the body is not read.

    Returns
    -------
    Response
        A problem document.
    """
    answer = GATEWAY_RESPONSES[response_type]
    retry = [(b"retry-after", str(answer.retry_after_s).encode())] if answer.retry_after_s is not None else []
    headers = [*retry, *([(b"connection", b"close")] if close else [])]
    return problem(answer.problem, answer.detail, request_id, headers, local=reason)
