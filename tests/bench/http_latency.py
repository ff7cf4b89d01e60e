"""Latency and throughput of one star row over HTTP, at 1, 16 and 64 users, against a started stack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from infra.local.started import StartedStack

SCRIPT: Final = Path(__file__).with_name("star_row.lua")
USERS: Final = (1, 16, 64)
SECONDS: Final = 10
WARM_UP_SECONDS: Final = 2


def measure(stack: StartedStack, seconds: int = SECONDS) -> list[dict[str, Any]]:
    """One record for each number of users, with unique rows and with one repeated row."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("the benchmark needs wrk: on Debian, apt-get install wrk")
    records = []
    for unique in (True, False):
        _load(wrk, stack.api, USERS[-1], WARM_UP_SECONDS, unique=unique)
        for users in USERS:
            result = _load(wrk, stack.api, users, seconds, unique=unique)
            failed = result["failed_connections"] + result["failed_statuses"] + result["timeouts"]
            records.append(
                {
                    "rows": "unique" if unique else "repeated",
                    "users": users,
                    "requests_per_s": round(result["requests"] / result["seconds"], 1),
                    "p50_ms": result["p50_ms"],
                    "p90_ms": result["p90_ms"],
                    "p99_ms": result["p99_ms"],
                    "max_ms": result["max_ms"],
                    "requests": result["requests"],
                    "failed": failed,
                }
            )
    return records


def _load(wrk: str, api: str, users: int, seconds: int, *, unique: bool) -> dict[str, Any]:
    command = [
        wrk,
        "--threads",
        "1",
        "--connections",
        str(users),
        "--duration",
        f"{seconds}s",
        "--script",
        str(SCRIPT),
        api,
    ]
    environment = {**os.environ, "UNIQUE": "1" if unique else "0"}
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    line = next(line for line in output.splitlines() if line.startswith("RESULT "))
    result: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return result
