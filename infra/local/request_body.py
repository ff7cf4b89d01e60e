"""The body of a request as it comes in: within the gateway's limit, and read to its end where it is beyond."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from skysort import limits

if TYPE_CHECKING:
    from collections.abc import Iterable

Receive = Callable[[], Awaitable[dict[str, Any]]]

# Of a body beyond the limit: so much is read and forgotten before it is refused. A client that sends its whole body
# before it looks for an answer would otherwise find the connection reset, and no answer.
DRAINED_BYTES: Final = 256 * limits.MIB
DRAINED_S: Final = 10.0


class TooLargeError(Exception):
    """The body passes the gateway's limit."""


class ClientLeftError(Exception):
    """The caller hung up before the body was complete."""


async def read(headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> bytes:
    """The whole body; raises TooLargeError and ClientLeftError."""
    named = dict(headers)
    length = named.get(b"content-length", b"")
    if length.isdigit() and int(length) > limits.GATEWAY_REQUEST_BYTES:
        # A client that waits to be told to go on (RFC 9110, 10.1.1) is told at once not to.
        if b"expect" not in named:
            await _drain(receive)
        raise TooLargeError
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        chunk = message.get("body", b"")
        size += len(chunk)
        more = message.get("more_body", False)
        if size > limits.GATEWAY_REQUEST_BYTES:
            chunks.clear()
            if more:
                await _drain(receive)
            raise TooLargeError
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _drain(receive: Receive) -> None:
    """Read on and forget, until the body ends, its client leaves, or it has been enough."""
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
