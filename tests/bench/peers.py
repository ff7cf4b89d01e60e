"""The same load on the same networks in PyTorch behind FastAPI (tests/bench/peer), in the same run, and the ratios."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.local.running_stack import get
from tests.bench.pictures import PICTURES, SCRIPT, SECONDS, USERS, WARM_UP_SECONDS
from tests.bench.wrk import ROOT, load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WORKERS: Final = 2
START_TIMEOUT_S: Final = 120.0
STOP_TIMEOUT_S: Final = 20.0
# SKYSORT_TRAIN_PYTHON names another environment with PyTorch, FastAPI and uvicorn.
TRAIN_PYTHON: Final = ROOT / ".venv" / "train" / "bin" / "python"


def measure(seconds: float = SECONDS) -> dict[str, Any]:
    """The records of each network; every picture is new, the peer keeps no answers."""
    found = {}
    for model, name in PICTURES.items():
        environment = {"PICTURE": str(ROOT / "events" / name), "TARGET": "/classify"}
        with _started(model) as url:
            load(url, SCRIPT, users=USERS[-1], seconds=WARM_UP_SECONDS, unique=True, environment=environment)
            records = [
                load(url, SCRIPT, users=users, seconds=seconds, unique=True, environment=environment) for users in USERS
            ]
        found[model] = {"workers": WORKERS, "http": records}
    return found


def ratios(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, list[dict[str, float]]]:
    """How many times faster and how many times as many requests a second, for unique pictures at each load."""
    return {model: _ratios(ours[model]["http"], theirs[model]["http"]) for model in theirs if model in ours}


def _ratios(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    unique = {record["users"]: record for record in ours if record["inputs"] == "unique"}
    return [
        {
            "users": peer["users"],
            "p50": round(peer["p50_ms"] / unique[peer["users"]]["p50_ms"], 2),
            "p95": round(peer["p95_ms"] / unique[peer["users"]]["p95_ms"], 2),
            "requests_per_s": round(unique[peer["users"]]["requests_per_s"] / peer["requests_per_s"], 2),
        }
        for peer in theirs
    ]


@contextlib.contextmanager
def _started(model: str) -> Iterator[str]:
    """The peer on a free port; its address."""
    python = os.environ.get("SKYSORT_TRAIN_PYTHON", str(TRAIN_PYTHON))
    if not Path(python).exists():
        raise SystemExit(f"the peer needs PyTorch and FastAPI: make bench sets up {TRAIN_PYTHON.parents[1]}")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    command = [python, "-m", "uvicorn", "tests.bench.peer.app:app", "--port", str(port), "--workers", str(WORKERS)]
    environment = {**os.environ, "SKYSORT_PEER": model, "PYTHONPATH": f"{ROOT / 'layers'}:{ROOT}"}
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = "1"
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [*command, "--log-level", "warning"], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            url = f"http://127.0.0.1:{port}"
            if not _answers(process, f"{url}/ready"):
                output.seek(0)
                raise SystemExit(f"the peer did not start:\n{output.read()}")
            time.sleep(1)  # the second worker may still be loading
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            get(url)
            return True
        time.sleep(0.1)
    return False
