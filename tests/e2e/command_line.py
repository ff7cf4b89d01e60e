"""The command line as a user has it: a process of its own, in a pipe or on a terminal, and a network that stumbles."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import ssl
import struct
import subprocess
import sys
import termios
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.running_stack import ROOT
from tests.certificates import write_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RUN_PYTHON = os.environ.get("SKYSORT_RUN_PYTHON", sys.executable)
LAUNCHER = Path(RUN_PYTHON).with_name("skysort")
# What `make run` sets up has the command; another environment has at least the module.
COMMAND = [str(LAUNCHER)] if LAUNCHER.exists() else [RUN_PYTHON, "-m", "skysort_cli"]


def environment(state: Path, **more: str) -> dict[str, str]:
    """The environment without settings of this machine, but with a state folder of the test's own."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("SKYSORT_", "NO_COLOR"))}
    return {**plain, "PYTHONPATH": str(ROOT / "layers"), "XDG_STATE_HOME": str(state), "TERM": "xterm-256color", **more}


def skysort(
    *arguments: object, state: Path, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in a pipe."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        env=environment(state, **(env or {})),
        check=False,
        timeout=120,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def on_terminal(*arguments: object, state: Path, columns: int, **more: str) -> tuple[int, str]:
    """Run the command on a terminal of so many columns; returns its exit status and all that the terminal got."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environment(state, **more),
    )
    os.close(theirs)
    shown = bytearray()
    with contextlib.suppress(OSError):  # Linux ends a terminal whose program left with EIO
        while piece := os.read(ours, 65_536):
            shown += piece
    os.close(ours)
    return process.wait(timeout=120), shown.decode().replace("\r\n", "\n")


@contextlib.contextmanager
def stumbling(target: str) -> Iterator[tuple[str, list[int]]]:
    """A proxy that answers every body 429 when it first comes, then 503, and lets it through the third time.

    Yields its address and the statuses that it gave.
    """
    given: list[int] = []
    seen: dict[bytes | None, int] = {}
    lock = threading.Lock()

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass()

        def do_POST(self) -> None:
            self._pass()

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))) or None
            with lock:
                turn = seen[body] = seen.get(body, -1) + 1
                status = (429, 503, 200)[min(turn, 2)]
                given.append(status)
            if status != 200:
                self._send(status, b"", {"Retry-After": "0"})
                return
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}
            }
            request = urllib.request.Request(target + self.path, data=body, headers=headers, method=self.command)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    self._send(answer.status, answer.read(), dict(answer.headers))
            except urllib.error.HTTPError as refusal:
                self._send(refusal.code, refusal.read(), dict(refusal.headers))

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() in {"content-type", "retry-after", "link"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", given
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def self_signed(certificate: Path) -> Iterator[str]:
    """A service without models behind TLS, its own certificate written to a file; yields its address."""
    private = write_certificate(certificate)

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"models": [], "trained": []}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that refuses the certificate is what is tested."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    with Server(("127.0.0.1", 0), Empty) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
