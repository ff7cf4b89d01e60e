"""The sandbox pool of a function: scheduling, scaling and throttling (429).

As in Lambda, a sandbox processes one event at a time, the one that finished last gets the next (so that spare ones can
stop), and provisioned ones are started in advance and replaced when they end. Unlike in Lambda, which would start
another sandbox, a request waits in a short queue when the maximum is reached.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.local import sandbox as child
from infra.local.process import ON_DEMAND, PROVISIONED, Sandbox, StartFailedError
from infra.local.report import Report
from skysort import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from infra.local.process import Launcher


class InvocationError(Exception):
    """An event got no response from its handler."""


class ThrottledError(InvocationError):
    """All sandboxes are busy, and the queue is full (429)."""


class StoppingError(InvocationError):
    """The stack is stopping (503)."""


class CrashedError(InvocationError):
    """The sandbox ended, or its response exceeds Lambda's limit."""


class TimedOutError(InvocationError):
    """The handler exceeded the function's timeout."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A handler's result as JSON, or (failed) the JSON error of its exception."""

    payload: bytes
    failed: bool = False


@dataclass(slots=True)
class Invocation:
    """An event that is waiting or running."""

    request_id: str
    event: bytes
    future: asyncio.Future[Reply]
    started: float = 0.0
    cold: bool = False
    timer: asyncio.TimerHandle | None = None

    def settle(self, outcome: Reply | Exception) -> None:
        """Set the caller's result, unless it stopped waiting."""
        if self.timer is not None:
            self.timer.cancel()
        if self.future.done():
            return
        if isinstance(outcome, Reply):
            self.future.set_result(outcome)
        else:
            self.future.set_exception(outcome)


INIT_TIMEOUT_S: Final = 10.0  # Lambda's limit for the init phase
RESTART_DELAYS_S: Final = (0.0, 1.0, 5.0, 30.0)  # backoff of a provisioned sandbox that keeps failing
HOUSEKEEPING_S: Final = 2.0
KIB_PER_MB: Final = 1024


