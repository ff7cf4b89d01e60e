"""The pool's side of a sandbox: its process and its socket."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from infra.local import sandbox as child
from infra.stages.environment import variables
from skysort.settings import MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.report import FunctionLog
    from infra.stages.functions import FunctionSettings
    from infra.stages.stage import LocalStage

ACCOUNT: Final = "123456789012"  # moto's account, and AWS's own example
PROGRAM: Final = Path(__file__).with_name("sandbox.py")


class Lifeline:
    """A pipe whose read end every child holds; it is closed when this process ends, even by SIGKILL."""

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()

    def close(self) -> None:
        """Close the pipe; all remaining children end."""
        os.close(self._write_end)
        os.close(self.read_end)


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts sandboxes of a function.

    root: the folder with functions/ and layers/. endpoint: of S3 and SQS, None for AWS's own.
    scratch: a folder in which each sandbox gets its own /tmp. overrides: environment variables set by this run.
    """

    name: str
    settings: FunctionSettings
    stage: LocalStage
    root: Path
    scratch: Path
    log: FunctionLog
    lifeline: Lifeline
    endpoint: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)

    def environment(self, sandbox: str, initialization: str, temporary: str) -> dict[str, str]:
        """The environment of a sandbox: Lambda's, the stage's and the function's variables, none of the caller's."""
        function = self.stage.function_name(self.name)
        memory = self.settings.memory_mb
        own = {
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": temporary,
            "PYTHONUTF8": "1",
            "_HANDLER": self.settings.handler,
            "LAMBDA_TASK_ROOT": str(self.root / self.settings.folder),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            MEMORY: str(memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[$LATEST]{sandbox}",
            "AWS_REGION": self.stage.region,
            "AWS_DEFAULT_REGION": self.stage.region,
            # Not a secret: moto accepts any, and boto3 requires one.
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "SKYSORT_LOCAL_FUNCTION_ARN": f"arn:aws:lambda:{self.stage.region}:{ACCOUNT}:function:{function}",
            # A Lambda sandbox sees the cores for its memory; here it would see all of the machine's.
            "OMP_NUM_THREADS": str(self.settings.vcpus),
        }
        if self.endpoint is not None:
            own["AWS_ENDPOINT_URL"] = self.endpoint
        given = variables(
            self.stage,
            self.name,
            self.settings,
            drop_bucket=self.stage.drop_bucket,
            results_bucket=self.stage.results_bucket,
            models_bucket=self.stage.models_bucket,
            home=temporary,
        )
        return {**own, **given, **self.overrides}

    def start(self, initialization: str) -> tuple[subprocess.Popen[bytes], socket.socket, Path]:
        """Start a process; returns it, the pool's end of its socket, and its scratch folder."""
        ours, theirs = socket.socketpair()
        self.scratch.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=self.scratch))
        try:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-s", str(PROGRAM)),
                    *(str(theirs.fileno()), str(self.lifeline.read_end)),
                    *(str(self.root / "layers"), self.settings.handler),
                ],
                cwd=self.root / self.settings.folder,
                env=self.environment(scratch.name, initialization, str(scratch)),
                stdin=subprocess.DEVNULL,
                stdout=self.log.fileno(),
                stderr=self.log.fileno(),
                pass_fds=(theirs.fileno(), self.lifeline.read_end),
                start_new_session=True,  # Ctrl-C in a terminal reaches the stack only, which then stops the sandboxes
            )
        except OSError:
            ours.close()
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return process, ours, scratch


PROVISIONED: Final = "provisioned-concurrency"
ON_DEMAND: Final = "on-demand"
STOP_WAIT_S: Final = 0.5


class StartFailedError(Exception):
    """A sandbox could not be started; the message names the function and the cause."""


class Sandbox(asyncio.Protocol):
    """A sandbox process. Calls on_reply for every response and on_exit at its end."""

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
        """The process id; 0 before the start."""
        return self._process.pid if self._process else 0

    async def start(self, timeout_s: float) -> None:
        """Start the process and wait until its handler is imported; raises StartFailedError."""
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        try:
            self._process, ours, self._scratch = self.launcher.start(self.initialization)
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise StartFailedError(
                f"function {self.launcher.name} cannot be started: {error.strerror or error}{where}"
            ) from error
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
        """Send an event (JSON) to the handler; on_reply gets the outcome."""
        if self._transport is not None:
            self._transport.write(child.INVOKE.pack(len(event), deadline, request_id.encode()) + event)

    def kill(self) -> None:
        """Kill the process."""
        if self._process is not None:
            self._process.kill()

    async def stop(self) -> None:
        """End the process: close the socket, terminate, then kill."""
        if self._transport is not None:
            self._transport.close()
        if self._process is None:
            return
        self._process.terminate()
        await asyncio.to_thread(self._await_end)

    async def collect(self) -> str:
        """Wait for a disconnected process, delete its scratch folder, and describe how it ended."""
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
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Receive a frame; a sandbox sends one at a time (asyncio.Protocol)."""
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
        """Notify the pool that the process ended (asyncio.Protocol)."""
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
