"""The pool's side of one sandbox: its process, its socket, and the one event it may be working on."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final, cast

from infra.local import sandbox as child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infra.local.launch import Launcher

PROVISIONED: Final = "provisioned-concurrency"
ON_DEMAND: Final = "on-demand"
STOP_WAIT_S: Final = 0.5


class StartFailedError(Exception):
    """A sandbox could not be started; the message names the function and the cause."""


class Sandbox(asyncio.Protocol):
    """One process. The pool is told of every answer (on_reply) and of the end (on_exit)."""

    def __init__(
        self,
        launcher: Launcher,
        initialization: str,
        on_reply: Callable[[Sandbox, bytes, float, bytes], None],
        on_exit: Callable[[Sandbox], None],
    ) -> None:
        self.launcher = launcher
        self.initialization = initialization
        self.init_ms = 0.0
        self.peak_memory_kib = 0
        self.invocations = 0
        self.idle_since = 0.0
        self.alive = False
        self._on_reply = on_reply
        self._on_exit = on_exit
        self._buffer = bytearray()
        self._ready: asyncio.Future[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: Path | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def pid(self) -> int:
        """The process id, 0 before the start."""
        return self._process.pid if self._process else 0

    async def start(self, timeout_s: float) -> None:
        """Start the process and wait until its handler is imported; raises StartFailedError."""
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        try:
            self._process, ours, self._scratch = self.launcher.start(self.initialization)
        except OSError as error:
            raise StartFailedError(f"function {self.launcher.name} cannot be started: {error}") from error
        self.alive = True
        try:
            await loop.create_unix_connection(lambda: self, sock=ours)
        except BaseException:
            ours.close()
            raise
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready
        except TimeoutError:
            self.kill()
            raise StartFailedError(
                f"function {self.launcher.name} did not finish its import within {timeout_s:g} s"
            ) from None
        self.init_ms = (time.perf_counter() - started) * 1000

    def send(self, request_id: str, deadline: float, event: bytes) -> None:
        """Hand one event (JSON) to the handler; on_reply tells the outcome."""
        if self._transport is not None:
            self._transport.write(child.INVOKE.pack(len(event), deadline, request_id.encode()) + event)

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()

    async def stop(self) -> None:
        """End the process: hang up, ask, insist."""
        if self._transport is not None:
            self._transport.close()
        if self._process is None:
            return
        self._process.terminate()
        await asyncio.to_thread(self._await_end)

    async def collect(self) -> str:
        """Wait for a process that hung up, clear its scratch folder, and say how it ended."""
        self.kill()
        code = await asyncio.to_thread(self._await_end)
        return f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def _await_end(self) -> int:
        if self._process is None:
            return 0
        try:
            code = self._process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        return code

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio.Protocol)."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Collect a frame; a sandbox sends one at a time (asyncio.Protocol)."""
        frame: bytes | bytearray = data
        if self._buffer or not _is_whole(data):
            self._buffer += data
            if not _is_whole(self._buffer):
                return
            frame, self._buffer = self._buffer, bytearray()
        _, kind, milliseconds, self.peak_memory_kib = child.REPLY.unpack_from(frame)
        payload = bytes(memoryview(frame)[child.REPLY.size :])
        if kind == child.READY:
            self._settle(None)
        elif kind == child.INIT_ERROR:
            error = json.loads(payload)
            cause = f"{error['errorType']}: {error['errorMessage']}"
            self._settle(StartFailedError(f"function {self.launcher.name} cannot start: {cause}"))
        else:
            self._on_reply(self, kind, milliseconds, payload)

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell the pool that the process ended (asyncio.Protocol)."""
        self.alive = False
        self._settle(
            StartFailedError(f"function {self.launcher.name} died while it started; see {self.launcher.log.path}")
        )
        self._on_exit(self)

    def _settle(self, error: StartFailedError | None) -> None:
        if self._ready is None or self._ready.done():
            return
        if error is None:
            self._ready.set_result(None)
        else:
            self._ready.set_exception(error)


def _is_whole(frame: bytes | bytearray) -> bool:
    header = child.REPLY
    return len(frame) >= header.size and len(frame) >= header.size + header.unpack_from(frame)[0]
