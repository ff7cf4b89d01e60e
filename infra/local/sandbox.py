"""A Lambda sandbox: a process that imports a handler once and calls it with one event at a time.

Started by the pool as a script with a clean environment; it imports only the standard library, so that it cannot hide
a missing dependency of the function. The pool passes two descriptors: a socket for frames, and the lifeline, a pipe
that is closed when the stack ends for any reason, and the sandbox with it.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# Frames are a fixed header, then bytes.
# To the sandbox: size of the event, deadline in epoch seconds, request id; followed by the event as JSON.
INVOKE: Final = struct.Struct("<Id36s")
# From the sandbox: size of the payload, kind, milliseconds, peak memory in KiB; followed by the payload as JSON.
REPLY: Final = struct.Struct("<IcdI")
READY: Final = b"I"  # the handler is imported; no payload
INIT_ERROR: Final = b"X"  # the import failed; a JSON error
RESULT: Final = b"R"  # the handler's result
ERROR: Final = b"E"  # the handler's exception as a JSON error

# ru_maxrss is in KiB on Linux and in bytes on macOS.
_RSS_UNIT: Final = 1024 if sys.platform == "darwin" else 1


class LambdaContext:
    """The context object that AWS Lambda passes to a Python handler."""

    identity = None
    client_context = None

    def __init__(self, request_id: str, deadline: float) -> None:
        environment = os.environ
        self.aws_request_id = request_id
        self.function_name = environment["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environment["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = environment["SKYSORT_LOCAL_FUNCTION_ARN"]
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout."""
        return max(0, int((self._deadline - time.time()) * 1000))


class PeakMemory:
    """Peak resident memory of this process in KiB.

    On Linux ru_maxrss includes the parent's peak, so until the process exceeds it, the kernel's high-water mark
    (VmHWM), read once, is more accurate.
    """

    def __init__(self) -> None:
        self._inherited = self._usage()
        self._own = self._high_water_mark() or self._inherited

    def __call__(self) -> int:
        """The current peak, without file system access."""
        usage = self._usage()
        return usage if usage > self._inherited else self._own

    @staticmethod
    def _usage() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _RSS_UNIT

    @staticmethod
    def _high_water_mark() -> int | None:
        try:
            status = Path("/proc/self/status").read_text(encoding="ascii")
        except OSError:
            return None
        return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), None)


class Channel:
    """The connection to the pool, with blocking reads and writes of complete frames."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=descriptor)
        self._stream = self._socket.makefile("rb")

    def receive(self) -> tuple[str, float, bytes] | None:
        """Wait for the next event: request id, deadline, event as JSON; None if the pool disconnected."""
        header = self._stream.read(INVOKE.size)
        if len(header) < INVOKE.size:
            return None
        size, deadline, request_id = INVOKE.unpack(header)
        event = self._stream.read(size)
        return (request_id.decode(), deadline, event) if len(event) == size else None

    def send(self, kind: bytes, milliseconds: float, memory_kib: int, payload: bytes = b"") -> None:
        """Send a frame."""
        self._socket.sendall(REPLY.pack(len(payload), kind, milliseconds, memory_kib) + payload)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()
        self._socket.close()


def describe(error: BaseException) -> bytes:
    """The JSON document of an error, as in Lambda."""
    document = {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }
    return json.dumps(document).encode()


def encode(result: Any) -> bytes:
    """Serialise a result exactly as Lambda's runtime client does, since Lambda limits its size in bytes."""
    return json.dumps(result, ensure_ascii=False).encode()


def watch(lifeline: int) -> None:
    """End this process with the stack: its end of the lifeline closes when it ends, even by SIGKILL."""

    def wait() -> None:
        os.read(lifeline, 1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def load(handler: str) -> Callable[[Any, Any], Any]:
    """Import a handler as Lambda's runtime does: `app.handler` is function `handler` of module `app`."""
    module, _, function = handler.partition(".")
    function_object: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), function)
    return function_object


def serve(channel: Channel, handler: Callable[[Any, Any], Any], memory: PeakMemory) -> None:
    """Process events until the pool disconnects."""
    while (frame := channel.receive()) is not None:
        request_id, deadline, event = frame
        started = time.perf_counter()
        try:
            kind, payload = RESULT, encode(handler(json.loads(event), LambdaContext(request_id, deadline)))
        except Exception as error:
            kind, payload = ERROR, describe(error)
            print(f"[ERROR] RequestId: {request_id}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        channel.send(kind, (time.perf_counter() - started) * 1000, memory(), payload)


def main(descriptor: int, lifeline: int, layers: str, handler: str) -> None:
    """Import the handler, report READY or INIT_ERROR, and serve."""
    started = time.perf_counter()
    watch(lifeline)
    # In Lambda the function's folder comes first, then the layers: /var/task, /opt/python.
    sys.path[:0] = [str(Path.cwd()), layers]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # both are files here
    channel = Channel(descriptor)
    try:
        loaded = load(handler)
    except BaseException as error:
        traceback.print_exc()
        channel.send(INIT_ERROR, (time.perf_counter() - started) * 1000, 0, describe(error))
        return
    memory = PeakMemory()
    channel.send(READY, (time.perf_counter() - started) * 1000, memory())
    serve(channel, loaded, memory)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
