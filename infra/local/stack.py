"""The local stack: services, sandboxes, event sources and gateway, started concurrently and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import socket
import time
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from infra.local.children import Services
from infra.local.event_source import EventSource, SqsQueue, sqs_client
from infra.local.executions import Executions, bulk_jobs, object_reader, s3_client, trainings
from infra.local.gateway import Gateway
from infra.local.loopback import HOST
from infra.local.pool import Pool
from infra.local.process import Launcher, Lifeline
from infra.local.report import FunctionLog
from infra.local.site import Site
from skysort import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from infra.local.settings import Settings


class StateBusyError(Exception):
    """Another stack uses the state folder, or it is not writable."""


class StateFile:
    """state.json, replaced atomically: addresses and processes of a running stack, for tests and tools.

    A file lock, released by the system when the stack ends, reserves the folder for one stack.
    Raises StateBusyError.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "lock").open("a+")
        except OSError as error:
            raise StateBusyError(
                f"the state folder {folder} cannot be written ({error.strerror}); set SKYSORT_STATE to another folder"
            ) from error
        self.path = folder / "state.json"
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            running = f"already running{self._where()}{self._process()} (state in {folder})"
            self._lock.close()
            raise StateBusyError(f"{running}; stop it or set SKYSORT_STATE to another folder") from error
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()

    def _where(self) -> str:
        try:
            return f" at {json.loads(self.path.read_text(encoding='utf-8'))['http']}"
        except (OSError, ValueError, KeyError):  # it is starting or stopping
            return ""

    def _process(self) -> str:
        self._lock.seek(0)
        process = self._lock.read(20).strip()
        return f" as process {process}" if process.isdecimal() else ""

    def write(self, state: dict[str, Any]) -> None:
        """Replace the contents."""
        temporary = self.path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
        temporary.replace(self.path)

    def close(self) -> None:
        """Delete the file and release the folder."""
        self.path.unlink(missing_ok=True)
        self._lock.close()


DRAIN_S: Final = 2
KEEP_ALIVE_S: Final = 60  # a REST API closes an idle connection after about a minute


class PortBusyError(Exception):
    """A port is taken; the message names the port, its setting, and what to do."""


