"""HTTP load from wrk: so many users, each sending its next request as soon as it has its answer."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = Path(__file__).parent
ROOT: Final = FOLDER.parents[1]
# What the users of a load leave unanswered when it ends is worked off before the next one begins.
SETTLE_S: Final = 1.5
# Far more than one load sends: no two loads share an input that is meant to be new.
_STARTS: Final = itertools.count(0, 1_000_000)


def load(
    url: str, script: str, *, users: int, seconds: float, unique: bool, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """One load: requests a second, percentiles of the latency in ms, and what failed.

    script: a Lua file of this folder. unique: whether every request brings something new, so that no answer
    comes from a cache. failed: connections, timeouts and statuses of 400 and above that are not 429.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("the benchmark needs wrk: on Debian, apt-get install wrk")
    length = f"{max(1, round(seconds))}s"
    command = [wrk, "--threads", "1", "--connections", str(users), "--duration", length, "--timeout", "30s"]
    settings = {"UNIQUE": "1" if unique else "0", "START": str(next(_STARTS)), **(environment or {})}
    done = subprocess.run(
        [*command, "--script", str(FOLDER / script), url],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    time.sleep(SETTLE_S)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        raise SystemExit(f"wrk failed with exit code {done.returncode}: {done.stderr or done.stdout}")
    return _record(json.loads(lines[0].removeprefix("RESULT ")), users, unique=unique)


def _record(result: Mapping[str, Any], users: int, *, unique: bool) -> dict[str, Any]:
    statuses = result["failed_statuses"] - result["refused_429"]
    return {
        "inputs": "unique" if unique else "repeated",
        "users": users,
        "requests_per_s": round(result["requests"] / result["seconds"], 1),
        **{name: result[name] for name in ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms")},
        "requests": result["requests"],
        "refused_429": result["refused_429"],
        "failed": result["failed_connections"] + result["timeouts"] + statuses,
    }