class Pool:
    """All sandboxes of a function. on_change is called when a process starts or ends."""

    def __init__(
        self,
        launcher: Launcher,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self.name = launcher.name
        self._launcher = launcher
        self._settings = launcher.settings
        self._maximum = launcher.settings.reserved_concurrency or 1
        self._limits = launcher.stage.limits
        self._on_change = on_change or (lambda: None)
        self._all: set[Sandbox] = set()
        self._idle: list[Sandbox] = []
        self._running: dict[Sandbox, Invocation] = {}
        self._waiting: deque[Invocation] = deque()
        self._starting = 0
        self._failures = 0
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> list[int]:
        """Process ids of the live sandboxes."""
        return sorted(sandbox.pid for sandbox in self._all if sandbox.alive)

    @property
    def maximum(self) -> int:
        """The most sandboxes at once."""
        return self._maximum

    async def prestart(self) -> None:
        """Start the provisioned sandboxes concurrently; raises StartFailedError."""
        starts = [self._start(self._plan(PROVISIONED)) for _ in range(self._settings.provisioned)]
        for outcome in await asyncio.gather(*starts, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def submit(self, request_id: str, event: bytes) -> asyncio.Future[Reply]:
        """Run an event (JSON).

        Returns
        -------
        asyncio.Future of Reply
            May raise an InvocationError or StartFailedError. If the caller cancels it, the handler continues, as in
            Lambda.

        Raises
        ------
        StoppingError
            The stack is stopping.
        ThrottledError
            The queue is full.
        """
        if self._closing:
            raise StoppingError("The stack is stopping")
        invocation = Invocation(request_id, event, asyncio.get_running_loop().create_future())
        while self._idle:
            sandbox = self._idle.pop()
            if sandbox.alive:
                self._run(sandbox, invocation)
                return invocation.future
        if len(self._all) < self._maximum:
            self._waiting.append(invocation)
            self._spawn(self._start_for_waiting(self._plan(ON_DEMAND)))
        else:
            self._enqueue(invocation)
        return invocation.future

    def _enqueue(self, invocation: Invocation) -> None:
        while self._waiting and self._waiting[0].future.done():
            self._waiting.popleft()
        if len(self._waiting) >= self._limits.queue_depth + self._starting:
            raise ThrottledError(
                f"{self._maximum} requests are being served and {self._limits.queue_depth} wait; try again shortly"
            )
        invocation.timer = asyncio.get_running_loop().call_later(
            self._limits.queue_wait_s,
            invocation.settle,
            ThrottledError(f"no sandbox became free within {self._limits.queue_wait_s:g} s; try again shortly"),
        )
        self._waiting.append(invocation)

    def _run(self, sandbox: Sandbox, invocation: Invocation) -> None:
        timeout = self._settings.timeout_s
        invocation.cold = sandbox.invocations == 0 and sandbox.initialization == ON_DEMAND
        invocation.started = time.perf_counter()
        if invocation.timer is not None:
            invocation.timer.cancel()
        invocation.timer = asyncio.get_running_loop().call_later(timeout, self._time_out, sandbox)
        sandbox.invocations += 1
        self._running[sandbox] = invocation
        sandbox.send(invocation.request_id, time.time() + timeout, invocation.event)

    def _release(self, sandbox: Sandbox) -> None:
        while self._waiting:
            invocation = self._waiting.popleft()
            if not invocation.future.done():
                self._run(sandbox, invocation)
                return
        sandbox.idle_since = time.monotonic()
        self._idle.append(sandbox)

    def _replied(self, sandbox: Sandbox, kind: bytes, milliseconds: float, payload: bytes) -> None:
        invocation = self._running.pop(sandbox, None)
        if invocation is None:  # the response arrived after the timeout
            return
        if len(payload) > limits.LAMBDA_PAYLOAD_BYTES:
            invocation.settle(CrashedError(f"the response has {len(payload)} bytes, above Lambda's 6 MB"))
        else:
            invocation.settle(Reply(payload, failed=kind == child.ERROR))
        self._release(sandbox)
        self._report(sandbox, invocation, milliseconds, None)

    def _time_out(self, sandbox: Sandbox) -> None:
        invocation = self._running.pop(sandbox, None)
        if invocation is None:
            return
        timeout = self._settings.timeout_s
        sandbox.alive = False
        sandbox.kill()
        invocation.settle(TimedOutError(f"{self.name} did not answer within its timeout of {timeout} s"))
        self._report(sandbox, invocation, timeout * 1000.0, "timeout")

    def _exited(self, sandbox: Sandbox) -> None:
        self._all.discard(sandbox)
        if sandbox in self._idle:
            self._idle.remove(sandbox)
        self._on_change()
        self._spawn(self._reap(sandbox, self._running.pop(sandbox, None)))
        if sandbox.init_ms:  # failed starts are handled by the caller of start
            self._replace()

    async def _reap(self, sandbox: Sandbox, invocation: Invocation | None) -> None:
        """Collect an ended process, and fail the event that it was processing."""
        how = await sandbox.collect()
        if invocation is None:
            return
        milliseconds = (time.perf_counter() - invocation.started) * 1000
        invocation.settle(CrashedError(f"the sandbox of {self.name} ended while it worked on the request ({how})"))
        self._report(sandbox, invocation, milliseconds, f"error\tError Type: Runtime.ExitError ({how})")

    def _replace(self) -> None:
        """Start missing provisioned sandboxes, or one for a waiting request."""
        if self._closing:
            return
        provisioned = sum(sandbox.initialization == PROVISIONED for sandbox in self._all)
        if provisioned < self._settings.provisioned:
            delay = RESTART_DELAYS_S[min(self._failures, len(RESTART_DELAYS_S) - 1)]
            self._spawn(self._restart(delay))
        elif self._waiting and len(self._all) < self._maximum:
            self._spawn(self._start_for_waiting(self._plan(ON_DEMAND)))

    async def _restart(self, delay: float) -> None:
        await asyncio.sleep(delay)
        provisioned = sum(sandbox.initialization == PROVISIONED for sandbox in self._all)
        if self._closing or provisioned >= self._settings.provisioned or len(self._all) >= self._maximum:
            return
        try:
            await self._start(self._plan(PROVISIONED))
        except StartFailedError as error:
            self._fail_oldest(error)
            self._replace()

    async def _start_for_waiting(self, sandbox: Sandbox) -> None:
        try:
            await self._start(sandbox)
        except StartFailedError as error:
            self._fail_oldest(error)

    def _fail_oldest(self, error: StartFailedError) -> None:
        while self._waiting:
            invocation = self._waiting.popleft()
            if not invocation.future.done():
                invocation.settle(error)
                return

    def _plan(self, initialization: str) -> Sandbox:
        """Reserve a sandbox's slot immediately, so that the maximum also counts starting sandboxes."""
        sandbox = Sandbox(self._launcher, initialization, self._replied, self._exited)
        self._all.add(sandbox)
        self._starting += 1
        return sandbox

    async def _start(self, sandbox: Sandbox) -> None:
        try:
            self._refuse_when_closing()
            await sandbox.start(INIT_TIMEOUT_S)
        except StartFailedError as error:
            self._failures += 1
            self._all.discard(sandbox)
            self._spawn(sandbox.stop())
            self._launcher.log.write(f"[ERROR] {error}")
            raise
        finally:
            self._starting -= 1
            self._on_change()
        self._failures = 0
        self._launcher.log.write(
            f"INIT_REPORT Init Duration: {sandbox.init_ms:.2f} ms\tPhase: init\t"
            f"Initialization: {sandbox.initialization}\tProcess: {sandbox.pid}"
        )
        self._release(sandbox)

    def _refuse_when_closing(self) -> None:
        if self._closing:
            raise StartFailedError("the stack is stopping")

    def _report(self, sandbox: Sandbox, invocation: Invocation, milliseconds: float, status: str | None) -> None:
        init_ms = sandbox.init_ms if invocation.cold else None
        peak = -(-sandbox.peak_memory_kib // KIB_PER_MB)
        memory = self._settings.memory_mb
        self._launcher.log.report(Report(invocation.request_id, milliseconds, memory, peak, init_ms, status))

    async def housekeeping(self) -> None:
        """Stop idle on-demand sandboxes and rotate the log; runs until cancelled."""
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            oldest = time.monotonic() - self._limits.idle_stop_s
            spare = [s for s in self._idle if s.initialization == ON_DEMAND and s.idle_since < oldest]
            for sandbox in spare:
                self._idle.remove(sandbox)
                self._spawn(sandbox.stop())
            await asyncio.to_thread(self._launcher.log.rotate)

    async def close(self) -> None:
        """Stop all sandboxes, including busy ones."""
        self._closing = True
        for invocation in self._waiting:
            invocation.settle(StoppingError("The stack is stopping"))
        self._waiting.clear()
        while self._all or self._tasks:
            sandboxes = list(self._all)
            self._all.clear()
            await asyncio.gather(*(sandbox.stop() for sandbox in sandboxes), *self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