def bind(port: int, purpose: str, setting: str) -> socket.socket:
    """Open a listening socket on the loopback address; port 0 for any free port. Raises PortBusyError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortBusyError(
            f"port {port} for {purpose} cannot be used ({error.strerror}); "
            f"stop the program that uses it, or choose another port with {setting}"
        ) from error
    return listener


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the stack."""
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
        """The listening port."""
        port: int = self._listener.getsockname()[1]
        return port

    async def start(self) -> None:
        """Start serving; the socket already listens, so no connection is refused."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Finish requests in flight within DRAIN_S, and stop."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._listener.close()


class Stack:
    """A run of the local stack. log: called with lines for the console.

    Raises StateBusyError and PortBusyError on construction, StartFailedError or ServicesFailedError from start.
    """

    def __init__(self, settings: Settings, log: Callable[[str], None]) -> None:
        self.settings = settings
        self.stage = settings.stage()
        self._state_file = StateFile(settings.state)
        self._http_listener = bind(settings.port, "the HTTP API", "SKYSORT_PORT or --port")
        try:
            self._s3_listener = bind(settings.s3_port, "S3", "SKYSORT_S3_PORT or --s3-port")
        except BaseException:
            self._http_listener.close()
            raise
        self.port: int = self._http_listener.getsockname()[1]
        self.endpoint = f"http://{HOST}:{self._s3_listener.getsockname()[1]}"
        self._lifeline = Lifeline()
        self._services = Services(settings)
        self._queues: dict[str, str] = {}
        self._started = time.time()
        self._ready = False
        self._background: list[asyncio.Task[None]] = []
        dropped = {queue.function for queue in self.stage.drop_queues}
        self._pools = {
            name: Pool(self._launcher(name, log if settings.verbose else None), self._write_state)
            for name in self.stage.functions
            if settings.drop or name not in dropped
        }
        site = Site(settings.root / "functions" / "site", [self.endpoint])
        self._server = HttpServer(Gateway(self._pools, self.stage.name, self.port, site=site), self._http_listener)

    def _launcher(self, name: str, show: Callable[[str], None] | None) -> Launcher:
        return Launcher(
            name=name,
            settings=self.stage.functions[name],
            stage=self.stage,
            root=self.settings.root,
            scratch=self.settings.state / "tmp",
            log=self._log(name, show),
            lifeline=self._lifeline,
            endpoint=self.endpoint,
            overrides=self.settings.function_settings,
        )

    def _log(self, name: str, show: Callable[[str], None] | None = None) -> FunctionLog:
        return FunctionLog(self.settings.state / "logs" / f"{name}.log", show)

    async def start(self) -> None:
        """Start all parts concurrently, and return when they are ready."""
        # glibc keeps freed blocks up to the size of the largest that was freed (mallopt(3), "dynamic mmap threshold"):
        # with one for the largest body, its base64 and its event, none is mapped anew, page by page, for each request.
        bytearray(2 * limits.GATEWAY_REQUEST_BYTES)
        shutil.rmtree(self.settings.state / "tmp", ignore_errors=True)  # left by a killed run
        async with asyncio.TaskGroup() as group:
            group.create_task(self._start_services())
            for pool in self._pools.values():
                group.create_task(pool.prestart())
        self._background += [asyncio.create_task(pool.housekeeping()) for pool in self._pools.values()]
        await self._server.start()
        self._ready = True
        self._write_state()

    async def _start_services(self) -> None:
        # The page's own origin may upload; with port 0 it is known only now.
        self._queues = await self._services.start(self._s3_listener.fileno(), self.port, self._lifeline)
        self._s3_listener.close()
        if self.settings.drop:
            for source in await asyncio.to_thread(self._event_sources):
                self._background.append(asyncio.create_task(source.run()))

    def _event_sources(self) -> list[EventSource | Executions]:
        client, delay = sqs_client(self.endpoint, self.stage.region), self.stage.limits.redelivery_s
        return [
            *(
                EventSource(SqsQueue(client, queue.queue, delay), self._pools[queue.function], queue, self.stage.region)
                for queue in self.stage.drop_queues
            ),
            trainings(SqsQueue(client, self.stage.trainings_queue, None), self._pools, self._log("trainings").write),
            bulk_jobs(
                SqsQueue(client, self.stage.bulk_queue, None),
                self._pools,
                self.stage.bulk_parts,
                object_reader(s3_client(self.endpoint, self.stage.region).read),
                self._log("bulk-jobs").write,
            ),
        ]

    async def watch(self) -> None:
        """Wait until the services end unexpectedly; raises ServicesFailedError."""
        await self._services.watch()

    async def stop(self) -> None:
        """Finish requests in flight, then stop all processes."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._server.stop()
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))
        await self._services.stop()
        self._s3_listener.close()
        self._lifeline.close()
        shutil.rmtree(self.settings.state / "tmp", ignore_errors=True)
        self._ready = False
        self._state_file.close()

    def _write_state(self) -> None:
        if not self._ready:
            return
        self._state_file.write(
            {
                "stage": self.stage.name,
                "started": self._started,
                "http": f"http://{HOST}:{self.port}",
                "s3": self.endpoint,
                "pids": {"stack": os.getpid(), "services": self._services.pid},
                "sandboxes": {name: pool.pids for name, pool in self._pools.items()},
                "queues": self._queues,
                "buckets": {
                    "drop": self.stage.drop_bucket,
                    "results": self.stage.results_bucket,
                    "models": self.stage.models_bucket,
                },
                "logs": str(self.settings.state / "logs"),
            }
        )
