"""One function's container as Lambda would run it: read-only, without network, one core, the stage's memory.

Lambda's runtime interface emulator, which the SAM command line brings along, stands in for the service. Its port is
inside the container, where there is no network, so a small client runs there too.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final, Self

from infra import ROOT
from infra.containers import docker, tag
from infra.stages.deployments import prod

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_MACHINES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
# Reads an event a line; answers [milliseconds, what the function returned] a line.
_CLIENT: Final = """
import json, socket, sys, time, urllib.request
for _ in range(1000):
    try:
        socket.create_connection(("127.0.0.1", 8080)).close()
        break
    except OSError:
        time.sleep(0.01)
for line in sys.stdin.buffer:
    started = time.perf_counter()
    url = "http://127.0.0.1:8080/2015-03-31/functions/function/invocations"
    with urllib.request.urlopen(urllib.request.Request(url, line)) as reply:
        answer = reply.read().decode()
    print(json.dumps([(time.perf_counter() - started) * 1000, answer]), flush=True)
"""
_INIT: Final = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")
_STARTED: Final = re.compile(r'\{.*"message": ?"started".*\}')
# What a stage gives its functions; there is no bucket behind it, and no network to reach one.
SETTINGS: Final = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "SKYSORT_STAGE": "prod",
    "SKYSORT_DROP_BUCKET": "drop",
    "SKYSORT_RESULTS_BUCKET": "results",
    "SKYSORT_MODELS_BUCKET": "models",
    "SKYSORT_CLIENTS": "shared",
}
# The control group's peak (version 1 or 2) in bytes, then the function's own in KiB: of the two Pythons, the larger.
# Words of the shell alone: another program would add to what is measured.
_PEAK: Final = """
for file in /sys/fs/cgroup/memory/memory.max_usage_in_bytes /sys/fs/cgroup/memory.peak; do
  [ -r $file ] && read -r bytes <$file && echo $bytes
done
largest=0
for process in /proc/[0-9]*; do
  while read -r key value unit; do
    [ "$key" = VmHWM: ] && [ $value -gt $largest ] && largest=$value
  done <$process/status
done
echo $largest
"""
# Seconds of processor time that the container's group used so far: nanoseconds (version 1) or microseconds (2).
_PROCESSOR: Final = """
if [ -r /sys/fs/cgroup/cpuacct/cpuacct.usage ]; then read -r ns </sys/fs/cgroup/cpuacct/cpuacct.usage; echo $ns
else read -r key us </sys/fs/cgroup/cpu.stat; echo ${us}000; fi
"""


def emulator() -> Path:
    """The emulator's program, in the SAM command line's environment, which is set up where it is missing."""
    name = f"aws-lambda-rie-{_MACHINES[platform.machine().lower()]}"
    pattern = f".venv/sam/lib/python3*/site-packages/samcli/local/rapid/{name}"
    found = list(ROOT.glob(pattern))
    if not found:
        subprocess.run(["make", ".venv/sam/.ready"], cwd=ROOT, check=True, capture_output=True)
        found = list(ROOT.glob(pattern))
    return found[0]


class Emulated:
    """A started container of one function of the prod stage; to be used in a `with` statement.

    function: e.g. star-drop. environment: settings beside those that Lambda itself gives. options: more of docker's.
    handler: another than the function's own.
    """

    def __init__(
        self, function: str, environment: Mapping[str, str], options: Sequence[str] = (), handler: str | None = None
    ) -> None:
        self.function = function
        self.settings = prod().functions[function]
        self._handler = handler or self.settings.handler
        self._environment = {
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.settings.memory_mb),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
            **self.settings.environment,
            **environment,
        }
        self._options = options

    def __enter__(self) -> Self:
        """Start the container and the client in it; the function itself starts with the first call."""
        settings = [f"--env={name}={value}" for name, value in self._environment.items()]
        limits = ("--network=none", "--cpus=1", f"--memory={self.settings.memory_mb}m", "--tmpfs=/tmp")
        image = tag(self.settings.image)
        # Lambda starts what the image itself says; so does the emulator when it gets it as its arguments.
        entry_point = json.loads(docker("image", "inspect", "--format={{json .Config.Entrypoint}}", image))
        program = f"--volume={emulator()}:/emulator:ro"
        self.container = docker(
            "run",
            "--detach",
            *limits,
            *(self._options or ["--read-only"]),
            *settings,
            program,
            "--entrypoint=/emulator",
            image,
            *entry_point,
            self._handler,
        ).strip()
        self._client = subprocess.Popen(
            ["docker", "exec", "--interactive", self.container, "python3", "-c", _CLIENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the container and whatever it wrote."""
        docker("rm", "--force", "--volumes", self.container)
        with self._client:
            self._client.kill()

    def call(self, event: Any) -> tuple[Any, float]:
        """Invoke the function; its answer, and the milliseconds that the caller waited."""
        answer, milliseconds = self.call_for_text(event)
        return json.loads(answer), milliseconds

    def call_for_text(self, event: Any) -> tuple[str, float]:
        """Invoke the function; its answer as it came, and the milliseconds that the caller waited."""
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(json.dumps(event).encode() + b"\n")
        self._client.stdin.flush()
        line = self._client.stdout.readline()
        assert line, f"{self.function} gave no answer:\n{self.logs()}"
        milliseconds, answer = json.loads(line)
        return answer, milliseconds

    def logs(self) -> str:
        """All that the emulator and the function wrote so far."""
        done = subprocess.run(["docker", "logs", self.container], capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def start_up(self) -> dict[str, float]:
        """Milliseconds of the start: the emulator's init, and of it imports and model, as the function tells."""
        logs = self.logs()
        reported = _INIT.search(logs)
        assert reported is not None, f"the emulator reported no init:\n{logs}"
        told = _STARTED.search(logs)
        parts = json.loads(told[0]) if told else {}
        return {"init_ms": float(reported[1])} | {name: ms for name, ms in parts.items() if name.endswith("_ms")}

    def peak_memory(self) -> dict[str, int]:
        """Peaks in bytes: of the control group (function, emulator, client, file cache, /tmp), and of the function."""
        group, own = docker("exec", self.container, "sh", "-c", _PEAK).split()
        return {"group_bytes": int(group), "function_bytes": int(own) * 1024}

    def processor_ms(self) -> float:
        """Milliseconds of one core that everything in the container has used so far; other work hardly changes it."""
        return int(docker("exec", self.container, "sh", "-c", _PROCESSOR)) / 1e6
