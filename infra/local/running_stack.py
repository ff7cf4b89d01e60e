"""A separate local stack on free ports, for the demonstration, tests and benchmarks."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 30.0


class StackError(Exception):
    """The stack failed to start or to stop."""


@dataclass(frozen=True, slots=True)
class StartedStack:
    """Addresses, state folder and process of a started stack."""

    api: str
    s3: str
    state: Path
    process: subprocess.Popen[str]
    start_s: float

    def stop(self) -> int:
        """Stop it by SIGINT, as Ctrl-C does; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=STOP_TIMEOUT_S)


@contextlib.contextmanager
def started_stack(
    *arguments: str, python: str = sys.executable, environment: Mapping[str, str] | None = None
) -> Iterator[StartedStack]:
    """Start `python -m infra.local` on free ports, wait until it is ready, and stop it at the end.

    Yields
    ------
    StartedStack
        Once it is ready.

    Raises
    ------
    StackError
        With its output, if it ends early, is not ready in time, or stops with an error.
    """
    api_port, s3_port = _free_ports(2)
    command = [python, "-m", "infra.local", "--port", str(api_port), "--s3-port", str(s3_port), *arguments]
    with tempfile.TemporaryDirectory(prefix="skysort-") as state:
        output = Path(state) / "console.log"
        with output.open("w") as console:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "SKYSORT_STATE": state, **(environment or {})},
                stdout=console,
                stderr=subprocess.STDOUT,
                text=True,
            )
        try:
            began = time.monotonic()
            api, s3 = f"http://127.0.0.1:{api_port}", f"http://127.0.0.1:{s3_port}"
            _wait_until_ready(process, f"{api}/v1/models/star/ready", output)
            stack = StartedStack(api, s3, Path(state), process, time.monotonic() - began)
            yield stack
            code = stack.stop()
            if code != 0:
                raise StackError(f"the stack ended with exit code {code}:\n{output.read_text()}")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def get(url: str) -> bytes:
    """The body of a GET; raises OSError (including HTTPError)."""
    with urllib.request.urlopen(url, timeout=10) as response:
        content: bytes = response.read()
        return content


def _wait_until_ready(process: subprocess.Popen[str], url: str, output: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StackError(f"the stack ended with exit code {process.returncode}:\n{output.read_text()}")
        try:
            get(url)
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise StackError(f"the stack was not ready within {START_TIMEOUT_S:.0f} s:\n{output.read_text()}")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as servers:
        sockets = [servers.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in sockets]
