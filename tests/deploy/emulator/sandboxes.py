"""Lambda functions from images, run on the Docker engine by Lambda's own runtime interface emulator.

moto runs functions from ZIP files only. A sandbox here is what Lambda's is: the image as it was pushed, read-only but
for /tmp, with the function's memory, variables and command, and one event at a time. It stays warm until the emulator
stops; its AWS is the emulated one.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from moto.awslambda.models import LambdaFunction

from infra.containers import docker
from skysort.settings import MEMORY_MB_PER_VCPU
from tests.deploy.emulator.registry import local_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

# What every sandbox carries, with its function and version: docker ps --filter label=...
LABEL: Final = "skysort-emulator"
# Inside a container the machine's own address has this name.
HOST: Final = "host.docker.internal"
_RIE: Final = "samcli/local/rapid/aws-lambda-rie-x86_64"
_INVOKE: Final = "/2015-03-31/functions/function/invocations"
_START_S: Final = 30.0


def bridge_address() -> str | None:
    """The machine's address on the engine's network, None where the engine runs elsewhere, as on macOS."""
    if not Path("/sys/class/net/docker0").exists():
        return None
    (network, *_) = json.loads(docker("network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}"))
    return network.get("Gateway") or str(ip_network(network["Subnet"])[1])


def runtime_emulator(environment: Path) -> Path:
    """Lambda's runtime interface emulator, which the SAM command line's wheel carries.

    environment: the virtual environment of the SAM command line; raises FileNotFoundError with what to do.
    """
    for found in environment.glob(f"lib/python3*/site-packages/{_RIE}"):
        return found
    raise FileNotFoundError(f"no runtime interface emulator in {environment}: make {environment}/.ready")


@dataclass(slots=True)
class _Sandbox:
    container: str
    address: str
    turn: threading.Lock = field(default_factory=threading.Lock)

    def invoke(self, body: bytes, timeout_s: float) -> bytes:
        with self.turn:
            request = urllib.request.Request(f"{self.address}{_INVOKE}", data=body)
            try:
                with urllib.request.urlopen(request, timeout=timeout_s) as response:
                    found: bytes = response.read()
            except urllib.error.HTTPError as error:
                # It could not start; Lambda says so in the same form as a function that failed.
                message = f"{error}; docker logs {self.container[:12]} has why"
                return json.dumps({"errorType": "Runtime.ExitError", "errorMessage": message}).encode()
            return found


class Sandboxes:
    """One sandbox a version of a function, started when it is first invoked.

    registry: host:port of the registry that stands in for ECR. port: the emulated AWS's, on the machine.
    emulator: the runtime interface emulator.
    """

    def __init__(self, registry: str, port: int, emulator: Path) -> None:
        self._registry = registry
        self._endpoint = f"http://{HOST}:{port}"
        self._emulator = emulator
        self._sandboxes: dict[str, _Sandbox] = {}
        self._lock = threading.Lock()

    def invoke(self, function: LambdaFunction, body: bytes) -> bytes:
        """Have a function answer an event; what it returns or, where it failed, the error as Lambda returns it."""
        key = f"{function.function_arn}:{function.code_sha_256}"
        with self._lock:
            if key not in self._sandboxes:
                self._sandboxes[key] = self._start(function)
        return self._sandboxes[key].invoke(body, timeout_s=_START_S + float(function.timeout))

    def stop(self) -> None:
        """Remove every sandbox."""
        with self._lock:
            containers = [sandbox.container for sandbox in self._sandboxes.values()]
            self._sandboxes.clear()
        if containers:
            docker("rm", "--force", *containers)

    def _start(self, function: LambdaFunction) -> _Sandbox:
        image = local_image(function.code["ImageUri"], self._registry)
        docker("pull", "--quiet", image)
        config = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", image))
        command = function.image_config.cmd or config["Cmd"]
        name = f"{function.function_name}:{function.version}"
        variables = [f"--env={name}={value}" for name, value in self._variables(function).items()]
        container = docker(
            "run", "--detach", "--read-only", f"--label={LABEL}={name}", "--publish=127.0.0.1::8080",
            f"--add-host={HOST}:host-gateway", f"--volume={self._emulator}:/rie:ro",
            f"--memory={function.memory_size}m", f"--cpus={min(2.0, function.memory_size / MEMORY_MB_PER_VCPU):.2f}",
            f"--tmpfs=/tmp:size={function.ephemeral_storage}m,mode=1777",
            *variables, "--entrypoint=/rie", image, *config["Entrypoint"], *command,
        ).strip()  # fmt: skip
        sandbox = _Sandbox(container, f"http://{docker('port', container, '8080').splitlines()[0]}")
        _wait(sandbox)
        return sandbox

    def _variables(self, function: LambdaFunction) -> Mapping[str, Any]:
        return {
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": function.memory_size,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": function.timeout,
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_ACCESS_KEY_ID": "emulator",
            "AWS_SECRET_ACCESS_KEY": "emulator",
            "AWS_ENDPOINT_URL": self._endpoint,
            **function.environment_vars,
        }


def _wait(sandbox: _Sandbox) -> None:
    """Wait until the runtime interface emulator listens; what the function prints is in `docker logs`."""
    deadline = time.monotonic() + _START_S
    while True:
        try:
            with urllib.request.urlopen(f"{sandbox.address}/ping", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except (OSError, HTTPException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Runs(Protocol):
    """Runs functions: `Sandboxes`, or a test's own."""

    def invoke(self, function: LambdaFunction, body: bytes, /) -> bytes:
        """Have a function answer an event."""
        ...


def run_images(patch: pytest.MonkeyPatch, sandboxes: Runs) -> None:
    """Have moto's Lambda run functions from images in these sandboxes."""
    invoke = LambdaFunction.invoke

    def invoke_image(self: LambdaFunction, body: Any, request_headers: Any, response_headers: Any) -> Any:
        # moto's event source mappings send no headers, one message at a time, and read no partial answers.
        from_queue = not request_headers
        if "ImageUri" not in self.code:
            return invoke(self, body, request_headers, response_headers)
        answer = sandboxes.invoke(self, body.encode() if isinstance(body, str) else body or b"{}")
        if _failed(answer) or (from_queue and _kept_back(answer)):
            response_headers["x-amz-function-error"] = "Unhandled"
        return answer

    patch.setattr(LambdaFunction, "invoke", invoke_image)


def _failed(answer: bytes) -> bool:
    """Whether an answer is an error: the runtime interface emulator does not say it otherwise."""
    try:
        document = json.loads(answer)
    except ValueError:
        return True
    return isinstance(document, dict) and "errorMessage" in document


def _kept_back(answer: bytes) -> bool:
    """Whether a function wants its message delivered again."""
    document = json.loads(answer)
    return isinstance(document, dict) and bool(document.get("batchItemFailures"))
