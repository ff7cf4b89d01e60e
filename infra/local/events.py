"""HTTP requests as events of an API Gateway REST API with Lambda proxy integration.

Shape: AWS, "Set up Lambda proxy integrations in API Gateway", input format.
"""

from __future__ import annotations

import functools
import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl

import pybase64

from infra.local.process import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from infra.api.routes import Match

API_ID: Final = "local"
# Lone surrogates cannot reach a function from AWS either: undecodable bytes become U+FFFD.
encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_NO_IDENTITY: Final = dict.fromkeys(
    (
        "accessKey",
        "accountId",
        "caller",
        "cognitoAuthenticationProvider",
        "cognitoAuthenticationType",
        "cognitoIdentityId",
        "cognitoIdentityPoolId",
        "principalOrgId",
        "user",
        "userArn",
    )
)


@dataclass(frozen=True, slots=True)
class Request:
    """A raw HTTP request; path and query are percent-encoded."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"


class ProxyEvent(NamedTuple):
    """A proxy event as JSON. accepts_binary: whether the Accept header names a binary media type first."""

    payload: bytes
    accepts_binary: bool


class MediaTypes:
    """A set of media types such as ``image/*`` and ``application/gzip``."""

    def __init__(self, types: Iterable[str]) -> None:
        self._exact = frozenset(t for t in types if not t.endswith("/*"))
        self._families = tuple(t[:-1] for t in types if t.endswith("/*"))

    def __contains__(self, media_type: str) -> bool:
        """Whether a type without its parameters is in the set."""
        return media_type in self._exact or (bool(self._families) and media_type.startswith(self._families))


@functools.lru_cache(maxsize=1024)
def header_name(raw: bytes) -> str:
    """Spell a header as HTTP/1.1 clients do and AWS's own sample events show: ``Content-Type``."""
    return "-".join(part.capitalize() for part in raw.decode("latin-1").split("-"))


def media_type(header: str) -> str:
    """Return the first media type of a Content-Type or Accept header, without parameters, in lower case."""
    return header.partition(",")[0].partition(";")[0].strip().lower()


class EventBuilder:
    """Builds proxy events of a stage. binary: media types whose bodies are base64-encoded."""

    def __init__(self, stage: str, port: int, binary: Iterable[str]) -> None:
        self._stage = stage
        self._port = str(port)
        self._binary = MediaTypes(tuple(binary))

    def is_binary(self, header: str) -> bool:
        """Whether a Content-Type or Accept header names a binary media type first."""
        return bool(header) and media_type(header) in self._binary

    def event(self, request: Request, match: Match, request_id: str) -> ProxyEvent:
        """Build the event; bodies are text, or base64 for a binary media type, null when empty."""
        multi_headers: dict[str, list[str]] = {}
        for raw_name, raw_value in request.headers:
            multi_headers.setdefault(header_name(raw_name), []).append(raw_value.decode("latin-1"))
        multi_headers.setdefault("X-Forwarded-For", []).append(request.source_ip)
        multi_headers["X-Forwarded-Port"] = [self._port]
        multi_headers["X-Forwarded-Proto"] = ["http"]
        # AWS keeps the last of repeated values in the single-value form.
        headers = {name: values[-1] for name, values in multi_headers.items()}
        multi_query = _query(request.query)
        is_base64 = bool(request.body) and self.is_binary(headers.get("Content-Type", ""))
        text = pybase64.b64encode_as_string(request.body) if is_base64 else request.body.decode("utf-8", "replace")
        document = {
            "resource": match.route.path,
            "path": request.path,
            "httpMethod": request.method,
            "headers": headers,
            "multiValueHeaders": multi_headers,
            "queryStringParameters": {n: v[-1] for n, v in multi_query.items()} if multi_query else None,
            "multiValueQueryStringParameters": multi_query,
            "pathParameters": match.path_parameters,
            "stageVariables": None,
            "requestContext": self._context(request, match.route.path, request_id, headers),
            "body": text or None,
            "isBase64Encoded": is_base64,
        }
        return ProxyEvent(encode(document).encode(), self.is_binary(headers.get("Accept", "")))

    def _context(self, request: Request, resource: str, request_id: str, headers: Mapping[str, str]) -> dict[str, Any]:
        now = time.time()
        return {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": headers.get("Host", ""),
            "domainPrefix": API_ID,
            "extendedRequestId": request_id,
            "httpMethod": request.method,
            "identity": {
                **_NO_IDENTITY,
                # API Gateway validates the key and passes its id; here any key is accepted.
                "apiKeyId": _key_id(headers.get("X-Api-Key", "")),
                "sourceIp": request.source_ip,
                "userAgent": headers.get("User-Agent"),
            },
            "path": f"/{self._stage}{request.path}",
            "protocol": request.protocol,
            "requestId": request_id,
            "requestTime": _clock(int(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": "local",
            "resourcePath": resource,
            "stage": self._stage,
        }


def _key_id(key: str) -> str | None:
    """An id derived from an API key by a hash; None without a key."""
    return hashlib.sha256(key.encode()).hexdigest()[:10] if key else None


@functools.lru_cache(maxsize=2)
def _clock(second: int) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))


def _query(query: str) -> dict[str, list[str]] | None:
    if not query:
        return None
    parameters: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
        parameters.setdefault(name, []).append(value)
    return parameters or None
