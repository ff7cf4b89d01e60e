"""The HTTP gateway: an ASGI app that does what an API Gateway REST API with Lambda proxy integrations does."""

from __future__ import annotations

import asyncio
import difflib
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from infra import gateway_problems
from infra.api_settings import BINARY_MEDIA_TYPES
from infra.local import responses
from infra.local.events import EventBuilder, Request
from infra.local.invocation import CrashedError, StoppingError, ThrottledError, TimedOutError
from infra.local.process import StartFailedError
from infra.routes import ROUTES, Match, Router, WrongMethod
from skysort import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.events import ProxyEvent
    from infra.local.invocation import Reply
    from infra.local.pool import Pool
    from infra.local.responses import Response
    from infra.local.site import Site

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

RETRY_AFTER_S: Final = b"1"


class Gateway:
    """Routes requests to pools. pools: by the function's name in the stage. site: the page, where there is one."""

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
        self._router = router or Router()
        self._events = EventBuilder(stage, port, BINARY_MEDIA_TYPES)
        self._timeout_s = timeout_s
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        request_id = str(uuid.uuid4())
        try:
            response = await self._answer(scope, receive, request_id)
        except _TooLargeError:
            response = responses.request_too_large(request_id)
        except _ClientLeftError:
            return
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        method = scope["method"]
        path = scope["raw_path"].decode("latin-1")
        match = self._router.find(method, path)
        if match is None and self._site is not None:
            page = self._site.find(method, path, scope["headers"])
            if page is not None:
                return page
        if not isinstance(match, Match):
            return _not_routed(match, method, path, request_id)
        body = await _read(scope, receive)
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
        if not event.fits(limits.LAMBDA_PAYLOAD_BYTES):
            return responses.event_too_large(request_id)
        return await self._invoke(match.route.function, event, request_id)

    async def _invoke(self, function: str, event: ProxyEvent, request_id: str) -> Response:
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await self._pools[function].submit(request_id, event.head, event.body)
            return _from_reply(reply, request_id, accepts_binary=event.accepts_binary)
        except ThrottledError as error:
            retry = [(b"retry-after", RETRY_AFTER_S)]
            return responses.problem(
                gateway_problems.TOO_MANY_REQUESTS, f"Every worker is busy: {error}.", request_id, retry
            )
        except StoppingError as error:
            return responses.problem(gateway_problems.UNAVAILABLE, f"{error}.", request_id)
        except (TimedOutError, TimeoutError) as error:
            detail = str(error) or f"the function did not answer within {self._timeout_s:g} s"
            return responses.problem(gateway_problems.TIMED_OUT, f"The request took too long: {detail}.", request_id)
        except (CrashedError, StartFailedError, responses.MalformedResponseError) as error:
            return _bad_gateway(str(error), request_id)


def _from_reply(reply: Reply, request_id: str, *, accepts_binary: bool) -> Response:
    if reply.failed:
        error = json.loads(reply.payload)
        # The message may tell of the inside: it stands in the function's log, under the request id.
        return _bad_gateway(f"the function raised {error['errorType']}; its log has the traceback", request_id)
    return responses.from_reply(reply.payload, request_id, accepts_binary=accepts_binary)


def _bad_gateway(detail: str, request_id: str) -> Response:
    return responses.problem(gateway_problems.FUNCTION_FAILED, f"No usable answer: {detail}.", request_id)


def _not_routed(match: WrongMethod | None, method: str, path: str, request_id: str) -> Response:
    if match is not None:
        allowed = ", ".join(match.allowed)
        detail = f"{path:.200} does not answer {method:.20}; use {allowed}."
        return responses.problem(
            gateway_problems.METHOD_NOT_ALLOWED, detail, request_id, [(b"allow", allowed.encode())]
        )
    near = difflib.get_close_matches(path[:200], [route.path for route in ROUTES], n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return responses.problem(gateway_problems.NOT_FOUND, f"There is no {path:.200} here.{hint}", request_id)


class _TooLargeError(Exception):
    """The body passes the gateway's limit."""


class _ClientLeftError(Exception):
    """The caller hung up before the body was complete."""


async def _read(scope: Scope, receive: Receive) -> bytes:
    """Read the body; one that is too large is refused before it is read where its length is told."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limits.GATEWAY_REQUEST_BYTES:
            raise _TooLargeError
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientLeftError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limits.GATEWAY_REQUEST_BYTES:
            raise _TooLargeError
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
