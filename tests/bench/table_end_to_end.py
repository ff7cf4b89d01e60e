"""A 1 M-row CSV through the whole drop folder of a started stack: upload, notification, queue, sandbox, result."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infra.local.running_stack import get

if TYPE_CHECKING:
    from infra.local.running_stack import StartedStack

ROWS: Final = 1_000_000
TIMEOUT_S: Final = 300.0
HEADER: Final = "alpha,delta,u,g,r,i,z,redshift"


def measure(stack: StartedStack, rows: int = ROWS) -> dict[str, Any]:
    """Seconds from the end of the upload to the summary, and what the summary says."""
    table = survey_like_csv(rows)
    key = "star/bench/million.csv"
    upload = urllib.request.Request(f"{stack.s3}/skysort-drop-local/incoming/{key}", data=table, method="PUT")
    urllib.request.urlopen(upload, timeout=60).close()
    uploaded = time.monotonic()
    summary = _wait(f"{stack.s3}/skysort-results-local/{key}.json")
    seconds = time.monotonic() - uploaded
    return {
        "rows": rows,
        "bytes": len(table),
        "seconds": round(seconds, 2),
        "rows_per_s": round(rows / seconds),
        "summary": summary,
    }


def survey_like_csv(rows: int, seed: int = 11) -> bytes:
    """A CSV of made-up objects with the columns, digits and spread of SDSS17."""
    random = np.random.default_rng(seed)
    magnitudes = np.round(random.normal([22.1, 20.6, 19.6, 19.1, 18.8], [2.2, 2.0, 1.8, 1.7, 1.7], (rows, 5)), 5)
    np.clip(magnitudes, 10, 32, out=magnitudes)
    position = np.round(np.column_stack([random.uniform(0, 360, rows), random.uniform(-20, 80, rows)]), 7)
    redshift = np.round(random.lognormal(-0.8, 1.0, (rows, 1)).clip(0, 7), 7)
    lines = [",".join(map(repr, row)) for row in np.hstack([position, magnitudes, redshift]).tolist()]
    return "\n".join([HEADER, *lines, ""]).encode()


def _wait(url: str) -> Any:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            return json.loads(get(url))
        except urllib.error.HTTPError:
            time.sleep(0.02)
    raise SystemExit(f"no result at {url} within {TIMEOUT_S:.0f} s")
