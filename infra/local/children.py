"""The child process with S3 and SQS."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Final

from infra import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from infra.local.process import Lifeline
    from infra.local.settings import Settings

START_TIMEOUT_S: Final = 30.0
STOP_WAIT_S: Final = 3.0
# Replaces the caller's AWS credentials and settings.
NO_ACCOUNT: Final = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class ServicesFailedError(Exception):
    """S3 and SQS could not start, or ended; the message says which."""


def clean_environment(temporary: Path) -> dict[str, str]:
    """The child's environment: only PATH is taken from the caller's."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "PYTHONUTF8": "1",
        **NO_ACCOUNT,
        # By default moto allows every origin, and uses the caller's Docker engine.
        "MOTO_DISABLE_GLOBAL_CORS": "true",
        "DOCKER_HOST": "unix:///nonexistent/skysort-uses-no-engine",
    }


class Services:
    """`python -m infra.local.services`, which writes its queue URLs to standard output once it serves."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = settings.state / "logs" / "services.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 before the start."""
        return self._process.pid if self._process else 0

    async def start(self, listener: int, page_port: int, lifeline: Lifeline) -> dict[str, str]:
        """Start serving on a listening socket; returns queue URLs by name. Raises ServicesFailedError."""
        temporary = self._settings.state / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        arguments = (str(lifeline.read_end), str(listener), str(page_port), self._settings.to_json())
        with self._log.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "infra.local.services", *arguments),
                cwd=ROOT,
                env=clean_environment(temporary),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                pass_fds=(lifeline.read_end, listener),
                start_new_session=True,
            )
        assert self._process.stdout is not None  # noqa: S101 - tells the type checker what PIPE means
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise ServicesFailedError(
                f"S3 and the queues were not ready within {START_TIMEOUT_S:g} s; see {self._log}"
            ) from None
        if not line:
            raise ServicesFailedError(f"S3 and the queues ended while they started; see {self._log}")
        urls: dict[str, str] = json.loads(line)
        return urls

    async def watch(self) -> None:
        """Wait until it ends unexpectedly; raises ServicesFailedError."""
        if self._process is not None:
            await self._process.wait()
        raise ServicesFailedError(f"the S3 and queue process ended by itself; see {self._log}")

    async def stop(self) -> None:
        """Terminate it, or kill it after STOP_WAIT_S."""
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
