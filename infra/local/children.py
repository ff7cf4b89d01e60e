"""Child processes of the stack that are programs of its own, and how they talk back: JSON lines on standard output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from infra import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infra.local.launch import Lifeline

START_TIMEOUT_S: Final = 30.0
STOP_WAIT_S: Final = 3.0


class ChildFailedError(Exception):
    """A child could not start; the message is a sentence for the console."""


def tell(**message: Any) -> None:
    """Send a message to the parent (in a child)."""
    print(json.dumps(message), flush=True)


def clean_environment(temporary: Path) -> dict[str, str]:
    """Build a child's variables: nothing of the caller's AWS account may leak in, only where programs are."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "PYTHONUTF8": "1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # moto would let every website read it, and looks for a Docker engine wherever the caller's leads.
        "MOTO_DISABLE_GLOBAL_CORS": "true",
        "DOCKER_HOST": "unix:///nonexistent/skysort-uses-no-engine",
    }


class Child:
    """One child process, started as a module with text arguments; on_message gets what it tells after `ready`."""

    def __init__(self, name: str, module: str, on_message: Callable[[dict[str, Any]], None] | None = None) -> None:
        self.name = name
        self._module = module
        self._on_message = on_message or (lambda _message: None)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int:
        """The process id, 0 before the start."""
        return self._process.pid if self._process else 0

    async def start(
        self, arguments: list[str], state: Path, lifeline: Lifeline, pass_fds: tuple[int, ...] = ()
    ) -> None:
        """Start it and wait until it tells that it is ready; raises ChildFailedError."""
        temporary = state / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        log = state / "logs" / f"{self.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self._module, str(lifeline.read_end), *arguments),
                cwd=ROOT,
                env=clean_environment(temporary),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                pass_fds=(lifeline.read_end, *pass_fds),
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._await_ready(log)
        except TimeoutError:
            raise ChildFailedError(f"{self.name} was not ready within {START_TIMEOUT_S:g} s; see {log}") from None
        self._reader = asyncio.create_task(self._read_on())

    def go(self) -> None:
        """Let it begin, once what it depends on is there."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(b"go\n")

    async def _next(self) -> dict[str, Any] | None:
        if self._process is None or self._process.stdout is None:
            return None
        line = await self._process.stdout.readline()
        message: dict[str, Any] | None = json.loads(line) if line else None
        return message

    async def _await_ready(self, log: Path) -> None:
        while True:
            message = await self._next()
            if message is None:
                raise ChildFailedError(f"{self.name} ended while it started; see {log}")
            if "error" in message:
                raise ChildFailedError(str(message["error"]))
            self._on_message(message)
            if "ready" in message:
                return

    async def _read_on(self) -> None:
        while (message := await self._next()) is not None:
            self._on_message(message)

    async def ended(self) -> bool:
        """Wait for the end; True when nobody asked for it."""
        if self._process is not None:
            await self._process.wait()
        return not self._stopping

    async def stop(self) -> None:
        """Ask it to end, then insist."""
        self._stopping = True
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_WAIT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader
