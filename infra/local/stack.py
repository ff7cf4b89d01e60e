"""The whole local stack: services, sandboxes, event sources and gateway, started side by side and stopped together."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from typing import TYPE_CHECKING

from infra.local.children import Services
from infra.local.event_source import EventSource, SqsQueue, sqs_client
from infra.local.gateway import Gateway
from infra.local.launch import Lifeline
from infra.local.pool import Pool
from infra.local.server import HOST, HttpServer, bind
from infra.local.site import Site
from infra.local.state import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.settings import Settings


class Stack:
    """One run of everything. say takes lines for the console.

    Raises StateBusyError and PortBusyError when made, and StartFailedError or ServicesFailedError from start.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
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
        show = say if settings.verbose else None
        dropped = {queue.function for queue in self.stage.drop_queues}
        self._pools = {
            name: Pool(settings.launcher(name, self.stage, self._lifeline, self.endpoint, show), self._write_state)
            for name in self.stage.functions
            if settings.drop or name not in dropped
        }
        site = Site(settings.root / "functions" / "site", [self.endpoint])
        self._server = HttpServer(Gateway(self._pools, self.stage.name, self.port, site=site), self._http_listener)

    async def start(self) -> None:
        """Start everything side by side, and return when all of it is ready to serve."""
        shutil.rmtree(self.settings.state / "tmp", ignore_errors=True)  # what a killed run left
        async with asyncio.TaskGroup() as group:
            group.create_task(self._start_services())
            for pool in self._pools.values():
                group.create_task(pool.prestart())
        self._background += [asyncio.create_task(pool.housekeeping()) for pool in self._pools.values()]
        await self._server.start()
        self._ready = True
        self._write_state()

    async def _start_services(self) -> None:
        # A browser's uploads are let in from the page's own address, which port 0 leaves open until now.
        self._queues = await self._services.start(self._s3_listener.fileno(), self.port, self._lifeline)
        self._s3_listener.close()
        if self.settings.drop:
            for source in await asyncio.to_thread(self._event_sources):
                self._background.append(asyncio.create_task(source.run()))

    def _event_sources(self) -> list[EventSource]:
        client, delay = sqs_client(self.endpoint, self.stage.region), self.stage.limits.retry_delay_s
        return [
            EventSource(SqsQueue(client, queue.queue, delay), self._pools[queue.function], queue, self.stage.region)
            for queue in self.stage.drop_queues
        ]

    async def watch(self) -> None:
        """Wait for the services, without which there is nothing left to do; raises ServicesFailedError."""
        await self._services.watch()

    async def stop(self) -> None:
        """Answer what is in flight, then stop every process."""
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
                "buckets": {"drop": self.stage.drop_bucket, "results": self.stage.results_bucket},
                "logs": str(self.settings.state / "logs"),
            }
        )
