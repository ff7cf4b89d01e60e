"""The HTTP server under the gateway: uvicorn, started and stopped by this stack and not by its own signal handlers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any, Final

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST: Final = "127.0.0.1"
DRAIN_S: Final = 2
KEEP_ALIVE_S: Final = 60  # a REST API closes an idle connection after about a minute


class PortBusyError(Exception):
    """A port is taken; the message names the port, its setting, and what to do."""


def bind(port: int, purpose: str, setting: str) -> socket.socket:
    """Open a listening socket on the loopback address; port 0 takes any free one. Raises PortBusyError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortBusyError(
            f"port {port} for {purpose} cannot be used ({error.strerror}); "
            f"stop what listens there or choose another with {setting}"
        ) from error
    return listener


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the stack, which stops more than this server."""
        yield


class HttpServer:
    """Serves an ASGI app on a listening socket."""

    def __init__(self, app: Any, listener: socket.socket) -> None:
        self._listener = listener
        self._server = _Server(
            uvicorn.Config(
                app,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=DRAIN_S,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    async def start(self) -> None:
        """Begin to answer; the socket listens already, so nobody is refused in between."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Answer what is in flight, within DRAIN_S, and stop."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._listener.close()
