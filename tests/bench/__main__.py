"""`make bench`: measure the star slice on this machine and write tests/bench/results/star.json.

Times on a shared machine vary by a third between runs; compare figures of one run with each other.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any, Final

from infra.local.started import started_stack
from tests.bench import http_latency, init_time, table_end_to_end

RESULTS: Final = Path(__file__).with_name("results")
PARTS: Final = ("init", "http", "table")


def main() -> None:
    """Measure the parts that were asked for, print them and keep them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure (default: everything)")
    parser.add_argument("--seconds", type=int, default=http_latency.SECONDS, help="length of each HTTP load")
    parser.add_argument("--rows", type=int, default=table_end_to_end.ROWS, help="rows of the dropped table")
    chosen = parser.parse_args()
    parts = chosen.parts or PARTS
    python = os.environ.get("SKYSORT_RUN_PYTHON", sys.executable)
    path = RESULTS / "star.json"
    kept = json.loads(path.read_text()) if path.is_file() else {}
    measured: dict[str, Any] = {"machine": _machine()}
    if "init" in parts:
        measured["init"] = _show("init", init_time.measure(python))
    if "http" in parts or "table" in parts:
        with started_stack(python=python) as stack:
            measured["stack_start_s"] = round(stack.start_s, 2)
            if "http" in parts:
                measured["http"] = _show("http", http_latency.measure(stack, chosen.seconds))
            if "table" in parts:
                measured["table"] = _show("table", table_end_to_end.measure(stack, chosen.rows))
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps({**kept, **measured}, indent=2) + "\n")
    print(f"kept in {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def _machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "system": platform.system(),
        "arch": platform.machine(),
        "python": platform.python_version(),
    }


def _show(name: str, result: Any) -> Any:
    print(f"== {name}")
    for line in result if isinstance(result, list) else [result]:
        print(json.dumps(line))
    return result


if __name__ == "__main__":
    main()
