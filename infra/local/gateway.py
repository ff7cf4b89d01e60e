"""The HTTP gateway: an ASGI app that emulates an API Gateway REST API with Lambda proxy integrations.

Its own responses are those of the deployed one (infra.api.gateway_problems), with the reason as the member ``local``. A
function that fails, in whatever way, is 502 ("Handling Lambda errors with an API Gateway API"), its own timeout
included; 504 is the gateway's.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from infra.api import gateway_problems
from infra.api.routes import ROUTES, Match, Router, WrongMethod
from infra.local import responses
from infra.local.events import EventBuilder, Request
from infra.local.loopback import NAMES, Visitors
from infra.local.pool import CrashedError, StoppingError, ThrottledError, TimedOutError
from infra.local.process import StartFailedError
from infra.stages.api import BINARY_MEDIA_TYPES
from skysort import limits
from skysort.errors import InputError
from skysort.http.content_encoding import decoded, packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.local.events import ProxyEvent
    from infra.local.pool import Pool, Reply
    from infra.local.responses import Response
    from infra.local.site import Site

Receive = Callable[[], Awaitable[dict[str, Any]]]

# How much of a body beyond the limit is read and discarded before the 413 response. A client that sends its whole body
# before it reads the response would otherwise see only a connection reset.
DRAINED_BYTES: Final = 256 * limits.MIB
DRAINED_S: Final = 10.0


class TooLargeError(Exception):
    """The body exceeds the gateway's limit."""


class ClientLeftError(Exception):
    """The client disconnected before the body was complete."""


