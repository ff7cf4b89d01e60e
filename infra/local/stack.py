"""The whole local stack: services, poller, sandboxes and gateway, started side by side and stopped together."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import time
from typing import TYPE_CHECKING, Any, Final

from infra.local.children import Child
from infra.local.gateway import Gateway
from infra.local.heap import keep_freed_blocks
from infra.local.launch import Lifeline
from infra.local.pool import Pool
from infra.local.server import HOST, HttpServer, bind
from infra.local.site import Site
from infra.local.state import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.settings import Settings

POLLER_RESTART_S: Final = 1.0


class ServicesEndedError(Exception):
    """S3 and the queue are gone, and with them what they held."""


class Stack:
    """One run of everything. say takes lines for the console.

    Raises StateBusyError and PortBusyError when made, and StartFailedError or ChildFailedError from start.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self.settings = settings
        self.stage = settings.stage()
        self._say = say
        self._state_file = StateFile(settings.state)
        self._http_listener = bind(settings.port, "the HTTP API", "SKYSORT_PORT or --port")
        try:
            self._s3_listener = bind(settings.s3_port, "S3", "SKYSORT_S3_PORT or --s3-port")
        except BaseException:
            self._http_listener.close()
            raise
        self.port: int = self._http_listener.getsockname()[1]
        self.s3_port: int = self._s3_listener.getsockname()[1]
        self._lifeline = Lifeline()
        self._services = Child("services", "infra.local.services", self._heard)
        self._poller = Child("poller", "infra.local.poller", self._heard)
        self._queues: dict[str, str] = {}
        self._drop_sandboxes: dict[str, list[int]] = {}
        self._started = time.time()
        self._ready = False
        self._background: list[asyncio.Task[None]] = []
        self._pools = self._build_pools()
        site = Site(settings.root / "functions" / "site", [self.endpoint])
        self._server = HttpServer(Gateway(self._pools, self.stage.name, self.port, site=site), self._http_listener)

    @property
    def endpoint(self) -> str:
        """Where S3 and SQS answer."""
        return f"http://{HOST}:{self.s3_port}"

    def _build_pools(self) -> dict[str, Pool]:
        dropped = {queue.function for queue in self.stage.drop_queues}
        show = self._say if self.settings.verbose else None
        pools = {}
        for name in self.stage.functions:
            if name not in dropped:
                launcher = self.settings.launcher(name, self.stage, self._lifeline, self.endpoint, show)
                pools[name] = Pool(launcher, self._write_state)
        return pools

    async def start(self) -> None:
        """Start everything side by side, and return when all of it is ready to serve."""
        keep_freed_blocks()
        shutil.rmtree(self.settings.state / "tmp", ignore_errors=True)  # what a killed run left
        async with asyncio.TaskGroup() as group:
            group.create_task(self._start_services())
            if self.settings.drop:
                group.create_task(self._start_poller())
            for pool in self._pools.values():
                group.create_task(pool.prestart())
        if self.settings.drop:
            self._poller.go()
            self._background.append(asyncio.create_task(self._keep_poller()))
        self._background += [asyncio.create_task(pool.housekeeping()) for pool in self._pools.values()]
        await self._server.start()
        self._ready = True
        self._write_state()

    async def _start_services(self) -> None:
        descriptor = self._s3_listener.fileno()
        # A browser's uploads are let in from the page's own address, which port 0 leaves open until now.
        settings = dataclasses.replace(self.settings, port=self.port)
        arguments = [str(descriptor), settings.to_json()]
        await self._services.start(arguments, self.settings.state, self._lifeline, (descriptor,))
        self._s3_listener.close()

    async def _start_poller(self) -> None:
        await self._poller.start([self.settings.to_json(), self.endpoint], self.settings.state, self._lifeline)

    async def _keep_poller(self) -> None:
        """Start the poller again when it dies; what it held comes back after its visibility timeout."""
        while await self._poller.ended():
            self._say("the poller of the drop folder ended; starting it again")
            await asyncio.sleep(POLLER_RESTART_S)
            self._poller = Child("poller", "infra.local.poller", self._heard)
            await self._start_poller()
            self._poller.go()
            self._write_state()

    async def watch(self) -> None:
        """Wait for the services, without which there is nothing left to do; raises ServicesEndedError."""
        if await self._services.ended():
            log = self.settings.state / "logs" / "services.log"
            raise ServicesEndedError(f"the S3 and queue process ended by itself; see {log}")

    async def stop(self) -> None:
        """Answer what is in flight, then stop every process."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._server.stop()
        await asyncio.gather(self._poller.stop(), *(pool.close() for pool in self._pools.values()))
        await self._services.stop()
        self._s3_listener.close()
        self._lifeline.close()
        shutil.rmtree(self.settings.state / "tmp", ignore_errors=True)
        self._ready = False
        self._state_file.close()

    def _heard(self, message: dict[str, Any]) -> None:
        if "show" in message:
            self._say(message["show"])
        self._queues = message.get("queues", self._queues)
        if "sandboxes" in message:
            self._drop_sandboxes = message["sandboxes"]
            self._write_state()

    def _write_state(self) -> None:
        if not self._ready:
            return
        sandboxes = {name: pool.pids for name, pool in self._pools.items()}
        self._state_file.write(
            {
                "stage": self.stage.name,
                "started": self._started,
                "http": f"http://{HOST}:{self.port}",
                "s3": self.endpoint,
                "pids": {"stack": os.getpid(), "services": self._services.pid, "poller": self._poller.pid},
                "sandboxes": sandboxes | self._drop_sandboxes,
                "queues": self._queues,
                "buckets": {"drop": self.stage.drop_bucket, "results": self.stage.results_bucket},
                "logs": str(self.settings.state / "logs"),
            }
        )