async def read_body(headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> bytes:
    """Read the whole body; raises TooLargeError and ClientLeftError."""
    named = dict(headers)
    length = named.get(b"content-length", b"")
    if length.isdigit() and int(length) > limits.GATEWAY_REQUEST_BYTES:
        # A client that sent Expect: 100-continue (RFC 9110, 10.1.1) gets the response immediately.
        if b"expect" not in named:
            await _drain(receive)
        raise TooLargeError
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limits.GATEWAY_REQUEST_BYTES:
            body.clear()
            if more:
                await _drain(receive)
            raise TooLargeError
    return bytes(body)


async def _drain(receive: Receive) -> None:
    """Read and discard until the body ends, the client disconnects, or a limit is reached."""
    left = DRAINED_BYTES
    try:
        async with asyncio.timeout(DRAINED_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Of a path and its query.
LONGEST_ADDRESS: Final = 8_192
# Of the request line and the values of all headers ("Quotas for configuring and running a REST API").
HEAD_BYTES: Final = 10_240
_USUAL_PORT: Final = 80
_VISITOR_HEADERS: Final = (b"host", b"origin", b"sec-fetch-site", b"sec-fetch-mode")
_log: Final = logging.getLogger("skysort.gateway")


class Gateway:
    """Routes requests to pools. pools: by function name in the stage. site: the web page, if there is one."""

    def __init__(
        self,
        pools: Mapping[str, Pool],
        stage: str,
        port: int,
        *,
        timeout_s: float = limits.GATEWAY_TIMEOUT_S,
        router: Router | None = None,
        site: Site | None = None,
    ) -> None:
        self._pools = pools
        self._stage = stage
        self._router = router or Router()
        self._events = EventBuilder(stage, port, BINARY_MEDIA_TYPES)
        # Browsers omit the default port from Host and Origin.
        usual = NAMES if port == _USUAL_PORT else ()
        own = Visitors.of(port, page_port=port)
        self._visitors = Visitors(own.hosts.union(usual), own.origins.union(f"http://{name}" for name in usual))
        self._timeout_s = timeout_s
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request (ASGI 3)."""
        request_id = str(uuid.uuid4())
        try:
            response = await self._answer(scope, receive, request_id)
        except TooLargeError:
            response = responses.of_gateway("REQUEST_TOO_LARGE", request_id, "the body is too large", close=True)
        except InputError as error:
            response = responses.refused(error, request_id)
        except ClientLeftError:
            return
        except Exception:
            _log.exception("the gateway failed over request %s", request_id)
            response = responses.problem(gateway_problems.INTERNAL, "The gateway failed; its log says why.", request_id)
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        method = scope["method"]
        path = scope["raw_path"].decode("latin-1")
        headers = _joined(scope["headers"])
        refused = self._refused(scope, path, headers, request_id)
        if refused is not None:
            return refused
        path, of_api = self._without_stage(path)
        match = self._router.find(method, path)
        if match is None and self._site is not None and not of_api:
            page = self._site.find(method, path, scope["headers"])
            if page is not None:
                return page
        if not isinstance(match, Match):
            return _not_routed(match, method, path, request_id)
        body = await read_body(scope["headers"], receive)
        encoding = headers.get(b"content-encoding", "")
        if packed(body, encoding):
            body = decoded(body, encoding)
        client = scope.get("client")
        request = Request(
            method=method,
            path=path,
            query=scope["query_string"].decode("latin-1"),
            headers=scope["headers"],
            body=body,
            source_ip=client[0] if client else "",
            protocol=f"HTTP/{scope['http_version']}",
        )
        event = self._events.event(request, match, request_id)
        if len(event.payload) > limits.LAMBDA_PAYLOAD_BYTES:
            return responses.of_gateway("REQUEST_TOO_LARGE", request_id, responses.EVENT_TOO_LARGE)
        return await self._invoke(match.route.function, event, request_id)

    def _refused(self, scope: Scope, path: str, headers: Mapping[bytes, str], request_id: str) -> Response | None:
        """The response to a request of another site, or with too long an address or head; None for any other."""
        method, query = scope["method"], scope["query_string"].decode("latin-1")
        refusal = self._visitors.refusal(method, *(headers.get(name, "") for name in _VISITOR_HEADERS))
        if refusal is not None:
            return responses.problem(gateway_problems.FORBIDDEN, f"{refusal}.", request_id)
        if len(path) + len(query) > LONGEST_ADDRESS:
            detail = f"The URL has more than {LONGEST_ADDRESS:,} characters; send long options in the body."
            return responses.problem(gateway_problems.ADDRESS_TOO_LONG, detail, request_id)
        line = f"{method} {path}?{query} HTTP/{scope['http_version']}"
        if len(line) + sum(len(value) for _, value in scope["headers"]) > HEAD_BYTES:
            detail = f"The request line and the headers have more than {HEAD_BYTES:,} bytes; send less in them."
            return responses.problem(gateway_problems.HEAD_TOO_LARGE, detail, request_id)
        return None

    async def _invoke(self, function: str, event: ProxyEvent, request_id: str) -> Response:
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await self._pools[function].submit(request_id, event.payload)
            return _from_reply(reply, request_id, accepts_binary=event.accepts_binary)
        except ThrottledError as error:
            return responses.of_gateway("THROTTLED", request_id, str(error))
        except StoppingError as error:
            return responses.problem(gateway_problems.UNAVAILABLE, f"{error}.", request_id)
        except TimeoutError:
            reason = f"the function did not answer within {self._timeout_s:g} s"
            return responses.of_gateway("INTEGRATION_TIMEOUT", request_id, reason)
        except (CrashedError, StartFailedError, TimedOutError, responses.MalformedResponseError) as error:
            return _bad_gateway(str(error), request_id)

    def _without_stage(self, path: str) -> tuple[str, bool]:
        """A path without the stage that the API's own address begins with, and whether it had that."""
        rest = path.removeprefix(f"/{self._stage}")
        return (rest or "/", True) if rest != path and rest[:1] in {"", "/"} else (path, False)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, str]:
    """Headers by name; repeated headers are joined by commas."""
    joined: dict[bytes, str] = {}
    for name, value in headers:
        text = value.decode("latin-1")
        joined[name] = f"{joined[name]}, {text}" if name in joined else text
    return joined


def _from_reply(reply: Reply, request_id: str, *, accepts_binary: bool) -> Response:
    if reply.failed:
        error = json.loads(reply.payload)
        # The message may reveal internals: it is only in the function's log, under the request id.
        return _bad_gateway(f"the function raised {error['errorType']}; its log has the traceback", request_id)
    return responses.from_reply(reply.payload, request_id, accepts_binary=accepts_binary)


def _bad_gateway(reason: str, request_id: str) -> Response:
    return responses.of_gateway("INTEGRATION_FAILURE", request_id, reason)


def _not_routed(match: WrongMethod | None, method: str, path: str, request_id: str) -> Response:
    if match is not None:
        allowed = ", ".join(match.allowed)
        detail = f"{path:.200} does not support {method:.20}; use {allowed}."
        return responses.problem(
            gateway_problems.METHOD_NOT_ALLOWED, detail, request_id, [(b"allow", allowed.encode())]
        )
    near = difflib.get_close_matches(path[:200], [route.path for route in ROUTES], n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return responses.problem(gateway_problems.NOT_FOUND, f"Unknown path {path:.200}.{hint}", request_id)
